//! TensorFlow's fake quantization.

use super::typed::view;
use crate::case::{Case, Values};
use crate::compare::Outputs;
use ndarray::{ArrayD, Axis};
use tensor_quant::convention::tensorflow::FakeQuant;
use tensor_quant::params::ValueRange;

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    let bits = u32::try_from(case.integer("num_bits")?).ok()?;
    let narrow = case.flag("narrow_range")?;
    let fake = |min, max| FakeQuant::new(ValueRange::new(min, max).ok()?, bits, narrow).ok();
    let x = view(case, "x")?;
    let gradient = case.f32s("grad_out");
    match case.op.as_str() {
        "fake_quant_min_max" => {
            let fake = fake(case.f32("min")?, case.f32("max")?)?;
            let values = case.f32s("x")?;
            let outputs = Outputs::default().with("y", Values::F32(values.iter().map(|&x| fake.apply(x)).collect()));
            let Some(gradient) = gradient else { return Some(outputs) };
            let gradients = fake.gradients(values, gradient).ok()?;
            Some(
                outputs
                    .with("grad_x", Values::F32(gradients.x))
                    .with("grad_min", Values::F32(vec![gradients.min]))
                    .with("grad_max", Values::F32(vec![gradients.max])),
            )
        }
        "fake_quant_min_max_per_channel" => {
            let axis = Axis(usize::try_from(case.integer("axis")?).ok()?);
            let gradient = view(case, "grad_out")?;
            let (mut y, mut grad_x) = (ArrayD::zeros(x.raw_dim()), ArrayD::zeros(x.raw_dim()));
            let (mut grad_min, mut grad_max) = (vec![], vec![]);
            for (i, (&min, &max)) in case.f32s("min")?.iter().zip(case.f32s("max")?).enumerate() {
                let fake = fake(min, max)?;
                let xs: Vec<f32> = x.index_axis(axis, i).iter().copied().collect();
                let gs: Vec<f32> = gradient.index_axis(axis, i).iter().copied().collect();
                let gradients = fake.gradients(&xs, &gs).ok()?;
                y.index_axis_mut(axis, i).iter_mut().zip(&xs).for_each(|(y, &x)| *y = fake.apply(x));
                grad_x.index_axis_mut(axis, i).iter_mut().zip(&gradients.x).for_each(|(to, &from)| *to = from);
                grad_min.push(gradients.min);
                grad_max.push(gradients.max);
            }
            let values = |array: ArrayD<f32>| Values::F32(array.into_raw_vec_and_offset().0);
            Some(
                Outputs::default()
                    .with("y", values(y))
                    .with("grad_x", values(grad_x))
                    .with("grad_min", Values::F32(grad_min))
                    .with("grad_max", Values::F32(grad_max)),
            )
        }
        _ => None,
    }
}
