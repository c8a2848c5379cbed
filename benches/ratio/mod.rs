//! Measures the variants of one operation with criterion, then against each other for a table of ratios.
//!
//! Ratios are what lasts: times depend on the machine, and on a shared one on the minute. So the table does not come
//! from criterion's statistics. Here the variants take turns, and of each the fastest round counts: noise only ever
//! slows code down, and a change of clock frequency meets all variants alike.

#![allow(dead_code, reason = "a benchmark uses the part of this module that it needs")]

mod turns;

pub(crate) use turns::{fastest, reals};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

/// Elements, and how a table names them: as f32, they fill caches of the first, second and third level, and none.
const SIZES: [(usize, &str); 4] = [(4 << 10, "4 Ki"), (64 << 10, "64 Ki"), (1 << 20, "1 Mi"), (64 << 20, "64 Mi")];
/// From here on one call takes milliseconds.
const LARGE: usize = 16 << 20;
/// Rounds of a gate's measurement, and how often a variant may try.
const GATE_ROUNDS: usize = 30;
const ATTEMPTS: usize = 4;
/// What every variant is compared with.
const MEMCPY: &str = "memcpy of the f32s";
/// What the arguments that cargo passes ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `cargo bench`: criterion's measurements, then the table.
    Measure,
    /// `cargo bench -- --list` or `--profile-time`: criterion alone.
    CriterionOnly,
    /// `cargo bench -- --table`: the table alone, in a tenth of the time.
    TableOnly,
    /// `cargo test --benches`, or `cargo bench -- --test`: each variant once, on few elements.
    Test,
}

impl Mode {
    pub(crate) fn from_args() -> Self {
        let has = |flag| env::args().any(|arg| arg == flag);
        if !has("--bench") || has("--test") {
            Self::Test
        } else if has("--table") {
            Self::TableOnly
        } else if has("--list") || has("--profile-time") {
            Self::CriterionOnly
        } else {
            Self::Measure
        }
    }

    fn sizes(self) -> &'static [(usize, &'static str)] {
        if self == Self::Test { &SIZES[..1] } else { &SIZES }
    }
}

/// The variants of one operation, all working on the same buffers `B`.
pub(crate) struct Comparison<B> {
    operation: &'static str,
    mode: Mode,
    sizes: Vec<Size>,
    allocate: Box<dyn FnOnce(usize) -> B>,
    variants: Vec<Variant<B>>,
}

struct Variant<B> {
    name: &'static str,
    limit: Option<&'static str>,
    run: Box<Run<B>>,
}

/// Processes the first elements of the buffers: as many as the second argument says.
type Run<B> = dyn FnMut(&mut B, usize);

impl<B> Comparison<B> {
    /// Starts a comparison; `allocate` makes buffers for the given number of elements.
    ///
    /// `memcpy` copies the operation's f32s, be they its input or its output: the yardstick.
    pub(crate) fn new(
        operation: &'static str,
        allocate: impl FnOnce(usize) -> B + 'static,
        memcpy: impl FnMut(&mut B, usize) + 'static,
    ) -> Self {
        let mode = Mode::from_args();
        let sizes = mode.sizes().to_vec();
        let mut comparison = Self { operation, mode, sizes, allocate: Box::new(allocate), variants: Vec::new() };
        comparison.add(MEMCPY, memcpy);
        comparison
    }

    /// Leaves out sizes above a number of elements, for operations that take long.
    pub(crate) fn up_to(mut self, largest: usize) -> Self {
        self.sizes.retain(|size| size.0 <= largest);
        self
    }

