//! Microscaling blocks to reals.

use super::element::{LEN, MxElement};
use super::scale::scale_value;
use crate::kernel::{self, LANES, Restore, Simd, Sixteen, restore_blocks};

/// The values of E2M1, in the order of their codes.
const VALUES: [f32; LANES] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0];

/// Returns the first bytes, of which there are enough.
#[inline(always)]
fn chunk<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.first_chunk().unwrap_or(&[0; N])
}

/// Restores a block. The element is known when it is compiled.
#[inline(always)]
fn block<S: Simd>(v: Sixteen<S>, element: MxElement, block: &[u8], out: &mut [f32; LEN]) {
    let codes = &block[1..];
    let [low, high] = match element {
        MxElement::E4M3 => v.of_e4m3(chunk(codes)),
        MxElement::E5M2 => v.of_e5m2(chunk(codes)),
        MxElement::E2M3 | MxElement::E3M2 => v.of_six_bits(chunk(codes), element.small_float()),
        MxElement::E2M1 => {
            let (list, both) = (v.load(&VALUES), v.of_u8(chunk(codes)));
            v.alternate(v.lookup(list, both), v.lookup(list, both >> 4)).into()
        }
        MxElement::Int8 => {
            let [low, high] = chunk::<{ 2 * 16 }>(codes).as_chunks().0 else { return };
            [v.reals(v.of_i8(low)), v.reals(v.of_i8(high))]
        }
    };
    // A power of two: the product with 2⁻⁶ is exact, or rounded once as that of the two others is.
    let scale = v.all(scale_value(block[0]) * element.unit());
    if let [first, second] = out.as_chunks_mut().0 {
        v.store(low * scale, first);
        v.store(high * scale, second);
    }
}

/// Writes what blocks stand for.
pub(super) fn restore(element: MxElement, bytes: &[u8], out: &mut [f32]) {
    let level = kernel::detect();
    match element {
        MxElement::E4M3 => restore_blocks::<E4M3, 33, LEN>(level, bytes, out),
        MxElement::E5M2 => restore_blocks::<E5M2, 33, LEN>(level, bytes, out),
        MxElement::E2M3 => restore_blocks::<E2M3, 25, LEN>(level, bytes, out),
        MxElement::E3M2 => restore_blocks::<E3M2, 25, LEN>(level, bytes, out),
        MxElement::E2M1 => restore_blocks::<E2M1, 17, LEN>(level, bytes, out),
        MxElement::Int8 => restore_blocks::<Int8, 33, LEN>(level, bytes, out),
    }
}

macro_rules! blocks {
    ($($name:ident, $bytes:literal;)*) => {$(
        struct $name;

        impl Restore<$bytes, LEN> for $name {
            #[inline(always)]
            fn restore<S: Simd>(v: Sixteen<S>, bytes: &[u8; $bytes], out: &mut [f32; LEN]) {
                block(v, MxElement::$name, bytes, out);
            }
        }
    )*};
}

blocks! {
    E4M3, 33;
    E5M2, 33;
    E2M3, 25;
    E3M2, 25;
    E2M1, 17;
    Int8, 33;
}
