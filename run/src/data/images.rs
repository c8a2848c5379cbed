//! Images as samples: decoded, resized to what the input takes, in its channels.

use super::file;
use super::numbers::{Normalization, Numbers};
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use ndarray::ArrayD;
use std::io::BufReader;
use std::path::Path;
use tensor_quant::Error;
use tensor_quant::calibration::{Array, Endpoint, RunError, Sample};
use tensor_quant::graph::ElementType;

/// The extensions of images' names.
pub(super) const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];
/// The longest side of an image.
const MAX_SIDE: u32 = 1 << 15;
/// The most bytes that decoding an image may take.
const MAX_BYTES: u64 = 1 << 29;

/// What an input wants of an image.
struct Layout {
    height: Option<usize>,
    width: Option<usize>,
    channels: usize,
    /// Whether a pixel's channels lie beside each other.
    is_channels_last: bool,
    /// Whether there is an axis of samples in front.
    is_batched: bool,
}

/// Returns an error if images are not what the inputs take.
pub(super) fn check(inputs: &[Endpoint]) -> Result<(), RunError> {
    layout(inputs).map(|_| ())
}

fn layout(inputs: &[Endpoint]) -> Result<(&Endpoint, Layout), RunError> {
    let [input] = inputs else {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        return Err(RunError::Model {
            reason: format!("images are for models of one input, and this one takes {names:?}"),
        });
    };
    let shape = input.shape.as_deref().unwrap_or_default();
    let (is_batched, sides) = match shape {
        [_, sides @ ..] if sides.len() == 3 => (true, sides),
        sides => (false, sides),
    };
    let of = |is_channels_last, channels: usize, height, width| Layout {
        height,
        width,
        channels,
        is_channels_last,
        is_batched,
    };
    // Of 4 first and last, the last counts the channels; of 4 last and 1 or 3 first, 4 is a width.
    let layout = match *sides {
        [height, width, Some(last @ (1 | 3))] => Some(of(true, last, height, width)),
        [Some(first @ (1 | 3)), height, width] => Some(of(false, first, height, width)),
        [height, width, Some(4)] => Some(of(true, 4, height, width)),
        [Some(4), height, width] => Some(of(false, 4, height, width)),
        _ => None,
    };
    let reason = || format!("its shape is {shape:?}: images have a height, a width, and 1, 3 or 4 channels");
    Ok((input, layout.ok_or_else(|| RunError::Input { name: input.name.clone(), reason: reason() })?))
}

/// Returns an image as a sample.
pub(super) fn sample(path: &Path, inputs: &[Endpoint], normalization: &Normalization) -> Result<Sample, RunError> {
    let (input, layout) = layout(inputs)?;
    let image = read(path)?;
    let side = |due: Option<usize>, own: u32| due.map_or(Ok(own), u32::try_from).ok().filter(|&side| side <= MAX_SIDE);
    let sides = side(layout.width, image.width()).zip(side(layout.height, image.height()));
    let failed =
        |reason: String| RunError::Input { name: input.name.clone(), reason: format!("{}: {reason}", path.display()) };
    let (width, height) = sides.ok_or_else(|| failed(format!("its sides are longer than {MAX_SIDE}")))?;
    let image = if (image.width(), image.height()) == (width, height) {
        image
    } else {
        image.resize_exact(width, height, FilterType::Triangle)
    };
    let bytes = match layout.channels {
        1 => image.into_luma8().into_raw(),
        3 => image.into_rgb8().into_raw(),
        _ => image.into_rgba8().into_raw(),
    };
    let mut shape = vec![height as usize, width as usize, layout.channels];
    let mut order = vec![2, 0, 1];
    if layout.is_batched {
        shape.insert(0, 1);
        order = vec![0, 3, 1, 2];
    }
    let numbers = Numbers { bytes: &bytes, element_type: ElementType::U8, is_big_endian: false };
    let array = numbers.for_input(input, &shape, normalization).map_err(failed)?;
    let array = if layout.is_channels_last {
        array
    } else {
        match array {
            Array::F32(a) => Array::F32(reordered(a, &order)),
            Array::U8(a) => Array::U8(reordered(a, &order)),
            other => return Err(failed(format!("{} of channels first", other.element_type()))),
        }
    };
    Ok(vec![(input.name.clone(), array)])
}

fn reordered<T: Clone>(array: ArrayD<T>, order: &[usize]) -> ArrayD<T> {
    array.permuted_axes(order).as_standard_layout().into_owned()
}

fn read(path: &Path) -> Result<DynamicImage, RunError> {
    let io = |source| RunError::Other(Error::Io { action: "read", path: path.to_path_buf(), source });
    let file = BufReader::new(file::open(path).map_err(io)?);
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(io)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) =
        (Some(MAX_SIDE), Some(MAX_SIDE), Some(MAX_BYTES));
    reader.limits(limits);
    let bad = |reason: String| Error::Format { path: path.to_path_buf(), format: "image", reason };
    reader.decode().map_err(|error| RunError::Other(bad(error.to_string().replace('\n', " "))))
}
