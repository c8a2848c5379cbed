//! Quantizers that are broken in one way each.

use crate::caught;
use crate::naive::{Bug, Naive};
use tensor_quant::laws::{self, Law, Terms, scheme};
use tensor_quant::params::{Granularity, NanPolicy};

fn is_caught(law: Law, naive: Naive) {
    caught(law, Terms::default().only(law).check_scheme(&naive));
}

fn symmetric(law: Law, bug: Bug) {
    is_caught(law, Naive::new(bug));
}

fn affine(law: Law, bug: Bug) {
    is_caught(law, Naive { affine: true, ..Naive::new(bug) });
}

/// It shares no arithmetic with the laws or with the kernels, and keeps them all: so what breaks one is the bug.
#[test]
fn without_a_bug_every_law_holds() {
    let plain = Naive::new(Bug::None);
    let blocks = Granularity::Block { axis: 0, size: 5 };
    for naive in [
        plain,
        Naive { affine: true, nan_policy: NanPolicy::Skip, ..plain },
        Naive { granularity: Granularity::Axis(1), nan_policy: NanPolicy::Native, ..plain },
        Naive { granularity: blocks, affine: true, ..plain },
    ] {
        laws::check_scheme(&naive).unwrap();
    }
}

#[test]
fn a_conversion_before_the_clamp() {
    symmetric(scheme::SATURATES, Bug::ConvertsBeforeItClamps);
}

#[test]
fn a_clamp_that_forgets_the_zero_point() {
    affine(scheme::WITHIN_HALF_A_STEP, Bug::ClampsWithoutTheZeroPoint);
}

#[test]
fn truncation_that_is_said_to_be_nearest() {
    symmetric(scheme::WITHIN_HALF_A_STEP, Bug::Truncates);
    symmetric(scheme::MSE_BOUND, Bug::Truncates);
}

#[test]
fn a_code_that_is_not_beside_the_value() {
    symmetric(scheme::WITHIN_A_STEP, Bug::UsesEvenCodesAlone);
}

/// The error that is reported is that of other reals.
#[test]
fn a_report_of_what_was_not_restored() {
    symmetric(scheme::METRICS, Bug::RestoresInHalfPrecision);
}

#[test]
fn a_narrow_range_that_is_off_by_one() {
    symmetric(scheme::CODES_IN_RANGE, Bug::UsesTheCodeThatNarrowLeavesOut);
}

#[test]
fn a_wrong_axis() {
    let naive = Naive { granularity: Granularity::Axis(0), ..Naive::new(Bug::TakesAnotherAxis) };
    is_caught(scheme::GROUPS, naive);
}

#[test]
fn nan_in_the_range() {
    is_caught(scheme::NAN_POLICY, Naive { nan_policy: NanPolicy::Skip, ..Naive::new(Bug::LetsNanIntoTheRange) });
}

#[test]
fn another_nan_than_the_first() {
    symmetric(scheme::NAN_POLICY, Bug::NamesTheLastNan);
}

#[test]
fn infinity_in_the_range() {
    symmetric(scheme::INFINITIES, Bug::LetsInfinityIntoTheRange);
}

#[test]
fn a_reciprocal_where_division_is_promised() {
    symmetric(scheme::MAPPING, Bug::MultipliesByTheReciprocal);
}

#[test]
fn halves_away_where_even_is_promised() {
    symmetric(scheme::MAPPING, Bug::RoundsHalvesAway);
}

#[test]
fn a_zero_that_is_not_exact() {
    affine(scheme::ZERO_EXACT, Bug::ShiftsZero);
}

#[test]
fn a_scale_of_zero_for_constants() {
    affine(scheme::ANSWERS, Bug::DividesAConstantsWidth);
}

#[test]
fn a_width_that_overflows_f32() {
    affine(scheme::ANSWERS, Bug::TakesTheWidthInF32);
}

#[test]
fn a_last_block_that_is_ignored() {
    let granularity = Granularity::Block { axis: 0, size: 8 };
    is_caught(scheme::GROUPS, Naive { granularity, ..Naive::new(Bug::SkipsTheLastBlock) });
}

#[test]
fn memory_order_instead_of_logical_order() {
    symmetric(scheme::MEMORY_LAYOUT, Bug::ReadsMemoryInOrder);
}

#[test]
fn a_dequantization_that_forgets_the_zero_point() {
    affine(scheme::RESTORES, Bug::RestoresWithoutTheZeroPoint);
}

#[test]
fn a_dequantization_to_the_middle_of_a_step() {
    symmetric(scheme::IDEMPOTENT, Bug::RestoresTheMiddleOfAStep);
}

#[test]
fn constants_of_the_wrong_sign() {
    symmetric(scheme::CONSTANTS, Bug::LosesTheSignOfConstants);
}

#[test]
fn a_smallest_scale() {
    symmetric(scheme::POWERS_OF_TWO, Bug::HasASmallestScale);
}

#[test]
fn an_answer_without_data() {
    symmetric(scheme::NO_DATA, Bug::AnswersWithoutData);
}

#[test]
fn a_wasted_bit() {
    symmetric(scheme::SQNR_PER_BIT, Bug::WastesABit);
}

#[test]
fn a_remainder_that_is_treated_otherwise() {
    symmetric(scheme::PARTS, Bug::TruncatesTheRemainder);
}

#[cfg(feature = "rayon")]
#[test]
fn a_scale_that_depends_on_threads() {
    symmetric(scheme::THREADS, Bug::DependsOnThreads);
}

#[test]
fn another_kernel_for_short_slices() {
    symmetric(scheme::SIMD_LEVELS, Bug::HasAnotherKernelForShortSlices);
}

#[test]
fn a_range_of_every_second_value() {
    symmetric(scheme::ORDER, Bug::LooksAtEverySecondValue);
}

#[test]
fn one_code_more_below_zero() {
    symmetric(scheme::SIGN_SYMMETRY, Bug::UsesOneCodeMoreBelow);
}

#[test]
fn neighbours_that_are_exchanged() {
    symmetric(scheme::MONOTONE, Bug::ExchangesNeighbours);
}
