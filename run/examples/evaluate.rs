//! Tells what a quantized model loses against the float one: `evaluate FLOAT QUANT DATA [SAMPLES] [values]`. The arrays of the
//! data are named `INPUT` or `SIGNATURE/INPUT`, and their first axis counts samples; `labels`, if there, are classes.

use std::error::Error;
use std::time::Instant;
use tensor_quant_run::data::{Data, Reading};
use tensor_quant_run::{Executor, evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [float, quant, data, rest @ ..] = &arguments[..] else { return Err("evaluate FLOAT QUANT DATA".into()) };
    let (mut float, mut quant) = (Executor::open(float)?, Executor::open(quant)?);
    let count = rest.first().map_or(Ok(200), |text| text.parse())?;
    let data = Data::open(data, &float, &Reading::default().with_limit(count))?;
    let start = Instant::now();
    let result = evaluate(&mut float, &mut quant, None, data.samples(), data.classes())?;
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
            let (sqnr, own) = (value.difference.sqnr_db(), value.own.map_or(f64::NAN, |own| own.sqnr_db()));
            println!("{:24} {sqnr:7.2} dB  own {own:7.2} dB  {}", value.operator, value.name);
        }
    }
    Ok(())
}
