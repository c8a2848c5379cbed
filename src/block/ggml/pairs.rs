//! Codes of two bits as Q2_K and Q3_K hold them: of each half of a super-block, elements l, l + 32, l + 64 and l + 96 in byte l, the
//! first in the low bits.

/// Writes the low two bits of 256 codes.
#[inline(always)]
pub(super) fn pack(codes: &[u8], out: &mut [u8]) {
    for (codes, out) in codes.as_chunks::<128>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        for (l, out) in out.iter_mut().enumerate() {
            *out = codes[l] & 3 | (codes[l + 32] & 3) << 2 | (codes[l + 64] & 3) << 4 | codes[l + 96] << 6;
        }
    }
}

/// Returns 256 codes of two bits.
#[inline(always)]
pub(super) fn unpack(bytes: &[u8]) -> [u8; 256] {
    let mut codes = [0; 256];
    for (codes, bytes) in codes.as_chunks_mut::<32>().0.chunks_mut(4).zip(bytes.as_chunks::<32>().0) {
        for (k, codes) in codes.iter_mut().enumerate() {
            for (code, byte) in codes.iter_mut().zip(bytes) {
                *code = byte >> (2 * k) & 3;
            }
        }
    }
    codes
}

/// Writes codes of so few bits that `N` of them are a byte, neighbours beside each other, the first in the low bits.
#[inline(always)]
pub(super) fn pack_neighbours<const N: usize>(codes: &[u8], out: &mut [u8]) {
    for (out, codes) in out.iter_mut().zip(codes.as_chunks::<N>().0) {
        *out = codes.iter().enumerate().fold(0, |bits, (i, code)| bits | code << (8 / N * i));
    }
}
