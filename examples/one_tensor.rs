//! One tensor: quantize, look at what it cost, restore.

use ndarray::Array2;
use tensor_quant::{Scheme, quantize_tensor};

fn main() -> Result<(), tensor_quant::Error> {
    let weights = Array2::from_shape_fn((64, 64), |(i, j)| ((i * 64 + j) as f32 * 0.37).sin());

    let q = quantize_tensor(weights.view(), &Scheme::<i8>::symmetric())?;
    println!("{} bytes became {}", 4 * weights.len(), q.size_in_bytes());
    println!("scale {}, zero point {}", q.params().scales()[0], q.params().zero_points()[0]);
    println!("{}", q.error(weights.view())?);

    let restored = q.dequantize();
    println!("weights[0, 1] = {} was restored as {}", weights[[0, 1]], restored[[0, 1]]);
    Ok(())
}
