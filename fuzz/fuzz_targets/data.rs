//! Samples from files: any bytes are read as arrays, cut into samples of a few inputs, and given, or end in an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use tensor_quant::calibration::{Array, Endpoint, Observe, RunError, Runner};
use tensor_quant::graph::ElementType;
use tensor_quant_fuzz::memory;
use tensor_quant_run::data::{Classes, Data, Normalization, Reading, Signatures, arrays};

/// What deflate makes of a byte at most, in bytes and in reals beside each other.
const OF_A_BYTE: usize = 1 << 14;
/// Buffers, and what decompression holds.
const ALWAYS: usize = 1 << 24;

/// A model that takes a few inputs, and runs nothing.
struct Model;

impl Runner for Model {
    fn signatures(&self) -> Vec<String> {
        vec!["serve".into(), "other".into()]
    }
    fn inputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let mut codes = Endpoint::new("x", ElementType::I8, Some(vec![None, None]));
        codes.quantization = Some((0.5, 3));
        Ok(match signature {
            Some("other") => vec![codes, Endpoint::new("ids", ElementType::I32, Some(vec![Some(2), None]))],
            _ => vec![Endpoint::new("x", ElementType::F32, Some(vec![Some(1), None, Some(2)]))],
        })
    }
    fn outputs(&self, _: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        Ok(Vec::new())
    }
    fn run(
        &mut self,
        _: Option<&str>,
        _: &[(&str, Array)],
        _: &mut Observe<'_>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        Ok(Vec::new())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let extension = ["npz", "npy", "safetensors"][usize::from(kind % 3)];
    let path = std::env::temp_dir().join(format!("data.{extension}"));
    if fs::write(&path, bytes).is_err() {
        return;
    }
    memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || {
        let halved = Normalization::new("1", "1/2").unwrap_or_default();
        let reading = Reading::default().with_normalization(halved).with_limit(100);
        for signature in [None, Some("other")] {
            let Ok(data) = Data::open(&path, &Model, &reading.clone().with_signature(signature)) else { continue };
            assert!(data.samples().take(50).flatten().all(|sample| !sample.is_empty()));
        }
        let _ = (Signatures::open(&path, &Model, &reading), Classes::open(&path));
        for array in arrays(&path).into_iter().flatten().take(4) {
            let pieces = array.pieces().into_iter().flatten().take(4);
            assert!(pieces.flatten().all(|piece| piece.ndim() == array.shape().len()));
        }
    });
});
