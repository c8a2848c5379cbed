//! Codes of 4 and 5 bits as the blocks of 32 hold them: element j in the low nibble of byte j, element j + 16 in the high one.

/// Writes the low nibbles of 32 codes.
#[inline(always)]
pub(super) fn pack(codes: &[u8; 32], out: &mut [u8]) {
    for (j, out) in out[..16].iter_mut().enumerate() {
        *out = codes[j] & 15 | codes[j + 16] << 4;
    }
}

/// Returns the fifth bits of 32 codes, that of element j as bit j.
#[inline(always)]
pub(super) fn fifth_bits(codes: &[u8; 32]) -> [u8; 4] {
    let bits = codes.iter().enumerate().fold(0_u32, |bits, (j, code)| bits | u32::from(code >> 4 & 1) << j);
    bits.to_le_bytes()
}

/// Returns 32 codes of 4 bits.
#[inline(always)]
pub(super) fn unpack(bytes: &[u8]) -> [u8; 32] {
    let mut codes = [0; 32];
    for (j, byte) in bytes[..16].iter().enumerate() {
        codes[j] = byte & 15;
        codes[j + 16] = byte >> 4;
    }
    codes
}

/// Returns 32 codes of 5 bits.
#[inline(always)]
pub(super) fn unpack_5(bytes: &[u8], fifth: [u8; 4]) -> [u8; 32] {
    let (mut codes, fifth) = (unpack(bytes), u32::from_le_bytes(fifth));
    for (j, code) in codes.iter_mut().enumerate() {
        *code |= ((fifth >> j & 1) << 4) as u8;
    }
    codes
}
