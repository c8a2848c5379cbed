//! Arguments of aggregate functions that are settings: the same for all rows, and known before the first.

use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;
use tensor_quant::AnyScheme;
use tensor_quant::range::AnyEstimator;

/// Returns a setting that is text.
///
/// # Errors
///
/// An error that names the function and says what was given.
pub(crate) fn text<'a>(function: &str, what: &str, value: &'a ScalarValue) -> Result<&'a str> {
    let text = match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => text.as_deref(),
        _ => None,
    };
    text.ok_or_else(|| wrong(function, &format!("{what} must be a text in quotes, got {value}")))
}

/// Returns a setting that is a number.
///
/// # Errors
///
/// An error that names the function and says what was given.
pub(crate) fn number(function: &str, what: &str, value: &ScalarValue) -> Result<f64> {
    let number = match value {
        ScalarValue::Int64(Some(x)) => Some(*x as f64),
        ScalarValue::UInt64(Some(x)) => Some(*x as f64),
        ScalarValue::Int32(Some(x)) => Some(f64::from(*x)),
        ScalarValue::Float32(Some(x)) => Some(f64::from(*x)),
        ScalarValue::Float64(Some(x)) => Some(*x),
        ScalarValue::Decimal128(Some(x), _, scale) => format!("{x}e{}", -i32::from(*scale)).parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong(function, &format!("{what} must be a number, got {value}")))
}

/// Returns the scheme that a text names.
///
/// # Errors
///
/// An error that names the function and says what the scheme's text form lacks.
pub(crate) fn scheme(function: &str, value: &ScalarValue) -> Result<AnyScheme> {
    let text = text(function, "the scheme", value)?;
    let scheme: AnyScheme =
        text.parse().map_err(|error| wrong(function, &format!("{text:?} is no scheme: {error}")))?;
    if scheme.granularity != tensor_quant::Granularity::Tensor {
        let reason = format!("{text:?} has a scale {}; an aggregate has one for the group", scheme.granularity);
        return Err(wrong(function, &reason));
    }
    check_estimator(function, &scheme.estimator)?;
    Ok(scheme)
}

/// Returns the estimator that a text names.
///
/// # Errors
///
/// An error that names the function and says what the estimator's text form lacks.
pub(crate) fn estimator(function: &str, value: &ScalarValue) -> Result<AnyEstimator> {
    let text = text(function, "the estimator", value)?;
    let estimator = text.parse().map_err(|error| wrong(function, &format!("{text:?} is no estimator: {error}")))?;
    check_estimator(function, &estimator)?;
    Ok(estimator)
}

/// What depends on the order of rows has no one answer here.
fn check_estimator(function: &str, estimator: &AnyEstimator) -> Result<()> {
    if let AnyEstimator::MovingAverage(_) = estimator {
        let reason =
            format!("\"{estimator}\" depends on the order of rows, and a query has none: choose another estimator");
        return Err(wrong(function, &reason));
    }
    Ok(())
}

/// Returns the error of a function's argument.
pub(crate) fn wrong(function: &str, reason: &str) -> DataFusionError {
    DataFusionError::Plan(format!("{function}: {reason}"))
}
