//! Tells what a download costs by Deep Compression and by codes that are chosen for their bits: `deep_compression MODEL CALIBRATION.npz
//! FRESH.npz`, with data as in `better_weights`.
//!
//! Deep Compression (Han, Mao and Dally, 2016) without training: weights are pruned, the rest become one of so many values of a codebook, and
//! their numbers and the distances between them are Huffman-coded. Bytes are those of the codes, the lengths of Huffman's
//! code words, the codebooks, and all other bytes of the file deflated. Nothing runs such a file as it is.

use flate2::{Compression, write::DeflateEncoder};
use std::collections::{BTreeMap, BinaryHeap};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use tensor_quant::block::optimal_codebook;
use tensor_quant::model::tflite::{Constant, ElementType, Model, NewData, Replacement, Role};
use tensor_quant::pipeline::{Count, Data, Goal, Options, Request, fit_file, quantize_file_with};
use tensor_quant::recipe::Recipe;
use tensor_quant_run::data::{self, Reading};
use tensor_quant_run::{Executor, PureRust, evaluate};

/// Distances beyond this are told in steps, as in the paper.
const FURTHEST: usize = 255;
/// Tensors of fewer elements stay as they are.
const LEAST: usize = 256;

/// Returns the bits of Huffman's code for symbols, and of the table of lengths.
fn huffman(symbols: impl Iterator<Item = usize>) -> u64 {
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    symbols.for_each(|symbol| *counts.entry(symbol).or_default() += 1);
    let mut heap: BinaryHeap<_> = counts.values().map(|&count| std::cmp::Reverse(count)).collect();
    let mut bits = 5 * counts.len() as u64;
    if let (1, Some(only)) = (heap.len(), heap.peek()) {
        bits += only.0;
    }
    while let (Some(a), Some(b)) = (heap.pop(), heap.pop()) {
        bits += a.0 + b.0;
        heap.push(std::cmp::Reverse(a.0 + b.0));
        if heap.len() == 1 {
            break;
        }
    }
    bits
}

fn is_weights(constant: &Constant) -> bool {
    let is_used = constant.uses.iter().any(|used| matches!(used.role, Role::Weights { .. }));
    is_used && constant.shape.iter().product::<usize>() >= LEAST
}

fn floats(values: impl Iterator<Item = f32>) -> Replacement {
    let data = NewData::Bytes(values.flat_map(f32::to_le_bytes).collect());
    Replacement { element_type: ElementType::F32, scales: None, data }
}

fn deflated(bytes: &[u8]) -> Result<u64, std::io::Error> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

/// Returns the model with weights of codebooks, and its bytes in all.
fn compressed(float: &str, pruned: &Path, values: usize) -> Result<(Vec<u8>, u64), Box<dyn Error>> {
    let (mut model, mut rest) = (Model::open(float)?, Model::open(float)?);
    let pruned = Model::open(pruned)?;
    let restored: Vec<Constant> = pruned.constants();
    let mut bits = 0;
    for constant in Model::open(float)?.constants().iter().filter(|constant| is_weights(constant)) {
        let of_pruned = restored.iter().find(|other| other.name == constant.name).ok_or("a tensor is missing")?;
        // Which weights stay, and what they became to make good of the others; zeros are not told.
        let weights = if of_pruned.is_sparse {
            densified(&pruned, of_pruned)?
        } else {
            pruned.values(of_pruned)?.into_iter().collect()
        };
        let nonzero: Vec<f32> = weights.iter().copied().filter(|w| *w != 0.0).collect();
        let codebook = optimal_codebook(&nonzero, None, values);
        let nearest = |w: f32| {
            let closer = |&a: &usize, &b: &usize| (codebook[a] - w).abs().total_cmp(&(codebook[b] - w).abs());
            (0..codebook.len()).min_by(closer).unwrap_or(0)
        };
        let numbers: Vec<usize> = nonzero.iter().map(|&w| nearest(w)).collect();
        let (mut distances, mut steps, mut last) = (Vec::new(), 0_u64, 0);
        for (at, _) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let mut distance = at - last;
            while distance > FURTHEST {
                distances.push(FURTHEST);
                steps += 1;
                distance -= FURTHEST;
            }
            distances.push(distance);
            last = at;
        }
        // A step needs a number of its own, that of a zero.
        bits += huffman(numbers.iter().copied()) + steps + huffman(distances.into_iter()) + 32 * codebook.len() as u64;
        let mut numbers = numbers.into_iter();
        let of_codebook: Vec<f32> =
            weights.iter().map(|&w| if w == 0.0 { 0.0 } else { numbers.next().map_or(0.0, |n| codebook[n]) }).collect();
        rest.replace(constant.id, floats(weights.iter().map(|_| 0.0)))?;
        model.replace(constant.id, floats(of_codebook.into_iter()))?;
    }
    Ok((model.to_bytes()?, bits.div_ceil(8) + deflated(&rest.to_bytes()?)?))
}

fn densified(model: &Model, constant: &Constant) -> Result<Vec<f32>, Box<dyn Error>> {
    let parameters = constant.quantization.as_ref().ok_or("sparse weights are codes")?;
    let codes = model.dense_bytes(constant.id)?;
    let inner: usize = constant.shape[parameters.axis + 1..].iter().product();
    let scale = |at: usize| parameters.scales[at / inner % parameters.scales.len()];
    Ok(codes.iter().enumerate().map(|(at, &code)| f32::from(code.cast_signed()) * scale(at)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, calibration, fresh] = &arguments[..] else {
        return Err("deep_compression MODEL CALIBRATION.npz FRESH.npz".into());
    };
    let mut float = Executor::open(path)?;
    let samples = |path: &String| data::Data::open(path, &float, &Reading::default());
    let (calibration, fresh) = (samples(calibration)?, samples(fresh)?);
    let data = Data { engine: &PureRust, samples: &calibration };
    let folder = tempfile::tempdir()?;
    let mut lost = |path: &Path| -> Result<f64, Box<dyn Error>> {
        Ok(evaluate(&mut float, &mut Executor::open(path)?, None, fresh.samples(), None)?.sqnr_db())
    };
    println!("f32: {} bytes deflated", deflated(&std::fs::read(path)?)?);
    println!("| pruned | values | Deep Compression | its outputs | chosen for bits, at as many dB | its outputs |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (share, values) in [(0.5, 16), (0.7, 16), (0.8, 16), (0.8, 32), (0.9, 16)] {
        let rule = format!("min-elements = {LEAST}\nto = \"int8\"\nsparsity = {share}\nimprove = \"full\"\n");
        let recipe = Recipe::from_toml(&format!("name = \"pruned\"\n[[rule]]\n{rule}"))?;
        let (pruned, made) = (folder.path().join(format!("{share}-{values}")), folder.path().join("made"));
        quantize_file_with(path, &pruned, &recipe, &Options::default(), Some(data), &mut |_| ())?;
        let (bytes, size) = compressed(path, &pruned, values)?;
        std::fs::write(&made, bytes)?;
        let db = lost(&made)?;
        let request = Request { count: Count::Download, ..Request::new(Goal::MinSqnr(db)) };
        let output = folder.path().join(format!("{share}-{values}-fitted"));
        let fitted = fit_file(path, &output, &request, &Options::default(), data, None, &mut |_| ())?;
        let (fitted, of_fitted) = if fitted.is_reached() { (fitted.download, lost(&output)?) } else { (0, f64::NAN) };
        println!(
            "| {:.0} % | {values} | {size} bytes | {db:.1} dB | {fitted} bytes | {of_fitted:.1} dB |",
            share * 100.0
        );
    }
    Ok(())
}
