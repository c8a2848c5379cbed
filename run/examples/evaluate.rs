//! Tells what a quantized model loses against the float one: `evaluate FLOAT QUANT DATA.npz [SAMPLES]`. The arrays of the data
//! are named `INPUT` or `SIGNATURE/INPUT`, and their first axis counts samples; `labels`, if there, are classes.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use std::error::Error;
use std::fs::File;
use std::time::Instant;
use tensor_quant::calibration::{Array, Runner};
use tensor_quant_run::{Executor, Sample, evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [float, quant, data, rest @ ..] = &arguments[..] else { return Err("evaluate FLOAT QUANT DATA.npz".into()) };
    let (mut float, mut quant) = (Executor::open(float)?, Executor::open(quant)?);
    let mut npz = NpzReader::new(File::open(data)?)?;
    let names = npz.names()?;
    let mut whole: Vec<(String, ArrayD<f32>)> = Vec::new();
    for input in float.inputs(None)? {
        let key = names.iter().find(|key| **key == input.name || key.rsplit('/').next() == Some(&input.name));
        let key = key.ok_or_else(|| format!("{data} has no {:?}, it has {names:?}", input.name))?;
        whole.push((input.name, npz.by_name::<OwnedRepr<f32>, IxDyn>(key)?));
    }
    let labels = npz.by_name::<OwnedRepr<u8>, IxDyn>("labels").map(|l| l.iter().map(|&l| l.into()).collect()).ok();
    let labels: Option<Vec<usize>> = labels.or_else(|| {
        npz.by_name::<OwnedRepr<i64>, IxDyn>("labels").map(|l| l.iter().map(|&l| l as usize).collect()).ok()
    });
    let count = rest.first().map_or(Ok(200), |text| text.parse())?;
    let count = whole.iter().map(|(_, array)| array.shape()[0]).min().unwrap_or(0).min(count);
    let sample = |i: usize| -> Sample {
        let row = |array: &ArrayD<f32>| -> Array {
            let row: ArrayViewD<'_, f32> = array.slice_axis(Axis(0), (i..=i).into());
            row.to_owned().into()
        };
        whole.iter().map(|(name, array)| (name.clone(), row(array))).collect()
    };
    let start = Instant::now();
    let result = evaluate(&mut float, &mut quant, None, (0..count).map(sample), labels.as_deref())?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{} samples in {seconds:.2} s, worst output {:.2} dB", result.samples, result.sqnr_db());
    for output in &result.outputs {
        let difference = output.difference;
        let (sqnr, cosine, largest) = (difference.sqnr_db(), difference.cosine(), difference.max_abs_error());
        println!(
            "{:40} {sqnr:7.2} dB  cosine {cosine:.5}  at most {largest:.4}  same {:?}",
            output.name,
            output.top1_agreement()
        );
    }
    if let Some(labels) = result.labels {
        println!("accuracy {:?}", labels.accuracy());
    }
    if rest.len() > 1 {
        for value in &result.values {
            let (sqnr, own) = (value.difference.sqnr_db(), value.own.sqnr_db());
            println!("{:24} {sqnr:7.2} dB  own {own:7.2} dB  {}", value.operator, value.name);
        }
    }
    Ok(())
}
