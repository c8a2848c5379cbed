//! The inner loops of [`integer_matmul`](super::super::integer_matmul) in the instructions of x86.

use crate::kernel::integer_weights::{COLUMNS, MOST_TOGETHER, STEP};
#[cfg(target_arch = "x86")]
use core::arch::x86 as arch;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64 as arch;
use fearless_simd::prelude::*;
use fearless_simd::{i32x8, i32x16, kernel, u8x16, u8x64};

/// Makes the loop for a number of rows: four products and their sum, per lane and instruction.
macro_rules! avx512 {
    ($name:ident, $rows:literal) => {
        kernel!(
            pub(in crate::kernel) fn $name(
                simd: Avx512,
                staged: &[u64],
                panel: &[u8],
                products: &mut [[i32; COLUMNS]; MOST_TOGETHER],
            ) {
                let mut sums = [arch::_mm512_setzero_si512(); $rows];
                for (x, w) in staged.chunks_exact($rows).zip(panel.chunks_exact(COLUMNS * STEP)) {
                    let w = u8x64::from_slice(simd, w).into();
                    for row in 0..$rows {
                        sums[row] = arch::_mm512_dpbusd_epi32(sums[row], w, arch::_mm512_set1_epi32(x[row] as i32));
                    }
                }
                for row in 0..$rows {
                    let sums: i32x16<_> = sums[row].simd_into(simd);
                    products[row] = sums.into();
                }
            }
        );
    };
}

avx512!(eight_rows_avx512, 8);
avx512!(one_row_avx512, 1);

/// Makes the loop for a number of rows: sums of two products each, in 16 vectors' worth of lanes a panel, so that a column
/// has two lanes next to each other.
macro_rules! avx2 {
    ($name:ident, $rows:literal) => {
        kernel!(
            pub(in crate::kernel) fn $name(
                simd: Avx2,
                staged: &[u64],
                panel: &[u8],
                products: &mut [[i32; COLUMNS]; MOST_TOGETHER],
            ) {
                let mut sums = [[arch::_mm256_setzero_si256(); 4]; $rows];
                for (x, w) in staged.chunks_exact($rows).zip(panel.chunks_exact(COLUMNS * STEP)) {
                    for part in 0..4 {
                        let w = u8x16::from_slice(simd, &w[16 * part..16 * (part + 1)]).into();
                        let w = arch::_mm256_cvtepu8_epi16(w);
                        for row in 0..$rows {
                            let two = arch::_mm256_madd_epi16(w, arch::_mm256_set1_epi64x(x[row] as i64));
                            sums[row][part] = arch::_mm256_add_epi32(sums[row][part], two);
                        }
                    }
                }
                for row in 0..$rows {
                    for part in 0..4 {
                        let lanes: i32x8<_> = sums[row][part].simd_into(simd);
                        let lanes: [i32; 8] = lanes.into();
                        for column in 0..4 {
                            products[row][4 * part + column] = lanes[2 * column].wrapping_add(lanes[2 * column + 1]);
                        }
                    }
                }
            }
        );
    };
}

avx2!(three_rows_avx2, 3);
avx2!(one_row_avx2, 1);
