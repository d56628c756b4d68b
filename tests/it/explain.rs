//! Explanations: what they say is so, and who is told.

mod allowed;
pub(crate) mod applied;
mod command;
mod lacks;
mod shipped;
mod values;
