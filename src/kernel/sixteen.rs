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
use super::level::is_avx2;
use super::level::is_avx512;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::sixteen as x86;
use crate::num::{MAGIC, SmallFloat, f16_bits_to_f32};
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

#[expect(clippy::unused_self, reason = "what is done to vectors stands in one place, at one SIMD level")]
impl<S: Simd> Sixteen<S> {
    /// Whether [`lookup`](Self::lookup) is one instruction: a list of what sixteen codes stand for is then less than computing it.
    pub(crate) const LOOKS_UP: bool = is_avx512::<S>();

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

    /// Returns the integers of 32 bytes.
    #[inline(always)]
    pub(crate) fn pair_of_u8(self, bytes: &[u8; 2 * LANES]) -> [i32x16<S>; 2] {
        let bytes = bytes.as_chunks().0;
        [self.of_u8(&bytes[0]), self.of_u8(&bytes[1])]
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

    /// Returns the numbers of a list of eight, twice, whose places the low three bits of integers are; of all sixteen the low four, where
    /// that is one instruction.
    #[inline(always)]
    pub(super) fn lookup_of_eight(self, list: f32x16<S>, places: i32x16<S>) -> f32x16<S> {
        let (list, places) = (<[f32; LANES]>::from(list), <[i32; LANES]>::from(places));
        on_x86!(self.0, lookup_avx512, lookup_of_eight_avx2, |own| (list.simd_into(own), places.simd_into(own)));
        let mut out = [0.0; LANES];
        for (out, place) in out.iter_mut().zip(places) {
            *out = list[(place & 7) as usize];
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

    /// Returns the codes of a small float nearest to numbers that are not NaN, halves to even, saturated.
    #[inline(always)]
    pub(super) fn small_float(self, x: f32x16<S>, float: SmallFloat) -> i32x16<S> {
        let largest = self.all(float.max as f32);
        let magnitude = x.abs();
        let magnitude = magnitude.simd_gt(largest).select(largest, magnitude);
        let bits: i32x16<S> = magnitude.bitcast();
        let odd = (bits >> float.dropped) & self.whole(1);
        let below_half = self.whole((1 << (float.dropped - 1)) - 1 - float.rebias);
        let normal = (bits + below_half + odd) >> float.dropped;
        let raised: i32x16<S> = (magnitude + self.of_bits(self.whole(float.base))).bitcast();
        let code = bits.simd_lt(self.whole(float.smallest_normal)).select(raised - self.whole(float.base), normal);
        let sign = self.bits(x).simd_lt(self.whole(0)).select(self.whole(i32::from(float.sign as u8)), self.whole(0));
        code | sign
    }

    /// Returns the numbers that codes of a small float stand for.
    #[inline(always)]
    pub(super) fn of_small_float(self, codes: i32x16<S>, float: SmallFloat) -> f32x16<S> {
        let magnitude = codes & self.whole(float.magnitude as i32);
        let normal = self.of_bits((magnitude << float.dropped) + self.whole(float.rebias));
        let smallest = self.of_bits(self.whole(float.smallest_normal - ((23 - float.dropped as i32) << 23)));
        let is_subnormal = magnitude.simd_lt(self.whole(1 << (23 - float.dropped)));
        let value = is_subnormal.select(self.reals(magnitude) * smallest, normal);
        let is_infinite = magnitude.simd_eq(self.whole(float.infinity as i32));
        let value = is_infinite.select(self.all(f32::INFINITY), value);
        let is_nan =
            magnitude.simd_ge(self.whole(float.first_nan as i32)) | codes.simd_eq(self.whole(float.nan_code as i32));
        let value = is_nan.select(self.all(f32::NAN), value);
        codes.simd_gt(magnitude).select(-value, value)
    }

    /// Returns the whole numbers nearest to those that are not NaN, halves to even, of magnitudes up to a limit below 2²².
    #[inline(always)]
    pub(super) fn whole_between(self, x: f32x16<S>, limit: f32) -> i32x16<S> {
        let x = x.simd_gt(self.all(limit)).select(self.all(limit), x);
        let x = x.simd_lt(self.all(-limit)).select(self.all(-limit), x);
        let shifted: i32x16<S> = (x + MAGIC).bitcast();
        shifted - self.whole(MAGIC.to_bits() as i32)
    }

    /// Returns which of two numbers has the larger magnitude, +0 of zeros; and where a positive and a negative one have the same.
    #[inline(always)]
    pub(crate) fn farther(self, max: f32x16<S>, min: f32x16<S>) -> (f32x16<S>, u16) {
        let (zero, sum) = (self.all(0.0), max + min);
        let largest = sum.simd_lt(zero).select(min, max);
        let nothing = largest.simd_eq(zero);
        let equal = sum.simd_eq(zero) & !nothing;
        (nothing.select(zero, largest), equal.to_bitmask() as u16)
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

    /// Returns eight times one number and eight times another, each shifted to the right by its own number of bits.
    #[inline(always)]
    pub(crate) fn shifted(self, [low, high]: [u32; 2], shifts: [u32; LANES]) -> i32x16<S> {
        let mut words = [low; LANES];
        words[8..].fill(high);
        self.shifted_each(words, shifts)
    }

    /// Returns sixteen numbers, each shifted to the right by its own number of bits.
    #[inline(always)]
    pub(crate) fn shifted_each(self, words: [u32; LANES], shifts: [u32; LANES]) -> i32x16<S> {
        let words: u32x16<S> = words.simd_into(self.0);
        let shifts: u32x16<S> = shifts.simd_into(self.0);
        (words >> shifts).bitcast()
    }

    /// Returns the bits of two numbers from each multiple of `width` on, eight of the first and then eight of the second.
    #[inline(always)]
    pub(crate) fn fields(self, words: [u32; 2], width: u32) -> i32x16<S> {
        let mut shifts = [0; LANES];
        for (i, shift) in shifts.iter_mut().enumerate() {
            *shift = width * (i as u32 % 8);
        }
        self.shifted(words, shifts)
    }

    /// Returns the low nibbles of eight bytes, then the high ones, maybe with something above them.
    #[inline(always)]
    pub(crate) fn nibbles(self, bytes: [u8; LANES / 2]) -> i32x16<S> {
        let mut twice = [0; LANES];
        twice[..8].copy_from_slice(&bytes);
        twice[8..].copy_from_slice(&bytes);
        let twice = self.of_u8(&twice);
        self.choose(0xff00, twice >> 4, twice)
    }

    /// Returns the value of the f16 at a place of some bytes, sixteen times. Of one number the CPU leaves the rest of the register as the
    /// block before had it, and so waits for that.
    #[inline(always)]
    pub(crate) fn all_half(self, bytes: &[u8], at: usize) -> f32x16<S> {
        let bits = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        on_x86!(self.0, all_half_avx512, all_half_avx2, |own| (bits));
        self.all(f16_bits_to_f32(bits))
    }

    /// Returns the value of the f16 at a place of some bytes.
    #[inline(always)]
    pub(crate) fn half(self, bytes: &[u8], at: usize) -> f32 {
        let bits = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if const { is_avx512::<S>() }
                && let Level::Avx512(own) = self.0.level()
            {
                return x86::half_avx512(own, bits);
            }
            if const { is_avx2::<S>() }
                && let Level::Avx2(own) = self.0.level()
            {
                return x86::half_avx2(own, bits);
            }
        }
        f16_bits_to_f32(bits)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::level::dispatch;
    use crate::kernel::levels;
    use crate::num::f16_bits_from_f32;

    fn number(i: u32) -> u32 {
        (i ^ 0x55aa).wrapping_mul(0x9e37_79b9).rotate_left(i % 31).wrapping_mul(0x85eb_ca6b)
    }

    #[inline(always)]
    fn bytes_and_places<S: Simd>(v: Sixteen<S>, round: u32) {
        let (mut bytes, mut reals) = ([0_u8; LANES], [0.0_f32; LANES]);
        for i in 0..LANES {
            (bytes[i], reals[i]) = (number(round * 32 + i as u32) as u8, i as f32 - 3.5);
        }
        let unsigned = <[i32; LANES]>::from(v.of_u8(&bytes));
        let signed = <[i32; LANES]>::from(v.of_i8(&bytes));
        let found = <[f32; LANES]>::from(v.lookup(v.load(&reals), v.of_u8(&bytes)));
        let tested = v.test(v.of_u8(&bytes), 4);
        let chosen = <[i32; LANES]>::from(v.choose(tested, v.whole(7), v.whole(9)));
        let nibbles = <[i32; LANES]>::from(v.nibbles([0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb, 0xed, 0x0f]));
        for i in 0..LANES {
            assert_eq!((unsigned[i], signed[i]), (bytes[i].into(), i32::from(bytes[i] as i8)));
            assert_eq!(found[i], reals[usize::from(bytes[i] & 15)]);
            assert_eq!((tested >> i & 1 == 1, chosen[i] == 7), (bytes[i] & 4 != 0, bytes[i] & 4 != 0));
            assert_eq!(nibbles[i] & 15, (i as i32 % 8 * 2 + 1 + i as i32 / 8) & 15);
        }
        assert_eq!((v.bytes(v.of_u8(&bytes)), v.bytes(v.of_i8(&bytes))), (bytes, bytes));
    }

    #[inline(always)]
    fn halves<S: Simd>(v: Sixteen<S>, round: u32) {
        let mut x = [0.0_f32; LANES];
        for (i, x) in x.iter_mut().enumerate() {
            let bits = number(round * 32 + i as u32);
            // About the range of f16, ties and subnormal numbers among them.
            let bits = if round.is_multiple_of(3) { bits & !0xfff } else { bits };
            *x = f32::from_bits(bits & 0x807f_ffff | (100 + (bits >> 23) % 45) << 23);
        }
        for (half, x) in v.halves(v.load(&x)).into_iter().zip(x) {
            assert_eq!(half, f16_bits_from_f32(x), "{x}");
        }
        let bits = number(round) as u16;
        let (own, want) = (v.half(&bits.to_le_bytes(), 0), f16_bits_to_f32(bits));
        assert!(own.to_bits() == want.to_bits() || (own.is_nan() && want.is_nan()), "{bits:#x}");
    }

    #[inline(always)]
    fn blocks<S: Simd>(v: Sixteen<S>, round: u32) {
        let mut x = [[0.0_f32; 32]; 13];
        for (i, x) in x.as_flattened_mut().iter_mut().enumerate() {
            *x = (number(round * 512 + i as u32) as i32 >> 8) as f32 * 1e-3;
        }
        x[3] = [-0.0; 32];
        let magnitudes = <[f32; LANES]>::from(v.of_bits(v.magnitudes(&x)));
        let (max, min) = v.ends(&x);
        let (max, min) = (<[f32; LANES]>::from(max), <[f32; LANES]>::from(min));
        for (k, x) in x.iter().enumerate() {
            let wanted = x.iter().fold((f32::MIN, f32::MAX), |(max, min), x| (max.max(*x), min.min(*x)));
            assert_eq!((max[k], min[k]), wanted);
            assert_eq!(magnitudes[k], wanted.0.max(-wanted.1));
        }
        assert!(v.are_usual(v.magnitudes(&x)));
        for odd in [f32::NAN, f32::INFINITY, 1e-40] {
            x[5] = [odd; 32];
            assert!(!v.are_usual(v.magnitudes(&x)), "{odd}");
        }
    }

    #[test]
    fn every_level_gives_what_single_numbers_give() {
        for level in levels() {
            for round in 0..200 {
                dispatch!(level, simd => bytes_and_places(Sixteen(simd), round));
                dispatch!(level, simd => halves(Sixteen(simd), round));
                dispatch!(level, simd => blocks(Sixteen(simd), round));
            }
        }
    }

    #[test]
    fn halves_of_whole_numbers_go_away_from_zero() {
        let x: [f32; LANES] = [
            0.5,
            -0.5,
            1.5,
            -1.5,
            2.5,
            -2.5,
            0.499_999_97,
            -0.499_999_97,
            126.5,
            -126.5,
            3.0,
            -3.0,
            0.0,
            -0.0,
            7.49,
            -7.51,
        ];
        for level in levels() {
            let got = dispatch!(level, simd => <[i32; LANES]>::from(Sixteen(simd).half_away(Sixteen(simd).load(&x))));
            assert_eq!(got, [1, -1, 2, -2, 3, -3, 0, 0, 127, -127, 3, -3, 0, 0, 7, -8], "{level:?}");
        }
    }
}
