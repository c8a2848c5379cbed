//! From `cargo add` to a report, in five minutes.
//!
//! # One tensor
//!
//! ```text
//! cargo add tensor-quant ndarray
//! ```
//!
//! [`quantize_tensor`](crate::quantize_tensor) finds the range, computes scale and zero point, and gives codes; the tensor says what
//! that cost and restores itself:
//!
//! ```
//! use ndarray::Array2;
//! use tensor_quant::{Scheme, quantize_tensor};
//!
//! let weights = Array2::from_shape_fn((4, 64), |(i, j)| (i as f32 + 1.0) * (j as f32 * 0.37).sin());
//! let q = quantize_tensor(weights.view(), &Scheme::<i8>::symmetric().with_axis(0))?;
//!
//! let error = q.error(weights.view())?;
//! assert!(error.sqnr_db() > 45.0);
//! assert_eq!(q.params().scales().len(), 4);        // one a row
//! let restored = q.dequantize();
//! assert!((restored[[3, 9]] - weights[[3, 9]]).abs() <= q.params().scales()[3] / 2.0);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # A scheme from a file or a command line
//!
//! The same by value, with a text form; codes are packed at their width:
//!
//! ```
//! # use ndarray::Array2;
//! use tensor_quant::AnyScheme;
//!
//! # let weights = Array2::from_shape_fn((4, 64), |(i, j)| (i as f32 + 1.0) * (j as f32 * 0.37).sin());
//! let scheme: AnyScheme = "int4 per block of 32 along axis 1, mse".parse()?;
//! let q = scheme.quantize(&weights)?;
//! assert_eq!(q.bytes().len(), 4 * 64 / 2);
//! println!("{scheme}: {}", q.error(&weights)?);
//!
//! let mistake = "int4 per axis 0, msee".parse::<AnyScheme>().unwrap_err();
//! assert!(mistake.to_string().contains("msee"));
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # Activations, in a loop
//!
//! A [`Quantizer`](crate::Quantizer) is prepared once; its calls allocate nothing:
//!
//! ```
//! # use ndarray::Array1;
//! use tensor_quant::{AnyScheme, Quantizer};
//!
//! let scheme: AnyScheme = "int8 affine".parse()?;
//! let calibration = Array1::from_shape_fn(4096, |i| (i as f32 * 0.01).sin() * 3.0);
//! let quantizer = Quantizer::of_scheme(scheme.estimate_params(&calibration)?, &scheme)?;
//!
//! let frame = Array1::from_elem(160, 1.5_f32);
//! let (mut codes, mut restored) = (Array1::<i8>::zeros(160), Array1::<f32>::zeros(160));
//! quantizer.quantize_into(&frame, codes.view_mut())?;
//! quantizer.dequantize_into(&codes, restored.view_mut())?;
//! assert!((restored[0] - 1.5).abs() <= quantizer.params().scales()[0] / 2.0);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # A model
//!
//! ```text
//! cargo add tensor-quant --features pipeline
//! ```
//!
//! A recipe says what becomes of which tensor; the outcome has a reason for every one, and the report is a page that needs
//! nothing else:
#![cfg_attr(
    feature = "pipeline",
    doc = r#"
```
use tensor_quant::pipeline::{Options, quantize_file};
use tensor_quant::recipe::Recipe;
use tensor_quant::report::{Report, Style};

# let folder = tempfile::tempdir()?;
# let model = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist_cnn.tflite");
# let (small, page) = (folder.path().join("small.tflite"), folder.path().join("report.html"));
let recipe = Recipe::named("int8-dynamic")?;
let outcome = quantize_file(model, &small, &recipe, &Options::default(), &mut |_| ())?;
assert!(outcome.bytes_out < outcome.bytes_in / 3);

let report = Report::new(&outcome);
println!("{}", report.to_table(Style::Plain, None));
report.save(&page)?;
# assert!(std::fs::read_to_string(&page)?.contains("<svg"));
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
)]
//!
//! The command line does the same, and needs no code: `cargo install --path cli`, then
//!
//! ```text
//! tensor-quant quantize model.tflite small.tflite --recipe int8-dynamic --report report.html
//! ```
//!
//! # Where to go from here
//!
//! Which recipe, for what you deploy on: [`docs::choosing`](crate::docs::choosing). What the outputs lose, on your data:
//! `tensor-quant evaluate model.tflite small.tflite --data samples.npz`. What looks wrong and is: [`docs::what_goes_wrong`](crate::docs::what_goes_wrong).
