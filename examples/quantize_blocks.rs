//! A file of f32, rows one after another, to blocks and back: what `tests/ggml/check.py` compares with ggml's own library, and
//! `tests/bitsandbytes/check.py` with that of bitsandbytes.
//!
//! ```sh
//! quantize_blocks q4_k 1024 weights.f32 blocks.bin [importance.f32]     # rows of 1024 elements to blocks
//! quantize_blocks --restore q4_k blocks.bin weights.f32                # blocks to f32
//! quantize_blocks --time q4_k 1024 weights.f32                         # nanoseconds a weight: quantize, best, restore, store f32
//! quantize_blocks --nested scales.f32 nested.bin                       # the mean, absmax, the map, scales restored, and codes
//! ```

use std::error::Error;
use std::fs;
use std::time::Instant;
use tensor_quant::block::{BlockFormat, BlockType, NestedScales, dynamic_map};

fn floats(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    Ok(fs::read(path)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Returns the least time of a few runs, in nanoseconds a weight.
fn nanoseconds(weights: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min) * 1e9 / weights as f64
}

fn blocks(format: BlockType, x: &[f32], row_len: usize, importance: Option<&[f32]>) -> Vec<u8> {
    // The bare format: as ggml, it takes any input, NaN included.
    let mut out = vec![0; x.len() / format.block_len() * format.block_bytes()];
    let row_bytes = row_len / format.block_len() * format.block_bytes();
    for (x, out) in x.chunks(row_len).zip(out.chunks_mut(row_bytes)) {
        format.quantize_row(x, importance, out);
    }
    out
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["--restore", format, input, output] => {
            let restored = format.parse::<BlockType>()?.dequantize(&fs::read(input)?)?;
            fs::write(output, restored.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        ["--nested", input, output] => {
            let nested = NestedScales::quantize(&floats(input)?)?;
            let restored = nested.restore();
            let reals = core::iter::once(nested.offset).chain(nested.absmax).chain(dynamic_map()).chain(restored);
            fs::write(output, reals.flat_map(f32::to_le_bytes).chain(nested.codes).collect::<Vec<u8>>())?;
        }
        ["--time", format, row_len, input] => {
            let (format, row_len, mut x) = (format.parse::<BlockType>()?, row_len.parse::<usize>()?, floats(input)?);
            let n = x.len();
            let mut bytes = blocks(format, &x, row_len, None);
            let row_bytes = row_len / format.block_len() * format.block_bytes();
            let plain = nanoseconds(n, || {
                for (x, out) in x.chunks(row_len).zip(bytes.chunks_mut(row_bytes)) {
                    format.quantize_row(x, None, out);
                }
            });
            let best = nanoseconds(n.min(64 * row_len), || {
                for (x, out) in x.chunks(row_len).zip(bytes.chunks_mut(row_bytes)).take(64) {
                    format.best_row(x, None, out);
                }
            });
            let restore = nanoseconds(n, || format.dequantize_row(&bytes, &mut x));
            let store = nanoseconds(n, || std::hint::black_box(&mut x).fill(0.5));
            println!("{plain:.3} {best:.1} {restore:.3} {store:.3}");
        }
        [format, row_len, input, output, ref rest @ ..] => {
            let importance = rest.first().map(|path| floats(path)).transpose()?;
            let (format, row_len) = (format.parse::<BlockType>()?, row_len.parse::<usize>()?);
            if row_len == 0 || !row_len.is_multiple_of(format.block_len()) {
                return Err(format!("rows of {row_len} elements are not whole blocks of {}", format.block_len()).into());
            }
            fs::write(output, blocks(format, &floats(input)?, row_len, importance.as_deref()))?;
        }
        _ => return Err("what to do? See the top of the file".into()),
    }
    Ok(())
}
