//! Sixteen elements at a time, for the codes of blocks: bytes to lanes and back, and a list of sixteen values.
//!
//! A block format is written once, over [`Sixteen`], and compiled for each SIMD level ([`each_block`](super::each_block)); what it
//! computes are single operations that round as the scalar ones do, so that every level gives the same bits.
//!
//! 1. x86 widens sixteen bytes to sixteen integers in one instruction, and AVX-512 narrows them in one; portably both take several.
//! 2. A list of sixteen values is a permutation of a register in AVX-512, two and a selection in AVX2.
//! 3. The largest of sixteen vectors each come from a tree in which two vectors become one, at three instructions a vector, where the
//!    largest of a single vector takes eight.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::level::{is_avx2, is_avx512};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::sixteen_x86 as x86;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::Level;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i32x16, u32x16};

/// The elements of a vector.
pub(crate) const LANES: usize = 16;

/// What vectors of sixteen elements are made with, at one SIMD level.
#[derive(Clone, Copy)]
pub(crate) struct Sixteen<S>(pub(super) S);

/// Calls a function for AVX-512 or AVX2, if that is the level, and returns what it gives.
macro_rules! on_x86 {
    ($simd:expr, $avx512:ident, $avx2:ident, |$own:ident| ($($argument:expr),*)) => {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if const { is_avx512::<S>() }
                && let Level::Avx512($own) = $simd.level()
            {
                return x86::$avx512($own, $($argument),*).simd_into($simd);
            }
            if const { is_avx2::<S>() }
                && let Level::Avx2($own) = $simd.level()
            {
                return x86::$avx2($own, $($argument),*).simd_into($simd);
            }
        }
    };
}

/// Sixteen reals.
pub(crate) type Reals<S> = f32x16<S>;
/// Sixteen integers.
pub(crate) type Ints<S> = i32x16<S>;

impl<S: Simd> Sixteen<S> {
    /// Returns one number sixteen times.
    #[inline(always)]
    pub(crate) fn all(self, x: f32) -> f32x16<S> {
        f32x16::splat(self.0, x)
    }

    /// Returns one whole number sixteen times.
    #[inline(always)]
    pub(crate) fn whole(self, x: i32) -> i32x16<S> {
        i32x16::splat(self.0, x)
    }

    #[inline(always)]
    pub(crate) fn load(self, x: &[f32; LANES]) -> f32x16<S> {
        f32x16::from_slice(self.0, x)
    }

    #[inline(always)]
    pub(crate) fn store(self, x: f32x16<S>, out: &mut [f32; LANES]) {
        x.store_slice(out);
    }

    /// Returns the integers of sixteen bytes.
    #[inline(always)]
    pub(crate) fn of_u8(self, bytes: &[u8; LANES]) -> i32x16<S> {
        on_x86!(self.0, of_u8_avx512, of_u8_avx2, |own| (bytes));
        let mut lanes = [0; LANES];
        for (lane, byte) in lanes.iter_mut().zip(bytes) {
            *lane = i32::from(*byte);
        }
        lanes.simd_into(self.0)
    }

    /// Returns the integers of sixteen bytes with a sign.
    #[inline(always)]
    pub(crate) fn of_i8(self, bytes: &[u8; LANES]) -> i32x16<S> {
        on_x86!(self.0, of_i8_avx512, of_i8_avx2, |own| (bytes));
        let mut lanes = [0; LANES];
        for (lane, byte) in lanes.iter_mut().zip(bytes) {
            *lane = i32::from(*byte as i8);
        }
        lanes.simd_into(self.0)
    }

