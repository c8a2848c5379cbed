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
//! `cargo bench --bench realtime` times each of 200,000 calls by itself, and prints a histogram for each kind of call, alone and beside a
//! busy neighbour on each core. On a Xeon of 2023 with two cores, AVX-512, and twelve compilers at work on it all the while, so that
//! each core had six neighbours; the clock itself takes 23 ns of each figure:
//!
//! | | at a real-time priority (`chrt --fifo 50`): median | 99.9 % | worst | at the usual priority: median | 99.9 % | worst |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | the clock alone | 23 ns | 28 ns | 75 µs | 23 ns | 31 ns | .8 µs |
//! | 160 samples to int8 | 77 ns | 161 ns | 58 µs | 77 ns | 157 ns | 4.1 ms |
//! | and back | 101 ns | 198 ns | 58 µs | 100 ns | 275 ns | 8.1 ms |
//! | 512 samples to int8 | 104 ns | 180 ns | 34 µs | 103 ns | 296 ns | .15 ms |
//! | and back | 142 ns | 418 ns | 65 µs | 140 ns | 293 ns | 5.6 ms |
//! | 1024 samples to int8 | 147 ns | 209 ns | 34 µs | 149 ns | 368 ns | 1.7 ms |
//! | and back | 222 ns | 496 ns | 54 µs | 221 ns | 469 ns | 4.4 ms |
//! | 1024 samples, with their range | 480 ns | 964 ns | 158 µs | 465 ns | 1.1 µs | 4.1 ms |
//!
//! How many of the 200,000 calls took how long, at the real-time priority:
//!
//! | | ≤ 64 ns | ≤ 128 ns | ≤ 256 ns | ≤ 512 ns | ≤ 1 µs | ≤ 4 µs | ≤ 16 µs | ≤ 131 µs | more |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | 160 samples to int8 | 0 | 199206 | 769 | 8 | 5 | 5 | 0 | 7 | 0 |
//! | and back | 0 | 194325 | 5603 | 63 | 2 | 3 | 0 | 4 | 0 |
//! | 512 samples to int8 | 0 | 199137 | 729 | 115 | 1 | 9 | 2 | 7 | 0 |
//! | and back | 0 | 0 | 199282 | 631 | 14 | 46 | 19 | 8 | 0 |
//! | 1024 samples to int8 and back | 0 | 0 | 190851 | 8952 | 142 | 36 | 5 | 14 | 0 |
//!
//! The worst case is not the library's: a loop that reads the clock and does nothing else has the same one at a real-time priority, when
//! an interrupt comes, and at the usual one a call that the scheduler takes off its core waits for as long as a neighbour runs, some
//! milliseconds. What is to be ready in time is given a real-time priority, and then took .16 ms at most where others compiled: a
//! frame of 160 samples lasts 10 ms.
