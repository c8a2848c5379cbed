//! The OCP microscaling formats: 32 elements of 8, 6 or 4 bits and one scale, a power of two.
//!
//! ```text
//! x ≈ 2^(e − 127) · element,        e: E8M0, a byte
//! ```
//!
//! | type | element | largest | its exponent | block |
//! | --- | --- | --- | --- | --- |
//! | MXFP8 | E4M3 (no ∞), E5M2 | 448, 57 344 | 8, 15 | e, 32 bytes |
//! | MXFP6 | E2M3, E3M2 | 7.5, 28 | 2, 4 | e, 24 bytes: codes of 6 bits, the first in the lowest bits |
//! | MXFP4 | E2M1 | 6 | 2 | e, 16 bytes: two codes, the first in the low nibble |
//! | MXINT8 | an i8 times 2⁻⁶ | 127/64 | 0 | e, 32 bytes |
//!
//! Elements are rounded half to even and saturate. Source: OCP Microscaling Formats (MX) 1.0; the rules of the scale are those that
//! `torchao` has, and zero blocks have `e = 0`. NaN gives the NaN scale, 255, which restores to NaN.

mod element;
mod format;
mod restore;
mod scale;
mod scale_rule;

pub use element::MxElement;
pub use format::Mx;
pub(crate) use format::{MXFP4_E2M1, MXFP6_E2M3, MXFP6_E3M2, MXFP8_E4M3, MXFP8_E5M2, MXINT8};
pub use scale_rule::ScaleRule;
