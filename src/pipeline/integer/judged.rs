//! What a candidate's outputs lose, and whether that is less than another's.

/// How much smaller, as a share, the noise of a better variant is: less may be chance.
const MARGIN: f64 = 0.01;
/// By how many standard errors of the difference it is smaller.
const SURE: f64 = 0.25;
/// By how many standard errors a candidate that is judged no further is worse, and by which share.
const HOPELESS: (f64, f64) = (2.5, 0.25);

/// What a candidate's outputs lose.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    /// Of each output the squares of what the float model gives, of the errors, and of those that are expected on other samples.
    pub(super) sums: Vec<[f64; 3]>,
    /// What is expected to be lost of each sample, as a share of the mean power of an output, summed over the outputs.
    pub(super) losses: Vec<f64>,
}

impl Judged {
    /// Returns the SQNR of the worst output on the judging samples, in dB; ∞ if nothing is lost.
    pub(crate) fn measured_db(&self) -> f64 {
        self.sums.iter().map(|[signal, noise, _]| db(*signal, *noise)).fold(f64::INFINITY, f64::min)
    }

    /// Returns what it is expected to be on others, in dB.
    pub(crate) fn expected_db(&self) -> f64 {
        self.sums.iter().map(|[signal, _, noise]| db(*signal, *noise)).fold(f64::INFINITY, f64::min)
    }

    /// Takes note of what was lost on other samples.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sums.resize(self.sums.len().max(other.sums.len()), [0.0; 3]);
        for (sum, other) in self.sums.iter_mut().flatten().zip(other.sums.iter().flatten()) {
            *sum += other;
        }
        self.losses.extend_from_slice(&other.losses);
    }

    /// Returns what is expected to be lost of each sample.
    pub(crate) fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Makes of what was judged on some samples what that comes to on all of them, if it loses beside `best` what it does on these.
    pub(crate) fn extrapolate(&mut self, best: &Self) {
        let of_best: f64 = best.losses.iter().zip(&self.losses).map(|(loss, _)| loss).sum();
        let ratio = self.losses.iter().sum::<f64>() / of_best.max(f64::MIN_POSITIVE);
        self.sums = best.sums.iter().map(|[signal, a, b]| [*signal, a * ratio, b * ratio]).collect();
    }

    /// Returns on how many samples it was judged.
    pub(crate) fn samples(&self) -> usize {
        self.losses.len()
    }

    /// Returns the mean loss of a sample.
    pub(crate) fn noise(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64
    }

    /// Returns whether a variant loses less, by more than chance: sample by sample, as one sample may lose many times what another does.
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        self.is_better_by(MARGIN, other)
    }

    /// Returns whether a variant loses less by a share, and by more than chance.
    pub(crate) fn is_better_by(&self, share: f64, other: &Self) -> bool {
        if self.losses.len() < other.losses.len() {
            return false;
        }
        let (mean, error) = difference(&self.losses, &other.losses);
        mean < -share * other.noise() && mean + SURE * error < 0.0
    }
}

/// Returns the mean of paired differences, and its standard error.
fn difference(a: &[f64], b: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let count = differences.len().max(1) as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}

/// Returns whether a candidate loses so much more of some samples than the best one that it need not see the others.
pub(super) fn is_hopeless(so_far: &[f64], best: &[f64]) -> bool {
    let best = best.get(..so_far.len()).unwrap_or_default();
    let (mean, error) = difference(so_far, best);
    let of_best = best.iter().sum::<f64>() / best.len().max(1) as f64;
    !best.is_empty() && best.len() == so_far.len() && mean > HOPELESS.0 * error && mean > HOPELESS.1 * of_best
}

fn db(signal: f64, noise: f64) -> f64 {
    match noise {
        0.0 => f64::INFINITY,
        noise if noise.is_finite() => 10.0 * (signal / noise).log10(),
        _ => f64::NEG_INFINITY,
    }
}
