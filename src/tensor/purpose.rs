//! What a range is for: code type, calculator, rounding and scaling of a scheme, by value.

use crate::error::Result;
use crate::kernel::{Mapping, Rounder, reference};
use crate::num::{Code, CodeType, CodeVisitor, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy, ParamsCalculator, Rule, ValueRange, ZeroPoints};
use crate::range::Target;
use alloc::vec::Vec;

/// What an estimator is asked to find a range for, without the types of a scheme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose<'a> {
    pub(super) code: CodeType,
    pub(super) calculator: &'a dyn ParamsCalculator,
    pub(super) rounder: Rounder<'a>,
    pub(super) scaling: Scaling,
}

impl Target for Purpose<'_> {
    fn codes(&self) -> CodeRange {
        self.calculator.codes(CodeRange::of_type(self.code))
    }

    fn params(&self, range: ValueRange) -> Result<AffineParams> {
        self.calculator.params(range, self.codes())
    }

    fn params_of_each(&self, ranges: &[ValueRange], params: &mut Vec<AffineParams>) -> Result<()> {
        self.calculator.params_of_each(ranges, self.codes(), params)
    }

    fn rule(&self) -> Option<Rule> {
        self.calculator.rule(self.codes())
    }

    fn zero_points(&self) -> ZeroPoints {
        self.calculator.zero_points(self.codes())
    }

    fn round(&self, quotient: f32) -> Option<f32> {
        let loops = self.rounder.loops();
        if loops.is_random() { None } else { Some(loops.one(quotient, 0)) }
    }

    fn restore(&self, x: f32, params: AffineParams) -> f32 {
        let mapping = Mapping { params, codes: self.codes(), scaling: self.scaling, nan: NanPolicy::Native };
        self.code.visit(Restore { x, mapping: &mapping, rounder: self.rounder })
    }
}

/// One value to its code and back.
struct Restore<'a> {
    x: f32,
    mapping: &'a Mapping,
    rounder: Rounder<'a>,
}

impl CodeVisitor for Restore<'_> {
    type Output = f32;

    fn visit<C: Code>(self) -> f32 {
        let mut restored = [0.0];
        reference::fake_quantize::<f32, C, Rounder<'_>>(&[self.x], self.mapping, self.rounder, &mut restored, 0);
        restored[0]
    }
}
