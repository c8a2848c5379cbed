//! The `.tflite` reader and writer: any bytes are an error, or a model that comes back from its own bytes, and can be changed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tensor_quant::Result;
use tensor_quant::model::tflite::{Constant, ElementType, Model, NewData, Replacement};
use tensor_quant_fuzz::memory;

/// Four bytes may be a reference to a table of which there is one already: its row in the tree, the vectors of its fields,
/// its children, in the model and once more in what is written.
const OF_A_BYTE: usize = 1024;
const ALWAYS: usize = 1 << 20;
/// Constants that are looked at more closely.
const SOME: usize = 6;

fuzz_target!(|bytes: &[u8]| {
    memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || {
        if let Some(mut model) = report(Model::from_bytes(bytes.to_vec())) {
            comes_back(&model);
            change(&mut model);
        }
    });
});

/// A model is what its bytes hold: so are its constants, their data, its operators.
///
/// In a file that is no flatbuffer a scalar may lie across a reference, whose value is another in a copy: all that holds of
/// such files is that nothing panics. They are told by operators or constants that differ, so that a difference in any other
/// file is left to the tests.
fn comes_back(model: &Model) {
    let constants = model.constants();
    for constant in constants.iter().take(SOME) {
        report(model.values(constant));
    }
    let _ = (model.version(), model.description(), model.tensor_count(), model.size_in_bytes());
    let Some(bytes) = report(model.to_bytes()) else { return };
    let Some(copy) = report(Model::from_bytes(bytes.clone())) else { return };
    if copy.operators() != model.operators() || content(&copy) != content(model) {
        return;
    }
    // Equal vectors of an odd file may be found to be so only in its copy.
    let again = copy.to_bytes().expect("a copy can be written").len();
    assert!(again <= bytes.len(), "a copy of {} bytes has a copy of {again}", bytes.len());
}

/// As texts: a scale may be NaN, which is not equal to itself. What is not equal would be too long to print.
fn content(model: &Model) -> Vec<String> {
    let constants = model.constants().into_iter().take(SOME);
    constants.map(|constant| format!("{constant:?} {:?}", model.bytes(constant.buffer).ok())).collect()
}

/// Every change that there is, whether it makes sense or not; what comes of it can be written and read.
fn change(model: &mut Model) {
    let constants: Vec<Constant> = model.constants().into_iter().take(SOME).collect();
    for (i, constant) in constants.iter().enumerate() {
        let (subgraph, tensor) = (constant.id.subgraph, constant.id.tensor);
        let data = match constants.get(i.wrapping_sub(1)) {
            Some(before) if before.buffer == constant.buffer => NewData::Of(before.id),
            _ => NewData::Bytes(vec![1; constant.size_in_bytes.min(64) as usize]),
        };
        let (element_type, scales) = match i % 3 {
            0 => (ElementType::I8, Some((vec![0.5; constant.shape.first().copied().unwrap_or(1).min(64)], 0))),
            1 => (ElementType::I4, Some((vec![0.25], usize::MAX))),
            _ => (ElementType::F16, None),
        };
        report(model.replace(constant.id, Replacement { element_type, scales, data }));
        for used in &constant.uses {
            let _ = model.uses_behind_dequantize(subgraph, used.operator);
            report(model.run_in_dynamic_range(subgraph, used.operator, 5));
            report(model.retype_dequantize(subgraph, &[used.operator]));
            if i % 2 == 1 {
                report(model.bypass_dequantize(subgraph, &[used.operator, used.operator]));
            }
        }
        report(model.dequantize_in_front(subgraph, &[tensor, tensor.wrapping_add(1)]));
    }
    report(model.dequantize_in_front(usize::MAX, &[0]));
    report(model.bypass_dequantize(0, &[usize::MAX, 0]));
    if let Some(bytes) = report(model.to_bytes()) {
        report(Model::from_bytes(bytes));
    }
}

fn report<T>(result: Result<T>) -> Option<T> {
    let error = |error: &tensor_quant::Error| {
        let text = error.to_string();
        assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
    };
    result.inspect_err(error).ok()
}
