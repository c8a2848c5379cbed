//! The variants of a whole model: what may be chosen, and what a choice gave.

use super::encoding::WeightRanges;
use super::headroom::Headroom;
use crate::recipe::integer::{AddRule, TieRule};
use std::fmt;

/// A variant of a model, and what it gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// What it is, as in `min-max, bias by means`.
    pub name: String,
    /// The bytes of its file.
    pub bytes: u64,
    /// The SQNR of the worst output on samples that it was not fitted to, in dB; of a variant that was clearly worse than the best so far,
    /// what follows from as many of them as that took.
    pub sqnr_db: f64,
    /// What it is expected to be on others, in dB: by this the best is chosen.
    pub expected_db: f64,
    /// Whether it is the one that was written.
    pub is_chosen: bool,
}

/// How ranges of values are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeKind {
    /// As the recipe says, or the extremes.
    Asked,
    LeastSquares,
    /// Half-way between the extremes and the smallest squared error.
    Between,
    /// Twice the extremes: at 16 bits the wider steps cost nothing to speak of, and values beyond those that were observed are not cut
    /// off.
    Wide,
}

/// What is done about biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BiasKind {
    AsTheyAre,
    Analytic,
    LayerByLayer,
}

/// A variant's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) is_equalized: bool,
    pub(crate) ranges: RangeKind,
    /// By how much wider they are.
    pub(crate) headroom: Headroom,
    /// Whether the ranges of what saturating functions are given end where these change little.
    pub(crate) is_narrowed: bool,
    pub(crate) add_rule: AddRule,
    pub(crate) tie_rule: TieRule,
    pub(crate) biases: BiasKind,
    pub(crate) weights: WeightRanges,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.ranges {
            RangeKind::Asked => "min-max",
            RangeKind::LeastSquares => "mse",
            RangeKind::Between => "between min-max and mse",
            RangeKind::Wide => "min-max with headroom",
        })?;
        if self.headroom != Headroom::default() {
            write!(f, " with {}", self.headroom)?;
        }
        if self.is_narrowed {
            f.write_str(", functions' ranges")?;
        }
        if self.add_rule == AddRule::FirstTakesSum {
            f.write_str(", sums' ranges")?;
        }
        if self.tie_rule == TieRule::Joined {
            f.write_str(", joins' ranges")?;
        }
        if self.is_equalized {
            f.write_str(", equalized")?;
        }
        f.write_str(match self.weights {
            WeightRanges::MinMax => "",
            WeightRanges::Mse => ", mse weights",
            WeightRanges::Refitted => ", weights for the outputs",
        })?;
        f.write_str(match self.biases {
            BiasKind::AsTheyAre => "",
            BiasKind::Analytic => ", bias by means",
            BiasKind::LayerByLayer => ", bias layer by layer",
        })
    }
}

/// One thing that is chosen of a variant, with everything else as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Narrowed,
    Equalized,
    Ranges,
    Sums,
    Ties,
    Biases,
    Weights,
}

impl Choice {
    /// The choices, those that others depend on first.
    pub(crate) const ALL: [Self; 7] =
        [Self::Narrowed, Self::Biases, Self::Equalized, Self::Weights, Self::Ranges, Self::Sums, Self::Ties];

    /// Returns with how many samples the choice can be made. Where a function changes little is told by the samples alone: a handful,
    /// all of them far from any doubt, would have the rest cut off.
    pub(crate) fn takes(self) -> usize {
        if matches!(self, Self::Narrowed) { 24 } else { 0 }
    }

    /// Returns the settings that differ from these in one choice.
    pub(crate) fn alternatives(self, of: Settings) -> Vec<Settings> {
        let all: Vec<Settings> = match self {
            Self::Narrowed => [true, false].map(|is_narrowed| Settings { is_narrowed, ..of }).into(),
            Self::Equalized => [true, false].map(|is_equalized| Settings { is_equalized, ..of }).into(),
            Self::Ranges if of.ranges == RangeKind::Wide => Vec::new(),
            Self::Ranges => [RangeKind::LeastSquares, RangeKind::Between, RangeKind::Asked]
                .map(|ranges| Settings { ranges, ..of })
                .into(),
            Self::Sums => [AddRule::Own, AddRule::FirstTakesSum].map(|add_rule| Settings { add_rule, ..of }).into(),
            Self::Ties => [TieRule::All, TieRule::Joined].map(|tie_rule| Settings { tie_rule, ..of }).into(),
            Self::Biases => [BiasKind::Analytic, BiasKind::LayerByLayer, BiasKind::AsTheyAre]
                .map(|biases| Settings { biases, ..of })
                .into(),
            Self::Weights => {
                // The mean of the error of refitted weights is left to biases.
                let biases = if of.biases == BiasKind::AsTheyAre { BiasKind::Analytic } else { of.biases };
                [
                    Settings { weights: WeightRanges::Refitted, biases, ..of },
                    Settings { weights: WeightRanges::Mse, ..of },
                    Settings { weights: WeightRanges::MinMax, ..of },
                ]
                .into()
            }
        };
        all.into_iter().filter(|settings| *settings != of).collect()
    }
}