    /// Measures other sizes, smallest first.
    pub(crate) fn of_sizes(mut self, sizes: &[(usize, &'static str)]) -> Self {
        let number = if self.mode == Mode::Test { 1 } else { sizes.len() };
        self.sizes = sizes[..number].to_vec();
        self
    }

    /// Leaves out all sizes but one.
    pub(crate) fn only(mut self, len: usize) -> Self {
        self.sizes = SIZES.into_iter().filter(|size| size.0 == len).collect();
        self
    }

    /// Adds a variant.
    pub(crate) fn add(&mut self, name: &'static str, run: impl FnMut(&mut B, usize) + 'static) {
        self.variants.push(Variant { name, limit: None, run: Box::new(run) });
    }

    /// Adds a variant, and names the one that is what it could attain.
    pub(crate) fn add_beside(
        &mut self,
        name: &'static str,
        limit: &'static str,
        run: impl FnMut(&mut B, usize) + 'static,
    ) {
        self.variants.push(Variant { name, limit: Some(limit), run: Box::new(run) });
    }

    /// Adds a variant that is what `variants`, added before, could attain.
    pub(crate) fn add_limit(
        &mut self,
        name: &'static str,
        variants: &[&str],
        run: impl FnMut(&mut B, usize) + 'static,
    ) {
        for variant in self.variants.iter_mut().filter(|variant| variants.contains(&variant.name)) {
            variant.limit = Some(name);
        }
        self.add(name, run);
    }

    /// Adds a variant that is what all variants added before, but for `memcpy`, could attain.
    pub(crate) fn add_limit_of_all(&mut self, name: &'static str, run: impl FnMut(&mut B, usize) + 'static) {
        for variant in self.variants.iter_mut().skip(1) {
            variant.limit = Some(name);
        }
        self.add(name, run);
    }

    /// Measures variants with so many elements, prints how many times their limit, or memcpy where they have none, each takes, and returns
    /// whether all stay below what is allowed.
    ///
    /// Another process can slow a variant down for all of its rounds: it may try again.
    ///
    /// # Panics
    ///
    /// If there is no variant of one of the names.
    pub(crate) fn gate(self, len: usize, allowed: &[(&str, f64)]) -> bool {
        let Self { mode, allocate, mut variants, .. } = self;
        let mut buffers = allocate(len);
        let mut passed = true;
        for &(name, most) in allowed {
            let find = |name: &str| variants.iter().position(|variant| variant.name == name);
            let variant = find(name).unwrap_or_else(|| panic!("there is no variant {name:?}"));
            let baseline = variants[variant].limit.unwrap_or(MEMCPY);
            // Of another architecture nobody wrote a limit.
            let Some(other) = find(baseline) else { continue };
            if mode == Mode::Test {
                (variants[variant].run)(&mut buffers, len);
                continue;
            }
            let mut best = f64::INFINITY;
            for _ in 0..ATTEMPTS {
                let both = [variant, other];
                let times = fastest(2, GATE_ROUNDS, |i| (variants[both[i]].run)(&mut buffers, len));
                best = best.min(times[0] / times[1]);
                if best <= most {
                    break;
                }
            }
            let verdict = if best <= most { "ok    " } else { "FAILED" };
            println!("{verdict} {name}: {best:.2} × {baseline}; {most} at most");
            passed &= best <= most;
        }
        passed
    }

    /// Measures everything, prints the table, and writes it to `target/bench-ratios/<operation>.md`.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub(crate) fn run(self) {
        let Self { operation, mode, sizes, allocate, mut variants } = self;
        keep_what_is_asked_for(&mut variants);
        let largest = sizes.iter().map(|size| size.0).max().unwrap_or(0);
        let mut buffers = allocate(largest);
        if mode != Mode::TableOnly {
            measure_with_criterion(operation, &sizes, &mut buffers, &mut variants);
        }
        if mode == Mode::Measure || mode == Mode::TableOnly {
            let table = table(operation, &sizes, &mut buffers, &mut variants);
            println!("{table}");
            let directory = target_directory().join("bench-ratios");
            let path = directory.join(format!("{operation}.md"));
            let written = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, table));
            written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// Leaves out variants whose name has none of the words given on the command line, but for those that others are compared with.
fn keep_what_is_asked_for<B>(variants: &mut Vec<Variant<B>>) {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if words.is_empty() {
        return;
    }
    let is_asked_for = |name: &str| words.iter().any(|word| name.contains(word.as_str()));
    let limits: Vec<_> = variants.iter().filter(|it| is_asked_for(it.name)).filter_map(|it| it.limit).collect();
    variants.retain(|it| it.name == MEMCPY || is_asked_for(it.name) || limits.contains(&it.name));
}

/// What a size is: elements, and a table's name for them.
type Size = (usize, &'static str);

fn measure_with_criterion<B>(operation: &str, sizes: &[Size], buffers: &mut B, variants: &mut [Variant<B>]) {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .nresamples(2000)
        .configure_from_args();
    let mut group = criterion.benchmark_group(operation);
    for &(len, size) in sizes {
        group.throughput(Throughput::Elements(len as u64));
        group.sampling_mode(if len < LARGE { SamplingMode::Auto } else { SamplingMode::Flat });
        for variant in &mut *variants {
            group.bench_function(BenchmarkId::new(variant.name, size), |bencher| {
                bencher.iter(|| (variant.run)(buffers, len));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}

fn table<B>(operation: &str, sizes: &[Size], buffers: &mut B, variants: &mut [Variant<B>]) -> String {
    let mut head = format!("| {operation} |");
    let mut rule = String::from("| --- |");
    let mut rows: Vec<_> = variants.iter().map(|variant| format!("| {} |", variant.name)).collect();
    for &(len, size) in sizes {
        let rounds = if len < LARGE { 40 } else { 7 };
        let times = fastest(variants.len(), rounds, |i| (variants[i].run)(buffers, len));
        let time_of = |name| variants.iter().position(|variant| variant.name == name).map(|i| times[i]);
        _ = write!(head, " {size} |");
        rule.push_str(" --- |");
        for ((row, variant), time) in rows.iter_mut().zip(&*variants).zip(&times) {
            _ = write!(row, " {:.3} ns", time * 1e9 / len as f64);
            for (baseline, unit) in [(Some(MEMCPY), "memcpy"), (variant.limit, "limit")] {
                if let Some(other) = baseline.filter(|&name| name != variant.name).and_then(time_of) {
                    _ = write!(row, ", {:.2} × {unit}", time / other);
                }
            }
            row.push_str(" |");
        }
    }
    format!("{head}\n{rule}\n{}\n", rows.join("\n"))
}

/// Cargo's target directory: the executable is `target/release/deps/<name>`.
fn target_directory() -> PathBuf {
    let executable = env::current_exe().ok();
    let target = executable.as_deref().and_then(|path| path.ancestors().nth(3));
    target.unwrap_or(Path::new("target")).to_owned()
}
