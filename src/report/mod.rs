//! What happened, for reading: a table for the terminal, JSON for programs, a page for people.
//!
//! ```
//! use tensor_quant::report::Style;
//! # use tensor_quant::{pipeline, recipe::Recipe, report::Report};
//! # let folder = tempfile::tempdir()?;
//! # let (input, output) = (folder.path().join("in.safetensors"), folder.path().join("out.safetensors"));
//! # let header = br#"{"w":{"dtype":"F32","shape":[4,512],"data_offsets":[0,8192]}}   "#;
//! # let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
//! # bytes.extend_from_slice(header);
//! # for i in 0..2048 { bytes.extend_from_slice(&(i as f32).sin().to_le_bytes()); }
//! # std::fs::write(&input, bytes)?;
//! # let recipe = Recipe::named("int8-weight-only")?;
//! # let outcome = pipeline::quantize_file(&input, &output, &recipe, &Default::default(), &mut |_| ())?;
//! let report = Report::new(&outcome);
//! println!("{}", report.to_table(Style::Plain, None));
//! report.save(folder.path().join("report.html"))?;
//! # assert!(report.to_json().contains("\"sqnr_db\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod card;
mod date;
mod distribution;
mod fitted_page;
mod html;
mod integers;
mod judged_page;
mod judgement;
mod node_data;
mod number;
mod page;
mod reasons;
#[expect(clippy::module_inception, reason = "the report is the noun of this room")]
mod report;
mod row;
mod section;
mod sqnr;
mod svg;
mod table;
mod terminal;

pub use distribution::Distribution;
pub use integers::{Integers, IslandRow, ValueRow, VariantRow};
pub use judgement::{Accuracy, JudgedOutput, JudgedValue, Judgement};
pub use number::{bytes, columns, decibels, grouped, real, shape, shortened};
pub use report::{Report, SCHEMA, Warned};
pub use row::{Bars, Lines, Measured, OfChannels, OfEmptied, Row};
pub use section::Section;
pub use table::{Alignment, Style, Table};
