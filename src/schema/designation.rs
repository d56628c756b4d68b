//! An entity as something outside the store calls it.

/// An entity by its id, or by an attribute that no other of its type shares, as an
/// e-mail address: what a token, a certificate or a gateway's header says of who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Designation {
    /// Its type, see [`super::Schema::entity_type_called`].
    pub kind: String,
    /// The attribute; without one, the id is meant.
    pub attribute: Option<String>,
    /// Its id, or what the attribute is.
    pub value: String,
}
