//! Sixteen reals to sixteen integers, and 64 integers to 64 bytes: the steps that are dearest where they are portable.
//!
//! 1. x86 converts to the nearest integer, halves to even, in one instruction; portably it takes an addition and a
//!    subtraction (see [`nearest_i32`]). Rust has no safe conversion of a vector that is not the truncating one.
//! 2. x86's packing instructions narrow two vectors to one and saturate, but within each 128 bits. Two of them in a row and
//!    one permutation at the end cost a third of three narrowings that each keep the order. So no order is promised between
//!    [`pack_i16`] and [`pack_i8`]: what happens to all elements alike can be done there, and to bytes before the permutation.
//!
//! Each has its portable twin beside it. Which level a kernel is compiled for is a constant, so nothing is asked at run time.

use super::level::{is_avx2, is_avx512};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::narrow::{
    bytes_in_order_avx2, bytes_in_order_avx512, downward_avx512, in_order_avx2, in_order_avx512, nearest_avx2,
    nearest_avx512, nearest_sse2, pack_i8_avx2, pack_i8_avx512, pack_i16_avx2, pack_i16_avx512, upward_avx512,
};
use crate::num::MAGIC;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i8x64, i16x32, i32x16};

/// −2²².
const LOWEST: f32 = -4_194_304.0;

/// Returns the nearest integers, halves to even, for x ≤ 2²²; of NaN and of anything below −2²² some integer ≤ −2²².
#[inline(always)]
pub(super) fn nearest<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let x = <[f32; 16]>::from(x).simd_into(avx512);
            return <[i32; 16]>::from(nearest_avx512(avx512, x)).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let x = <[f32; 16]>::from(x).simd_into(avx2);
            return <[i32; 16]>::from(nearest_avx2(avx2, x)).simd_into(simd);
        }
        if let Some(sse2) = level.as_sse2() {
            let x = <[f32; 16]>::from(x).simd_into(sse2);
            return <[i32; 16]>::from(nearest_sse2(sse2, x)).simd_into(simd);
        }
    }
    let lowest = f32x16::splat(simd, LOWEST);
    let x = greater(x, lowest);
    let shifted: i32x16<S> = (x + MAGIC).bitcast();
    shifted - i32x16::splat(simd, MAGIC.to_bits() as i32)
}

/// Returns the integers towards zero, for |x| ≤ 2²²; of NaN and of anything below −2²² some integer ≤ −2²².
#[inline(always)]
pub(super) fn truncate<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    // x86 gives the smallest integer for whatever has none; elsewhere NaN gives 0.
    if cfg!(not(any(target_arch = "x86", target_arch = "x86_64"))) {
        let lowest = f32x16::splat(simd, LOWEST);
        return greater(x, lowest).to_int();
    }
    x.to_int()
}

/// Returns the next integers upwards, as [`nearest`] does those nearest.
#[inline(always)]
pub(super) fn upward<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() }
        && let Level::Avx512(avx512) = simd.level()
    {
        let x = <[f32; 16]>::from(x).simd_into(avx512);
        return <[i32; 16]>::from(upward_avx512(avx512, x)).simd_into(simd);
    }
    if rounds_in_hardware(simd.level()) {
        return nearest(simd, x.ceil());
    }
    let x = greater(x, f32x16::splat(simd, LOWEST));
    let near = nearest(simd, x);
    near + near.to_float::<f32x16<S>>().simd_lt(x).select(i32x16::splat(simd, 1), i32x16::splat(simd, 0))
}

/// Returns the next integers downwards, as [`nearest`] does those nearest.
#[inline(always)]
pub(super) fn downward<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() }
        && let Level::Avx512(avx512) = simd.level()
    {
        let x = <[f32; 16]>::from(x).simd_into(avx512);
        return <[i32; 16]>::from(downward_avx512(avx512, x)).simd_into(simd);
    }
    if rounds_in_hardware(simd.level()) {
        return nearest(simd, x.floor());
    }
    let x = greater(x, f32x16::splat(simd, LOWEST));
    let near = nearest(simd, x);
    near - near.to_float::<f32x16<S>>().simd_gt(x).select(i32x16::splat(simd, 1), i32x16::splat(simd, 0))
}

#[inline(always)]
fn rounds_in_hardware(level: Level) -> bool {
    match level {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Sse2(_) => false,
        _ => !level.is_fallback(),
    }
}

