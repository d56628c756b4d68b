//! Explanations: what they say is so, and who is told.

mod allowed;
mod apart;
pub(crate) mod applied;
mod command;
mod forbidden;
mod lacks;
mod large;
mod shipped;
mod values;
