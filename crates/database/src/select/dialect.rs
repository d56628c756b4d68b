//! The way in which a database writes conditions.

use std::sync::Arc;

use crate::views::quoted;
use peppol_authz_engine::store::Comparison;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Text(Arc<str>),
    Texts(Arc<[Arc<str>]>),
    Long(i64),
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(crate) enum ValuePlace {
    /// A column of a view.
    Column {
        /// The name that the view has in the statement.
        alias: String,
        view: String,
        column: String,
    },
    /// A member of a record in a column.
    Member {
        column: Box<ValuePlace>,
        path: Vec<String>,
    },
    /// A parameter that is a text.
    Parameter(String),
}

impl ValuePlace {
    /// The column itself, as SQL names it.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Column { alias, column, .. } => format!("{alias}.{}", quoted(column)),
            Self::Member { column, .. } => column.sql(),
            Self::Parameter(text) => text.clone(),
        }
    }

    /// Returns true if it is in JSON, where an entity may be written as an object.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Self::Member { .. })
    }
}

/// A comparison, as SQL writes it.
pub(crate) fn comparison_sql(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// The way in which a database writes conditions on the values of its views. No condition is
/// true of a value that is absent, except for `absent`.
pub(crate) trait Dialect {
    /// A parameter, by its number from 1.
    fn parameter(&self, number: usize, parameter: &Parameter) -> String;
    /// A text that is compared byte by byte.
    fn text(&self, place: &ValuePlace) -> String;
    /// Two texts that are compared with each other byte by byte.
    fn texts(&self, one: &ValuePlace, other: &ValuePlace) -> (String, String);
    /// A text with the collation of bytes.
    fn collated(&self, text: &str) -> String;
    /// That a text is one of an array.
    fn one_of(&self, text: &str, texts: &str) -> String;
    /// That a `Bool` is that.
    fn bool(&self, place: &ValuePlace, value: bool) -> String;
    /// That a `Long` compares so with a parameter.
    fn long(&self, place: &ValuePlace, comparison: Comparison, than: &str) -> String;
    /// That a text matches a pattern, made by [`Dialect::pattern`], or does not.
    fn like(&self, place: &ValuePlace, pattern: &str, matches: bool) -> String;
    /// Texts with anything between them.
    fn pattern(&self, texts: &[Arc<str>]) -> String;
    /// That the value is there.
    fn present(&self, place: &ValuePlace) -> String;
    /// That it is not.
    fn absent(&self, place: &ValuePlace) -> String;
    /// That some element of a set fulfils a condition on its text `element`, or that
    /// none does; `None` where it cannot be said.
    fn element(&self, place: &ValuePlace, condition: &str, some: bool) -> Option<String>;
    /// That a set has as many elements as `comparison` says, compared with none.
    fn empty(&self, place: &ValuePlace, empty: bool) -> Option<String>;
    /// A condition on members of the record in a column, which is true where they
    /// cannot be read; `None` where none of that column can.
    fn members(&self, column: &ValuePlace, condition: &str) -> Option<String>;
}
