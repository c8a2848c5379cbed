//! Saved calibrations: any text is an error of one line, or a calibrator whose text is the same when it is saved again, that
//! can be merged with itself, observe more, and be asked for its ranges.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::{Array2, array};
use tensor_quant::calibration::{Calibrator, State, Statistics};
use tensor_quant::params::CodeRange;
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile, Target,
};
use tensor_quant::{Result, Scheme, f16};
use tensor_quant_fuzz::memory;

/// A state of some ninety bytes may be one of exact sums (8 KiB) or a histogram (64 KiB), which an observation would have
/// left as large: that is some 700 a byte, in the calibrator, in its copy, and in what is merged.
const OF_A_BYTE: usize = 4096;
/// A search for the best range holds tables.
const ALWAYS: usize = 1 << 23;

fuzz_target!(|text: &str| memory::within(ALWAYS + OF_A_BYTE * text.len(), || {
    load::<Entropy>(text);
    load::<Fixed>(text);
    load::<LpNorm>(text);
    load::<MeanStd>(text);
    load::<MinMax>(text);
    load::<MovingAverage>(text);
    load::<Mse>(text);
    load::<Octav>(text);
    load::<Percentile>(text);
    statistics(text);
}));

fn statistics(text: &str) {
    let Some(mut statistics) = report(Statistics::<AnyEstimator>::from_json(text)) else { return };
    let saved = statistics.to_json().expect("what was read can be saved");
    let again = Statistics::<AnyEstimator>::from_json(&saved).expect("what was saved can be read");
    assert_eq!(again.to_json().expect("what was read can be saved"), saved);
    report(statistics.merge(&again));
    for key in statistics.ranges().names().iter().take(2) {
        (statistics.means(key), statistics.mean_squares(key));
    }
    for moments in statistics.second_moments().iter().take(2).filter(|moments| moments.moments().len() < 64) {
        assert!(moments.mean().iter().all(|x| !x.is_nan()));
    }
}

fn load<E: State>(text: &str) {
    let Some(calibrator) = report(Calibrator::<E>::from_json(text)) else { return };
    let saved = calibrator.to_json().expect("what was read can be saved");
    let again = Calibrator::<E>::from_json(&saved).expect("what was saved can be read");
    assert_eq!(again.to_json().expect("what was read can be saved"), saved);

    let names = calibrator.names();
    let some = || names.iter().take(2);
    ranges(&calibrator, some());
    for _ in 0..3 {
        calibrator.merge(&again).expect("the two are alike");
        again.merge(&calibrator).expect("the two are alike");
    }
    for name in some() {
        report(calibrator.observe(name, array![[0.5_f32, f32::NAN], [-3e38, f32::INFINITY]].view()));
        report(calibrator.observe(name, Array2::<f32>::zeros((3, 0)).view()));
        report(calibrator.observe(name, array![1.0_f32].view()));
    }
    ranges(&calibrator, some());
    // However often: the counts end where they end.
    for _ in 0..12 {
        calibrator.merge(&calibrator.clone()).expect("the two are alike");
    }
    ranges(&calibrator, some());
}

fn ranges<'a, E: State>(calibrator: &Calibrator<E>, names: impl Iterator<Item = &'a String>) {
    for name in names {
        assert!(calibrator.seen(name).is_some());
        report(calibrator.ranges(name, &CodeRange::of::<u8>()));
        report(calibrator.ranges(name, &Scheme::<f16>::symmetric() as &dyn Target));
        report(calibrator.params(name, &Scheme::<i8>::symmetric()));
        report(calibrator.params(name, &Scheme::<tensor_quant::I4>::affine()));
    }
}

fn report<T>(result: Result<T>) -> Option<T> {
    let error = |error: &tensor_quant::Error| {
        let text = error.to_string();
        assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
    };
    result.inspect_err(error).ok()
}
