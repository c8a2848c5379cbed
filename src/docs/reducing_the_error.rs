//! What reduces the error of quantized weights and activations, with figures.
//!
//! # Weights
//!
//! Two things, and they add up: a scale of the smallest squared error for each channel ([`Mse`](crate::range::Mse)), and
//! taking the shift out of the outputs that quantized weights give
//! ([`correct_bias`](crate::calibration::correct_bias), with means from [`ChannelMeans`](crate::calibration::ChannelMeans)
//! over 200 images). Only the weights are quantized here, symmetric and per output channel; the SQNR is that of the outputs
//! before the softmax. Made by
//!
//! ```text
//! cargo run --release --features safetensors,tflite --example weight_errors
//! ```
//!
//! Digits, a classifier of three dense layers; in f32 it recognises 484 of 497:
//!
//! | weights | range | SQNR | accuracy | SQNR, bias corrected | accuracy |
//! | --- | --- | --- | --- | --- | --- |
//! | int8 | largest magnitude | 47.2 dB | 484 of 497 | 53.0 dB | 484 of 497 |
//! | int8 | OCTAV | 46.9 dB | 484 of 497 | 53.2 dB | 484 of 497 |
//! | int8 | MSE | 47.8 dB | 484 of 497 | 53.6 dB | 484 of 497 |
//! | int4 | largest magnitude | 21.9 dB | 484 of 497 | 26.9 dB | 485 of 497 |
//! | int4 | OCTAV | 23.9 dB | 483 of 497 | 26.2 dB | 485 of 497 |
//! | int4 | MSE | 22.9 dB | 483 of 497 | 27.8 dB | 484 of 497 |
//!
//! MNIST, three convolutions and two dense layers; in f32 it recognises 983 of 1000:
//!
//! | weights | range | SQNR | accuracy | SQNR, bias corrected | accuracy |
//! | --- | --- | --- | --- | --- | --- |
//! | int8 | largest magnitude | 44.3 dB | 982 of 1000 | 47.3 dB | 983 of 1000 |
//! | int8 | OCTAV | 44.1 dB | 982 of 1000 | 47.3 dB | 983 of 1000 |
//! | int8 | MSE | 45.2 dB | 983 of 1000 | 48.4 dB | 983 of 1000 |
//! | int4 | largest magnitude | 17.4 dB | 977 of 1000 | 21.0 dB | 982 of 1000 |
//! | int4 | OCTAV | 21.2 dB | 982 of 1000 | 24.0 dB | 983 of 1000 |
//! | int4 | MSE | 19.4 dB | 984 of 1000 | 23.5 dB | 985 of 1000 |
//!
//! The smallest error of the weights is not quite the smallest error of the outputs: what weights are multiplied with
//! counts, too. Of 4 bits OCTAV's narrower ranges do better on the convolutions.
//!
//! # Activations
//!
//! A [`Calibrator`](crate::calibration::Calibrator) notes the ranges on example inputs. The digits classifier in integers
//! only, int8 weights and activations, calibrated on 200 images in batches of ten:
//!
//! ```text
//! cargo run --release --features safetensors --example calibrate
//! ```
//!
//! | activations | accuracy | SQNR |
//! | --- | --- | --- |
//! | float | 484 of 497 | |
//! | min-max | 484 of 497 | 40.5 dB |
//! | moving average | 484 of 497 | 27.8 dB |
//! | percentile 99.9 % | 484 of 497 | 37.6 dB |
//! | entropy | 484 of 497 | 39.8 dB |
//! | MSE | 484 of 497 | 40.8 dB |
//! | OCTAV | 484 of 497 | 40.3 dB |
//!
//! A moving average forgets the extremes of early batches, and outputs are then clipped: it is made for training. The
//! smallest squared error finds that the pixels are multiples of 1/16, and restores them exactly.
