//! Channels of a float model that are divided by factors where weights make them, and multiplied where weights take them: the model
//! computes the same.

mod channel_moments;
mod channels;
mod constants;
mod equalizer;
mod layer;
mod noise;
mod ties;

pub(super) use channel_moments::ChannelMoments;
pub(super) use channels::ChannelSets;
pub(super) use constants::{Constants, fold};
pub(super) use equalizer::Equalizer;
pub(super) use layer::Layer;
pub(super) use noise::least_noise;
