//! Scales of blocks, quantized themselves: the "double quantization" of bitsandbytes.
//!
//! ```text
//! s ≈ t · v[code] + m        m the mean of all scales, t = max|s − m| of 256 of them, v 256 values in −1..=1
//! ```
//!
//! The 256 values are the "dynamic map" of Dettmers, "8-Bit Approximations for Parallelism in Deep Learning", 2015: seven decades, the
//! k-th with 2ᵏ evenly spaced values of each sign, and 0 and 1. A scale takes 8.125 bits instead of 32: NF4 with it 4.127 bits a weight
//! instead of 4.5 (`QLoRA`, Dettmers et al., 2023). bitsandbytes stores the parts as `absmax`, `nested_absmax`, `nested_quant_map`
//! and `nested_offset`.

use super::codebook::Codebook;
use crate::error::{Error, Result};
use alloc::vec::Vec;

/// Scales that share a scale.
const LEN: usize = 256;

/// Scales of blocks as codes of a byte.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::NestedScales;
///
/// let scales: Vec<f32> = (0..600).map(|i| 0.05 + 0.01 * (i as f32).sin()).collect();
/// let nested = NestedScales::quantize(&scales)?;
/// assert_eq!((nested.codes.len(), nested.absmax.len()), (600, 3));
/// assert!(nested.restore().iter().zip(&scales).all(|(y, x)| (x - y).abs() < 0.0002));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NestedScales {
    /// The places of the values, one a scale: bitsandbytes' `absmax`.
    pub codes: Vec<u8>,
    /// The scales of 256 scales each: `nested_absmax`.
    pub absmax: Vec<f32>,
    /// The mean of all scales: `nested_offset`.
    pub offset: f32,
}

impl NestedScales {
    /// Returns the codes of scales.
    ///
    /// # Errors
    ///
    /// [`Error::NotANumber`] with the first that is not finite.
    pub fn quantize(scales: &[f32]) -> Result<Self> {
        if let Some(i) = scales.iter().position(|scale| !scale.is_finite()) {
            return Err(Error::NotANumber { index: alloc::vec![i] });
        }
        let mean = scales.iter().map(|scale| f64::from(*scale)).sum::<f64>() / scales.len().max(1) as f64;
        let offset = mean as f32;
        let codebook = Codebook::new(&dynamic_map())?;
        let (mut codes, mut absmax) = (Vec::with_capacity(scales.len()), Vec::new());
        for scales in scales.chunks(LEN) {
            let max = scales.iter().fold(0.0_f32, |max, scale| max.max((scale - offset).abs()));
            let inverse = if max > 0.0 { 1.0 / max } else { 0.0 };
            codes.extend(scales.iter().map(|scale| codebook.code((scale - offset) * inverse)));
            absmax.push(max);
        }
        Ok(Self { codes, absmax, offset })
    }

    /// Returns the scales that codes stand for.
    pub fn restore(&self) -> Vec<f32> {
        let map = dynamic_map();
        let of = |(codes, absmax): (&[u8], &f32)| {
            let absmax = *absmax;
            codes.iter().map(move |code| map[usize::from(*code)] * absmax + self.offset).collect::<Vec<_>>()
        };
        self.codes.chunks(LEN).zip(&self.absmax).flat_map(of).collect()
    }
}

/// Returns the 256 values of bitsandbytes' dynamic map, ascending: `nested_quant_map`.
pub fn dynamic_map() -> [f32; 256] {
    let mut map = [0.0; 256];
    let mut at = 0;
    for k in 0..7 {
        let count = 1 << k;
        let decade = (1..7 - k).fold(1.0_f64, |decade, _| decade / 10.0);
        for i in 0..count {
            // The middle between two neighbours of 2ᵏ + 1 values from 0.1 to 1.
            let low = 0.1 + 0.9 * f64::from(i) / f64::from(count);
            let value = (decade * (low + 0.45 / f64::from(count))) as f32;
            (map[at], map[at + 1]) = (value, -value);
            at += 2;
        }
    }
    (map[at], map[at + 1]) = (0.0, 1.0);
    map.sort_by(f32::total_cmp);
    map
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::excessive_precision, reason = "as they stand in files")]
    fn the_map_is_the_published_one() {
        let map = dynamic_map();
        assert!(map.windows(2).all(|pair| pair[0] < pair[1]));
        // As they stand in the sources and in files.
        for (place, value) in [
            (0, -0.992_968_75),
            (1, -0.978_906_25),
            (63, -0.107_031_25),
            (64, -0.098_593_75),
            (126, -5.5e-7),
            (127, 0.0),
            (128, 5.5e-7),
            (129, 3.25e-6),
            (130, 7.75e-6),
            (191, 0.107_031_25),
            (254, 0.992_968_75),
            (255, 1.0),
        ] {
            assert!((map[place] - value).abs() <= value.abs() * 1e-6, "{place}: {} {value}", map[place]);
        }
    }

    #[test]
    fn scales_are_restored_and_odd_ones_are_not_lost() {
        let scales: Vec<f32> = (0..1000_u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8) as f32 * 1e-9 + 0.01).collect();
        let nested = NestedScales::quantize(&scales).unwrap();
        let restored = nested.restore();
        assert_eq!(restored.len(), scales.len());
        let widest = nested.absmax.iter().fold(0.0_f32, |widest, absmax| widest.max(*absmax));
        assert!(restored.iter().zip(&scales).all(|(y, x)| (x - y).abs() <= 0.0073 * widest));
        assert_eq!(NestedScales::quantize(&[0.25; 300]).unwrap().restore(), [0.25; 300]);
        assert!(NestedScales::quantize(&[]).unwrap().restore().is_empty());
        assert!(NestedScales::quantize(&[1.0, f32::NAN]).unwrap_err().to_string().contains("[1]"));
    }
}
