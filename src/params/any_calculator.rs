//! The built-in calculators by value.

use super::text_form::{self, TextForm};
use super::{
    Affine, AffineParams, Article, Cast, CodeRange, MaxAbs, ParamsCalculator, PowerOfTwo, Rule, Symmetric, ValueRange,
    ZeroPoints,
};
use crate::error::{Error, Result};
use crate::num::{CodeKind, CodeType};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

macro_rules! any_of {
    ($($calculator:ident)*) => {
        /// A built-in calculator by value, for code that learns which one at run time.
        ///
        /// | text form | calculator |
        /// | --- | --- |
        /// | `affine` | [`Affine::default`] |
        /// | `affine-without-zero` | [`Affine::without_zero`] |
        /// | `symmetric` | [`Symmetric::narrow`] |
        /// | `symmetric-full` | [`Symmetric::full`] |
        /// | `max-abs` | [`MaxAbs`] |
        /// | `power-of-two` | [`PowerOfTwo`] |
        /// | `article`, `article A..B` | [`Article::own_range`], [`Article::target`] |
        /// | `cast`, `cast-ieee` | [`Cast::saturating`], [`Cast::ieee`] |
        ///
        /// # Examples
        ///
        /// ```
        /// use tensor_quant::params::{AnyCalculator, CodeRange, ParamsCalculator, ValueRange};
        ///
        /// let calculator: AnyCalculator = "symmetric".parse()?;
        /// let params = calculator.params(ValueRange::new(-2.54, 1.0)?, CodeRange::of::<i8>())?;
        /// assert_eq!((params.scale(), calculator.to_string().as_str()), (0.02, "symmetric"));
        /// # Ok::<(), tensor_quant::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the type of its name")]
        #[non_exhaustive]
        pub enum AnyCalculator {
            $($calculator($calculator),)*
        }

        impl AnyCalculator {
            /// Returns the names that text forms begin with.
            pub fn names() -> Vec<&'static str> {
                let mut names = Vec::new();
                $(names.extend($calculator::NAMED.iter().map(|(name, _)| *name));)*
                names
            }

            /// Returns whether it may give offsets.
            #[cfg(feature = "pipeline")]
            pub(crate) fn has_offsets(&self) -> bool {
                match self {
                    $(Self::$calculator(it) => it.has_offsets(),)*
                }
            }

            /// Returns all that are for codes of a type; of those that take numbers with these, too.
            #[cfg(feature = "proptest")]
            pub(crate) fn all_for(code: CodeType, (a, b): (i32, i32)) -> Vec<Self> {
                let mut all = Vec::new();
                $(
                    let named = $calculator::NAMED.iter().map(|&(_, calculator)| calculator);
                    let of_numbers = $calculator::of_numbers(a, b).and_then(Result::ok);
                    all.extend(named.chain(of_numbers).filter(|it| it.is_for(code)).map(Self::$calculator));
                )*
                all
            }

            /// Returns the calculator itself.
            #[cfg(feature = "proptest")]
            pub(crate) fn itself(&self) -> &dyn core::any::Any {
                match self {
                    $(Self::$calculator(it) => it,)*
                }
            }

            fn inner(&self) -> &dyn ParamsCalculator {
                match self {
                    $(Self::$calculator(it) => it,)*
                }
            }
        }

        impl fmt::Display for AnyCalculator {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$calculator(it) => text_form::write(it, f),)*
                }
            }
        }

        impl FromStr for AnyCalculator {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let text = text.trim();
                $(
                    if let Some(read) = text_form::read::<$calculator>(text) {
                        return read.map(Self::$calculator);
                    }
                )*
                Err(Error::UnknownName { what: "calculator", name: text.into(), expected: Self::names() })
            }
        }

        $(
            impl From<$calculator> for AnyCalculator {
                fn from(calculator: $calculator) -> Self {
                    Self::$calculator(calculator)
                }
            }
        )*
    };
}

// All of them: the one list of calculators in this crate.
any_of! { Affine Symmetric MaxAbs PowerOfTwo Article Cast }

