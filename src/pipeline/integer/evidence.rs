//! What is known of a model beside its file.

use super::judge::Data;
use crate::calibration::Statistics;
use crate::range::AnyEstimator;

/// What is known of a model beside its file: samples of its inputs with what runs it, and statistics that were saved before.
///
/// With statistics, ranges are theirs, and one file is built of them; samples beside them tell nothing more.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Evidence<'a> {
    /// Samples, and what runs the model.
    pub data: Option<Data<'a>>,
    /// What samples told of the model's values.
    pub statistics: Option<&'a Statistics<AnyEstimator>>,
}

impl<'a> Evidence<'a> {
    /// Returns evidence of statistics, too.
    #[must_use]
    pub fn with_statistics(self, statistics: &'a Statistics<AnyEstimator>) -> Self {
        Self { statistics: Some(statistics), ..self }
    }
}

impl<'a> From<Option<Data<'a>>> for Evidence<'a> {
    fn from(data: Option<Data<'a>>) -> Self {
        Self { data, statistics: None }
    }
}

impl<'a> From<Data<'a>> for Evidence<'a> {
    fn from(data: Data<'a>) -> Self {
        Some(data).into()
    }
}