    /// Returns the lowest byte of each integer.
    #[inline(always)]
    pub(crate) fn bytes(self, x: i32x16<S>) -> [u8; LANES] {
        let lanes = <[i32; LANES]>::from(x);
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if const { is_avx512::<S>() }
                && let Level::Avx512(own) = self.0.level()
            {
                return x86::bytes_avx512(own, lanes.simd_into(own));
            }
            if const { is_avx2::<S>() }
                && let Level::Avx2(own) = self.0.level()
            {
                return x86::bytes_avx2(own, lanes.simd_into(own));
            }
        }
        let mut bytes = [0; LANES];
        for (byte, lane) in bytes.iter_mut().zip(lanes) {
            *byte = lane as u8;
        }
        bytes
    }

    /// Returns the reals of integers.
    #[inline(always)]
    pub(crate) fn reals(self, x: i32x16<S>) -> f32x16<S> {
        x.to_float()
    }

    /// Returns integers of which none is larger than those of another.
    #[inline(always)]
    pub(crate) fn at_most(self, x: i32x16<S>, limit: i32x16<S>) -> i32x16<S> {
        x.min(limit)
    }

    /// Returns the integers towards zero of magnitudes below 2²².
    #[inline(always)]
    pub(crate) fn truncated(self, x: f32x16<S>) -> i32x16<S> {
        x.to_int()
    }

    /// Returns the integers nearest to magnitudes below 2²², halves away from zero.
    #[inline(always)]
    pub(crate) fn half_away(self, x: f32x16<S>) -> i32x16<S> {
        // The largest f32 below one half: with one half the sum would round up from there.
        (x + self.all(0.499_999_97).copysign(x)).to_int()
    }

    /// Returns the values whose places in a list the low four bits of integers are.
    #[inline(always)]
    pub(crate) fn lookup(self, list: f32x16<S>, places: i32x16<S>) -> f32x16<S> {
        let (list, places) = (<[f32; LANES]>::from(list), <[i32; LANES]>::from(places));
        on_x86!(self.0, lookup_avx512, lookup_avx2, |own| (list.simd_into(own), places.simd_into(own)));
        let mut out = [0.0; LANES];
        for (out, place) in out.iter_mut().zip(places) {
            *out = list[(place & 15) as usize];
        }
        out.simd_into(self.0)
    }

    /// Returns how many of some middles each element lies above.
    #[inline(always)]
    pub(crate) fn above<const K: usize>(self, x: f32x16<S>, middles: &[f32; K]) -> i32x16<S> {
        let mut count = self.whole(0);
        for middle in middles {
            count = x.simd_gt(self.all(*middle)).select(count + self.whole(1), count);
        }
        count
    }

    /// Returns, as bits, which integers have a bit of the mask.
    #[inline(always)]
    pub(crate) fn test(self, x: i32x16<S>, mask: i32) -> u16 {
        (x & self.whole(mask)).simd_ne(self.whole(0)).to_bitmask() as u16
    }

    /// Returns one number where a bit is set, another where it is not.
    #[inline(always)]
    pub(crate) fn choose(self, bits: u16, set: i32x16<S>, clear: i32x16<S>) -> i32x16<S> {
        fearless_simd::mask32x16::from_bitmask(self.0, bits.into()).select(set, clear)
    }

    /// Returns the first halves of neighbours from two vectors, then the second: `a₀ b₀ a₁ b₁ …`.
    #[inline(always)]
    pub(crate) fn alternate(self, a: f32x16<S>, b: f32x16<S>) -> (f32x16<S>, f32x16<S>) {
        (a.zip_low(b), a.zip_high(b))
    }

    /// Returns the bits of the largest magnitude of each of up to sixteen blocks, a block a lane; NaN is larger than ∞.
    #[inline(always)]
    pub(crate) fn magnitudes<const N: usize>(self, blocks: &[[f32; N]]) -> i32x16<S> {
        let mut each = [self.whole(0); LANES];
        for (each, x) in each.iter_mut().zip(blocks) {
            for x in x.as_chunks().0 {
                let bits: i32x16<S> = self.load(x).bitcast();
                *each = (bits & self.whole(0x7fff_ffff)).max(*each);
            }
        }
        folded(each)
    }

    /// Returns the largest and the smallest element of each of up to sixteen blocks of which none has a NaN.
    #[inline(always)]
    pub(crate) fn ends<const N: usize>(self, blocks: &[[f32; N]]) -> (f32x16<S>, f32x16<S>) {
        // As integers with the order of reals.
        let (mut largest, mut smallest) = ([self.whole(0); LANES], [self.whole(0); LANES]);
        for ((largest, smallest), x) in largest.iter_mut().zip(&mut smallest).zip(blocks) {
            let x = x.as_chunks().0;
            let (mut max, mut min) = (self.load(&x[0]), self.load(&x[0]));
            for x in &x[1..] {
                max = self.load(x).max(max);
                min = self.load(x).min(min);
            }
            (*largest, *smallest) = (ordered(self, max), ordered(self, -min));
        }
        let (largest, smallest) = (folded(largest), folded(smallest));
        (unordered(self, largest), -unordered(self, smallest))
    }

    /// Returns the bits of the f16 nearest to each number, halves to even; none is NaN.
    #[inline(always)]
    pub(crate) fn halves(self, x: f32x16<S>) -> [u16; LANES] {
        let bits: i32x16<S> = x.bitcast();
        let magnitude = bits & self.whole(0x7fff_ffff);
        let odd = (magnitude >> 13) & self.whole(1);
        let normal = (magnitude - self.whole((127 - 15) << 23) + self.whole(0x0fff) + odd) >> 13;
        let raised: i32x16<S> = (magnitude.bitcast::<f32x16<S>>() + 0.5).bitcast();
        let subnormal = raised - self.whole(0.5_f32.to_bits() as i32);
        let finite = magnitude.simd_lt(self.whole((127 - 14) << 23)).select(subnormal, normal);
        let largest = self.whole(65_536.0_f32.to_bits() as i32);
        let half = magnitude.simd_lt(largest).select(finite, self.whole(0x7c00));
        let lanes = <[i32; LANES]>::from(half | ((bits >> 16) & self.whole(0x8000)));
        let mut halves = [0; LANES];
        for (half, lane) in halves.iter_mut().zip(lanes) {
            *half = lane as u16;
        }
        halves
    }

    /// Returns whether all magnitudes, given by their bits, are zero or between 2⁻¹⁰⁰ and 2¹⁰⁰: what is computed of them neither
    /// overflows nor is subnormal.
    #[inline(always)]
    pub(crate) fn are_usual(self, bits: i32x16<S>) -> bool {
        let (low, high) = (self.whole((127 - 100) << 23), self.whole((127 + 100) << 23));
        let odd = (bits.simd_lt(low) & bits.simd_ne(self.whole(0))) | bits.simd_ge(high);
        !odd.any_true()
    }

    /// Returns the bits of reals.
    #[inline(always)]
    pub(crate) fn bits(self, x: f32x16<S>) -> i32x16<S> {
        x.bitcast()
    }

    /// Returns the reals of bits.
    #[inline(always)]
    pub(crate) fn of_bits(self, bits: i32x16<S>) -> f32x16<S> {
        bits.bitcast()
    }

    /// Returns the magnitudes.
    #[inline(always)]
    pub(crate) fn magnitude(self, x: f32x16<S>) -> f32x16<S> {
        x.abs()
    }

    /// Returns the sum of sixteen integers.
    #[inline(always)]
    pub(crate) fn sum(self, x: i32x16<S>) -> i32 {
        x.reduce_sum()
    }

    /// Returns the bits of two numbers from each multiple of `width` on, eight of the first and then eight of the second.
    #[inline(always)]
    pub(crate) fn fields(self, [low, high]: [u32; 2], width: u32) -> i32x16<S> {
        let (mut words, mut shifts) = ([low; LANES], [0; LANES]);
        words[8..].fill(high);
        for (i, shift) in shifts.iter_mut().enumerate() {
            *shift = width * (i as u32 % 8);
        }
        let words: u32x16<S> = words.simd_into(self.0);
        let shifts: u32x16<S> = shifts.simd_into(self.0);
        (words >> shifts).bitcast()
    }

    /// Returns whether a number is zero, of either sign.
    #[inline(always)]
    pub(crate) fn any_zero(self, x: f32x16<S>) -> bool {
        x.simd_eq(self.all(0.0)).any_true()
    }

    /// Returns 1 / x, and 0 of 0.
    #[inline(always)]
    pub(crate) fn reciprocals(self, x: f32x16<S>) -> f32x16<S> {
        x.simd_eq(self.all(0.0)).select(self.all(0.0), self.all(1.0) / x)
    }
}

/// Returns, in lane k, the largest lane of vector k.
#[inline(always)]
fn folded<S: Simd>(mut each: [i32x16<S>; LANES]) -> i32x16<S> {
    for i in 0..8 {
        each[i] = fold(each[2 * i], each[2 * i + 1]);
    }
    for i in 0..4 {
        each[i] = fold(each[2 * i], each[2 * i + 1]);
    }
    let (a, b) = (fold(each[0], each[1]), fold(each[2], each[3]));
    fold(a, b)
}

#[inline(always)]
fn fold<S: Simd>(a: i32x16<S>, b: i32x16<S>) -> i32x16<S> {
    a.unzip_low(b).max(a.unzip_high(b))
}

/// Returns integers in the order of reals that are not NaN.
#[inline(always)]
fn ordered<S: Simd>(v: Sixteen<S>, x: f32x16<S>) -> i32x16<S> {
    let bits: i32x16<S> = x.bitcast();
    bits ^ ((bits >> 31) & v.whole(0x7fff_ffff))
}

#[inline(always)]
fn unordered<S: Simd>(v: Sixteen<S>, bits: i32x16<S>) -> f32x16<S> {
    (bits ^ ((bits >> 31) & v.whole(0x7fff_ffff))).bitcast()
}
