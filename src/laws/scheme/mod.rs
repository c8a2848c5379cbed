//! The laws of whole quantizers: a [`Scheme`](crate::Scheme), or anything that is a
//! [`QuantizationMethod`](super::QuantizationMethod).
//!
//! Here x is a value, `code` its code, x̂ what it is restored as; `scale`, `zero_point` and `offset` are those of its group,
//! and a step is the distance between the reals of the two codes around x: the scale, for integer codes. Each law says what
//! must hold for every tensor with a finite value in each group, up to the rounding errors of f32 where reals are compared.

mod corners;
mod cost;
mod definition;
mod equivariance;
mod independence;
mod mapping;
mod probe;
mod special;
mod trial;

use super::quantization_method::Subject;

super::list::laws! {
    "scheme" of Subject<'_>:
    ANSWERS = answers(
        "0 < scale < ∞,  qmin ≤ zero_point ≤ qmax,  one of each for every group",
        "A scale of zero, infinity or NaN makes NaN of the whole tensor; a zero point that is no code is another number once \
         stored. It also means that there is an answer at all: for constants, for zeros, for ±f32::MAX and for subnormal numbers, \
         and for the groups and codes that were promised."
    ) by mapping::answers;
    CODES_IN_RANGE = codes_in_range(
        "qmin ≤ code ≤ qmax",
        "A narrow range is narrow because a kernel relies on it: −128 · −128 overflows where −127 · −127 does not."
    ) by mapping::codes_in_range;
    MAPPING = mapping(
        "code = clamp(round(x / scale) + zero_point, qmin, qmax)",
        "To the last bit, with the scaling and the rounding that are promised: what one implementation writes, another must \
         read as the same number, and a quotient that is a rounding error off is another code beside every tie."
    ) by mapping::mapping;
    RESTORES = restores(
        "x̂ = scale · (code − zero_point) + offset",
        "Codes and parameters are all that a file holds: who dequantizes otherwise has another tensor."
    ) by mapping::restores;
    WITHIN_HALF_A_STEP = within_half_a_step(
        "|x − x̂| ≤ step / 2  for x between the smallest and the largest real",
        "The best that any quantizer can do, and what rounding to the nearest does: every analysis of quantized networks starts \
         from it. A rounding in one direction does not promise it."
    ) by mapping::within_half_a_step;
    WITHIN_A_STEP = within_a_step(
        "|x − x̂| < step  for x between the smallest and the largest real",
        "Whatever the rounding, the code is one of the two beside the value."
    ) by mapping::within_a_step;
    SATURATES = saturates(
        "code = qmin for x below, qmax for x above all reals by a step or more; 1e10, f32::MAX and ±∞ too",
        "A conversion before the clamp makes the smallest code of the largest value, and so a large positive activation the most \
         negative one."
    ) by special::saturates;
    MONOTONE = monotone(
        "x ≤ y  ⇒  code(x) ≤ code(y)",
        "A classifier's argmax, and every comparison in a network, survives quantization because order does."
    ) by mapping::monotone;
    IDEMPOTENT = idempotent(
        "code(x̂) = code(x)",
        "A tensor that was restored and is quantized again with the same parameters does not drift."
    ) by mapping::idempotent;
    ZERO_EXACT = zero_exact(
        "x = 0  ⇒  x̂ = 0",
        "Padding, ReLU and pruned weights are zeros by the million: an error in each of them adds up to a bias."
    ) by special::zero_exact;
    CONSTANTS = constants(
        "x = c everywhere  ⇒  |x̂ − c| ≤ 2⁻²⁰ · |c|, where a normal scale can be so small",
        "A constant channel has no width to divide by: the place where scales become zero, and signs are lost. One step can \
         always be chosen so that it is met."
    ) by special::constants;
    NO_DATA = no_data(
        "no finite value in a group  ⇒  an error",
        "A default range for what was never seen is a bug that shows months later, as accuracy."
    ) by special::no_data;
    NAN_POLICY = nan_policy(
        "NaN: the error names the first index; or code = zero_point; or the bare mapping. All else as if it were not there",
        "One NaN that reaches a minimum or a maximum makes the scale NaN, and with it every value of the group."
    ) by special::nan_policy;
    INFINITIES = infinities(
        "±∞ leaves scale and zero point as they are without it",
        "An infinite range has a step of infinity, in which every finite value is zero."
    ) by special::infinities;
    GROUPS = groups(
        "a group has the codes and parameters that it has as a tensor of its own",
        "What another channel or block holds is not its business: a wrong axis, or a last block that is shorter, shows here."
    ) by independence::groups;
    PARTS = parts(
        "with known parameters, a part of a tensor has the codes that it has in the whole",
        "Codes are computed in pieces: by vectors with a remainder, by threads, in streams. Where a piece ends must not matter."
    ) by independence::parts;
    ORDER = order(
        "values exchanged within a group  ⇒  their codes exchanged, the parameters the same",
        "A range that depends on the order of values depends on how a framework lays out its weights."
    ) by independence::order;
    MEMORY_LAYOUT = memory_layout(
        "a permuted, strided, reversed or broadcast view has the codes and parameters of its row-major copy",
        "Transposing is free in every array library, because it only changes strides; who reads memory in order reads another \
         tensor."
    ) by independence::memory_layout;
    THREADS = threads(
        "1, 2 and 5 threads give the same codes and parameters",
        "Results that depend on the machine cannot be tested, cached or compared."
    ) by independence::threads;
    SIMD_LEVELS = simd_levels(
        "every SIMD level gives the codes of `mapping`, at every length",
        "The same model gives other answers on another CPU, and only for lengths that leave a remainder."
    ) by independence::simd_levels;
    SIGN_SYMMETRY = sign_symmetry(
        "code(−x) − zero_point = −(code(x) − zero_point)",
        "Symmetric weights are symmetric so that a kernel may drop the zero point; a bias towards one sign does not average out."
    ) by equivariance::sign_symmetry;
    POWERS_OF_TWO = powers_of_two(
        "2ᵏ · x has the codes of x, and 2ᵏ times its scale",
        "Multiplying by a power of two is exact: whatever else changes is an absolute constant in the code, an epsilon or a \
         threshold, that is wrong for small or for large tensors."
    ) by equivariance::powers_of_two;
    METRICS = metrics(
        "mse = mean (x − x̂)²,  largest error = max |x − x̂|,  by plain arithmetic",
        "What is reported must be what was lost."
    ) by cost::metrics;
    MSE_BOUND = mse_bound(
        "mean (x − x̂)² ≤ mean step² / 4  of the values between the smallest and the largest real",
        "The budget of a quantized network is made of it. A rounding in one direction does not promise it."
    ) by cost::mse_bound;
    SQNR_PER_BIT = sqnr_per_bit(
        "uniform data: SQNR ≥ 20 · log10(qmax − qmin) − 1 dB, which is 6.02 dB a bit",
        "Every code is used: half of the range wasted is one bit lost, and no other law would notice."
    ) by cost::sqnr_per_bit;
}

/// The laws whose cases are large, and take long.
pub(super) const LARGE: &[super::Law] = &[THREADS, SQNR_PER_BIT];
