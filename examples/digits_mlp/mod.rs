//! The digits classifier, shared by examples: 64 inputs, two hidden layers of 128 and 64, 10 outputs; tensors and images embedded.

pub(crate) mod integers;

use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Ix1, Ix2};
use ndarray_npy::NpzReader;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Cursor;
use tensor_quant::model::safetensors::Reader;

const MODEL: &[u8] = include_bytes!("../data/digits_mlp.safetensors");
const IMAGES: &[u8] = include_bytes!("../data/digits_test.npz");

/// The layers, and the names of what goes into each and comes out of the last.
pub(crate) const ACTIVATIONS: [&str; 4] = ["input", "dense0", "dense1", "dense2"];

/// The model's tensors by name: `dense0.weight` \[out, in\], `dense0.bias` \[out\] …
pub(crate) type Tensors = BTreeMap<String, ArrayD<f32>>;

/// Images as rows of 64 values from 0 to 1.
pub(crate) struct Digits {
    pub(crate) inputs: Array2<f32>,
    pub(crate) labels: Array1<u8>,
    /// Others, to calibrate with.
    pub(crate) calibration: Array2<f32>,
}

impl Digits {
    pub(crate) fn load() -> Result<Self, Box<dyn Error>> {
        let mut images = NpzReader::new(Cursor::new(IMAGES))?;
        let reals = |pixels: Array2<u8>| pixels.mapv(|pixel| f32::from(pixel) / 16.0);
        let (inputs, calibration) = (reals(images.by_name("images")?), reals(images.by_name("train_images")?));
        Ok(Self { inputs, labels: images.by_name("labels")?, calibration })
    }
}

/// Returns the model's tensors. The reader reads files, so the embedded bytes become one for a moment.
pub(crate) fn load() -> Result<Tensors, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), MODEL)?;
    let mut reader = Reader::open(file.path())?;
    let names = reader.names();
    names.into_iter().map(|name| Ok((name.clone(), reader.read(&name)?))).collect()
}

/// Returns the weight and bias of a layer.
pub(crate) fn layer(
    tensors: &Tensors,
    number: usize,
) -> Result<(ArrayView2<'_, f32>, ArrayView1<'_, f32>), Box<dyn Error>> {
    let tensor = |part: &str| tensors.get(&format!("dense{number}.{part}")).ok_or("a layer is missing");
    let weight = tensor("weight")?.view().into_dimensionality::<Ix2>()?;
    Ok((weight, tensor("bias")?.view().into_dimensionality::<Ix1>()?))
}

/// Runs the classifier in f32, shows each activation to `watch`, and returns the outputs.
pub(crate) fn forward(
    tensors: &Tensors,
    inputs: &Array2<f32>,
    mut watch: impl FnMut(&str, ArrayView2<'_, f32>) -> tensor_quant::Result<()>,
) -> Result<Array2<f32>, Box<dyn Error>> {
    let mut x = inputs.clone();
    watch(ACTIVATIONS[0], x.view())?;
    for (number, name) in ACTIVATIONS[1..].iter().enumerate() {
        let (weight, bias) = layer(tensors, number)?;
        x = x.dot(&weight.t()) + bias;
        if number < 2 {
            x.mapv_inplace(|v| v.max(0.0));
        }
        watch(name, x.view())?;
    }
    Ok(x)
}

/// Returns how many rows have their (first) largest element at the label.
pub(crate) fn agreeing<T: PartialOrd>(outputs: &Array2<T>, labels: &Array1<u8>) -> usize {
    let largest = |row: ArrayView1<'_, T>| (1..row.len()).fold(0, |at, i| if row[i] > row[at] { i } else { at });
    outputs.rows().into_iter().zip(labels).filter(|(row, label)| largest(row.view()) == usize::from(**label)).count()
}
