//! Scalars: what a tensor may hold before ([`Real`]) and after ([`Code`]), and how a quotient becomes a code.
//!
//! Everything here maps one element and is the single truth about it; the kernels only apply it to slices.
//! Adding a code type is one file here and its line in the list of `code_type.rs`.

mod any_rounding;
mod bfloat16;
mod binary16;
mod code;
mod code_type;
mod e8m0;
mod float_layout;
mod integer;
mod minifloat;
mod pack;
mod real;
mod rounding;
mod scaling;
mod slices;
mod small_int;

pub use any_rounding::AnyRounding;
pub use code::{Code, CodeKind};
pub use code_type::{CodeType, CodeVisitor};
pub use e8m0::E8M0;
pub use half::{bf16, f16};
pub use minifloat::{
    F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E3M4, F8E4M3, F8E4M3B11Fnuz, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz,
};
pub use pack::{PackOrder, Packing, pack, unpack};
pub use real::Real;
pub use rounding::{Ceil, Floor, HalfAway, Rounding, Stochastic, TiesEven, TowardZero};
pub use scaling::Scaling;
pub use small_int::{I1, I2, I4, U1, U2, U4};

pub(crate) use bfloat16::{bf16_bits_from_f32, bf16_bits_to_f32, bf16_count, bf16_of_count};
pub(crate) use binary16::{f16_bits_from_f32, f16_bits_to_f32};
pub(crate) use code::{Grid, Stored};
pub(crate) use code_type::for_each_code_type;
pub(crate) use float_layout::{FloatSteps, SmallFloat};
pub(crate) use real::{Elements, RealViews, Reals, RealsMut};
pub(crate) use rounding::{MAGIC, nearest_i32, nearest_whole, ties_even};
pub(crate) use slices::{Codes, CodesMut, SliceOfCodes};
