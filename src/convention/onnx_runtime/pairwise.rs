//! Sums of f32 and f64 in the order in which numpy adds.
//!
//! Blocks of at most 128 are added in eight lanes, lane j taking the elements j, j + 8, …; longer runs are halved, at a
//! multiple of 8, and the sums of the halves added. Besides being more exact than one running sum, this is what decides
//! between nearly equal sums there.

use num_traits::Float;

const LANES: usize = 8;
const BLOCK: usize = 128;

/// Returns the sum of the elements.
pub(super) fn sum<T: Float>(values: &[T]) -> T {
    if values.len() > BLOCK {
        let half = values.len() / 2 / LANES * LANES;
        let (low, high) = values.split_at(half);
        return sum(low) + sum(high);
    }
    let (lanes, rest) = values.as_chunks::<LANES>();
    let start = match lanes.split_first() {
        None => T::zero(),
        Some((&first, more)) => {
            let mut r = first;
            for chunk in more {
                for (sum, &x) in r.iter_mut().zip(chunk) {
                    *sum = *sum + x;
                }
            }
            ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
        }
    };
    rest.iter().fold(start, |sum, &x| sum + x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Expected bits: `numpy.sum` 2.4.6 of `1 / (1 + arange(n))` in f32.
    #[test]
    fn sums_have_the_bits_of_numpy() {
        for (n, bits) in EXPECTED {
            let values: Vec<f32> = (0..n).map(|i| 1.0 / (1.0 + i as f32)).collect();
            assert_eq!(sum(&values).to_bits(), bits, "{n} values");
        }
    }

    const EXPECTED: [(usize, u32); 11] = [
        (0, 0x0000_0000),
        (1, 0x3f80_0000),
        (7, 0x4025_f160),
        (8, 0x402d_f160),
        (9, 0x4035_0dd2),
        (127, 0x40ad_9c59),
        (128, 0x40ad_dc58),
        (129, 0x40ae_1bda),
        (300, 0x40c9_0b97),
        (2049, 0x4103_3db7),
        (5000, 0x4111_831c),
    ];
}
