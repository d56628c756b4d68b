//! Futures that are generated in this crate, even if another one polls them.

use std::pin::Pin;

/// A future that is generated where it is written. An `async fn` is generated in the crate that polls it, with all
/// that it polls itself: the way of a question would be so in each program, by the options of that program.
pub(super) type Generated<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;