/// Returns `a` where it is less than `b`, else `b`: of a NaN in `a` that is `b`, in `b` it is NaN.
///
/// That is what x86's instruction does; elsewhere the minimum of a number and NaN is something else.
#[inline(always)]
pub(super) fn lesser<S: Simd>(a: f32x16<S>, b: f32x16<S>) -> f32x16<S> {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { a.min(b) } else { a.simd_lt(b).select(a, b) }
}

/// Returns `a` where it is greater than `b`, else `b`: of a NaN in `a` that is `b`, in `b` it is NaN.
#[inline(always)]
pub(super) fn greater<S: Simd>(a: f32x16<S>, b: f32x16<S>) -> f32x16<S> {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { a.max(b) } else { a.simd_gt(b).select(a, b) }
}

/// Returns the integers in an order that [`pack_i8`] undoes, those beyond i16 saturated.
#[inline(always)]
pub(super) fn pack_i16<S: Simd>(simd: S, a: i32x16<S>, b: i32x16<S>) -> i16x32<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let (a, b) = (<[i32; 16]>::from(a).simd_into(avx512), <[i32; 16]>::from(b).simd_into(avx512));
            return <[i16; 32]>::from(pack_i16_avx512(avx512, a, b)).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let (a, b) = (<[i32; 16]>::from(a).simd_into(avx2), <[i32; 16]>::from(b).simd_into(avx2));
            return <[i16; 32]>::from(pack_i16_avx2(avx2, a, b)).simd_into(simd);
        }
    }
    let _ = simd;
    a.saturating_narrow(b)
}

/// Returns the integers in order, those beyond i16 saturated.
#[inline(always)]
pub(super) fn pack_i16_in_order<S: Simd>(simd: S, a: i32x16<S>, b: i32x16<S>) -> i16x32<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let packed = <[i16; 32]>::from(pack_i16(simd, a, b)).simd_into(avx512);
            return <[i16; 32]>::from(in_order_avx512(avx512, packed)).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let packed = <[i16; 32]>::from(pack_i16(simd, a, b)).simd_into(avx2);
            return <[i16; 32]>::from(in_order_avx2(avx2, packed)).simd_into(simd);
        }
    }
    pack_i16(simd, a, b)
}

/// Returns what went into the two [`pack_i16`], in order, those beyond i8 saturated.
#[inline(always)]
pub(super) fn pack_i8<S: Simd>(simd: S, ab: i16x32<S>, cd: i16x32<S>) -> i8x64<S> {
    bytes_in_order(simd, pack_i8_in_any_order(simd, ab, cd))
}

/// Returns what went into the two [`pack_i16`], those beyond i8 saturated, in an order that [`bytes_in_order`] undoes.
#[inline(always)]
pub(super) fn pack_i8_in_any_order<S: Simd>(simd: S, ab: i16x32<S>, cd: i16x32<S>) -> i8x64<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let (ab, cd) = (<[i16; 32]>::from(ab).simd_into(avx512), <[i16; 32]>::from(cd).simd_into(avx512));
            return <[i8; 64]>::from(pack_i8_avx512(avx512, ab, cd)).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let (ab, cd) = (<[i16; 32]>::from(ab).simd_into(avx2), <[i16; 32]>::from(cd).simd_into(avx2));
            return <[i8; 64]>::from(pack_i8_avx2(avx2, ab, cd)).simd_into(simd);
        }
    }
    let _ = simd;
    ab.saturating_narrow(cd)
}

/// Returns in order what [`pack_i8_in_any_order`] packed.
#[inline(always)]
pub(super) fn bytes_in_order<S: Simd>(simd: S, packed: i8x64<S>) -> i8x64<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let packed = <[i8; 64]>::from(packed).simd_into(avx512);
            return <[i8; 64]>::from(bytes_in_order_avx512(avx512, packed)).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let packed = <[i8; 64]>::from(packed).simd_into(avx2);
            return <[i8; 64]>::from(bytes_in_order_avx2(avx2, packed)).simd_into(simd);
        }
    }
    let _ = simd;
    packed
}

/// Returns the integers over the powers of two, rounded down: a shift by a number that is not known when this is compiled, which
/// is one step by a vector of them and two by a number, where there are such vectors.
#[inline(always)]
pub(super) fn shifted_right<S: Simd>(simd: S, x: i32x16<S>, places: u32) -> i32x16<S> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() || is_avx2::<S>() } {
        return x >> i32x16::splat(simd, places as i32);
    }
    let _ = simd;
    x >> places
}
