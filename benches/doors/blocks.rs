//! Block formats.

use crate::Doors;
use crate::buffers::COLUMNS;
use ndarray::ArrayView2;
use std::hint::black_box;
use tensor_quant::block::{
    BlockSearch, BlockTensor, BlockType, Codebook, NestedScales, Nvfp4, dequantize_blocks, iq4_nl_without_search,
    matmul, matvec, optimal_codebook, optimal_ternary, quantize_blocks, twn, two_of_four, xnor,
};

/// Values that a codebook is made for at a time: its search takes more than a time for each.
const AT_A_TIME: usize = 4096;

pub(crate) fn add(doors: &mut Doors) {
    for (quantize, dequantize, format) in [
        ("block::quantize_blocks, q8_0", "block::dequantize_blocks, q8_0", BlockType::Q8_0),
        ("block::quantize_blocks, q4_0", "block::dequantize_blocks, q4_0", BlockType::Q4_0),
        ("block::quantize_blocks, q4_k", "block::dequantize_blocks, q4_k", BlockType::Q4_K),
    ] {
        doors.add(quantize, move |b, n| {
            _ = black_box(quantize_blocks(&format, &b.weights[..n], COLUMNS, None, BlockSearch::Plain));
        });
        restoring(doors, dequantize, format, move |bytes| _ = black_box(dequantize_blocks(&format, bytes)));
    }
    doors.add("BlockType::quantize, mxfp4", |b, n| {
        _ = black_box(BlockType::MXFP4.quantize(&b.weights[..n], COLUMNS, None, BlockSearch::Plain));
    });
    restoring(doors, "BlockType::dequantize, mxfp4", BlockType::MXFP4, |bytes| {
        _ = black_box(BlockType::MXFP4.dequantize(bytes));
    });
    doors.add("BlockTensor::quantize, q8_0", |b, n| {
        let rows = ArrayView2::from_shape((n / COLUMNS, COLUMNS), &b.weights[..n]).expect("whole rows");
        _ = black_box(BlockTensor::quantize(rows, BlockType::Q8_0.into(), None));
    });
    restoring(doors, "block::matvec, q4_0", BlockType::Q4_0, |bytes| {
        _ = black_box(matvec(&BlockType::Q4_0, bytes, &[0.5; COLUMNS]));
    });
    restoring(doors, "block::matmul, q4_0 with one row", BlockType::Q4_0, |bytes| {
        _ = black_box(matmul(&BlockType::Q4_0, bytes, &[0.5; COLUMNS], COLUMNS));
    });
    doors.add("Nvfp4::scales_and_codes", |b, n| {
        _ = black_box(Nvfp4::of_largest(8.0).scales_and_codes(&b.weights[..n]));
    });
    doors.add("Nvfp4::restore", |b, n| {
        // Any bytes are scales and codes.
        _ = black_box(Nvfp4::of_largest(8.0).restore(&b.nibbles[..n / 16], &b.nibbles[..n / 2]));
        _ = black_box(Nvfp4::of_largest(8.0).restore(&b.nibbles[..n / 16], &b.nibbles[..n / 2]));
    });
    doors.add("block::iq4_nl_without_search", |b, n| {
        iq4_nl_without_search(&b.weights[..n], &mut b.unsigned[..n / 32 * 18]);
    });
    doors.add("block::optimal_ternary", |b, n| _ = black_box(optimal_ternary(&b.weights[..n], None)));
    doors.add("block::twn", |b, n| _ = black_box(twn(&b.weights[..n])));
    doors.add("block::xnor", |b, n| _ = black_box(xnor(&b.weights[..n])));
    doors.add("NestedScales::quantize", |b, n| _ = black_box(NestedScales::quantize(&b.weights[..n])));
    doors.add("block::two_of_four", |b, n| _ = black_box(two_of_four(&b.weights[..n], None)));
    doors.add("block::optimal_codebook, 16 of 4096 values", |b, n| {
        for x in b.weights[..n].chunks(AT_A_TIME) {
            _ = black_box(optimal_codebook(x, None, 16));
        }
    });
    doors.add("Codebook::optimal, 16 of 4096 values", |b, n| {
        for x in b.weights[..n].chunks(AT_A_TIME) {
            _ = black_box(Codebook::optimal(x, None, 16));
        }
    });
}

/// Adds a row of a door that restores blocks, which are made once for each size.
fn restoring(doors: &mut Doors, name: &'static str, format: BlockType, restore: impl Fn(&[u8]) + 'static) {
    let mut made: Vec<(usize, Vec<u8>)> = Vec::new();
    doors.add(name, move |b, n| {
        if !made.iter().any(|(len, _)| *len == n) {
            let bytes = quantize_blocks(&format, &b.weights[..n], COLUMNS, None, BlockSearch::Plain);
            made.push((n, bytes.expect("whole rows of finite weights")));
        }
        restore(&made.iter().find(|(len, _)| *len == n).expect("they were made").1);
    });
}
