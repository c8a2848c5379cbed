//! Granularity: channels of very different magnitude, with one scale for all, one each, and one for each block of 32.

use ndarray::Array2;
use tensor_quant::{Scheme, quantize_tensor};

fn main() -> Result<(), tensor_quant::Error> {
    // Each row is twice as large as the one before: 2⁻⁶ to 2.
    let weights = Array2::from_shape_fn((8, 256), |(row, i)| (i as f32 * 0.731).sin() * 2.0_f32.powi(row as i32 - 6));

    for scheme in [
        Scheme::<i8>::symmetric(),
        Scheme::<i8>::symmetric().with_axis(0),
        Scheme::<i8>::symmetric().with_blocks(1, 32),
    ] {
        let q = quantize_tensor(weights.view(), &scheme)?;
        println!("{scheme}: {} scales, {} bytes", q.params().len(), q.size_in_bytes());
        println!("  {}", q.error(weights.view())?);
        let rows = q.error_per_channel(weights.view(), 0)?;
        let sqnr: Vec<String> = rows.iter().map(|row| format!("{:.0}", row.sqnr_db())).collect();
        println!("  SQNR of each row in dB: {}", sqnr.join(" "));
    }
    Ok(())
}
