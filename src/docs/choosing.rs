//! Which recipe, for what you deploy on.
//!
//! # By where the model runs
//!
//! | you deploy on | take | because |
//! | --- | --- | --- |
//! | a phone or server CPU, LiteRT with XNNPACK, dense layers and convolutions | `int8-dynamic` | a quarter of the bytes, up to three times as fast as float, needs no data |
//! | the same, with samples of the inputs | `int8` | activations are codes too: as small, and nothing is quantized at run time |
//! | the same, most weights in depthwise convolutions | `int8-weight-only`, or `int8` with samples | kernels of dynamic range are slower than float there; `int8-weight-only` is as fast as float |
//! | an NPU, a DSP, a microcontroller: integers only | `int8`, `--inputs integer --outputs integer` | they have no float units, or slow ones |
//! | the same, and 8 bits of activations lose too much | `int8` with `--keep-float N`, then `int16x8` | a few operators of float cost little; `int16x8` is near float, but on CPUs it runs in reference kernels |
//! | a GPU delegate | `float16` | half the bytes, computed in float there too |
//! | wherever the download counts, and computing does not | `int4-weight-only`, or `fit --max-download BYTES` | an eighth of the bytes; unpacked at each run |
//! | ONNX Runtime, PyTorch, your own engine | `.safetensors` with `--to`, or the library with a [convention](crate::docs::conventions) | codes and scales as the engine computes them |
//! | llama.cpp or another reader of ggml's blocks | [`block`](https://docs.rs/tensor-quant/latest/tensor_quant/block/), `--to q4_k` | blocks byte for byte; GGUF files themselves are not written |
//!
//! `tensor-quant recipes` lists them with what they do to speed, `recipes NAME` prints one to start your own from.
//!
//! # By what you have
//!
//! - **Nothing but the model.** The recipes of weights need no data, and give what other tools give, byte for byte.
//! - **A few dozen samples of its inputs.** The same recipes with `--data` lose 5 to 12 dB less at the same bytes
//!   (`docs::better_weights`); `int8` and `int16x8` become possible (`docs::full_integer`).
//! - **Labels too.** `evaluate --labels` says what accuracy is left, `fit --max-accuracy-drop .5` finds the smallest file within
//!   half a percent.
//! - **A limit.** `fit` with `--min-sqnr`, `--max-size` or `--max-download` mixes types tensor by tensor until the limit is met by
//!   a real file on real runs.
//!
//! # By what may go wrong
//!
//! An SQNR of the outputs above 40 dB changes next to no decision of a classifier; 30 dB changes few; at 20 dB look at the accuracy itself. The
//! figures of weights are not those of outputs: judge a model by `evaluate`, on data that it was not fitted to. `evaluate` names the
//! operators where the error enters; these are the ones for `--keep-float`, for `--exclude`, or for a rule with more bits.
//!
//! # A recipe of your own
//!
//! Rules are tried from the top, and the first that matches a tensor decides; one that can match nothing is said. A recipe is
//! plain TOML, and JSON as well:
//!
#![cfg_attr(
    feature = "pipeline",
    doc = r##"
```
use tensor_quant::recipe::Recipe;

let recipe = Recipe::from_toml(r#"
    name = "mine"

    [[rule]]                        # the classifier stays as it is
    names = ["*/logits/*"]
    to = "keep"

    [[rule]]                        # large tables: 4 bits
    operators = ["GATHER"]
    min-elements = 100000
    to = "int4"

    [[rule]]
    min-elements = 1024
    to = "int8, mse"
"#)?;
assert_eq!(recipe.rules.len(), 3);
# Ok::<(), tensor_quant::Error>(())
```
"##
)]
