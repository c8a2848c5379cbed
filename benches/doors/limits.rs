//! The least work that does what the doors do, by hand.

use crate::Doors;
use std::hint::black_box;

/// Codes of reals with one scale.
pub(crate) const QUANTIZE: &str = "limit: f32 → i8";
/// The same, each by a scale of its own.
pub(crate) const QUANTIZE_EACH: &str = "limit: f32 → i8 by column";
/// The extremes, then the codes.
pub(crate) const RANGE_AND_CODES: &str = "limit: range and codes";
/// The extremes of rows, then their codes.
pub(crate) const RANGES_AND_CODES: &str = "limit: range and codes by row";
/// The extremes of columns, then the codes.
pub(crate) const COLUMN_RANGES_AND_CODES: &str = "limit: range and codes by column";
pub(crate) const DEQUANTIZE: &str = "limit: i8 → f32";
pub(crate) const FAKE_QUANTIZE: &str = "limit: fake-quantize";
pub(crate) const BACKWARD: &str = "limit: gradient";
pub(crate) const MIN_MAX: &str = "limit: min and max";
pub(crate) const ERROR_SUMS: &str = "limit: error sums";
pub(crate) const TO_F16: &str = "limit: f32 → f16";
pub(crate) const FROM_F16: &str = "limit: f16 → f32";
pub(crate) const TO_BF16: &str = "limit: f32 → bf16";
pub(crate) const FROM_BF16: &str = "limit: bf16 → f32";
pub(crate) const TO_E4M3: &str = "limit: f32 → e4m3";

const SCALE: f32 = 0.03;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn add(_doors: &mut Doors) {}

#[cfg(target_arch = "x86_64")]
pub(crate) fn add(doors: &mut Doors) {
    use crate::buffers::COLUMNS;
    let Some(limit) = crate::limit::Limit::detect() else { return };
    println!("limits by hand in {}", limit.name());
    doors.add(QUANTIZE, move |b, n| limit.quantize::<false>(&b.x[..n], SCALE, &mut b.signed[..n]));
    doors.add(QUANTIZE_EACH, move |b, n| {
        for (x, codes) in b.x[..n].chunks(COLUMNS).zip(b.signed.chunks_mut(COLUMNS)) {
            limit.quantize_each(x, &b.out[..COLUMNS], codes);
        }
    });
    doors.add(RANGE_AND_CODES, move |b, n| {
        let (min, max) = limit.min_max(&b.x[..n]);
        let scale = max.max(-min) / 127.0;
        // The second pass goes backwards: the cache holds what was read last.
        for (x, codes) in b.x[..n].chunks(1 << 16).zip(b.signed[..n].chunks_mut(1 << 16)).rev() {
            limit.quantize::<false>(x, scale, codes);
        }
    });
    doors.add(RANGES_AND_CODES, move |b, n| {
        for (x, codes) in b.x[..n].chunks(COLUMNS).zip(b.signed.chunks_mut(COLUMNS)) {
            let (min, max) = limit.min_max(x);
            limit.quantize::<false>(x, max.max(-min) / 127.0, codes);
        }
    });
    doors.add(COLUMN_RANGES_AND_CODES, move |b, n| {
        let (mut min, mut max) = ([f32::INFINITY; COLUMNS], [f32::NEG_INFINITY; COLUMNS]);
        for x in b.x[..n].chunks(COLUMNS) {
            limit.column_min_max(x, &mut min, &mut max);
        }
        let inverses: Vec<f32> = min.iter().zip(&max).map(|(min, max)| 127.0 / max.max(-min)).collect();
        for (x, codes) in b.x[..n].chunks(COLUMNS).zip(b.signed.chunks_mut(COLUMNS)).rev() {
            limit.quantize_each(x, &inverses, codes);
        }
    });
    doors.add(DEQUANTIZE, move |b, n| limit.dequantize(&b.signed[..n], SCALE, &mut b.out[..n]));
    doors.add(FAKE_QUANTIZE, move |b, n| limit.fake_quantize::<false>(&b.x[..n], SCALE, &mut b.out[..n]));
    doors.add(BACKWARD, move |b, n| limit.backward(&b.x[..n], &b.weights[..n], SCALE, &mut b.out[..n]));
    doors.add(MIN_MAX, move |b, n| _ = black_box(limit.min_max(&b.x[..n])));
    doors.add(ERROR_SUMS, move |b, n| _ = black_box(limit.error_sums(&b.x[..n], &b.weights[..n])));
    doors.add(TO_F16, move |b, n| limit.f32_to_f16(&b.x[..n], &mut b.halves[..n]));
    doors.add(FROM_F16, move |b, n| limit.f16_to_f32(&b.halves[..n], &mut b.out[..n]));
    doors.add(TO_BF16, move |b, n| limit.f32_to_bf16(&b.x[..n], &mut b.brains[..n]));
    doors.add(FROM_BF16, move |b, n| limit.bf16_to_f32(&b.brains[..n], &mut b.out[..n]));
    doors.add(TO_E4M3, move |b, n| limit.f32_to_e4m3(&b.x[..n], SCALE, &mut b.unsigned[..n]));
}
