//! Access reviews: every right in one state of the store, when it was last used, and what has changed since an earlier
//! review; as a table, as JSON and as a page.
//!
//! 1. [`FoundReview::of`] has the engine find the rights, and keeps them in a file (`found_rights`): memory does not grow with them.
//! 2. [`LastUses`] reads decision logs for the last time that each was used (`used`).
//! 3. [`Since`] compares them with an earlier review (`since`): by keys that are on disk (`keyed_rights`).
//! 4. [`AccessReview::write`] writes all of it (`form`: `csv`, `json`, `html`).

mod access_review;
mod csv;
mod form;
mod found_review;
mod found_rights;
mod html;
mod json;
mod keyed_rights;
mod marks;
mod right_line;
mod scope;
mod since;
mod some_rights;
mod used;

pub use access_review::AccessReview;
pub use form::ReviewForm;
pub use found_review::{FoundReview, NoReview};
pub use found_rights::Rights;
pub use scope::{scope_json, tenant};
pub use since::{Differences, Since};
pub use some_rights::SomeRights;
pub use used::{LastUses, LogsRead};
