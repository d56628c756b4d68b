//! A Cedar schema that can also be read: its types, actions and annotations.
//!
//! `cedar-policy` validates with a schema and does not tell its contents. They are needed: the
//! schema says how a JSON member, a SQL column or a bare id becomes a Cedar value, which
//! spellings of an id are the same, and which context an action takes. A [`Schema`] holds both
//! readings of one text: [`Schema::cedar`] for Cedar, [`Schema::entity_type`] and
//! [`Schema::action`] for everything else.

mod cedar_json;
mod characters;
mod code_list;
mod common_form;
mod decode;
mod definition;
mod designation;
mod entities;
mod error;
mod expression;
mod extension;
mod extension_call;
mod fragment;
mod identifier;
mod instant;
mod json;
mod literal;
mod look_alike;
mod map;
mod member_name;
mod misfit;
mod naming;
mod object;
mod parse;
mod reading;
mod reference;
mod referrers;
mod shared;
mod types;
mod value;
mod value_pattern;
mod weight;

pub use cedar_json::{AsStored, CedarJson};
pub(crate) use characters::check_characters;
pub use characters::escape_unseen;
pub use code_list::CodeList;
pub use decode::IgnoredMembers;
pub(crate) use decode::{Surplus, absent_attributes, meaning};
pub use definition::Schema;
pub use designation::Designation;
pub(crate) use entities::{EntityRows, too_many_ancestors};
pub use entities::{Row, transitive_ancestors};
pub use error::SchemaError;
pub(crate) use expression::expression;
pub use extension::ExtensionType;
pub use fragment::DocumentType;
pub use identifier::{IdentifierRule, check_id, set_longest_id};
pub use instant::instant_text;
pub(crate) use json::each_element;
pub use json::{JsonError, length as json_length, parse as parse_json, weight as json_weight};
pub(crate) use map::Map;
pub use member_name::could_mean;
pub use misfit::Misfit;
pub(crate) use object::ObjectReader;
pub use parse::{cedar_text, document_types, json_text};
pub use reading::{JsonOrigin, LINKS_VIEW};
pub use shared::SharedEntity;
pub(crate) use shared::together;
pub use types::{ActionType, Attribute, EntityType, RecordType, Type};
pub use value::{Record, Value, record_to_json};
pub use weight::record_weight;
