//! What pairs of original and restored values sum to.

/// Sums over pairs of an original x and a restored y, with d = x − y.
///
/// Pairs in which either is not finite are counted and left out of everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorSums {
    /// Pairs seen.
    pub count: u64,
    /// Pairs in which x or y is NaN or infinite.
    pub non_finite: u64,
    /// Σ d.
    pub d: f64,
    /// Σ |d|.
    pub d_abs: f64,
    /// Σ d².
    pub d2: f64,
    /// Σ x².
    pub x2: f64,
    /// Σ y².
    pub y2: f64,
    /// Σ x·y.
    pub xy: f64,
    /// The largest |d|.
    pub max_abs_d: f64,
    /// The index of the first pair with that |d|; 0 if no pair is finite. Pairs that are not finite are counted, and have no |d|.
    pub max_abs_d_index: u64,
    /// The smallest x; 0 if there is none.
    pub x_min: f32,
    /// The largest x; 0 if there is none.
    pub x_max: f32,
}

impl ErrorSums {
    /// Returns the number of pairs that the sums are over.
    pub fn finite(&self) -> u64 {
        self.count - self.non_finite
    }

    /// Returns the sums over the values of `self`, followed by those of `next`.
    ///
    /// Exact for counts and extremes; sums of floats are rounded, so the order is part of the result.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        let larger = next.max_abs_d > self.max_abs_d || self.finite() == 0;
        let (x_min, x_max) = match (self.finite(), next.finite()) {
            (_, 0) => (self.x_min, self.x_max),
            (0, _) => (next.x_min, next.x_max),
            _ => (self.x_min.min(next.x_min), self.x_max.max(next.x_max)),
        };
        Self {
            count: self.count + next.count,
            non_finite: self.non_finite + next.non_finite,
            d: self.d + next.d,
            d_abs: self.d_abs + next.d_abs,
            d2: self.d2 + next.d2,
            x2: self.x2 + next.x2,
            y2: self.y2 + next.y2,
            xy: self.xy + next.xy,
            max_abs_d: if larger { next.max_abs_d } else { self.max_abs_d },
            max_abs_d_index: if larger { self.count + next.max_abs_d_index } else { self.max_abs_d_index },
            x_min,
            x_max,
        }
    }
}
