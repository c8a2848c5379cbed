//! Microscaling blocks: the choice of the scale and the codes.
//!
//! # The best scale
//!
//! Of powers of two few can be the best, so that trying them all is exact ([`ScaleRule::Best`]). Let *s* be the smallest one that
//! clips nothing: `s · largest ≥ max|x|`. A larger one is never better: twice an element is an element again, or lies beyond the
//! largest, where no x is nearer to it than to the largest itself; so every point of the grid `2s` that serves some x is a point
//! of the grid `s`, or is no nearer than one. Downwards, what is clipped costs at least `Σ w (|x| − s · largest)²`, which grows as *s*
//! falls: once it reaches the least error so far, no smaller *s* can be better.

use super::element::{LEN, MxElement};
use super::restore::restore;
use super::scale::{BIAS, NAN, scale_value};
use super::scale_rule::ScaleRule;
use crate::block::format::BlockFormat;
use crate::block::layout::Layout;
use crate::kernel::{self, block_codes};

/// Blocks that are coded at a time.
const TOGETHER: usize = 16;

/// A microscaling format with a rule of the scale. Blocks are the scale and then the codes.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockFormat, Mx, MxElement, ScaleRule};
///
/// let format = Mx { element: MxElement::E2M1, rule: ScaleRule::Floor };
/// let mut x = [0.0_f32; 32];
/// (x[0], x[1]) = (6.0, -1.4);
/// let (scale, codes) = format.scale_and_codes(&x, None);
/// assert_eq!((scale, codes[0], codes[1]), (127, 0b0111, 0b1011)); // 2⁰, 6 and −1.5
/// assert_eq!(format.block_bytes(), 17);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mx {
    /// The type of the elements.
    pub element: MxElement,
    /// The rule of the scale.
    pub rule: ScaleRule,
}

impl Mx {
    /// Returns the scale, as E8M0, and the codes of a block, one a byte.
    pub fn scale_and_codes(self, x: &[f32; LEN], importance: Option<&[f32]>) -> (u8, [u8; LEN]) {
        match self.scale_of(x, importance) {
            NAN => (NAN, [0; LEN]),
            e => (e, self.codes(x, e)),
        }
    }

    /// Returns the scale of a block, that of NaN if it has one.
    fn scale_of(self, x: &[f32; LEN], importance: Option<&[f32]>) -> u8 {
        // As integers magnitudes have the order of numbers, and NaN is the largest.
        let max = f32::from_bits(x.iter().fold(0, |max, x| max.max(x.to_bits() & 0x7fff_ffff)));
        let max = match max {
            max if max.is_nan() => return NAN,
            f32::INFINITY => f32::MAX,
            max => max,
        };
        match self.rule {
            ScaleRule::Best => self.best_scale(x, importance, max),
            rule => self.scale(rule, max),
        }
    }

    /// Returns the elements that a scale and codes stand for.
    pub fn restore(self, e: u8, codes: &[u8; LEN]) -> [f32; LEN] {
        codes.map(|code| self.element.value(code) * scale_value(e))
    }

    /// Returns the scale for a largest magnitude by a rule that looks at nothing else.
    fn scale(self, rule: ScaleRule, max: f32) -> u8 {
        let (largest, fraction) = self.element.exponent();
        let exponent = |bits: u32| (bits >> 23) as i32 - BIAS;
        let bits = max.to_bits();
        let unbiased = match rule {
            ScaleRule::Floor => exponent(bits) - largest,
            ScaleRule::Ceil => exponent(bits) + i32::from(bits & 0x007f_ffff != 0) - largest,
            ScaleRule::Even => exponent(bits + (1 << (22 - fraction))) - largest,
            ScaleRule::RCeil | ScaleRule::Best => {
                let quotient = (max / self.element.largest()).to_bits();
                exponent(quotient) + i32::from(quotient & 0x007f_ffff != 0)
            }
        };
        (unbiased + BIAS).clamp(0, 254) as u8
    }

    /// Returns what elements are multiplied with. The reciprocal of a scale is exact; of 2⁻¹²⁷, which f32 cannot divide by without loss
    /// elsewhere, it is that of the smallest normal number.
    fn factor(e: u8) -> f32 {
        1.0 / scale_value(e.max(1))
    }

    fn codes(self, x: &[f32; LEN], e: u8) -> [u8; LEN] {
        let inverse = Self::factor(e);
        x.map(|x| self.element.code(x * inverse))
    }

    fn error(self, x: &[f32; LEN], importance: Option<&[f32]>, e: u8) -> f64 {
        let codes = self.codes(x, e);
        weighted(x, importance, |i, x| x - f64::from(self.element.value(codes[i]) * scale_value(e)))
    }

