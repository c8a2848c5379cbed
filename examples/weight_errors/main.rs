//! What clipping weights by their smallest squared error buys, and correcting biases: on two classifiers, at 8 and 4 bits.
//!
//! ```text
//! cargo run --release --features safetensors,tflite --example weight_errors
//! ```
//!
//! Only the weights are quantized, symmetric and per output channel, and restored; activations and biases stay f32. The
//! SQNR is that of the outputs before the softmax, against the float model's.

#[path = "../digits_mlp/mod.rs"]
#[expect(dead_code, reason = "an example uses the part of this module that it needs")]
mod digits_mlp;
mod mnist;
mod network;

use network::Network;
use std::error::Error;
use tensor_quant::calibration::correct_bias;
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::num::Code;
use tensor_quant::range::{MinMax, Mse, Octav, RangeEstimator};
use tensor_quant::{I4, Scheme, quantize_tensor};

fn main() -> Result<(), Box<dyn Error>> {
    for (name, network) in [("digits", network::digits()?), ("MNIST", mnist::network()?)] {
        let images = network.labels.len();
        let float = network.run(&network.layers, &network.inputs)?;
        println!("\n{name}: {} of {images} in f32\n", digits_mlp::agreeing(&float, &network.labels));
        println!("| weights | range | SQNR | accuracy | SQNR, bias corrected | accuracy |");
        println!("| --- | --- | --- | --- | --- | --- |");
        let outputs = float.iter().copied().collect::<Vec<_>>();
        let table = Table { network: &network, means: network.means()?, outputs };
        table.row::<i8, _>("int8", "largest magnitude", MinMax::default())?;
        table.row::<i8, _>("int8", "OCTAV", Octav::default())?;
        table.row::<i8, _>("int8", "MSE", Mse::default())?;
        table.row::<I4, _>("int4", "largest magnitude", MinMax::default())?;
        table.row::<I4, _>("int4", "OCTAV", Octav::default())?;
        table.row::<I4, _>("int4", "MSE", Mse::default())?;
    }
    Ok(())
}

struct Table<'a> {
    network: &'a Network,
    /// Of the inputs of each layer, by channel, on the calibration images.
    means: Vec<Vec<f32>>,
    /// Of the float network.
    outputs: Vec<f32>,
}

impl Table<'_> {
    fn row<C: Code, E: RangeEstimator>(&self, bits: &str, label: &str, estimator: E) -> Result<(), Box<dyn Error>> {
        let scheme = Scheme::<C>::symmetric().with_estimator(estimator).with_axis(0);
        let mut plain = self.network.layers.clone();
        for layer in &mut plain {
            layer.weight = quantize_tensor(layer.weight.view(), &scheme)?.dequantize();
        }
        let mut corrected = plain.clone();
        for ((layer, float), means) in corrected.iter_mut().zip(&self.network.layers).zip(&self.means) {
            let axes = [0, float.weight.ndim() - 1];
            layer.bias = correct_bias(float.weight.view(), layer.weight.view(), axes, means, &float.bias)?;
        }
        print!("| {bits} | {label} |");
        for layers in [plain, corrected] {
            let outputs = self.network.run(&layers, &self.network.inputs)?;
            let error = ErrorMetrics::between(&self.outputs, &outputs.iter().copied().collect::<Vec<_>>())?;
            let right = digits_mlp::agreeing(&outputs, &self.network.labels);
            print!(" {:.1} dB | {right} of {} |", error.sqnr_db(), self.network.labels.len());
        }
        println!();
        Ok(())
    }
}
