//! Codes to codes of another scale, in integers only:
//! `clamp(multiplier · (code − zero_point_in) + zero_point_out, qmin, qmax)`.
//!
//! [`Requantization::apply`] is the specification. Codes of 8 and 16 bits go through vectors, in tiles of 16-bit integers:
//!
//! ```text
//! upper = upper half of (code ≪ before) · multiplier + addend        of 64 bits
//! scaled = upper ≫ after,  or with two roundings  (upper − (1 if upper < 2^(after − 1))) ≫ after
//! ```
//!
//! 1. What a product is rounded by, both times, and the zero point's part of it, are one number, added in 64 bits. What is left
//!    to shift is brought before the product or after it, so that the upper half is what is wanted: lanes of 32 bits hold it.
//! 2. Halves away from zero, in the second of two roundings, are halves upwards of one less where the number is negative,
//!    which is where it is less than the half that was added already.
//! 3. Of codes of one byte there are 256. AVX-512 looks up 64 at a time in a table of the results, which is made by
//!    the same vectors.
//! 4. Slices of known types are reached through tiles: an array can be asked for its type, without `unsafe`, where a slice cannot.

use super::elementwise::{Map, map_slice};
use super::level::{dispatch, is_avx2, is_avx512};
use super::narrow::pack_i16_in_order;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::requantize::{look_up_avx512, scaled_avx2, scaled_avx512};
use crate::num::Code;
use crate::params::{FixedPointMultiplier, ProductRounding};
use core::any::Any;
use core::marker::PhantomData;
use fearless_simd::prelude::*;
use fearless_simd::{Level, i16x32, i32x16};

/// Elements in a tile.
const TILE: usize = 1024;
/// Elements in a block: a vector of 16-bit integers.
const BLOCK: usize = 32;
/// From so many codes of one byte on, a table of all of them is made first.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
const WORTH_A_TABLE: usize = 1024;
/// With zero points up to it products fit 64 bits, and differences of 8-bit codes 16.
const LARGEST_ZERO_POINT: u32 = 1 << 13;
/// After larger shifts to the left the product does not fit 64 bits.
const LARGEST_SHIFT: i32 = 12;

/// What requantization needs: the ratio of the scales in fixed point, both zero points, and the codes in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantization {
    /// `s_in / s_out`; for an accumulator `s_in · s_weight / s_out`.
    pub multiplier: FixedPointMultiplier,
    /// How the product is rounded.
    pub rounding: ProductRounding,
    /// Subtracted before.
    pub zero_point_in: i32,
    /// Added after.
    pub zero_point_out: i32,
    /// The smallest and the largest code that come out; they may be the same.
    pub codes: (i32, i32),
}

impl Requantization {
    /// Returns the code of a difference `code − zero_point_in`, or of an accumulator.
    #[inline(always)]
    pub fn apply(self, difference: i32) -> i32 {
        let scaled = self.multiplier.multiply_saturating(difference, self.rounding);
        let (min, max) = self.codes;
        scaled.saturating_add(self.zero_point_out).clamp(min, max)
    }

    /// Returns how vectors do it, if they can: all but multipliers of thousands and zero points that no code type has.
    fn in_vectors<B: Code>(self) -> Option<Vectors> {
        let Self { multiplier, rounding, zero_point_in, zero_point_out, codes: (min, max) } = self;
        let shift = multiplier.shift();
        let far = zero_point_in.unsigned_abs().max(zero_point_out.unsigned_abs()) > LARGEST_ZERO_POINT
            || shift > LARGEST_SHIFT;
        if far || min > max {
            return None;
        }
        let twice = rounding == ProductRounding::Double && shift < 0;
        // The places that the product is shifted by, of which the upper half takes 32.
        let places = if twice { 31 } else { 31 - shift };
        let before = (32 - places).max(0) as u32;
        let half_of_first = 1_i64 << (places.max(32) - 1);
        let half_of_second = if twice { 1_i64 << (32 - shift - 1) } else { 0 };
        let from_zero_point = (i64::from(zero_point_in) << before) * i64::from(multiplier.multiplier());
        let end = |code: i32| f64::from(code).clamp(B::MIN, B::MAX) as i16;
        Some(Vectors {
            multiplier: multiplier.multiplier(),
            addend: half_of_first + half_of_second - from_zero_point,
            before: before as i32,
            after: if twice { -shift } else { (places - 32).max(0) },
            twice,
            // A sum that saturates in 16 bits may be brought back into the range of the codes by a zero point.
            wide: B::BITS == 16 && zero_point_out != 0,
            zero_point: zero_point_out as i16,
            min: end(min),
            max: end(max),
        })
    }
}

