//! Tensors: estimation, quantization, errors and layers, for every kind of input. One module a promise; one program, because
//! linking and compiling generic code takes more time than running the tests.

mod any_layout;
mod clipping;
mod error_metrics;
mod estimators;
mod golden;
mod integer_layers;
mod one_pass;
mod range_mapping;
mod real_time;
mod schemes;
mod threads;
mod unusual_input;
