//! How tensors are written: the code type, the shape, the codes as they are packed in files, and the parameters.
//!
//! ```json
//! {"code": "i4", "shape": [3], "codes": "1wE=", "params": {"granularity": "per tensor",
//!  "codes": {"kind": "integer", "min": -7.0, "max": 7.0}, "scales": [1.0], "zero_points": [0], "offsets": []}}
//! ```
//!
//! Codes are base64 in formats that people read, as JSON, and bytes in others. What was observed in the original is not written.

use super::base64;
use super::packed::PackedTensor;
use super::quantized::QuantizedTensor;
use crate::num::{Code, CodeType};
use crate::params::QuantParams;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use ndarray::Dimension;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize)]
#[serde(rename = "PackedTensor")]
struct Written<'a> {
    code: CodeType,
    shape: &'a [usize],
    codes: Bytes<'a>,
    params: &'a QuantParams,
}

#[derive(Deserialize)]
#[serde(rename = "PackedTensor", deny_unknown_fields)]
struct Read {
    code: CodeType,
    shape: Vec<usize>,
    codes: Bytes<'static>,
    params: QuantParams,
}

/// Bytes, as text where people read.
pub(crate) struct Bytes<'a>(pub(crate) Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&base64::encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes, or text in base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
                base64::decode(text).ok_or_else(|| E::custom("the bytes are not in base64"))
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Vec<u8>, A::Error> {
                let mut all = Vec::new();
                while let Some(byte) = bytes.next_element()? {
                    all.push(byte);
                }
                Ok(all)
            }
        }

        let bytes = if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Any.visit_str(&text)?
        } else {
            deserializer.deserialize_byte_buf(Any)?
        };
        Ok(Self(Cow::Owned(bytes)))
    }
}

impl Serialize for PackedTensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (code, shape, params) = (self.code_type(), self.shape(), self.params());
        Written { code, shape, codes: Bytes(self.bytes()), params }.serialize(serializer)
    }
}

/// Checked as [`PackedTensor::from_bytes`] does.
impl<'de> Deserialize<'de> for PackedTensor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { code, shape, codes, params } = Read::deserialize(deserializer)?;
        PackedTensor::from_bytes(code, &shape, &codes.0, params).map_err(D::Error::custom)
    }
}

/// As the [`PackedTensor`] of the same codes: what the one wrote the other reads.
impl<C: Code, N: Dimension> Serialize for QuantizedTensor<C, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(C::packed_len(self.len()));
        C::write_packed(self.codes().as_slice().unwrap_or(&[]), &mut bytes);
        let written = Written { code: C::TYPE, shape: self.shape(), codes: Bytes(bytes.into()), params: self.params() };
        written.serialize(serializer)
    }
}

/// Refused if the codes are of another type, or the tensor has another number of dimensions.
impl<'de, C: Code, N: Dimension> Deserialize<'de> for QuantizedTensor<C, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PackedTensor::deserialize(deserializer)?.to_typed().map_err(D::Error::custom)
    }
}