/// A tile that begins where vectors do: none of them touches two lines of the cache.
#[repr(align(64))]
struct Tile<C>([C; TILE]);

/// Requantization as vectors do it.
#[derive(Clone, Copy)]
struct Vectors {
    multiplier: i32,
    addend: i64,
    before: i32,
    after: i32,
    /// Whether there is a second rounding: by `after` places, which is not 0.
    twice: bool,
    /// Whether the zero point is added in 32 bits.
    wide: bool,
    zero_point: i16,
    min: i16,
    max: i16,
}

#[derive(Clone, Copy)]
struct Requantize<A, B> {
    settings: Requantization,
    types: PhantomData<(A, B)>,
}

impl<A: Code, B: Code> Requantize<A, B> {
    #[inline(always)]
    fn apply(self, code: A) -> B {
        let difference = (code.to_f64() as i32).saturating_sub(self.settings.zero_point_in);
        B::nearest(f64::from(self.settings.apply(difference)))
    }
}

/// Writes the code of each of `codes` in another scale to `out`.
///
/// # Panics
///
/// If `codes` and `out` differ in length, or the largest code is less than the smallest.
pub fn requantize<A: Code, B: Code>(level: Level, codes: &[A], settings: Requantization, out: &mut [B]) {
    assert_eq!(codes.len(), out.len(), "codes: expected a length of {}, got {}", codes.len(), out.len());
    if is_short::<A>()
        && is_short::<B>()
        && let Some(vectors) = settings.in_vectors::<B>()
    {
        return in_tiles(level, codes, vectors, out);
    }
    let definition = Requantize { settings, types: PhantomData };
    for (&code, out) in codes.iter().zip(out) {
        *out = definition.apply(code);
    }
}

/// Returns whether vectors of 16-bit integers hold the codes: `i8`, `u8` or `i16`.
fn is_short<C: Code>() -> bool {
    matches!(C::NAME, "i8" | "u8" | "i16")
}

fn in_tiles<A: Code, B: Code>(level: Level, codes: &[A], vectors: Vectors, out: &mut [B]) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(avx512) = level.as_avx512()
        && (A::BITS, B::BITS) == (8, 8)
        && codes.len() >= WORTH_A_TABLE
    {
        let table = table(level, vectors, A::MIN < 0.0);
        let (mut bytes, mut results) = (Tile([0; TILE]), Tile([0; TILE]));
        return for_each_tile(codes, out, |tile: &[A; TILE], out: &mut [B; TILE], _| {
            cast_to::<A, u8>(level, tile, &mut bytes.0);
            look_up_avx512(avx512, &table, &bytes.0, &mut results.0);
            cast_from::<u8, B>(level, &results.0, out);
        });
    }
    let (mut shorts, mut results) = (Tile([0; TILE]), Tile([0; TILE]));
    for_each_tile(codes, out, |tile: &[A; TILE], out: &mut [B; TILE], n| {
        let n = n.next_multiple_of(BLOCK);
        let shorts: &[i16; TILE] = if let Some(same) = as_array(tile) {
            same
        } else {
            cast_to::<A, i16>(level, tile, &mut shorts.0);
            &shorts.0
        };
        if let Some(out) = (out as &mut dyn Any).downcast_mut::<[i16; TILE]>() {
            scale(level, vectors, &shorts[..n], &mut out[..n]);
        } else {
            scale(level, vectors, &shorts[..n], &mut results.0[..n]);
            cast_from::<i16, B>(level, &results.0, out);
        }
    });
}

/// Calls `visit` with the codes in tiles, the results' tiles, and how many codes are in a tile, of which the last is filled up.
fn for_each_tile<A: Code, B: Code>(
    codes: &[A],
    out: &mut [B],
    mut visit: impl FnMut(&[A; TILE], &mut [B; TILE], usize),
) {
    let (mut tile, mut results) = (Tile([A::default(); TILE]), Tile([B::default(); TILE]));
    for (codes, out) in codes.chunks(TILE).zip(out.chunks_mut(TILE)) {
        tile.0[..codes.len()].copy_from_slice(codes);
        visit(&tile.0, &mut results.0, codes.len());
        out.copy_from_slice(&results.0[..codes.len()]);
    }
}

