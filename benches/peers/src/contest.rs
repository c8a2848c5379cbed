//! One operation, and who takes part in it.

use crate::turns::fastest;

/// How many elements.
pub(crate) const SIZES: [(usize, &str); 3] = [(4 << 10, "4 Ki"), (64 << 10, "64 Ki"), (1 << 20, "1 Mi")];
const ROUNDS: usize = 40;

/// A contestant, given a number of elements.
pub(crate) type Contestant = (&'static str, Box<dyn Fn(usize) -> Box<dyn FnMut()>>);

/// One operation; the first contestant is tensor-quant.
pub(crate) struct Contest {
    pub(crate) operation: &'static str,
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) sizes: &'static [(usize, &'static str)],
}

impl Contest {
    /// Runs it and prints a table with a row for each contestant.
    pub(crate) fn print(self) {
        let sizes: String = self.sizes.iter().map(|(_, name)| format!(" {name} |")).collect();
        println!("| {} |{sizes}\n| --- |{}", self.operation, " --- |".repeat(self.sizes.len()));
        let mut rows = vec![String::new(); self.contestants.len()];
        for &(len, _) in self.sizes {
            let mut runs: Vec<_> = self.contestants.iter().map(|(_, make)| make(len)).collect();
            let times = fastest(runs.len(), ROUNDS, |i| runs[i]());
            for (row, time) in rows.iter_mut().zip(&times) {
                row.push_str(&format!(" {:.3} ns, {:.2} × |", time * 1e9 / len as f64, time / times[0]));
            }
        }
        for ((name, _), row) in self.contestants.iter().zip(rows) {
            println!("| {name} |{row}");
        }
        println!();
    }
}

/// Returns a contestant of a name.
pub(crate) fn contestant<R: FnMut() + 'static>(name: &'static str, make: impl Fn(usize) -> R + 'static) -> Contestant {
    (name, Box::new(move |len| Box::new(make(len))))
}

/// Returns a contest over all sizes.
pub(crate) fn contest(operation: &'static str, contestants: Vec<Contestant>) -> Contest {
    Contest { operation, contestants, sizes: &SIZES }
}
