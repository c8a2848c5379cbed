//! A quantizer of i8 codes without any of this crate's kernels, and all that can be wrong with it.

use ndarray::{Array, ArrayD, ArrayViewD, Dimension};
use tensor_quant::kernel::Level;
use tensor_quant::laws::{QuantizationMethod, Waiver, scheme};
use tensor_quant::num::CodeType;
use tensor_quant::params::{AffineParams, CodeRange, Granularity, NanPolicy, QuantParams};
use tensor_quant::{Error, PackedTensor, QuantizedTensor, Result, f16};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    ConvertsBeforeItClamps,
    ClampsWithoutTheZeroPoint,
    Truncates,
    UsesTheCodeThatNarrowLeavesOut,
    TakesAnotherAxis,
    LetsNanIntoTheRange,
    LetsInfinityIntoTheRange,
    MultipliesByTheReciprocal,
    RoundsHalvesAway,
    ShiftsZero,
    DividesAConstantsWidth,
    TakesTheWidthInF32,
    SkipsTheLastBlock,
    ReadsMemoryInOrder,
    RestoresWithoutTheZeroPoint,
    RestoresTheMiddleOfAStep,
    LosesTheSignOfConstants,
    HasASmallestScale,
    AnswersWithoutData,
    WastesABit,
    TruncatesTheRemainder,
    DependsOnThreads,
    HasAnotherKernelForShortSlices,
    LooksAtEverySecondValue,
    UsesOneCodeMoreBelow,
    ExchangesNeighbours,
    NamesTheLastNan,
    UsesEvenCodesAlone,
    RestoresInHalfPrecision,
}

/// Min-max, symmetric and narrow or affine, halves to even, divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naive {
    pub(crate) bug: Bug,
    pub(crate) affine: bool,
    pub(crate) granularity: Granularity,
    pub(crate) nan_policy: NanPolicy,
}

