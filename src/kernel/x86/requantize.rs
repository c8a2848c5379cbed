//! The products of [`requantize`](super::super::requantize) in the instructions of x86: those of 32 bits are made of every second
//! lane, and their upper halves put back between each other.

#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::x86::{Avx2, Avx512};
use fearless_simd::{i32x8, i32x16, kernel, u8x64};

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn scaled_avx512(
        simd: Avx512,
        codes: i32x16<Avx512>,
        multiplier: i32,
        addend: i64,
        before: i32,
        after: i32,
        twice: bool,
    ) -> i32x16<Avx512> {
        let (multiplier, addend) = (arch::_mm512_set1_epi32(multiplier), arch::_mm512_set1_epi64(addend));
        let codes = arch::_mm512_sllv_epi32(codes.into(), arch::_mm512_set1_epi32(before));
        let even = arch::_mm512_add_epi64(arch::_mm512_mul_epi32(codes, multiplier), addend);
        let odd = arch::_mm512_mul_epi32(arch::_mm512_srli_epi64::<32>(codes), multiplier);
        let odd = arch::_mm512_add_epi64(odd, addend);
        // Every second lane from the odd products, the others from their neighbours in the even ones.
        let mut upper = arch::_mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0x5555, even);
        if twice {
            let half = arch::_mm512_set1_epi32(1 << (after - 1));
            let negative = arch::_mm512_cmplt_epi32_mask(upper, half);
            upper = arch::_mm512_mask_sub_epi32(upper, negative, upper, arch::_mm512_set1_epi32(1));
        }
        arch::_mm512_srav_epi32(upper, arch::_mm512_set1_epi32(after)).simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    fn eight_avx2(
        simd: Avx2,
        codes: i32x8<Avx2>,
        multiplier: i32,
        addend: i64,
        before: i32,
        after: i32,
        twice: bool,
    ) -> i32x8<Avx2> {
        let (multiplier, addend) = (arch::_mm256_set1_epi32(multiplier), arch::_mm256_set1_epi64x(addend));
        let codes = arch::_mm256_sllv_epi32(codes.into(), arch::_mm256_set1_epi32(before));
        let even = arch::_mm256_mul_epi32(codes, multiplier);
        let odd = arch::_mm256_mul_epi32(arch::_mm256_srli_epi64::<32>(codes), multiplier);
        let even = arch::_mm256_srli_epi64::<32>(arch::_mm256_add_epi64(even, addend));
        let mut upper = arch::_mm256_blend_epi32::<0b1010_1010>(even, arch::_mm256_add_epi64(odd, addend));
        if twice {
            let half = arch::_mm256_set1_epi32(1 << (after - 1));
            upper = arch::_mm256_add_epi32(upper, arch::_mm256_cmpgt_epi32(half, upper));
        }
        arch::_mm256_srav_epi32(upper, arch::_mm256_set1_epi32(after)).simd_into(simd)
    }
);

kernel!(
    #[inline(always)]
    pub(in crate::kernel) fn scaled_avx2(
        simd: Avx2,
        codes: i32x16<Avx2>,
        multiplier: i32,
        addend: i64,
        before: i32,
        after: i32,
        twice: bool,
    ) -> i32x16<Avx2> {
        let (a, b) = codes.split();
        eight_avx2(simd, a, multiplier, addend, before, after, twice)
            .combine(eight_avx2(simd, b, multiplier, addend, before, after, twice))
    }
);

kernel!(
    /// Writes what the table has for each byte; whole vectors of 64.
    pub(in crate::kernel) fn look_up_avx512(simd: Avx512, table: &[u8; 256], bytes: &[u8], out: &mut [u8]) {
        let (a, b) = (u8x64::from_slice(simd, &table[..64]).into(), u8x64::from_slice(simd, &table[64..128]).into());
        let (c, d) = (u8x64::from_slice(simd, &table[128..192]).into(), u8x64::from_slice(simd, &table[192..]).into());
        for (bytes, out) in bytes.chunks_exact(64).zip(out.chunks_exact_mut(64)) {
            let bytes = u8x64::from_slice(simd, bytes).into();
            // Each looks at the low seven bits; the eighth chooses.
            let low = arch::_mm512_permutex2var_epi8(a, bytes, b);
            let high = arch::_mm512_permutex2var_epi8(c, bytes, d);
            let found: u8x64<_> =
                arch::_mm512_mask_blend_epi8(arch::_mm512_movepi8_mask(bytes), low, high).simd_into(simd);
            found.store_slice(out);
        }
    }
);
