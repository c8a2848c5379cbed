//! Why it is fast: the maths and the tricks, and what each of them buys.
//!
//! The figures are ratios of two times in one run, on one core, of a default release build: no target flags, no
//! link-time optimisation. "Limit" is a kernel written by hand with the intrinsics of the machine, which does the least
//! work that gives the result. `cargo bench` measures all of it; `cargo bench -- --table` prints the tables alone. They
//! were made on an AMD EPYC of the Zen 3 family, whose best instructions are AVX2's.
//!
//! # One scale
//!
//! A code is `round(x / scale) + zero_point`, clamped: a division, a rounding, a conversion, two bounds. The loop that
//! one would write takes about a hundred times as long as the limit in the second-level cache, because none of its
//! steps is a vector instruction as it stands. What it takes to get to 1.04 times the limit:
//!
//! 1. **Clamp as a float, then convert.** A conversion of a float that no integer can hold gives the smallest integer
//!    on x86, so 1e10 would become −128. Clamped first, nothing can go wrong, and `as i8` with its checks, which keeps
//!    a loop scalar, is not needed. As a rounding is monotone and keeps whole numbers, `clamp(round(q) + z, a, b)` is
//!    `round(clamp(q, a − z, b − z)) + z`.
//! 2. **Round by adding.** q + 1.5 · 2²³ has no place for a fraction, so the addition rounds halves to even, and the
//!    integer stands in the low bits of the sum. Where the machine converts and rounds in one instruction, that is
//!    used.
//! 3. **Pack, then add, then clamp.** Two packing instructions and one permutation make 64 bytes of four vectors of
//!    integers; the zero point is added to 16-bit integers and the bounds are applied to bytes, where an instruction
//!    does the work of two and of four, and packing saturates anyway. ([`kernel`](crate::kernel))
//! 4. **Dispatch once.** The CPU is asked at run time, outside of the loop, and the loop is compiled for each SIMD
//!    level with everything inlined into it, a user's rounding included.
//! 5. **Let the compiler round, and nothing else.** A user's rounding is a scalar function. A block of 64 quotients goes
//!    through it in a loop that the compiler vectorises, and is packed by hand: 1.6 times the limit. With a pass over a
//!    tile for each of the steps it was 2.9.
//! 6. **Halves away from zero in 16 bits.** ⌊(t + 1) / 2⌋ of t, twice the quotient without its fraction, takes four steps
//!    on half as many vectors, where ½ with the sign of the quotient takes three: 1.3 times the limit.
//!
//! # Division without the divider
//!
//! ONNX defines the code by a division, PyTorch by a product with the reciprocal, and they differ where the quotient is
//! next to a tie. A vector division alone takes 1.7 times what all of quantizing takes by product. But with y = RN(1/s)
//! computed once,
//!
//! ```text
//! q = RN(x·y)      r = RN(x − q·s)      RN(q + r·y) = RN(x/s)
//! ```
//!
//! is three instructions on a machine that multiplies and adds with one rounding (Markstein 1990), and the same to the
//! last bit: the proof, with what may spoil it, stands where the code does. Division takes 1.4 times the limit of the
//! product that way, and 1.2 times in the third-level cache, where the hand-written division takes 1.5.
//!
//! # Many scales
//!
//! 1. A group of 64 elements and more is a run; one loop goes through all of them, with a scale for each.
//! 2. Along the last axis each element has a scale of its own: scales are loaded as the elements are.
//! 3. Blocks of 16 and 32 are whole vectors: the scale is splat for each. Spreading it over a tile first, as is done for
//!    all other sizes, took 6.6 times the limit; this takes 1.6.
//! 4. Rows of the same groups are one call. A row of 1024 elements by itself paid 100 ns for being looked up, cut and
//!    dispatched, as much as for its codes: a scale for each column took 1.9 times the limit, and takes 1.04. Rows
//!    of three columns are laid into a tile, scales and all, until it is full.
//!
//! # Short tensors
//!
//! What is done once a tensor is all there is to a short one. Its parameters are kept in place, not in a vector, and up
//! to 64 Ki elements are one piece that nobody shares out: 0.24 µs and no allocation, where it was 0.66 µs.
//!
//! # Ranges
//!
//! The minimum and the maximum are two instructions a vector and hardly worth a word, but NaN must be found and ±∞ left
//! out, in the same pass. Infinities show up as extremes, and a chunk that holds one is read once more. NaN is
//! forgotten by the instruction for the minimum; one comparison for each two vectors tells whether there was one. That
//! takes 1.2 times the limit in the second-level cache and 1.02 in the third; with a product and a sum in place of the
//! comparison, which wait for the same units as the minima, it was 1.5.
//!
//! # Errors
//!
//! Six sums, a largest difference and two extremes, in f64, in one pass, the same bits on every machine. The order of
//! summation is part of the definition: 16 lanes, in blocks of 4096. Seven sums of 16 lanes are 28 vectors on AVX2,
//! which has 16 registers; summing half of the lanes after the other, from the first-level cache, took the time from
//! 1.8 to 1.1 times the limit. Values that are not finite are not looked for: a block is summed as if it held none, and
//! Σ x² tells afterwards.
//!
//! # Small floats
//!
//! FP8, FP6 and FP4 are rounded by a sum: |x| + M, with M the power of two whose last place is that of the code, has no
//! room for the bits that the format drops. M follows from the exponent of x, or below the normal numbers from the
//! smallest one, and so normal and subnormal numbers are one case. M of NaN overflows into a number that packs to −128,
//! which no code is: NaN costs nothing. What distinguishes ten formats is a handful of numbers, so there is one loop;
//! signs are put on 64 codes at a time. It takes 1.2 times the limit, which does the same for a format that is known
//! when it is compiled. Rounding in integers, half of the last place added and the rest shifted out, took 1.7 times a
//! slower limit.
//!
//! bfloat16 is the upper half of an f32. A signed shift leaves 16-bit integers, which pack without saturating; NaN,
//! which the sum before it may spoil, is looked for once in 2048 elements. 1.2 times the limit, and 1.3 with a choice in
//! each vector.
//!
//! # Gradients
//!
//! The straight-through gradient passes where a code is not clamped. As quotient and rounding are monotone, those x lie
//! between two bounds, which a search among floats finds once; then there is neither a division nor a rounding to do.
//! 1.0 times the limit, before 1.7 to 2.9.
//!
//! # Integer layers
//!
//! Four products of bytes and their sum are one instruction on AVX-512 (VNNI), two on AVX2, with both sides widened to
//! 16 bits, where the instruction on bytes would saturate. Weights are laid out once as the loop reads them; zero
//! points are taken out of the sum. 97 billion operations a second on AVX2, a product and a sum being two; the portable
//! loop does 6.
//!
//! # Threads
//!
//! A tensor is cut into tasks of 64 Ki elements by its shape alone, so that the result cannot depend on who does them.
//! A second thread made 1 Mi elements 2.0 times as fast, and 4 Mi 1.8 times; fewer than four tasks stay on one thread.
//! Of whole files `--threads` shares out what takes long: searches for ranges, where groups do not reach across the first axis, and block
//! formats. Two threads then take a file 1.8 to 1.9 times as fast (weights of all-MiniLM-L6-v2, 22.7 M of them, by the CPU time of the busier
//! one: int8 per row with `mse` 1.95 s to 1.07, `iq4_nl best` 8.1 to 4.4, `q4_k best` .83 to .46). Reading, judging and what deflating would
//! leave are one thread's work, some .3 s of each, and .8 where blocks have scales beside them: plain schemes, which take no longer, gain nothing.
//! The recipes `int8` and `int16x8` calibrate and judge on several threads, too, of which each runs samples of its own: a face model with 16 samples
//! takes 4.8 s in place of 7.7 with two.
//! A thread that maps alone goes backwards: the pass that looked for the range ended at the last task, and the cache
//! still holds it.
//!
//! # Older machines
//!
//! `cargo bench --bench levels` runs each kernel at every level that it is compiled for: AVX-512, AVX2 and SSE2. A machine whose
//! best is SSE4.2 runs what is compiled for SSE2. Time over that of AVX-512 on the same machine, a Xeon of 2023, in one run:
//!
//! | | AVX2: 4 Ki | 64 Ki | 1 Mi | SSE2: 4 Ki | 64 Ki | 1 Mi |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | f32 → i8, reciprocal | 1.40 | 1.34 | 0.90 | 2.8 | 2.8 | 1.2 |
//! | f32 → i8, divided | 1.45 | 1.36 | 0.99 | 2.8 | 2.9 | 1.5 |
//! | the same, half away from zero | 1.36 | 1.44 | 1.07 | 2.5 | 2.8 | 1.8 |
//! | i8 → f32 | 1.40 | 1.06 | 1.02 | 3.0 | 1.7 | 1.0 |
//! | fake-quantize, divided | 1.49 | 1.48 | 0.98 | 2.6 | 2.3 | 1.1 |
//! | its gradient | 1.39 | 1.19 | 0.95 | 2.1 | 1.5 | 1.0 |
//! | f32 → FP8 e4m3 | 1.33 | 1.39 | 1.34 | 2.9 | 3.0 | 2.9 |
//! | f32 → f16; back, which SSE2 has no instructions for | 1.2; 1.4 | 1.1; 1.2 | 1.1; 1.0 | 17; 11 | 11; 5.5 | 3.9; 2.4 |
//! | f32 → bf16; back | 1.8; 1.3 | 1.4; 1.0 | 0.9; 0.9 | 3.5; 1.5 | 2.8; 0.9 | 1.4; 0.9 |
//! | i8 → i8, requantized, which AVX-512 looks up | 4.0 | 4.6 | 4.1 | 14 | 15 | 15 |
//! | pack; unpack, 4 bits | 1.4; 1.5 | 1.3; 1.1 | 1.3; 1.1 | 2.1; 2.6 | 1.6; 1.7 | 1.6; 1.7 |
//! | min and max | 1.75 | 1.23 | 0.91 | 3.8 | 2.2 | 1.2 |
//! | histogram | 1.2 | 1.1 | 1.1 | 3.6 | 2.7 | 2.7 |
//! | all error sums | 1.36 | 1.39 | 1.64 | 3.3 | 3.6 | 3.6 |
//!
//! # Kernels on AVX2
//!
//! Time per element over that of `memcpy` of the f32s, and over a kernel written by hand for the same operation, each row in one run on
//! one core of an AMD EPYC (Zen 3). Quantizing is held against the kernel that multiplies by the reciprocal, whatever was asked for:
//!
//! | | 64 Ki elements | 1 Mi | 64 Mi | the loop one would write, 64 Ki |
//! | --- | --- | --- | --- | --- |
//! | f32 → i8, reciprocal | 0.76 × memcpy, 1.03 × limit | 0.27, 1.21 | 1.06, 0.97 | 75 × memcpy |
//! | the same, with ceil | 0.88 × memcpy, 1.19 × limit | 0.25, 1.13 | 1.09, 1.01 | |
//! | the same, half away from zero | 0.97 × memcpy, 1.32 × limit | 0.28, 1.23 | 1.16, 1.06 | |
//! | the same, a rounding of the user's | 1.21 × memcpy, 1.64 × limit | 0.35, 1.55 | 1.16, 1.06 | |
//! | f32 → i8, divided | 1.09 × memcpy, 1.47 × limit | 0.31, 1.36 | 1.21, 1.11 | 85 × memcpy |
//! | the same, with ceil | 1.20 × memcpy, 1.62 × limit | 0.35, 1.53 | 1.23, 1.13 | |
//! | the same, half away from zero | 1.38 × memcpy, 1.87 × limit | 0.40, 1.76 | 1.15, 1.06 | |
//! | the same, a rounding of the user's | 1.67 × memcpy, 2.26 × limit | 0.47, 2.10 | 1.24, 1.14 | |
//! | range and codes, u8, reciprocal | 1.47 × memcpy, 1.15 × limit | 0.69, 1.06 | 1.92, 1.05 | 81 × memcpy |
//! | i8 → f32 | 0.69 × memcpy, 1.22 × limit | 0.44, 0.99 | 1.06, 0.99 | 1.4 × memcpy |
//! | fake-quantize, divided | 1.62 × memcpy, 1.23 × limit | 0.54, 1.16 | 1.42, 0.97 | 73 × memcpy |
//! | its gradient | 2.18 × memcpy, 0.97 × limit | 0.83, 1.04 | 1.99, 1.02 | |
//! | f32 → f16 | 0.94 × memcpy, 1.15 × limit | 0.73, 1.14 | 1.05, 1.11 | 19 × memcpy |
//! | f16 → f32 | 0.74 × memcpy, 1.00 × limit | 0.65, 1.02 | 1.11, 0.91 | 16 × memcpy |
//! | f32 → bf16 | 1.06 × memcpy, 1.18 × limit | 0.81, 1.00 | 1.09, 1.03 | 3.6 × memcpy |
//! | bf16 → f32 | 0.74 × memcpy, 1.00 × limit | 0.67, 1.05 | 1.21, 1.00 | 1.8 × memcpy |
//! | f32 → FP8 e4m3, reciprocal | 2.51 × memcpy, 1.18 × limit | 1.68, 1.17 | 1.23, 1.04 | 12 × memcpy |
//! | min and max | 0.56 × memcpy, 1.18 × limit | 0.32, 1.12 | 0.83, 1.04 | 14 × memcpy |
//! | all error sums | 6.39 × memcpy, 1.24 × limit | 3.24, 1.29 | 2.87, 1.28 | 28 × memcpy |
//!
//! # Doors, and what they cannot reach
//!
//! A door does what is around the kernel, too. On AVX-512, in the second-level cache:
//!
//! - NaN is looked for. Where the parameters are known, codes are bytes, and halves go to even, that is a sum in the same pass: a call takes
//!   27 ns for 64 values, 39 as views, a sixth and a quarter of the loop one would write, and 1.04 times the kernel that divides for 4 Ki, 1.2 to
//!   1.35 times the one that multiplies by the reciprocal. Of the limit by hand, which multiplies, adds no zero point and looks for nothing, it is
//!   1.5 to 1.8 times: 33 vector instructions for 64 values where that has 20, and two units to run them. Elsewhere it is .03 ns an element of those that are at hand in the first-level
//!   cache, and where the range is looked for nothing more.
//! - A group costs 2 to 3 ns beside its elements: a division in f64 for the scale, another for its reciprocal, both of eight groups and more at
//!   a time, and what is looked up and kept for it. Where groups are runs of up to 16 Ki elements, ranges and codes are one pass over memory:
//!   blocks of 32 take .28 ns an element, 1 Mi of them .37, of 4 bits .32 and .41; rows of 1024 .21 and .29. Columns are as many groups, each of few
//!   elements where there are few rows: 64 rows of 1024 take .30, 1024 rows .38. That is 1.2 to 1.8 times the work by hand. A calculator of one's
//!   own is asked group by group, which costs 5 ns and more.
//! - What gives a new tensor sets its memory to zero first: Rust has no safe way to hand out memory that was not written. With the
//!   allocation that is .17 ns an element where the `_into` form takes .15. Larger results are felt more, where the system has to find
//!   their memory at every call: 16 Mi f32s take 5.5 ns each in place of 2.2.
//! - Sums of errors are bound by arithmetic, six sums of products in f64: the kernel by hand takes .33 ns an element, and this one 1.1
//!   times that. Less than .3 would take sums in f32, which depend on the order. Those of each column are made in 16 KiB of sums for sixteen
//!   columns, which are begun and ended once in 4096 rows: 1024 rows take .9 ns an element, 64 rows 2.4 to 3.9, most of it for that.
//! - A mean and a deviation without rounding take .33 ns an element of values of like size: six sums in f64 (five steps for each eight values, a
//!   fifth of a nanosecond for the arithmetic alone), after a pass for the largest magnitude. Where many are less than a 500,000th of the largest,
//!   these are summed by another pass: .72.
//! - A view with exchanged axes is read in tiles of 16 rows that are transposed in registers; one scale for the tensor takes its extremes in
//!   the order of memory: .83 ns an element, a scale for each row .73, blocks of 32 .79, 1 Mi of them .87, of 1024 columns. Each row of
//!   a tile is a call of the kernel, which is felt in matrices of fewer than a hundred columns: 64 of them take 1.2 and 1.7.
//! - The extremes of f64, f16 and bf16 are found on their bits, without a conversion; for the codes they are converted in the first-level cache:
//!   .43, .28 and .28 ns an element. From further away f64 is 8 bytes twice: 1 Mi take 3 times `memcpy` of their f32s.
//! - The gradient of a learnable scale is a sum in f64 whose order is part of its definition: two such sums take 1.3 ns an element.
//! - A search for the smallest error over all scales (`Mse`) takes the time of its proof: 39 ns a value for i8 and 10 for I4 in rows of
//!   1024. `Entropy` takes .5 to .8 ms for its search whatever was counted: 8 to 16 ns of each of 64 Ki values.
//!
//! # Beside other crates
//!
//! Times over this crate's, in one run of `benches/peers` on the same machine; below 1 the other is faster:
//!
//! | | 4 Ki | 64 Ki | 1 Mi |
//! | --- | --- | --- | --- |
//! | min and max: rten-vecmath 0.27, which does not look for NaN | 0.78 | 0.80 | 0.91 |
//! | f32 → u8: rten-vecmath | 43 | 43 | 28 |
//! | f32 → f16: half 2.7; candle-core 0.11 | 2.9; 23 | 2.7; 21 | 1.5; 9.9 |
//! | f16 → f32: half; candle-core | 4.6; 45 | 3.1; 29 | 1.7; 14 |
//! | f32 → bf16: half; candle-core | 3.2; 3.6 | 3.5; 3.7 | 1.9; 2.2 |
//! | f32 → e4m3: float8 0.7; microfloat 0.1 | 16; 17 | 33; 18 | 28; 14 |
//!
//! The product of 1 and of 256 rows of bytes by 1024 × 1024 weights takes rten-gemm 0.27 3.2 and 0.55 times as long;
//! without VNNI its sums of pairs saturate in 16 bits, which is why it is not used here.
//!
//! # What is guarded
//!
//! Vectorisation is lost silently: the answers stay right and come ten times later. `cargo bench --bench gate` fails if
//! a kernel is not clearly faster than its reference at each level that matters, and a crate that depends on this one,
//! built as such crates are, is checked alike (`tests/dependent`).
