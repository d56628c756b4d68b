//! The rules of the domain a second time, apart from the policies: random tenancies, random
//! questions about them, and the answer that each must get.

#![allow(
    clippy::indexing_slicing,
    reason = "`json[\"x\"]` of what is built as an object here, and `items[n % len]`"
)]

pub(crate) mod avp;
pub(crate) mod case;
pub(crate) mod documents;
pub(crate) mod evaluation;
pub(crate) mod generate;
pub(crate) mod malformed;
pub(crate) mod oracle;
pub(crate) mod question;
pub(crate) mod rng;
pub(crate) mod tenancy;
pub(crate) mod vocabulary;
