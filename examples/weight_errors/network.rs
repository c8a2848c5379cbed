//! A network as a list of layers, and how to run it.

use crate::digits_mlp::{self, Digits};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, ArrayViewD, Ix2};
use std::error::Error;
use tensor_quant::calibration::ChannelMeans;

#[derive(Clone)]
pub(crate) struct Layer {
    /// \[out, in\], or \[out, height, width, in\] of a convolution.
    pub(crate) weight: ArrayD<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Shows a layer's number and its input.
pub(crate) type Watch<'a> = dyn FnMut(usize, ArrayViewD<'_, f32>) -> tensor_quant::Result<()> + 'a;

/// Runs layers on inputs, and shows the input of each to the last argument.
type Run = fn(&[Layer], &ArrayD<f32>, &mut Watch<'_>) -> Result<Array2<f32>, Box<dyn Error>>;

pub(crate) struct Network {
    pub(crate) layers: Vec<Layer>,
    pub(crate) inputs: ArrayD<f32>,
    pub(crate) labels: Array1<u8>,
    pub(crate) calibration: ArrayD<f32>,
    pub(crate) forward: Run,
}

impl Network {
    pub(crate) fn run(&self, layers: &[Layer], inputs: &ArrayD<f32>) -> Result<Array2<f32>, Box<dyn Error>> {
        (self.forward)(layers, inputs, &mut |_, _| Ok(()))
    }

    /// Returns the mean of each channel of each layer's input, on the calibration images.
    pub(crate) fn means(&self) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
        let of_layer = |layer: &Layer| ChannelMeans::new(layer.weight.ndim() - 1);
        let mut means: Vec<_> = self.layers.iter().map(of_layer).collect();
        (self.forward)(&self.layers, &self.calibration, &mut |layer, input| means[layer].observe(input))?;
        Ok(means.iter().map(ChannelMeans::means).collect())
    }
}

/// Returns a fully-connected layer's outputs.
pub(crate) fn dense(layer: &Layer, x: ArrayView2<'_, f32>) -> Result<Array2<f32>, Box<dyn Error>> {
    let weight = layer.weight.view().into_dimensionality::<Ix2>()?;
    Ok(x.dot(&weight.t()) + ArrayView1::from(&layer.bias))
}

pub(crate) fn digits() -> Result<Network, Box<dyn Error>> {
    let (tensors, digits) = (digits_mlp::load()?, Digits::load()?);
    let layers = (0..3).map(|number| {
        let (weight, bias) = digits_mlp::layer(&tensors, number)?;
        Ok(Layer { weight: weight.to_owned().into_dyn(), bias: bias.to_vec() })
    });
    Ok(Network {
        layers: layers.collect::<Result<_, Box<dyn Error>>>()?,
        inputs: digits.inputs.into_dyn(),
        labels: digits.labels,
        calibration: digits.calibration.into_dyn(),
        forward: |layers, inputs, watch| {
            let mut x = inputs.view().into_dimensionality::<Ix2>()?.to_owned();
            for (number, layer) in layers.iter().enumerate() {
                watch(number, x.view().into_dyn())?;
                x = dense(layer, x.view())?;
                if number + 1 < layers.len() {
                    x.mapv_inplace(|v| v.max(0.0));
                }
            }
            Ok(x)
        },
    })
}
