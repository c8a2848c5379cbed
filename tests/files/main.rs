//! Files: what is read from them, what is written to them, and what becomes of damaged and interrupted ones. One module a promise.

mod block_files;
mod bytes_of_rows;
mod calibration;
mod constants_of_models;
mod honest_figures;
mod idle_recipes;
mod interrupted_writes;
mod kept_tensors;
mod names_of_bytes;
mod quantized_files;
mod reports;
mod safetensors_files;
mod tflite_files;