impl AnyCalculator {
    /// Returns the calculator that codes of a type are used with, unless another is named: symmetric for signed integers and for
    /// small floats, affine for unsigned integers, a cast for `f16` and `bf16`.
    pub fn usual(code: CodeType) -> Self {
        match code.kind() {
            CodeKind::Integer if code.min() < 0.0 => Symmetric::narrow().into(),
            CodeKind::Integer => Affine::default().into(),
            CodeKind::Float if code.bits() == 16 => Cast::saturating().into(),
            CodeKind::Float => Symmetric::narrow().into(),
        }
    }
}

impl ParamsCalculator for AnyCalculator {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        self.inner().params(range, codes)
    }

    fn params_of_each(&self, ranges: &[ValueRange], codes: CodeRange, params: &mut Vec<AffineParams>) -> Result<()> {
        self.inner().params_of_each(ranges, codes, params)
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        self.inner().zero_points(codes)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        self.inner().codes(full)
    }

    fn rule(&self, codes: CodeRange) -> Option<Rule> {
        self.inner().rule(codes)
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(AnyCalculator);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::params::{Ends, GroupsMut, reciprocal};
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn text_and_value_are_one() {
        let more: [AnyCalculator; 1] = [Article::target(-3, 12).unwrap().into()];
        for calculator in AnyCalculator::names().into_iter().map(|name| name.parse().unwrap()).chain(more) {
            assert_eq!(calculator.to_string().parse::<AnyCalculator>().unwrap(), calculator);
        }
        for wrong in ["", "affin", "article 3", "article 3..x", "article 5..4"] {
            assert!(wrong.parse::<AnyCalculator>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rule_says_what_the_calculator_says(
            ends in prop::collection::vec((any::<u32>(), any::<u32>(), -2.0_f32..2.0, 0..3), 1..40),
            code in prop::sample::select(CodeType::ALL.to_vec()),
            narrow in any::<bool>(),
        ) {
            let finite = |bits: u32| Some(f32::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(f32::MAX);
            let ranges: Vec<(f32, f32)> = ends.into_iter().map(|(a, b, x, kind)| {
                let (a, b) = if kind == 0 { (finite(a), finite(b)) } else { (x, finite(b) % 8.0) };
                (a.min(b) + 0.0, a.max(b) + 0.0)
            }).collect();
            let calculators: [AnyCalculator; 4] = [
                Symmetric::narrow().into(), Symmetric::full().into(), MaxAbs.into(), Affine::default().into(),
            ];
            for calculator in calculators {
                let full = CodeRange::of_type(code);
                let codes = if narrow { full.narrow() } else { calculator.codes(full) };
                let Some(rule) = calculator.rule(codes) else { continue };
                for &(min, max) in &ranges {
                    let (mut scales, mut inverses, mut zero_points) = (vec![0.0; 3], vec![0.0; 3], vec![0; 3]);
                    let out = GroupsMut { scales: &mut scales, inverses: &mut inverses, zero_points: &mut zero_points };
                    let found = rule.apply((&[min; 3], &[max; 3]), out);
                    if found.is_none() {
                        // Of a constant, or of ends that are as far apart as can be.
                        prop_assert!(min == max || f64::from(max) - f64::from(min) > 1e38, "{min} {max}");
                        continue;
                    }
                    let want = calculator.params(ValueRange::new(min, max).unwrap(), codes).unwrap();
                    prop_assert_eq!(scales[2].to_bits(), want.scale().to_bits(), "{} {} {} {}", calculator, code, min, max);
                    prop_assert_eq!((zero_points[1], want.offset()), (want.zero_point(), 0.0), "{} {} {}", calculator, min, max);
                    prop_assert_eq!(inverses[0].to_bits(), reciprocal(want.scale()).to_bits());
                    prop_assert_eq!(found.unwrap(), Ends::of(&[want.scale()], &[want.zero_point()]));
                }
            }
        }
    }
}