    /// Returns the scale of least error: of all, though few are tried. See the proof at the top of the file.
    fn best_scale(self, x: &[f32; LEN], importance: Option<&[f32]>, max: f32) -> u8 {
        let first = self.scale(ScaleRule::RCeil, max);
        let mut best = (self.error(x, importance, first), first);
        for e in (0..first).rev() {
            let end = f64::from(self.element.largest()) * f64::from(scale_value(e));
            let clipped = weighted(x, importance, |_, x| (x.abs() - end).max(0.0));
            if clipped >= best.0 {
                break;
            }
            let error = self.error(x, importance, e);
            if error < best.0 {
                best = (error, e);
            }
        }
        best.1
    }

    fn pack(self, codes: &[u8; LEN], out: &mut [u8]) {
        match self.element.bits() {
            4 => out.iter_mut().zip(codes.as_chunks::<2>().0).for_each(|(out, [a, b])| *out = a | b << 4),
            6 => {
                for (out, [a, b, c, d]) in out.as_chunks_mut::<3>().0.iter_mut().zip(codes.as_chunks::<4>().0) {
                    *out = [a | b << 6, b >> 2 | c << 4, c >> 4 | d << 2];
                }
            }
            _ => out.copy_from_slice(codes),
        }
    }
}

/// Returns the weighted sum of the squares of something of each element.
fn weighted(x: &[f32; LEN], importance: Option<&[f32]>, error: impl Fn(usize, f64) -> f64) -> f64 {
    x.iter().enumerate().fold(0.0, |sum, (i, &x)| {
        let error = error(i, f64::from(x));
        sum + importance.map_or(1.0, |w| f64::from(w[i])) * error * error
    })
}

impl BlockFormat for Mx {
    fn block_len(&self) -> usize {
        LEN
    }

    fn block_bytes(&self) -> usize {
        1 + LEN * self.element.bits() / 8
    }

    fn quantize_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        let (size, float) = (self.block_bytes(), self.element.small_float());
        let (mut scales, mut factors, mut codes) = ([0; TOGETHER], [0.0; TOGETHER], [0; TOGETHER * LEN]);
        let tiles = x.chunks(TOGETHER * LEN).zip(out.chunks_mut(TOGETHER * size));
        for (i, (x, out)) in tiles.enumerate() {
            let (blocks, mut finite) = (x.as_chunks::<LEN>().0, true);
            for (k, x) in blocks.iter().enumerate() {
                let start = (i * TOGETHER + k) * LEN;
                scales[k] = self.scale_of(x, importance.map(|w| &w[start..start + LEN]));
                factors[k] = Self::factor(scales[k]);
                finite &= scales[k] != NAN;
            }
            if finite {
                block_codes(kernel::detect(), x, &factors, float, &mut codes[..x.len()]);
            } else {
                for (codes, (x, e)) in codes.as_chunks_mut::<LEN>().0.iter_mut().zip(blocks.iter().zip(scales)) {
                    *codes = if e == NAN { [0; LEN] } else { self.codes(x, e) };
                }
            }
            for (k, out) in out.chunks_exact_mut(size).enumerate() {
                out[0] = scales[k];
                self.pack(&codes.as_chunks().0[k], &mut out[1..]);
            }
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        restore(self.element, bytes, out);
    }

    fn best_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        Self { rule: ScaleRule::Best, ..*self }.quantize_row(x, importance, out);
    }
}

macro_rules! layouts {
    ($($name:ident, $label:literal, $element:ident;)*) => {$(
        pub(crate) const $name: Layout = {
            const FORMAT: Mx = Mx { element: MxElement::$element, rule: ScaleRule::Floor };
            Layout {
                name: $label,
                len: LEN,
                bytes: 1 + LEN * MxElement::$element.bits() / 8,
                id: None,
                quantize: Some(|x, importance, out| FORMAT.quantize_row(x, importance, out)),
                dequantize: |bytes, out| FORMAT.dequantize_row(bytes, out),
                best: Some(|x, importance, out| FORMAT.best_row(x, importance, out)),
            }
        };
    )*};
}

layouts! {
    MXFP8_E4M3, "mxfp8_e4m3", E4M3;
    MXFP8_E5M2, "mxfp8_e5m2", E5M2;
    MXFP6_E2M3, "mxfp6_e2m3", E2M3;
    MXFP6_E3M2, "mxfp6_e3m2", E3M2;
    MXFP4_E2M1, "mxfp4_e2m1", E2M1;
    MXINT8, "mxint8", Int8;
}

const _: () = assert!(
    MXFP8_E4M3.bytes == 33 && MXFP8_E5M2.bytes == 33 && MXINT8.bytes == 33,
    "a scale of a byte and 32 codes of 8 bits"
);
const _: () = assert!(MXFP6_E2M3.bytes == 25 && MXFP6_E3M2.bytes == 25, "a scale of a byte and 32 codes of 6 bits");
const _: () = assert!(MXFP4_E2M1.bytes == 17, "a scale of a byte and 32 codes of 4 bits");
