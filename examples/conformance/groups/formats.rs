//! The formats that cases name, and the types of this crate that they are.

use tensor_quant::num::{
    Code, E8M0, F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E3M4, F8E4M3, F8E4M3B11Fnuz, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz,
    Real,
};
use tensor_quant::{bf16, f16};

/// A small floating-point format.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    pub(crate) bits: u32,
    pub(crate) from_f32: fn(f32) -> u64,
    pub(crate) from_f32_saturating: fn(f32) -> u64,
    pub(crate) from_f64: fn(f64) -> u64,
    pub(crate) to_f32: fn(u64) -> f32,
    pub(crate) is_nan: fn(u64) -> bool,
}

macro_rules! small {
    ($type:ident) => {
        Format {
            bits: <$type as Code>::BITS,
            from_f32: |x| u64::from($type::from_f32(x).to_bits()),
            from_f32_saturating: |x| u64::from($type::from_f32_saturating(x).to_bits()),
            from_f64: |x| u64::from($type::from_f64(x).to_bits()),
            to_f32: |bits| $type::from_bits(bits as u8).to_f32(),
            is_nan: |bits| $type::from_bits(bits as u8).is_nan(),
        }
    };
}

macro_rules! sixteen {
    ($type:ident) => {
        Format {
            bits: 16,
            from_f32: |x| u64::from(<$type as Real>::from_f32(x).to_bits()),
            from_f32_saturating: |x| u64::from(<$type as Real>::from_f32(x).to_bits()),
            from_f64: |x| u64::from(from_f64_16::<$type>(x).to_bits()),
            to_f32: |bits| Real::to_f32($type::from_bits(bits as u16)),
            is_nan: |bits| $type::from_bits(bits as u16).is_nan(),
        }
    };
}

/// Rounds once; the library's `Code::nearest` saturates, and an f64 that is beyond f32 is beyond these formats too.
fn from_f64_16<C: Code + Real>(x: f64) -> C {
    if x.abs() <= <C as Code>::MAX { C::nearest(x) } else { C::from_f32(x as f32) }
}

impl Format {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.replace('_', "").as_str() {
            "bfloat16" => sixteen!(bf16),
            "float16" => sixteen!(f16),
            "float8e4m3fn" => small!(F8E4M3Fn),
            "float8e5m2" => small!(F8E5M2),
            "float8e4m3fnuz" => small!(F8E4M3Fnuz),
            "float8e5m2fnuz" => small!(F8E5M2Fnuz),
            "float8e4m3b11fnuz" => small!(F8E4M3B11Fnuz),
            "float8e4m3" => small!(F8E4M3),
            "float8e3m4" => small!(F8E3M4),
            "float6e2m3fn" => small!(F6E2M3Fn),
            "float6e3m2fn" => small!(F6E3M2Fn),
            "float4e2m1fn" | "float4e2m1" => small!(F4E2M1Fn),
            "float8e8m0fnu" => Format {
                bits: 8,
                from_f32: |x| u64::from(E8M0::from_f32(x).to_bits()),
                from_f32_saturating: |x| u64::from(E8M0::from_f32(x).to_bits()),
                from_f64: |x| u64::from(E8M0::from_f32(x as f32).to_bits()),
                to_f32: |bits| E8M0::from_bits(bits as u8).to_f32(),
                is_nan: |bits| bits == 0xff,
            },
            _ => return None,
        })
    }
}
