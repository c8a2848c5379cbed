//! Weights that cost the outputs less at the same bytes: the maths, when to use what, and how many samples are enough.
//!
//! # What an error of the weights costs
//!
//! A layer multiplies a row w of its weights with inputs x. Codes q under a scale s restore it as s·q; with e = w − s·q the output
//! is off by eᵀx, and by its square on average
//!
//! ```text
//! E[(eᵀx)²] = eᵀHe,   H = E[x xᵀ]
//! ```
//!
//! That is what is minimized, and not eᵀe: inputs that are always near 0 may carry any error, and errors of inputs that go together
//! may cancel. H comes from a float run on samples: rows of a dense layer's input, patches under a convolution's filters, for each
//! channel of a depthwise one its own; at most 256 positions of a sample.
//!
//! # The steps
//!
//! - **Bias.** The mean of the error, eᵀE\[x\], is a constant, and a bias takes it out: b += eᵀE\[x\]. What is left is eᵀCe with
//!   C = H − E\[x\] E\[x\]ᵀ, so with a bias everything below uses C for H. (Nagel et al., "Data-Free Quantization through Weight
//!   Equalization and Bias Correction", 2019.)
//! - **Shrinkage.** Few samples know their own inputs better than those to come: H′ = (1 − ρ)H + ρ·diag H + floor·mean(diag H)·I. Which
//!   ρ and floor is found for each layer, by samples that were not fitted to.
//! - **Feedback** (GPTQ; Frantar et al., 2022). With H = `LᵀDL`, L unit lower triangular, eᵀHe = Σⱼ dⱼ (eⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ)². Element after
//!   element, the code next to (wⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ) / s makes its term as small as it can be, and the error of all earlier elements is
//!   made good as far as later ones can. Elements with the largest Hⱼⱼ come first: what is left to the last can hardly be made good.
//! - **The dual form.** For fewer samples n than elements K, H = D + X Xᵀ needs no K × K matrix: with M = (I + Xᵀ D⁻¹ X)⁻¹ and what has been
//!   lost kept as a = M Xᵀe, element j is rounded from wⱼ + xⱼᵀa / dⱼ, and M is updated by rank 1. The codes are the same, at
//!   O(K(n² + O·n)) instead of O(K³ + O·K²) for O rows.
//! - **Scales.** Seven are tried, from .5 to 1 of the one that holds the largest magnitude; the row with the smallest eᵀHe stays.
//! - **Refit and descent.** For given codes the best scale is s = qᵀHw / qᵀHq; for a given scale a code is changed where
//!   eᵀHe falls. Three rounds of both.
//! - **All samples.** Once it is known which ρ is best and that the layer gains, codes are chosen again with the samples that judged
//!   it: few samples are the largest loss there is. So it is where a recipe does not say `improve`; with `improve = "full"` or `"model"`, as in
//!   the recipe of a fit, codes are those of the samples that fit alone, and what is measured on the others is worth what it says.
//! - **The whole model.** Where a recipe does not say `improve`, or says `"model"`, layers are then chosen together. With g the gradient of the outputs by what a layer
//!   comes to, an error E of its weights costs the model tr(G E H Eᵀ), G = E\[g gᵀ\]: the Fisher information as a product of both (Martens and
//!   Grosse, 2015). A model has fewer outputs than most of its layers, so G is of low rank, and rows make good of each other's errors as
//!   elements of a row do: with G = `LᵀDL`, row after row is rounded from wⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ. Rows of a depthwise layer have inputs of their own, and
//!   all its weights are one row under Gᵢⱼ E\[xᵢ xⱼᵀ\].
//! - **What later layers lose.** The last layer is chosen first. A layer that is still in floating point then goes a step against the gradient of
//!   what those behind it lose, C = E\[g xᵀ\]: by −C H⁻¹ times what a short step along it measures to be best. Two models are made side by side:
//!   one of the samples to fit, in which the others judge each group of layers and each step, and with what they decide one of all.
//!   That takes some thousand runs, so it is done where all samples together come to 1.2 · 10⁹ multiplications at most, an element of a value counted as 16; of other models rows are chosen
//!   together, and nothing is taken back.
//!   It needs an engine that [runs backwards](crate::calibration::Runner::run_backwards), and one signature.
//! - **The outputs' shift.** Last, the biases in front of the model's outputs take out what is left of the mean error, if the model loses
//!   less with that.
//! - **Channels.** What layers make a channel with may be divided by any factor, if what takes it is multiplied by the same: through rectifiers, pools, sums,
//!   joins and what moves elements the model computes the same. A row's step follows its largest weight, so a layer loses about
//!   Σᵣ maxₖ (wᵣₖ sₖ)² · Σₖ vₖ / sₖ², with v the variances of its inputs and s their factors: what varies much is made smaller, until its weights
//!   would be the largest. Factors with the least of that are found set after set, and their roots taken, as feedback has made good of a part
//!   already. (As in AWQ, Lin et al., 2023, which takes powers of the magnitudes.) Weights are chosen once more for the model so scaled; that is kept if the samples
//!   that judge lose a twentieth less, which a recipe that says `improve` does without. The report says which tensors are
//!   scaled; `evaluate` takes the factors out where it compares values, `compare` does not. Channels that a clip at 6 may cut off stay as they are, and so do
//!   models with more than 8 million pairs of a row and a channel.
//! - **Tables.** What is looked up is handed on as it is, so H is the identity: scales and codes are those with the least Σ e².
//!
//! A factor that is not positive definite is damped, ten times more each time, six times at most; then the layer is rounded to the
//! nearest, and the report says so. Rounding to the nearest is always among the candidates, with and without its bias: on the samples that
//! judge, no layer gets worse; and where the whole model does, it is written without any of it, and the report says so.
//!
//! # Samples
//!
//! Three of five fit, the others judge, and none does both. One sample is too few and changes nothing; 16 give most of what there is to gain,
//! 100 all of it. They should be inputs as the model will see them.
//!
//! # In use
//!
//! The rules of a recipe say `improve = "none"`, `"bias"`, `"full"` or `"model"` ([`Effort`](crate::recipe::Effort)); if nothing is said and there
//! are samples, all of it is done, in the end with all samples. Without samples files are byte for byte what other tools write.
//!
//! ```text
//! tensor-quant quantize model.tflite small.tflite --recipe int4-weight-only --data samples.npz
//! tensor-quant fit model.tflite small.tflite --data samples.npz --min-sqnr 40
//! ```
//!
//! Without data, `--noise 64` chooses weights by noise of the inputs' shapes: ρ is .5 at least, as how inputs go together is a guess, and
//! what loses more than the nearest on other noise is not written.
//!
//! # Figures
//!
//! SQNR of the worst output in LiteRT 2.3.0 with XNNPACK, on inputs that are neither fitted to nor judged by; 100 or 200 samples, weights
//! only. Files are as long as those of the plain recipe, to within 1 KiB.
//!
//! | model | int4, nearest | bias | full | int8, nearest | full |
//! | --- | --- | --- | --- | --- | --- |
//! | MNIST, dense 784–256–128–10 | 22.5 dB | 25.4 | 36.3 | 46.0 dB | 60.4 |
//! | MNIST, convolutions | 24.4 | 26.7 | 36.7 | 50.7 | 60.7 |
//! | MNIST, depthwise convolutions | 17.4 | 19.9 | 26.0 | 39.7 | 49.5 |
//! | speech embedding (openWakeWord) | 9.1 | 12.1 | 18.9 | 32.2 | 42.3 |
//! | face landmarks (`MediaPipe`) | 10.1 | 17.0 | 24.3 | 39.3 | 47.9 |
//! | iris landmarks (`MediaPipe`) | 21.5 | 25.7 | 32.7 | 45.6 | 55.6 |
//! | hand crop (`MediaPipe`) | 31.1 | 29.6 | 35.9 | 54.6 | 60.1 |
//!
//! Full is what is done where a recipe does not say `improve`. Those of nets that end in a softmax are of what is in front of it. On a dense
//! net of these lengths, with the same 200 samples, the GPTQ of ai-edge-quantizer 0.10 comes to 26.4 dB in 3.2 s of CPU time; `improve = "full"` to 31.8 in .6 s. Layers
//! that are chosen together take three to ten times as long as that, for up to 4.6 dB more: the whole command 2 s of CPU time for the dense
//! net, 6 for the speech embedding, 23 for face landmarks. `--threads` spreads runs of samples over threads, for the same bytes.
//!
//! Which samples fit matters as much as any step: with four orders of the same ones, of which others judge, the ratio is 31.5 to 32.7 dB
//! for iris landmarks without scaled channels and 32.6 to 33.3 with them, and 33.3 to 35.9 dB for the hand crop, whose channels are left as they are. Scaling gains .3 to .9 dB
//! on the dense net in each of them, −.1 to 1.7 on iris landmarks, 0 or .5 on the net of convolutions, and 0 elsewhere; once, on the depthwise one, it lost .4.
//!
//! The same with the executor, for a model and data of your own:
//!
//! ```text
//! cargo run --release -p tensor-quant-run --example better_weights -- model.tflite calibration.npz fresh.npz
//! ```
//!
//! # The best file for a budget
//!
//! [`fit_file`](crate::pipeline::fit_file) quantizes each tensor alone to each type and measures what the outputs lose. Such errors,
//! as shares of an output's power, add up: a Pareto front of all choices follows, layer by layer and exactly. Then real files are run,
//! the first where the prediction meets the goal, the next between what held and what did not; the last runs go to the best file's
//! neighbours. Last, the layers of the best are chosen together, which is kept if the file is better for it; where a ratio or an accuracy was
//! asked for, a smaller file will then do, and up to three further down the front are tried, each with its layers chosen together: kept is one that is no more than 1 dB below the ratio in
//! 95 of 100 draws of the samples that judge, too. So are codes
//! that are chosen for their bits: rows on which the outputs hardly depend become codes of few bits. Outputs behind a softmax or a sigmoid are judged before it, too: a saturated one hides all error. What is reported is
//! measured on the samples that judge, with the ratio that 95 of 100 draws of as many samples exceed.
//!
//! With [`Arithmetic::Integer`](crate::pipeline::Arithmetic) whole recipes of full integer are tried in place of types: activations of 8 and
//! of 16 bits, and with operators left in floating point.
//!
//! # Block formats
//!
//! Blocks are what `.safetensors` files get here (`--to q4_k`, `to = "iq4_nl best"`, any [`BlockType`](crate::block::BlockType) that can be
//! written), and no such file is run here. So their samples come from elsewhere, as second moments of the inputs of a layer:
//! [`quantize_blocks_with_feedback`](crate::improve::quantize_blocks_with_feedback) takes these and any block format, by its name or of
//! your own, and chooses block after block with feedback, each with the pivots of H as its importance; no row costs more than
//! without. Where only the diagonal of H is known it is the importance of
//! [`BlockType::quantize`](crate::block::BlockType::quantize); [`BlockSearch::Best`](crate::block::BlockSearch) finds the best
//! blocks under either.
//!
//! # Pruning, codebooks, two bits
//!
//! A rule's `sparsity = 0.8` makes four of five weights 0: without samples those of the smallest magnitude, with samples those of the
//! smallest w²Hₖₖ, and rounding with feedback lets the others make good of them. The tensor is stored without its zeros, with a
//! `DENSIFY` in front of its users, where that is shorter: with 8-bit codes from half of zeros on, in rows of more than 256 from two thirds.
//! LiteRT puts the zeros back when the model is loaded; nothing gets faster. Weights of operators that compute in integers keep their
//! zeros: XNNPACK refuses models in which they do not.
//!
//! The dense MNIST net in LiteRT, right for .935 of 200 in f32: with int8 weights 242,656 bytes; with .8 of them pruned 142,736 bytes, 14.1 dB,
//! .930; ternary 67,584 bytes, 19.8 dB, .920. The net of convolutions, .975: 142,672 bytes, 21.2 dB, .970, and 82,896 bytes, 30.6 dB, .965.
//!
//! Deep Compression (Han et al., 2016) also makes the rest one of few values of a codebook and Huffman-codes it. Without training it is to be compared with
//! codes that are chosen for their bits, which any kernel runs and any `.zip` deflates (the dense MNIST net in 39,913 bytes, 23.6 times fewer than in f32, at .930; that of
//! convolutions in 45,067, 20 times fewer, at .980). There is no such format here; what it would come to for a model is told by
//!
//! ```text
//! cargo run --release -p tensor-quant-run --example deep_compression -- model.tflite calibration.npz fresh.npz
//! ```
//!
//! At the dB of plain int8, `fit --deflated --min-sqnr` makes files that zlib at level 9 deflates to fewer bytes than those of plain int8 by 59 % (face
//! landmarks), 30 % (dense MNIST net, depthwise convolutions), 29 % (convolutions), 28 % (iris landmarks), 21 % (speech embedding) and 15 % (hand crop). On
//! inputs that had no part in it they lose at most .4 dB more than was asked for, but for face landmarks: those of people who are not among the 60 of the
//! samples lose 2.4 dB more, and the report warns that draws of the samples that judge lose as much. The level 9 that is counted here is not zlib's own, and up to 3 % longer for such files.
//!
//! Downloads are counted as deflate makes them, as that is what an APK and a `.zip` hold. zstd at level 19 takes 8 and 9 % less of files like the two
//! that were chosen for their bits, and 0 to 2 % less of those of plain int4 and int8 codes. Its encoder is a C library, and none in safe Rust
//! is as good as deflate or quick to compile, so it is a feature of the program: with `cargo install tensor-quant-cli --features zstd`, which needs
//! a C compiler, reports have both figures.
//!
//! `int2` weights are −s, 0 and s (recipe `ternary-weight-only`): usable in large dense layers, with samples, where a few points of accuracy may
//! go. Binary weights after training are not ([`optimal_ternary`](crate::block::optimal_ternary), [`twn`](crate::block::twn) and
//! [`xnor`](crate::block::xnor) are for networks that are trained with them).
