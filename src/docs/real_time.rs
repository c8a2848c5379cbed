//! Real time: activations and audio quantized as they come, in a time that is known.
//!
//! What is to be ready within microseconds, every time, must not ask for memory, wait for a lock, call the system, or panic. A
//! [`Quantizer`](crate::Quantizer) is made once, where all of that is allowed; its `_into` methods then only compute.
//!
//! # FP32 → INT8 → FP32
//!
//! Audio at 16 kHz comes in frames of 160 samples (10 ms), or of 512; at 48 kHz in frames of 1024:
//!
//! ```
//! use ndarray::{ArrayView1, ArrayViewMut1};
//! use tensor_quant::{QuantParams, Quantizer, quantize_with_params, tensor::Settings};
//!
//! // Before the stream begins: a scale for samples of −1 to 1, and the places of the results.
//! let params = QuantParams::per_tensor::<i8>(1.0 / 127.0, 0)?;
//! let quantizer = Quantizer::new(params.clone(), Settings::<i8>::default())?;
//! let (mut codes, mut restored) = ([0_i8; 160], [0.0_f32; 160]);
//!
//! let signal: Vec<f32> = (0..1600).map(|i| (i as f32 * 0.17).sin() * 0.9).collect();
//! let mut all = Vec::new();
//! for frame in signal.chunks(160) {
//!     // In the callback.
//!     quantizer.quantize_slice_into(frame, &mut codes)?;
//!     quantizer.dequantize_into(ArrayView1::from(&codes), ArrayViewMut1::from(&mut restored))?;
//!     assert!(frame.iter().zip(&restored).all(|(x, y)| (x - y).abs() <= 0.5001 / 127.0));
//!     all.extend(codes);
//! }
//! // Frame by frame or at once, the codes are the same.
//! let at_once = quantize_with_params(ArrayView1::from(&signal), &params, Settings::<i8>::default())?;
//! assert_eq!(at_once.codes().to_vec(), all);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! Where the range is not known beforehand, [`DynamicQuantizer`](crate::tensor::DynamicQuantizer) finds it in each frame; with one scale
//! for all, and [`MinMax`](crate::range::MinMax), it allocates nothing either.
//!
//! # What is promised, and what proves it
//!
//! | | of | by |
//! | --- | --- | --- |
//! | no allocation | every `_into` method, any granularity and element type | a counting allocator: `tests/allocations.rs` |
//! | no lock, no system call | the same | the library without `std`, which can make none, is checked in CI; `tests/tensors/real_time.rs` counts how often a thread gave up its core: never |
//! | no panic, nor any of the above | `i8` and `u8` with one scale, halves to even, no offset, a scale of 2⁻⁹⁰ to 2⁹⁰ (or any by reciprocal), finite values; back to reals | the object code of the released program: `tests/real_time/object_code.py` follows every call and jump from the two functions that do the work, and finds computing and copying alone, at every SIMD level |
//! | no panic | all else | lengths 0 to 200 and around every length at which something changes, of any bits, with scales at both ends: `tests/tensors/real_time.rs`; and the reasons below |
//! | the codes of the batch path | all | the same file; both call the same kernels |
//!
//! What checks the lengths, and calls these functions, gives an error for a shape or a code type that does not fit, and so allocates for
//! its message; with shapes that fit it does not come to that. NaN under [`NanPolicy::Error`](crate::NanPolicy) is such an error, too:
//! a stream that may hold NaN asks for [`NanPolicy::Skip`](crate::NanPolicy), which codes it as zero. Values that are not finite take
//! the general way, and about twice the time.
//!
//! The general way has instructions that could panic, which is why it is not in the third row. They are of three kinds:
//!
//! 1. A slice is cut by a range. Ranges come from [`Span`](crate::params::Span)s, which tile a length that was compared with the
//!    parameters and with the output where the call came in.
//! 2. `unreachable!`, where an answer was asked for before: that a view in standard layout is a slice, that x86-64 has SSE2.
//! 3. A remainder, or a step through a range, by the length of a group: of an empty tensor there are no groups, and a block of size 0 is
//!    refused when parameters are made.
//!
//! Two more things are up to the caller. The first call of a process asks the CPU what it can do, and a page of memory that was never
//! written is found when it is: both are done with before the stream begins by one call with the stream's own buffers. And numbers
//! below the smallest normal one are not slower here: a product that becomes subnormal is rounded to a code of 0 by the same instruction.
//!
//! # Latencies
//!
//! `cargo bench --bench realtime` times each of 200,000 calls by itself, and prints a histogram for each kind of call, as the machine is and
//! beside a busy neighbour on each core. On a virtual machine with two cores of a Xeon of 2023, AVX-512, on which a dozen compilers were
//! at work all the while; the clock itself takes 23 ns of each figure:
//!
//! | | at a real-time priority (`chrt --fifo 50`, `--alone`): median | 99.9 % | worst | at the usual priority: median | 99.9 % | worst | and busy neighbours: median | 99.9 % | worst |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | the clock alone | 23 ns | 36 ns | 32 µs | 23 ns | 39 ns | 8 ms | 23 ns | 25 ns | 12 ms |
//! | 160 samples to int8 | 77 ns | 172 ns | 63 µs | 77 ns | 167 ns | 8 ms | 76 ns | 279 ns | 12 ms |
//! | and back | 114 ns | 271 ns | 67 µs | 112 ns | 397 ns | 8 ms | 144 ns | 379 ns | 12 ms |
//! | 512 samples to int8 | 103 ns | 285 ns | 49 µs | 103 ns | 354 ns | 12 ms | 113 ns | 7 µs | 16 ms |
//! | and back | 151 ns | 428 ns | 80 µs | 145 ns | 440 ns | 8 ms | 145 ns | 482 ns | 13 ms |
//! | 1024 samples to int8 | 150 ns | 374 ns | 115 µs | 149 ns | 393 ns | 8 ms | 151 ns | 549 ns | 16 ms |
//! | and back | 242 ns | 753 ns | 53 µs | 243 ns | 494 ns | 12 ms | 241 ns | 690 ns | 18 ms |
//! | 1024 samples to int8, with their range | 401 ns | 991 ns | 74 µs | 383 ns | 767 ns | 10 ms | 386 ns | 3.9 µs | 24 ms |
//!
//! How many of the 200,000 calls took how long, at the real-time priority:
//!
//! | | ≤ 64 ns | ≤ 128 ns | ≤ 256 ns | ≤ 512 ns | ≤ 1 µs | ≤ 4 µs | ≤ 16 µs | ≤ 131 µs | more |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | the clock alone | 199960 | 28 | 3 | 1 | 0 | 7 | 0 | 1 | 0 |
//! | 160 samples to int8 | 0 | 199106 | 832 | 27 | 4 | 19 | 5 | 7 | 0 |
//! | and back | 0 | 182052 | 17687 | 216 | 3 | 16 | 14 | 12 | 0 |
//! | 512 samples to int8 | 0 | 195216 | 4463 | 290 | 4 | 14 | 5 | 8 | 0 |
//! | and back | 0 | 0 | 198679 | 1217 | 36 | 44 | 13 | 11 | 0 |
//! | 1024 samples to int8 | 0 | 0 | 199253 | 692 | 24 | 8 | 9 | 14 | 0 |
//! | and back | 0 | 0 | 175921 | 23711 | 273 | 61 | 16 | 18 | 0 |
//!
//! The worst case is not the library's: a loop that reads the clock and does nothing else has the same one, when an interrupt comes, or, at
//! the usual priority, when the scheduler gives its core to a neighbour, for some milliseconds. What is to be ready in time is given a
//! real-time priority. The worst of six million calls in three runs at that priority was 2.3 ms, and at most seven took more than .17 ms, all in one
//! run, on a machine whose host has other guests; a frame of 160 samples lasts 10 ms. The same on a machine that nobody else uses is yet to
//! be measured.
