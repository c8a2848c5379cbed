//! torchao's affine quantization over blocks.

use super::typed::{code_range, view, with_codes};
use crate::case::{Case, Values};
use crate::compare::Outputs;
use tensor_quant::Result;
use tensor_quant::convention::torch::{self, Clipping};
use tensor_quant::convention::torchao::{Blocked, quantize_affine};
use tensor_quant::num::Code;
use tensor_quant::params::{CodeRange, ParamsCalculator};

/// A calculator that uses only some of a type's codes.
#[derive(Clone, Copy, Debug)]
struct Within<P>(P, CodeRange);

impl<P: ParamsCalculator> ParamsCalculator for Within<P> {
    fn params(
        &self,
        range: tensor_quant::params::ValueRange,
        codes: CodeRange,
    ) -> Result<tensor_quant::params::AffineParams> {
        self.0.params(range, codes)
    }

    fn codes(&self, _full: CodeRange) -> CodeRange {
        self.1
    }
}

pub(crate) fn compute(case: &Case) -> Option<Outputs> {
    if case.op != "affine_quantize" {
        return None;
    }
    match case.expected.get("code")?.type_name() {
        "i8" => run::<i8>(case),
        "u8" => run::<u8>(case),
        "i16" => run::<i16>(case),
        "i32" => run::<i32>(case),
        _ => None,
    }
}

fn run<C: Code>(case: &Case) -> Option<Outputs> {
    let x = view(case, "x")?;
    let block: Vec<usize> =
        case.params.get("block")?.as_array()?.iter().map(|n| Some(n.as_u64()? as usize)).collect::<Option<_>>()?;
    let (codes, eps) = (code_range::<C>(case)?, case.f32("eps")?);
    let symmetric = |clipping| Within(torch::SymmetricMapping { eps, clipping }, codes);
    let scheme = torch::scheme::<C>();
    let q: Blocked<C> = match case.text("mapping")? {
        "asymmetric" => {
            quantize_affine(x, &block, &scheme.with_calculator(Within(torch::AffineMapping { eps }, codes)))
        }
        "symmetric" => quantize_affine(x, &block, &scheme.with_calculator(symmetric(Clipping::HalfAStep))),
        "symmetric_no_clipping_err" => quantize_affine(x, &block, &scheme.with_calculator(symmetric(Clipping::Never))),
        _ => return None,
    }
    .ok()?;
    let outputs = with_codes(Outputs::default(), case, "code", q.codes.as_slice()?)?;
    Some(
        outputs
            .with("scale", Values::F32(q.params.scales().to_vec()))
            .with("zero_point", Values::I32(q.params.zero_points().to_vec()))
            .with("dequantized", Values::F32(q.restored.into_raw_vec_and_offset().0)),
    )
}
