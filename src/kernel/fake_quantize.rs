//! Quantize and dequantize in one pass: the rounding error, without the codes.

use super::elementwise::{Map, map_slice};
use super::nan::{Piece, with_nan_replaced};
use super::quantize::{Mapping, Quotient, with_quotient};
use crate::num::{Code, Grid, Real, Rounding, Scaling};
use crate::params::NanPolicy;
use core::marker::PhantomData;
use fearless_simd::Level;

#[derive(Clone, Copy)]
struct FakeQuantize<C, R, Q> {
    quotient: Q,
    grid: Grid,
    rounding: R,
    scale: f32,
    code: PhantomData<C>,
}

impl<T: Real, C: Code, R: Rounding, Q: Quotient> Map<T, f32> for FakeQuantize<C, R, Q> {
    #[inline(always)]
    fn apply(self, x: T, index: u64) -> f32 {
        let code = C::encode(self.quotient.of(x.to_f32()), self.grid, self.rounding, index);
        code.decode(self.grid.zero_point) * self.scale
    }
}

#[derive(Clone, Copy)]
struct FakeQuantizeShifted<M> {
    inner: M,
    offset: f32,
}

impl<T: Real, M: Map<T, f32>> Map<T, f32> for FakeQuantizeShifted<M> {
    #[inline(always)]
    fn apply(self, x: T, index: u64) -> f32 {
        self.inner.apply(x, index) + self.offset
    }
}

/// Writes what each element of `x` is restored as: the same bits as [`quantize`](super::quantize) to codes of type `C`
/// followed by [`dequantize`](super::dequantize).
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn fake_quantize<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    assert_eq!(x.len(), out.len(), "reals: expected a length of {}, got {}", x.len(), out.len());
    if mapping.nan == NanPolicy::Native {
        return fake_quantize_native::<T, C, R>(level, x, mapping, rounding, out, first_index);
    }
    let native = Mapping { nan: NanPolicy::Native, ..*mapping };
    let offset = mapping.params.offset();
    with_nan_replaced(
        level,
        x,
        |_| offset,
        |piece, start| {
            let out = &mut out[start..start + piece.len()];
            let index = first_index.wrapping_add(start as u64);
            match piece {
                Piece::Clean(x) => fake_quantize_native::<T, C, R>(level, x, &native, rounding, out, index),
                Piece::Replaced(x) => fake_quantize_native::<f32, C, R>(level, x, &native, rounding, out, index),
            }
        },
    );
}

fn fake_quantize_native<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    let (grid, scale, offset) = (mapping.grid(), mapping.params.scale(), mapping.params.offset());
    with_quotient!(mapping, quotient => {
        let inner = FakeQuantize { quotient, grid, rounding, scale, code: PhantomData::<C> };
        if offset == 0.0 {
            map_slice(level, inner, x, out, first_index);
        } else {
            map_slice(level, FakeQuantizeShifted { inner, offset }, x, out, first_index);
        }
    });
}

/// The straight-through gradient of [`fake_quantize`]: what flows back through element `x` is `gradient` where its code
/// was not clamped, else `gradient · 0`, a zero of its sign. NaN passes nothing.
///
/// The bound is on the rounded quotient: `qmin ≤ round((x − offset) / scale) + zero_point ≤ qmax`.
///
/// # Panics
///
/// If the three slices differ in length.
pub fn fake_quantize_backward<T: Real, R: Rounding>(
    level: Level,
    x: &[T],
    gradient: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    assert_eq!(x.len(), gradient.len(), "gradient: expected a length of {}, got {}", x.len(), gradient.len());
    assert_eq!(x.len(), out.len(), "reals: expected a length of {}, got {}", x.len(), out.len());
    let grid = mapping.grid();
    out.copy_from_slice(gradient);
    with_quotient!(mapping, quotient => {
        fearless_simd::dispatch!(level, simd => backward_body(simd, x, quotient, grid, rounding, out, first_index));
    });
}

#[inline(always)]
fn backward_body<S: fearless_simd::Simd, T: Real, R: Rounding, Q: Quotient>(
    _simd: S,
    x: &[T],
    quotient: Q,
    grid: Grid,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    let n = x.len().min(out.len());
    let (x, out) = (&x[..n], &mut out[..n]);
    for i in 0..n {
        let rounded = rounding.round(quotient.of(x[i].to_f32()), first_index.wrapping_add(i as u64));
        let inside = (rounded >= grid.lo) & (rounded <= grid.hi);
        out[i] *= if inside { 1.0 } else { 0.0 };
    }
}
