//! The command line.

use crate::scheme::{Choice, Kind};
use std::ffi::OsString;
use std::path::PathBuf;
use tensor_quant::params::Granularity;

pub(crate) const USAGE: &str = "\
usage: quantize_model [IN.safetensors OUT.safetensors] [options]

Without files, quantizes the digits classifier that comes with this example.
Tensors of two and more dimensions are quantized; others are kept as they are.

options:
  --scheme NAME   int8 (default), uint8, int16, int4, uint4, float16 or bfloat16;
                  with -ceil behind it, rounding up instead of to the nearest
  --axis N        the axis that has a scale for each index (default 0),
                  or `none` for one scale a tensor
  --json          print the report as JSON
  --help          print this text";

pub(crate) struct Arguments {
    pub(crate) task: Task,
    pub(crate) choice: Choice,
    pub(crate) json: bool,
}

pub(crate) enum Task {
    Help,
    Digits,
    File { input: PathBuf, output: PathBuf },
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments.peekable();
        let (mut files, mut help, mut json) = (Vec::new(), false, false);
        let mut choice = Choice { kind: Kind::Int8, ceil: false, granularity: Granularity::Axis(0) };
        while let Some(argument) = arguments.next() {
            let mut value = |name: &str| {
                let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
                value.into_string().map_err(|value| format!("{name} cannot be {}", value.display()))
            };
            match argument.to_str() {
                Some("--help" | "-h") => help = true,
                Some("--json") => json = true,
                Some("--scheme") => {
                    let name = value("--scheme")?;
                    (choice.kind, choice.ceil) =
                        Kind::parse(&name).ok_or_else(|| format!("there is no scheme {name:?}"))?;
                }
                Some("--axis") => {
                    choice.granularity = match value("--axis")?.as_str() {
                        "none" => Granularity::Tensor,
                        axis => Granularity::Axis(
                            axis.parse().map_err(|_| format!("--axis is a number or `none`, not {axis:?}"))?,
                        ),
                    };
                }
                Some(option) if option.starts_with('-') => return Err(format!("there is no option {option:?}")),
                _ => files.push(PathBuf::from(argument)),
            }
        }
        let task = match (help, files.len()) {
            (true, _) => Task::Help,
            (false, 0) => Task::Digits,
            (false, 2) => {
                let mut files = files.into_iter();
                let mut next = || files.next().unwrap_or_default();
                Task::File { input: next(), output: next() }
            }
            (false, n) => return Err(format!("two file names are needed, or none; got {n}")),
        };
        Ok(Self { task, choice, json })
    }
}