impl Naive {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, affine: false, granularity: Granularity::Tensor, nan_policy: NanPolicy::Error }
    }

    /// The group of an element.
    fn group(&self, index: &[usize], shape: &[usize]) -> usize {
        match self.granularity {
            Granularity::Tensor => 0,
            Granularity::Axis(axis) if self.bug == Bug::TakesAnotherAxis => index[shape.len() - 1] % shape[axis],
            Granularity::Axis(axis) => index[axis],
            Granularity::Block { axis, size } => index.iter().enumerate().fold(0, |group, (k, &i)| {
                let (i, n) = if k == axis { (i / size, shape[k].div_ceil(size)) } else { (i, shape[k]) };
                group * n + i
            }),
            other => unreachable!("{other} is not tried"),
        }
    }

    fn is_small(&self, x: f32) -> bool {
        match self.bug {
            Bug::LetsInfinityIntoTheRange => !x.is_nan(),
            _ => x.is_finite(),
        }
    }

    fn params(&self, values: &[f32]) -> Result<AffineParams> {
        let step = if self.bug == Bug::LooksAtEverySecondValue { 2 } else { 1 };
        let mut finite = values.iter().copied().filter(|&x| self.is_small(x)).step_by(step);
        let Some(first) = finite.next() else {
            return match self.bug {
                Bug::AnswersWithoutData => AffineParams::new(1.0, 0),
                _ => Err(Error::NoData { group: None, observed: values.len() as u64, nan: 0, infinite: 0 }),
            };
        };
        let (low, high) = finite.fold((first, first), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if self.bug == Bug::LetsNanIntoTheRange && values.iter().any(|x| x.is_nan()) {
            (f32::NAN, f32::NAN)
        } else {
            (low, high)
        };
        if low == high && low != 0.0 && self.bug != Bug::DividesAConstantsWidth {
            return AffineParams::new(f64::from(low.abs()), 0);
        }
        let (params, offset) =
            if self.affine { self.asymmetric(low, high)? } else { (self.symmetric(low, high)?, 0.0) };
        let scale = f64::from(params.scale());
        let scale = match self.bug {
            Bug::HasASmallestScale => scale.max(1e-6),
            Bug::WastesABit => scale * 2.5,
            _ => scale,
        };
        AffineParams::new(scale, params.zero_point())?.with_offset(offset)
    }

    fn symmetric(&self, low: f32, high: f32) -> Result<AffineParams> {
        let max_abs = f64::from(low.abs().max(high.abs()));
        let steps = if self.bug == Bug::UsesOneCodeMoreBelow { 127.5 } else { 127.0 };
        let zero = self.bug != Bug::DividesAConstantsWidth && max_abs == 0.0;
        // A scale that is rounded up makes an infinity of the largest number.
        let scale = if zero { 1.0 } else { max_abs / steps };
        AffineParams::new(scale.min(f64::from(f32::MAX) / 128.0), 0)
    }

    fn asymmetric(&self, low: f32, high: f32) -> Result<(AffineParams, f32)> {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let width = match self.bug {
            Bug::TakesTheWidthInF32 => f64::from(high - low),
            _ => f64::from(high) - f64::from(low),
        };
        if width.is_infinite() {
            // As a struct without checks would hold it.
            return Err(Error::InvalidScale { scale: width, group: 0 });
        }
        let scale = if width == 0.0 && self.bug != Bug::DividesAConstantsWidth { 1.0 } else { width / 255.0 };
        let scale = AffineParams::new(scale, 0)?.scale();
        let zero_point = (-128.0 - f64::from(low) / f64::from(scale)).clamp(-128.0, 127.0);
        let offset = if self.bug == Bug::ShiftsZero { 0.25 * scale } else { 0.0 };
        // So that no code is restored as an infinity.
        let farthest = (127.0 - zero_point.round_ties_even()).max(zero_point.round_ties_even() + 128.0);
        let scale = f64::from(scale).min(f64::from(f32::MAX) * (1.0 - 1e-7) / farthest);
        Ok((AffineParams::new(scale, zero_point.round_ties_even() as i32)?, offset))
    }

    fn code(&self, x: f32, params: AffineParams, place: usize, len: usize) -> i8 {
        let (scale, zero_point) = (params.scale(), params.zero_point() as f32);
        if x.is_nan() {
            return if self.nan_policy == NanPolicy::Skip { zero_point as i8 } else { self.codes().min() as i8 };
        }
        let (min, max) = (self.codes().min() as f32, self.codes().max() as f32);
        let (min, max) = (min - zero_point, max - zero_point);
        let shifted = if params.offset() == 0.0 { x } else { x - params.offset() };
        let quotient = match self.bug {
            Bug::MultipliesByTheReciprocal => shifted * (1.0 / scale),
            _ => shifted / scale,
        };
        let code = match self.bug {
            Bug::ConvertsBeforeItClamps => {
                // The conversion of x86, which gives the smallest integer for what is none.
                let integer =
                    if quotient.abs() < 2_147_483_648.0 { quotient.round_ties_even() as i32 } else { i32::MIN };
                integer.clamp(min as i32, max as i32) as f32
            }
            Bug::ClampsWithoutTheZeroPoint => quotient.clamp(-128.0, 127.0).round_ties_even(),
            Bug::Truncates => quotient.clamp(min, max).trunc(),
            Bug::TruncatesTheRemainder if place >= len / 8 * 8 => quotient.clamp(min, max).trunc(),
            Bug::UsesTheCodeThatNarrowLeavesOut => quotient.clamp(min - 1.0, max).round_ties_even(),
            Bug::RoundsHalvesAway => quotient.clamp(min, max).round(),
            Bug::UsesEvenCodesAlone => ((quotient.clamp(min, max).round_ties_even() as i32) & !1) as f32,
            Bug::ExchangesNeighbours => ((quotient.clamp(min, max).round_ties_even() as i32) ^ 1) as f32,
            _ => quotient.clamp(min, max).round_ties_even(),
        };
        (code + zero_point) as i8
    }

    fn each<'a>(&self, x: &'a ArrayViewD<'_, f32>) -> impl Iterator<Item = (usize, f32)> + 'a {
        let (this, shape) = (*self, x.shape().to_vec());
        let memory: Option<Vec<f32>> = match self.bug {
            Bug::ReadsMemoryInOrder => x.as_slice_memory_order().map(<[f32]>::to_vec),
            _ => None,
        };
        x.indexed_iter().enumerate().map(move |(i, (index, &x))| {
            let group = this.group(index.as_array_view().as_slice().unwrap(), &shape);
            (group, memory.as_ref().map_or(x, |memory| memory[i]))
        })
    }
}

