//! A file, tensor by tensor.

use crate::report::{Report, Row};
use crate::scheme::{Choice, Measure};
use std::path::Path;
use std::time::Instant;
use tensor_quant::model::safetensors::{Reader, Stored, TensorInfo, Writer};
use tensor_quant::{Error, Result};

pub(crate) fn run(input: &Path, output: &Path, choice: Choice) -> Result<Report, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut reader = Reader::open(input)?;
    if let (Ok(a), Ok(b)) = (input.canonicalize(), output.canonicalize())
        && a == b
    {
        return Err(format!("{} is the input: name another file for the output", output.display()).into());
    }
    let tensors: Vec<TensorInfo> = reader.tensors().cloned().collect();
    let plan = tensors.iter().map(|tensor| {
        let stored = match kept(tensor) {
            Some(_) => Stored::copy_of(tensor),
            None => choice.stored(&tensor.shape),
        };
        (tensor.name.clone(), stored)
    });
    let mut writer = Writer::create(output, plan.collect(), reader.metadata().clone())?;
    let mut report = Report { timed: "reading, quantizing, measuring and writing", ..Report::default() };
    for tensor in &tensors {
        report.tensors.push(quantize(tensor, &mut reader, &mut writer, choice)?);
    }
    writer.finish()?;
    report.bytes_in = std::fs::metadata(input)?.len();
    report.bytes_out = std::fs::metadata(output)?.len();
    report.seconds = start.elapsed().as_secs_f64();
    report.gigabytes_per_second = report.bytes_in as f64 / report.seconds / 1e9;
    Ok(report)
}

/// Returns the reason for which a tensor is left alone.
fn kept(tensor: &TensorInfo) -> Option<String> {
    match tensor.shape.len() {
        _ if !tensor.is_float => Some(tensor.dtype.clone()),
        0 => Some(format!("{}, a scalar", tensor.dtype)),
        1 => Some(format!("{}, 1 dimension", tensor.dtype)),
        _ if tensor.shape.contains(&0) => Some(format!("{}, empty", tensor.dtype)),
        _ => None,
    }
}

fn quantize(tensor: &TensorInfo, reader: &mut Reader, writer: &mut Writer, choice: Choice) -> Result<Row> {
    let name = &tensor.name;
    if let Some(reason) = kept(tensor) {
        writer.copy(name, reader)?;
        return Ok(Row::kept(name, &tensor.shape, &reason));
    }
    let values = reader.read(name)?;
    let mut measure = Measure { original: &values, file: Some((writer, name)) };
    let (error, size) = choice.quantize(&values, &mut measure).map_err(|e| match e {
        e @ (Error::Tensor { .. } | Error::Io { .. }) => e,
        e => e.of_tensor(name),
    })?;
    let ratio = size as f64 / tensor.size_in_bytes as f64;
    Ok(Row::new(name, &tensor.shape, choice.to_string(), ratio, &error))
}
