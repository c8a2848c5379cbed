//! Points of a lattice and signs: what IQ1, IQ2 and IQ3 are made of.

/// Returns the eight magnitudes of a point of IQ2's lattices.
#[inline(always)]
pub(super) fn of_two_bits(point: u16) -> [f32; 8] {
    let mut values = [0.0; 8];
    for (i, value) in values.iter_mut().enumerate() {
        *value = [8.0, 25.0, 43.0, 0.0][usize::from(point >> (2 * i) & 3)];
    }
    values
}

/// Returns the eight numbers −1, 0, 1 of a point of IQ1's lattice.
#[inline(always)]
pub(super) fn of_trits(point: u16) -> [f32; 8] {
    let mut values = [0.0; 8];
    for (i, value) in values.iter_mut().enumerate() {
        *value = f32::from(point >> (2 * i) & 3) - 1.0;
    }
    values
}

/// Returns the eight magnitudes of two points of IQ3's lattices, whose numbers stand for those of a list.
#[inline(always)]
pub(super) fn of_three_bits(points: [u16; 2], list: [f32; 8]) -> [f32; 8] {
    let mut values = [0.0; 8];
    for (i, value) in values.iter_mut().enumerate() {
        *value = list[usize::from(points[i / 4] >> (3 * (i % 4)) & 7)];
    }
    values
}

/// Returns the eight signs that seven bits stand for: the number of negative ones is even.
#[inline(always)]
pub(super) fn even_signs(bits: u32) -> u8 {
    let bits = (bits & 127) as u8;
    bits | (bits.count_ones() as u8 & 1) << 7
}

/// Writes `scale · value`, negative where a bit is set.
#[inline(always)]
pub(super) fn write_signed(out: &mut [f32], scale: f32, values: [f32; 8], signs: u8) {
    for (i, (out, value)) in out.iter_mut().zip(values).enumerate() {
        let value = scale * value;
        *out = if signs >> i & 1 == 1 { -value } else { value };
    }
}