impl QuantizationMethod for Naive {
    fn code_type(&self) -> CodeType {
        CodeType::I8
    }

    fn quantize(&self, x: ArrayViewD<'_, f32>) -> Result<PackedTensor> {
        let mut values = vec![Vec::new(); self.granularity.groups(x.shape())?];
        for (group, x) in self.each(&x) {
            values[group].push(x);
        }
        let mut groups = Vec::new();
        for (k, values) in values.iter().enumerate() {
            let last = self.bug == Bug::SkipsTheLastBlock && k > 0 && values.len() < self.size();
            groups.push(if last { groups[k - 1] } else { self.params(values)? });
        }
        #[cfg(feature = "rayon")]
        if self.bug == Bug::DependsOnThreads && rayon::current_num_threads() > 1 {
            let scale = f64::from(groups[0].scale()).next_up() * 1.000_001;
            groups[0] = AffineParams::new(scale, groups[0].zero_point())?;
        }
        self.quantize_with(x, &QuantParams::from_groups(self.granularity, self.codes(), groups)?)
    }

    fn quantize_with(&self, x: ArrayViewD<'_, f32>, params: &QuantParams) -> Result<PackedTensor> {
        let nan: Vec<_> =
            x.indexed_iter().filter(|(_, x)| x.is_nan()).map(|(i, _)| i.as_array_view().to_vec()).collect();
        let named = if self.bug == Bug::NamesTheLastNan { nan.last() } else { nan.first() };
        if let (NanPolicy::Error, Some(index)) = (self.nan_policy, named) {
            return Err(Error::NotANumber { index: index.clone() });
        }
        let codes: Vec<i8> = self
            .each(&x)
            .enumerate()
            .map(|(i, (group, value))| self.code(value, params.group(group).unwrap(), i, x.len()))
            .collect();
        let mut codes = codes;
        if self.bug == Bug::LosesTheSignOfConstants && x.iter().all(|&y| x.first() == Some(&y)) {
            for code in &mut codes {
                *code = code.saturating_abs();
            }
        }
        let codes = Array::from_shape_vec(x.raw_dim(), codes).unwrap();
        QuantizedTensor::new(codes, params.clone()).map(PackedTensor::from)
    }

    fn dequantize(&self, q: &PackedTensor) -> ArrayD<f32> {
        let restored = q.dequantize();
        let params = q.params().group(0);
        match (self.bug, params) {
            (Bug::RestoresWithoutTheZeroPoint, Some(params)) => {
                q.codes::<i8>().unwrap().mapv(|code| f32::from(code) * params.scale())
            }
            (Bug::RestoresInHalfPrecision, _) => restored.mapv(|x| f16::from_f32(x).to_f32()),
            (Bug::RestoresTheMiddleOfAStep, Some(params)) => restored.mapv(|x| x + params.scale() / 2.0),
            _ => restored,
        }
    }

    fn map_at(&self, _level: Level, x: &[f32], params: AffineParams, _first_index: u64) -> Option<Vec<f64>> {
        if self.bug == Bug::HasAnotherKernelForShortSlices && x.len() < 16 {
            let other = Self { bug: Bug::RoundsHalvesAway, ..*self };
            return Some(x.iter().map(|&x| f64::from(other.code(x, params, 0, 1))).collect());
        }
        Some(x.iter().map(|&x| f64::from(self.code(x, params, 0, 8))).collect())
    }

    fn granularity(&self) -> Granularity {
        self.granularity
    }

    fn codes(&self) -> CodeRange {
        let narrow = !self.affine && self.bug != Bug::UsesOneCodeMoreBelow;
        if narrow { CodeRange::of::<i8>().narrow() } else { CodeRange::of::<i8>() }
    }

    fn nan_policy(&self) -> NanPolicy {
        self.nan_policy
    }

    fn waivers(&self) -> Vec<Waiver> {
        let follows = || Waiver::new(scheme::SIGN_SYMMETRY, "the zero point follows the range");
        self.affine.then(follows).into_iter().collect()
    }
}

impl Naive {
    /// The length of a whole block.
    fn size(&self) -> usize {
        match self.granularity {
            Granularity::Block { size, .. } => size,
            _ => 0,
        }
    }
}
