//! The schemes that can be chosen by name.

use ndarray::{ArrayD, IxDyn};
use std::fmt;
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::model::safetensors::{Stored, Writer};
use tensor_quant::num::Code;
use tensor_quant::params::{Granularity, ParamsCalculator};
use tensor_quant::{
    Ceil, I4, QuantizedTensor, RangeEstimator, Result, Rounding, Scheme, U4, bf16, f16, quantize_tensor,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int8,
    Uint8,
    Int16,
    Int4,
    Uint4,
    Float16,
    Bfloat16,
}

impl Kind {
    const NAMES: [(&str, Kind); 7] = [
        ("int8", Kind::Int8),
        ("uint8", Kind::Uint8),
        ("int16", Kind::Int16),
        ("int4", Kind::Int4),
        ("uint4", Kind::Uint4),
        ("float16", Kind::Float16),
        ("bfloat16", Kind::Bfloat16),
    ];

    /// Returns the scheme of that name, and whether it rounds up.
    pub(crate) fn parse(name: &str) -> Option<(Self, bool)> {
        let (name, ceil) = name.strip_suffix("-ceil").map_or((name, false), |name| (name, true));
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, kind)| (kind, ceil))
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// What is done to the tensors.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) kind: Kind,
    pub(crate) ceil: bool,
    pub(crate) granularity: Granularity,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if !matches!(self.kind, Kind::Float16 | Kind::Bfloat16) {
            write!(f, " {}", self.granularity)?;
        }
        if self.ceil { f.write_str(", ceil") } else { Ok(()) }
    }
}

/// What becomes of a quantized tensor.
pub(crate) trait Sink {
    type Output;

    fn take<C: Code>(&mut self, q: QuantizedTensor<C, IxDyn>) -> Result<Self::Output>;
}

impl Choice {
    /// Quantizes a tensor and hands the codes over.
    pub(crate) fn quantize<S: Sink>(&self, tensor: &ArrayD<f32>, sink: &mut S) -> Result<S::Output> {
        match self.kind {
            Kind::Int8 => self.apply(Scheme::<i8>::symmetric(), tensor, sink),
            Kind::Uint8 => self.apply(Scheme::<u8>::affine(), tensor, sink),
            Kind::Int16 => self.apply(Scheme::<i16>::symmetric(), tensor, sink),
            Kind::Int4 => self.apply(Scheme::<I4>::symmetric(), tensor, sink),
            Kind::Uint4 => self.apply(Scheme::<U4>::affine(), tensor, sink),
            Kind::Float16 => self.apply(Scheme::<f16>::cast(), tensor, sink),
            Kind::Bfloat16 => self.apply(Scheme::<bf16>::cast(), tensor, sink),
        }
    }

    fn apply<C, E, P, R, S>(&self, scheme: Scheme<C, E, P, R>, tensor: &ArrayD<f32>, sink: &mut S) -> Result<S::Output>
    where
        C: Code,
        E: RangeEstimator,
        P: ParamsCalculator,
        R: Rounding,
        S: Sink,
    {
        let scheme = scheme.with_granularity(self.granularity());
        let q = if self.ceil {
            quantize_tensor(tensor.view(), &scheme.with_rounding(Ceil))?
        } else {
            quantize_tensor(tensor.view(), &scheme)?
        };
        sink.take(q)
    }

    /// Returns how a tensor of this shape will be stored.
    pub(crate) fn stored(&self, shape: &[usize]) -> Stored {
        match self.kind {
            Kind::Int8 => Stored::quantized::<i8>(shape, self.granularity()),
            Kind::Uint8 => Stored::quantized::<u8>(shape, self.granularity()),
            Kind::Int16 => Stored::quantized::<i16>(shape, self.granularity()),
            Kind::Int4 => Stored::quantized::<I4>(shape, self.granularity()),
            Kind::Uint4 => Stored::quantized::<U4>(shape, self.granularity()),
            Kind::Float16 => Stored::quantized::<f16>(shape, self.granularity()),
            Kind::Bfloat16 => Stored::quantized::<bf16>(shape, self.granularity()),
        }
    }

    /// A cast has no scale, so none for each channel either.
    fn granularity(&self) -> Granularity {
        match self.kind {
            Kind::Float16 | Kind::Bfloat16 => Granularity::Tensor,
            _ => self.granularity,
        }
    }
}

/// Measures the error, and writes the codes to a file if there is one.
pub(crate) struct Measure<'a> {
    pub(crate) original: &'a ArrayD<f32>,
    pub(crate) file: Option<(&'a mut Writer, &'a str)>,
}

impl Sink for Measure<'_> {
    type Output = (ErrorMetrics, usize);

    fn take<C: Code>(&mut self, q: QuantizedTensor<C, IxDyn>) -> Result<Self::Output> {
        if let Some((writer, name)) = &mut self.file {
            writer.write_quantized(name, &q)?;
        }
        let size = match C::KIND {
            tensor_quant::num::CodeKind::Float => C::packed_len(q.codes().len()),
            tensor_quant::num::CodeKind::Integer => q.size_in_bytes(),
        };
        Ok((q.error(self.original.view())?, size))
    }
}

/// Gives the restored tensor.
pub(crate) struct Restore;

impl Sink for Restore {
    type Output = ArrayD<f32>;

    fn take<C: Code>(&mut self, q: QuantizedTensor<C, IxDyn>) -> Result<Self::Output> {
        Ok(q.dequantize())
    }
}
