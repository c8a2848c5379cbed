//! Noise in place of data.

use super::numbers::{of_integers, shaped};
use tensor_quant::calibration::{Array, Endpoint};
use tensor_quant::graph::ElementType;

/// Random numbers that a seed determines (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from −1 up to 1.
    fn real(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Returns noise of an input's shape, 1 where any length will do: reals evenly from −1 up to 1, codes evenly over all of their type, truths, and
/// for other integers 0 and 1, which any table has.
pub(super) fn noise(input: &Endpoint, sample: usize, place: usize) -> Result<Array, String> {
    let shape: Vec<usize> = input.shape.iter().flatten().map(|len| len.unwrap_or(1)).collect();
    let len = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)).filter(|&len| len <= 1 << 28);
    let len = len.ok_or_else(|| format!("its shape {shape:?} has too many elements"))?;
    let mut random = SplitMix((sample as u64) << 8 | place as u64);
    if input.element_type.is_float() {
        return Ok(Array::F32(shaped(&shape, (0..len).map(|_| random.real()).collect())?));
    }
    let (from, codes) = match (input.element_type, input.quantization) {
        (ElementType::I8, Some(_)) => (-128, 256),
        (ElementType::U8, Some(_)) => (0, 256),
        (ElementType::I16, Some(_)) => (-32768, 65536),
        _ => (0, 2),
    };
    let integers: Vec<i64> = (0..len).map(|_| from + ((random.next() >> 32) % codes) as i64).collect();
    of_integers(&integers, input.element_type, &shape)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_each_time_and_within_its_bounds() {
        let input = Endpoint::new("x", ElementType::F32, Some(vec![None, Some(1000)]));
        let first = noise(&input, 0, 0).unwrap();
        assert_eq!(first, noise(&input, 0, 0).unwrap());
        assert!(first != noise(&input, 1, 0).unwrap() && first != noise(&input, 0, 1).unwrap());
        let reals = first.to_f32();
        assert_eq!(reals.shape(), [1, 1000]);
        assert!(reals.iter().all(|x| (-1.0..1.0).contains(x)) && reals.mean().unwrap().abs() < 0.1);
        let mut codes = Endpoint::new("x", ElementType::I8, Some(vec![Some(1000)]));
        assert!(noise(&codes, 0, 0).unwrap().to_f32().iter().all(|&x| x == 0.0 || x == 1.0));
        codes.quantization = Some((0.1, 3));
        let codes = noise(&codes, 0, 0).unwrap().to_f32();
        assert!(codes.iter().any(|&x| x < -100.0) && codes.iter().any(|&x| x > 100.0));
        let huge = Endpoint::new("x", ElementType::F32, Some(vec![Some(usize::MAX), Some(2)]));
        assert!(noise(&huge, 0, 0).is_err());
        let text = Endpoint::new("x", ElementType::String, Some(vec![Some(2)]));
        assert!(noise(&text, 0, 0).is_err());
    }
}
