//! Pages to read.

#[cfg(feature = "pipeline")]
pub mod better_weights;
pub mod conventions;
#[cfg(feature = "pipeline")]
pub mod full_integer;
#[cfg(feature = "proptest")]
pub mod own_scheme;
#[cfg(feature = "std")]
pub mod reducing_the_error;
pub mod speed;
