//! The kernels, each written once: `kernels!` compiles them from the operations of the module that calls it.

/// Makes every kernel, with these target features.
macro_rules! kernels {
    ($features:literal) => {
        use crate::limit::BLOCK;
        use half::slice::HalfFloatSliceExt as _;
        use half::{bf16, f16};

        #[target_feature(enable = $features)]
        pub(super) fn quantize<const DIVIDE: bool>(x: &[f32], scale: f32, codes: &mut [i8]) {
            check(x.len(), codes.len());
            let factor = splat(if DIVIDE { scale } else { 1.0 / scale });
            for (x, codes) in x.chunks_exact(4 * N).zip(codes.chunks_exact_mut(4 * N)) {
                let mut quotients = [splat(0.0); 4];
                for k in 0..4 {
                    quotients[k] = clamped_quotient::<DIVIDE>(load(&x[k * N..]), factor);
                }
                store_codes(codes, quotients);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn quantize_each(x: &[f32], inverses: &[f32], codes: &mut [i8]) {
            check(x.len(), codes.len());
            check(x.len(), inverses.len());
            for ((x, inverses), codes) in
                x.chunks_exact(4 * N).zip(inverses.chunks_exact(4 * N)).zip(codes.chunks_exact_mut(4 * N))
            {
                let mut quotients = [splat(0.0); 4];
                for k in 0..4 {
                    quotients[k] = clamped_quotient::<false>(load(&x[k * N..]), load(&inverses[k * N..]));
                }
                store_codes(codes, quotients);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn dequantize(codes: &[i8], scale: f32, out: &mut [f32]) {
            check(codes.len(), out.len());
            let scale = splat(scale);
            for (codes, out) in codes.chunks_exact(N).zip(out.chunks_exact_mut(N)) {
                store(out, mul(load_codes(codes), scale));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn fake_quantize<const DIVIDE: bool>(x: &[f32], scale: f32, out: &mut [f32]) {
            check(x.len(), out.len());
            let factor = splat(if DIVIDE { scale } else { 1.0 / scale });
            let scale = splat(scale);
            for (x, out) in x.chunks_exact(N).zip(out.chunks_exact_mut(N)) {
                store(out, mul(round(clamped_quotient::<DIVIDE>(load(x), factor)), scale));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn backward(x: &[f32], gradient: &[f32], scale: f32, out: &mut [f32]) {
            check(x.len(), out.len());
            check(x.len(), gradient.len());
            let factor = splat(1.0 / scale);
            for ((x, gradient), out) in x.chunks_exact(N).zip(gradient.chunks_exact(N)).zip(out.chunks_exact_mut(N)) {
                store(out, where_within(load(gradient), round(mul(load(x), factor)), splat(-128.0), splat(127.0)));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn min_max(x: &[f32]) -> (f32, f32) {
            check(x.len(), x.len());
            // Four of each, so that one instruction need not wait for the one before.
            let (mut least, mut most) = ([splat(f32::INFINITY); 4], [splat(f32::NEG_INFINITY); 4]);
            for x in x.chunks_exact(4 * N) {
                for k in 0..4 {
                    let v = load(&x[k * N..]);
                    (least[k], most[k]) = (min(least[k], v), max(most[k], v));
                }
            }
            let least = min(min(least[0], least[1]), min(least[2], least[3]));
            let most = max(max(most[0], most[1]), max(most[2], most[3]));
            (
                lanes(least).into_iter().fold(f32::INFINITY, f32::min),
                lanes(most).into_iter().fold(f32::NEG_INFINITY, f32::max),
            )
        }

        #[target_feature(enable = $features)]
        pub(super) fn column_min_max(x: &[f32], least: &mut [f32], most: &mut [f32]) {
            check(x.len(), least.len());
            check(x.len(), most.len());
            for ((x, least), most) in x.chunks_exact(N).zip(least.chunks_exact_mut(N)).zip(most.chunks_exact_mut(N)) {
                let v = load(x);
                store(least, min(load(least), v));
                store(most, max(load(most), v));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn f32_to_f16(x: &[f32], out: &mut [f16]) {
            check(x.len(), out.len());
            for (x, out) in x.chunks_exact(N).zip(out.reinterpret_cast_mut().chunks_exact_mut(N)) {
                store_f16(out, load(x));
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn f16_to_f32(x: &[f16], out: &mut [f32]) {
            check(x.len(), out.len());
            for (x, out) in x.reinterpret_cast().chunks_exact(N).zip(out.chunks_exact_mut(N)) {
                store(out, load_f16(x));
            }
        }

        /// In integers: `vcvtneps2bf16` takes subnormal numbers for zero, and so computes something else.
        #[target_feature(enable = $features)]
        pub(super) fn f32_to_bf16(x: &[f32], out: &mut [bf16]) {
            check(x.len(), out.len());
            let (one, below_half) = (splat_bits(1), splat_bits(0x7fff));
            for (x, out) in x.chunks_exact(2 * N).zip(out.reinterpret_cast_mut().chunks_exact_mut(2 * N)) {
                let mut halves = [splat_bits(0); 2];
                for k in 0..2 {
                    let bits = bits(load(&x[k * N..]));
                    let odd = and(shift_right::<16>(bits), one);
                    halves[k] = shift_right::<16>(add_bits(add_bits(bits, below_half), odd));
                }
                store_halves(out, halves);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn bf16_to_f32(x: &[bf16], out: &mut [f32]) {
            check(x.len(), out.len());
            for (x, out) in x.reinterpret_cast().chunks_exact(N).zip(out.chunks_exact_mut(N)) {
                store(out, from_bits(shift_left::<16>(load_halves(x))));
            }
        }

        /// The sum with a power of two whose last place is the code's rounds; below the normal range that power is 2⁻⁶ · 2²⁰.
        #[target_feature(enable = $features)]
        pub(super) fn f32_to_e4m3(x: &[f32], scale: f32, out: &mut [u8]) {
            check(x.len(), out.len());
            let inverse = splat(1.0 / scale);
            let smallest_normal = splat(f32::from_bits(121 << 23));
            for (x, out) in x.chunks_exact(4 * N).zip(out.chunks_exact_mut(4 * N)) {
                let mut codes = [splat_bits(0); 4];
                for k in 0..4 {
                    let quotient = mul(load(&x[k * N..]), inverse);
                    let magnitude = min(from_bits(and(bits(quotient), splat_bits(0x7fff_ffff))), splat(448.0));
                    let power = from_bits(and(bits(magnitude), splat_bits(0x7f80_0000)));
                    let exponent = bits(max(power, smallest_normal));
                    let magic = add_bits(exponent, splat_bits(20 << 23));
                    let significand = sub_bits(bits(add(magnitude, from_bits(magic))), magic);
                    let steps = sub_bits(shift_right::<20>(exponent), splat_bits(121 << 3));
                    let sign = and(shift_right::<24>(bits(quotient)), splat_bits(0x80));
                    codes[k] = or(add_bits(significand, steps), sign);
                }
                store_bytes(out, codes);
            }
        }

        #[target_feature(enable = $features)]
        pub(super) fn error_sums(x: &[f32], y: &[f32]) -> [f64; 9] {
            check(x.len(), y.len());
            let zero = splat64(0.0);
            let (mut sums, mut largest) = ([[zero; 2]; 6], [zero; 2]);
            let (mut least, mut most) = (splat(f32::INFINITY), splat(f32::NEG_INFINITY));
            for (x, y) in x.chunks_exact(N).zip(y.chunks_exact(N)) {
                let (x, y) = (load(x), load(y));
                (least, most) = (min(least, x), max(most, x));
                let (x, y) = (widen(x), widen(y));
                for h in 0..2 {
                    let d = sub64(x[h], y[h]);
                    let d_abs = abs64(d);
                    sums[0][h] = add64(sums[0][h], d);
                    sums[1][h] = add64(sums[1][h], d_abs);
                    sums[2][h] = fma64(d, d, sums[2][h]);
                    sums[3][h] = fma64(x[h], x[h], sums[3][h]);
                    sums[4][h] = fma64(y[h], y[h], sums[4][h]);
                    sums[5][h] = fma64(x[h], y[h], sums[5][h]);
                    largest[h] = max64(largest[h], d_abs);
                }
            }
            let mut all = [0.0; 9];
            for (to, [a, b]) in all.iter_mut().zip(sums) {
                *to = lanes64(add64(a, b)).into_iter().sum();
            }
            all[6] = lanes64(max64(largest[0], largest[1])).into_iter().fold(0.0, f64::max);
            all[7] = lanes(least).into_iter().fold(f32::INFINITY, f32::min).into();
            all[8] = lanes(most).into_iter().fold(f32::NEG_INFINITY, f32::max).into();
            all
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn clamped_quotient<const DIVIDE: bool>(x: V, factor: V) -> V {
            let quotient = if DIVIDE { div(x, factor) } else { mul(x, factor) };
            min(max(quotient, splat(-128.0)), splat(127.0))
        }

        fn check(x: usize, out: usize) {
            assert!(x == out && x.is_multiple_of(BLOCK), "{x} and {out} elements: not the same number of whole blocks");
        }
    };
}
