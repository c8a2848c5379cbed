//! Codes that are chosen for their bits, too: what counts on the wire is a file's entropy.
//!
//! A code costs −log₂ of its share of all codes of the tensor, which is about what a deflated file spends on it. A code is chosen where
//!
//! ```text
//! (missed / s)² · dⱼ / mean(d) + λ · bits(q)
//! ```
//!
//! is least: the error in units of the step, weighed as eᵀHe weighs it, plus λ times the bits. Rounding with feedback makes good of the rest.
//! Shares are those of the codes chosen the last time, so that it takes a few rounds.

use super::codes::Codes;

/// What a code of a tensor costs, besides its error.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    min: f64,
    /// λ · bits of each code from the smallest on.
    prices: Vec<f64>,
    /// The mean of dⱼ.
    unit: f64,
}

/// How often each code was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    min: f64,
    counts: Vec<u64>,
}

impl Shares {
    /// Returns those of no codes yet.
    pub(crate) fn new(codes: Codes) -> Self {
        Self { min: codes.min, counts: vec![0; (codes.max - codes.min) as usize + 1] }
    }

    /// Takes note of codes.
    pub(crate) fn add(&mut self, codes: &[f64]) {
        for code in codes {
            if let Some(count) = self.counts.get_mut((code - self.min) as usize) {
                *count += 1;
            }
        }
    }

    /// Returns prices of λ a bit; `unit` is the mean of dⱼ.
    pub(crate) fn priced(&self, lambda: f64, unit: f64) -> Rate {
        // Half a code more of each: one that was not chosen yet has its price, too.
        let all = self.counts.iter().sum::<u64>() as f64 + 0.5 * self.counts.len() as f64;
        let prices = self.counts.iter().map(|&count| lambda * (all / (count as f64 + 0.5)).log2()).collect();
        Rate { min: self.min, prices, unit }
    }
}

impl Rate {
    /// Returns prices where an error counts so many times as much.
    pub(crate) fn weighed(&self, weight: f64) -> Self {
        Self { unit: self.unit / weight, ..self.clone() }
    }

    /// Returns the code to be chosen for `t`, in units of the scale, whose error is weighed by `pivot`.
    pub(crate) fn choose(&self, codes: Codes, t: f64, pivot: f64) -> f64 {
        let weight = pivot / self.unit;
        let cost = |q: f64| {
            let price = self.prices.get((q - self.min) as usize).copied().unwrap_or(f64::INFINITY);
            (t - q) * (t - q) * weight + price
        };
        let nearest = codes.nearest(t);
        let towards_zero = nearest - nearest.signum();
        let further = towards_zero - nearest.signum();
        let mut best = (cost(nearest), nearest);
        if nearest != 0.0 {
            for q in [towards_zero, further, 0.0] {
                // Beyond zero there is nothing to be had.
                if q * nearest >= 0.0 && cost(q) < best.0 {
                    best = (cost(q), q);
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_codes_are_dear_and_without_a_price_the_nearest_is_chosen() {
        let codes = Codes { min: -7.0, max: 7.0 };
        let mut shares = Shares::new(codes);
        shares.add(&[0.0; 90]);
        shares.add(&[1.0; 9]);
        shares.add(&[2.0]);
        let (dear, free) = (shares.priced(0.05, 1.0), shares.priced(0.0, 1.0));
        for t in [-9.0, -1.4, -0.4, 0.0, 0.49, 0.7, 1.51, 6.8, 99.0] {
            assert_eq!(free.choose(codes, t, 1.0), codes.nearest(t));
        }
        assert_eq!((dear.choose(codes, 0.55, 1.0), dear.choose(codes, 1.55, 1.0)), (0.0, 1.0));
        // 2 costs .13 more than 1: at 1.6 its error is .2 less.
        assert_eq!(dear.choose(codes, 1.6, 1.0), 2.0);
        // An error that counts a hundred times more is not traded for bits.
        assert_eq!((dear.choose(codes, 0.55, 100.0), dear.choose(codes, 1.55, 100.0)), (1.0, 2.0));
        assert_eq!(dear.choose(codes, -0.55, 1.0), 0.0);
    }
}
