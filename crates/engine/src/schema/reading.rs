//! Where JSON comes from, and so how strictly it is read.

/// The origin of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonOrigin {
    /// A question's context: surplus members and `null` are refused.
    Context,
    /// Attributes or tags in Cedar's entities form: as a context.
    Entity,
    /// A tenancy document: surplus members are ignored, `null` is absence, and
    /// an id may not be empty.
    Document,
    /// A column: as a context.
    Column,
    /// JSON of programs that do not know the schema: surplus members are ignored, and
    /// `null` is absence.
    Loose,
}

/// The view of a store that shows the links of templates. Changes of the tables under it are noted under its
/// name, as those of entities are under their type.
pub const LINKS_VIEW: &str = "template_link";
