//! Your own estimator, calculator and rounding, in the same vectorised kernel as the built-in ones.
use tensor_quant::params::{AffineParams, CodeRange, ValueRange};
use tensor_quant::range::{MeanStd, Target};
use tensor_quant::{ParamsCalculator, RangeEstimator, Result, Rounding, Scheme, quantize_tensor};

#[derive(Clone, Debug)]
struct ThreeSigmas(MeanStd);
impl RangeEstimator for ThreeSigmas {
    fn observe(&mut self, values: &[f32]) {
        self.0.observe(values);
    }
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }
    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        self.0.range(target)
    }
}
#[derive(Clone, Copy, Debug)]
struct NearestPowerOfTwo;
impl ParamsCalculator for NearestPowerOfTwo {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        AffineParams::new((f64::from(range.max_abs()).max(1e-30) / codes.max()).log2().round().exp2(), 0)
    }
}
#[derive(Clone, Copy, Debug)]
struct Up;
impl Rounding for Up {
    #[inline(always)]
    fn round(self, x: f32, _index: u64) -> f32 {
        x.ceil()
    }
}
fn main() -> Result<()> {
    let x = ndarray::Array1::from_shape_fn(4096, |i| (i as f32 * 0.37).sin() * (i as f32 * 0.011).cos());
    let scheme = Scheme::<i8, _, _, _>::new(ThreeSigmas(MeanStd::new(3.0)?), NearestPowerOfTwo, Up);
    let q = quantize_tensor(x.view(), &scheme)?;
    println!("scale {}: {}", q.params().scales()[0], q.error(x.view())?);
    Ok(())
}