/// Returns the result for each byte, which is a code with a sign or without.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn table(level: Level, vectors: Vectors, signed: bool) -> [u8; 256] {
    const ALL: [[i16; 256]; 2] = {
        let mut all = [[0; 256]; 2];
        let mut bits = 0;
        while bits < 256 {
            (all[0][bits], all[1][bits]) = (bits as i16, bits as u8 as i8 as i16);
            bits += 1;
        }
        all
    };
    let (mut results, mut table) = ([0; 256], [0; 256]);
    scale(level, vectors, &ALL[usize::from(signed)], &mut results);
    map_slice(level, Cast, &results, &mut table, 0);
    table
}

/// Writes the results of codes, whole blocks of them.
fn scale(level: Level, vectors: Vectors, codes: &[i16], out: &mut [i16]) {
    match (vectors.twice, vectors.wide) {
        (true, false) => dispatch!(level, simd => body::<_, true, false>(simd, vectors, codes, out)),
        (false, false) => dispatch!(level, simd => body::<_, false, false>(simd, vectors, codes, out)),
        (true, true) => dispatch!(level, simd => body::<_, true, true>(simd, vectors, codes, out)),
        (false, true) => dispatch!(level, simd => body::<_, false, true>(simd, vectors, codes, out)),
    }
}

#[inline(always)]
fn body<S: Simd, const TWICE: bool, const WIDE: bool>(simd: S, vectors: Vectors, codes: &[i16], out: &mut [i16]) {
    let Vectors { zero_point, min, max, .. } = vectors;
    for (codes, out) in codes.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        let (a, b) = i16x32::from_slice(simd, codes).widen();
        let (a, b) = (scaled::<S, TWICE>(simd, a, vectors), scaled::<S, TWICE>(simd, b, vectors));
        let scaled = if WIDE {
            pack_i16_in_order(simd, a + i32::from(zero_point), b + i32::from(zero_point))
        } else {
            pack_i16_in_order(simd, a, b).saturating_add(zero_point)
        };
        scaled.max(min).min(max).store_slice(out);
    }
}

/// Returns 16 products, rounded.
#[inline(always)]
fn scaled<S: Simd, const TWICE: bool>(simd: S, codes: i32x16<S>, vectors: Vectors) -> i32x16<S> {
    // One by one: a structure that is handed over is stored and loaded for each vector.
    let Vectors { multiplier, addend, before, after, .. } = vectors;
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = simd.level();
        if const { is_avx512::<S>() }
            && let Level::Avx512(avx512) = level
        {
            let codes = <[i32; 16]>::from(codes).simd_into(avx512);
            let scaled = scaled_avx512(avx512, codes, multiplier, addend, before, after, TWICE);
            return <[i32; 16]>::from(scaled).simd_into(simd);
        }
        if const { is_avx2::<S>() }
            && let Level::Avx2(avx2) = level
        {
            let codes = <[i32; 16]>::from(codes).simd_into(avx2);
            let scaled = scaled_avx2(avx2, codes, multiplier, addend, before, after, TWICE);
            return <[i32; 16]>::from(scaled).simd_into(simd);
        }
    }
    let mut codes: [i32; 16] = codes.into();
    for code in &mut codes {
        let product = i64::from(*code << before) * i64::from(multiplier) + addend;
        let upper = (product >> 32) as i32;
        let less = i32::from(TWICE && upper < 1 << (after - 1).max(0));
        *code = (upper - less) >> after;
    }
    codes.simd_into(simd)
}

/// From one integer type to another: the bits that fit.
#[derive(Clone, Copy)]
struct Cast;

macro_rules! cast {
    ($($from:ident as $to:ident),*) => {$(
        impl Map<$from, $to> for Cast {
            #[inline(always)]
            fn apply(self, code: $from, _index: u64) -> $to {
                code as $to
            }
        }
    )*};
}

cast!(i8 as i16, u8 as i16, i16 as i8, i16 as u8, i8 as u8, u8 as u8, u8 as i8);

/// Returns the tile as one of type `T`, if that is what it is.
fn as_array<A: Code, T: Code>(tile: &[A; TILE]) -> Option<&[T; TILE]> {
    (tile as &dyn Any).downcast_ref()
}

