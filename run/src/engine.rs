//! The executor as what opens models.

use crate::executor::Executor;
use tensor_quant::calibration::{Engine, RunError, Runner};

/// Opens `.tflite` models as [`Executor`]s.
#[derive(Clone, Copy, Debug, Default)]
pub struct PureRust;

impl Engine for PureRust {
    fn open(&self, model: &[u8]) -> Result<Box<dyn Runner>, RunError> {
        Ok(Box::new(Executor::from_bytes(model.to_vec())?))
    }
}
