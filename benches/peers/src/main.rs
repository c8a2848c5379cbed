//! Measures tensor-quant beside the crates that do part of the same, in one run, on one core:
//!
//! ```text
//! RAYON_NUM_THREADS=1 cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! Prints tables in Markdown: nanoseconds an element, and the ratio to tensor-quant's own time. The contestants take turns, and
//! of each the fastest round counts, as in the other benchmarks. A default release build, as a crate that depends on these gets
//! it: no target flags, no link-time optimisation.

#[path = "../../ratio/turns.rs"]
mod turns;

mod contest;
mod doors;
mod kernels;

fn main() {
    for contest in kernels::all().into_iter().chain(doors::all()) {
        contest.print();
    }
}
