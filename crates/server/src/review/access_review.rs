//! A review with all that is told of it.

use super::found_review::FoundReview;
use super::since::Differences;
use super::used::LastUses;

/// A review, to be written.
#[derive(Debug)]
pub struct AccessReview {
    /// The rights.
    pub found: FoundReview,
    /// The difference from an earlier review.
    pub since: Option<Differences>,
    /// When each was last used.
    pub uses: Option<LastUses>,
}
