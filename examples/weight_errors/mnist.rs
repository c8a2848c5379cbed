//! The convolutional network of `examples/data/mnist_cnn.tflite`: 3 × 3 convolutions with 16, 32 and 64 outputs, each with
//! a ReLU, 2 × 2 pools after the first two, a layer of 64 with a ReLU, and one of 10.

use crate::network::{Layer, Network, Watch, dense};
use ndarray::{Array1, Array2, Array4, ArrayD, ArrayView4, Axis, Ix4, IxDyn, s};
use ndarray_npy::NpzReader;
use std::error::Error;
use std::fs::File;
use tensor_quant::model::tflite::Model;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist_cnn.tflite");
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist_test.npz");
/// Images that go through at once.
const BATCH: usize = 50;

pub(crate) fn network() -> Result<Network, Box<dyn Error>> {
    let model = Model::open(MODEL)?;
    let mut layers = Vec::new();
    for (number, operator) in model.operators()[0].iter().enumerate() {
        if operator.name != "CONV_2D" && operator.name != "FULLY_CONNECTED" {
            continue;
        }
        let input = |input: usize| -> Result<ArrayD<f32>, Box<dyn Error>> {
            let constants = model.constants();
            let is_it = |u: &tensor_quant::model::tflite::Use| u.operator == number && u.input == input;
            let constant =
                constants.iter().find(|constant| constant.uses.iter().any(is_it)).ok_or("a layer has no weights")?;
            let bytes = model.bytes(constant.buffer)?;
            let values = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            Ok(ArrayD::from_shape_vec(IxDyn(&constant.shape), values)?)
        };
        layers.push(Layer { weight: input(1)?, bias: input(2)?.into_iter().collect() });
    }
    let mut images = NpzReader::new(File::open(IMAGES)?)?;
    let reals = |pixels: Array4<u8>| pixels.mapv(|pixel| f32::from(pixel) / 255.0).into_dyn();
    Ok(Network {
        layers,
        inputs: reals(images.by_name("images")?),
        labels: images.by_name::<_, ndarray::Ix1>("labels").map(|labels: Array1<u8>| labels)?,
        calibration: reals(images.by_name("calibration")?),
        forward,
    })
}

fn forward(layers: &[Layer], inputs: &ArrayD<f32>, watch: &mut Watch<'_>) -> Result<Array2<f32>, Box<dyn Error>> {
    let mut outputs = Array2::zeros((0, 10));
    for batch in inputs.view().into_dimensionality::<Ix4>()?.axis_chunks_iter(Axis(0), BATCH) {
        let mut x = batch.to_owned();
        for (number, layer) in layers[..3].iter().enumerate() {
            watch(number, x.view().into_dyn())?;
            x = convolution(layer, x.view())?;
            x.mapv_inplace(|v| v.max(0.0));
            if number < 2 {
                x = max_pool(x.view());
            }
        }
        let images = x.len_of(Axis(0));
        let mut x = x.into_shape_with_order((images, 7 * 7 * 64))?;
        for (number, layer) in layers.iter().enumerate().skip(3) {
            watch(number, x.view().into_dyn())?;
            x = dense(layer, x.view())?;
            if number + 1 < layers.len() {
                x.mapv_inplace(|v| v.max(0.0));
            }
        }
        outputs.append(Axis(0), x.view())?;
    }
    Ok(outputs)
}

/// A convolution with zeros around the image, so that the output is as large: a product of all patches with the weights.
fn convolution(layer: &Layer, x: ArrayView4<'_, f32>) -> Result<Array4<f32>, Box<dyn Error>> {
    let (images, height, width, channels) = x.dim();
    let mut padded = Array4::zeros((images, height + 2, width + 2, channels));
    padded.slice_mut(s![.., 1..=height, 1..=width, ..]).assign(&x);
    let mut patches = Array4::zeros((images, height, width, 9 * channels));
    for (place, mut part) in patches.axis_chunks_iter_mut(Axis(3), channels).enumerate() {
        let (y, x) = (place / 3, place % 3);
        part.assign(&padded.slice(s![.., y..y + height, x..x + width, ..]));
    }
    let outputs = layer.bias.len();
    let patches = patches.into_shape_with_order((images * height * width, 9 * channels))?;
    let flat =
        Layer { weight: layer.weight.to_shape(IxDyn(&[outputs, 9 * channels]))?.to_owned(), bias: layer.bias.clone() };
    Ok(dense(&flat, patches.view())?.into_shape_with_order((images, height, width, outputs))?)
}

/// The largest of each 2 × 2 neighbours.
fn max_pool(x: ArrayView4<'_, f32>) -> Array4<f32> {
    let (images, height, width, channels) = x.dim();
    Array4::from_shape_fn((images, height / 2, width / 2, channels), |(n, y, z, c)| {
        let of = |dy: usize, dz: usize| x[[n, 2 * y + dy, 2 * z + dz, c]];
        of(0, 0).max(of(0, 1)).max(of(1, 0)).max(of(1, 1))
    })
}