/// Writes a tile of `i8` or `u8` as another type.
fn cast_to<A: Code, T: Code>(level: Level, tile: &[A; TILE], out: &mut [T; TILE])
where
    Cast: Map<i8, T> + Map<u8, T>,
{
    if let Some(tile) = as_array::<A, i8>(tile) {
        map_slice(level, Cast, tile, out, 0);
    } else if let Some(tile) = as_array::<A, u8>(tile) {
        map_slice(level, Cast, tile, out, 0);
    }
}

/// Writes a tile to one of `i8` or `u8`.
fn cast_from<T: Code, B: Code>(level: Level, tile: &[T; TILE], out: &mut [B; TILE])
where
    Cast: Map<T, i8> + Map<T, u8>,
{
    let out: &mut dyn Any = out;
    if let Some(out) = out.downcast_mut::<[i8; TILE]>() {
        map_slice(level, Cast, tile, out, 0);
    } else if let Some(out) = out.downcast_mut::<[u8; TILE]>() {
        map_slice(level, Cast, tile, out, 0);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn settings() -> impl Strategy<Value = Requantization> {
        let multiplier = prop_oneof![
            3 => (any::<i32>(), -31..=31_i32).prop_map(|(m, shift)| FixedPointMultiplier::from_parts(m, shift).unwrap()),
            3 => (-24..4_i32, 1.0_f64..2.0)
                .prop_map(|(e, fraction)| FixedPointMultiplier::from_real(fraction * 2.0_f64.powi(e)).unwrap()),
            // Products that are ties.
            2 => (-16..14_i32).prop_map(|e| FixedPointMultiplier::from_real(2.0_f64.powi(e)).unwrap()),
            1 => prop::sample::select(vec![0.75, -0.75, 1.5, -0.5, 0.375, 1.0, 0.0])
                .prop_map(|real| FixedPointMultiplier::from_real(real).unwrap()),
            1 => (-31..=31_i32).prop_map(|shift| FixedPointMultiplier::from_parts(i32::MIN, shift).unwrap()),
        ];
        let zero_point = || prop_oneof![3 => -128..=255_i32, 2 => Just(0), 1 => -9000..9000_i32, 1 => any::<i32>()];
        let codes = prop_oneof![
            3 => Just((-32_768, 32_767)),
            2 => (-40..10_i32, 10..300_i32),
            1 => Just((i32::MIN, i32::MAX)),
            1 => Just((500, 600)),
        ];
        let rounding = prop_oneof![Just(ProductRounding::Double), Just(ProductRounding::Single)];
        (multiplier, rounding, zero_point(), zero_point(), codes).prop_map(
            |(multiplier, rounding, zero_point_in, zero_point_out, codes)| Requantization {
                multiplier,
                rounding,
                zero_point_in,
                zero_point_out,
                codes,
            },
        )
    }

    fn agree<A: Code, B: Code>(codes: &[A], settings: Requantization) {
        let definition = Requantize { settings, types: PhantomData };
        let want: Vec<B> = codes.iter().map(|&code| definition.apply(code)).collect();
        for level in levels() {
            let mut got = vec![B::default(); codes.len()];
            requantize(level, codes, settings, &mut got);
            assert_eq!(got, want, "{} to {}, {settings:?} at {level:?}", A::NAME, B::NAME);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_level_gives_the_code_of_the_definition(
            settings in settings(), len in 0..=70_usize, few in any::<bool>(), shorts in prop::collection::vec(any::<i16>(), 1400),
        ) {
            let bytes: Vec<i8> = (0..1400).map(|i| i as i8).collect();
            let len = if few { len } else { 1400 - len };
            let unsigned: Vec<u8> = bytes.iter().map(|&code| code as u8).collect();
            let (bytes, unsigned, shorts) = (&bytes[..len], &unsigned[..len], &shorts[..len]);
            agree::<i8, i8>(bytes, settings);
            agree::<i8, u8>(bytes, settings);
            agree::<u8, i8>(unsigned, settings);
            agree::<u8, u8>(unsigned, settings);
            agree::<i8, i16>(bytes, settings);
            agree::<i16, u8>(shorts, settings);
            agree::<i16, i16>(shorts, settings);
        }
    }
}
