//! Entities as tokens, certificates and headers name them.

use super::definition::Schema;
use super::misfit::Misfit;
use super::types::Type;

/// An entity by its id, or by an attribute that no other of its type shares, as an
/// e-mail address: so a token, a certificate or a gateway's header names the caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Designation {
    /// Its type, see [`super::Schema::entity_type_called`].
    pub kind: String,
    /// The attribute; without one, the id is meant.
    pub attribute: Option<String>,
    /// The id, or the value of the attribute.
    pub value: String,
}

impl Schema {
    /// Checks that entities of a type can be designated: by their id, or by an attribute that
    /// is a string or an entity.
    ///
    /// # Errors
    /// A type or an attribute that the schema does not have.
    pub fn check_designation(&self, kind: &str, attribute: Option<&str>) -> Result<(), Misfit> {
        let Some(of) = self.entity_type_called(kind) else {
            let near = self.type_meant(kind);
            return Err(Misfit::new(format!(
                "the schema has no type `{kind}`{near}"
            )));
        };
        let Some(name) = attribute else {
            return Ok(());
        };
        let problem = match of.shape.attributes.get(name).map(|found| &found.ty) {
            Some(Type::String | Type::Entity(_)) => return Ok(()),
            Some(_) => format!(
                "`{name}` of a `{}` is neither a string nor an entity",
                of.name
            ),
            None => format!(
                "a `{}` has no attribute `{name}`{}",
                of.name,
                of.shape.attribute_meant(name)
            ),
        };
        Err(Misfit::new(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_designation_is_by_a_type_and_a_text_of_it() {
        let schema = Schema::parse(
            "namespace A { entity Mail; entity User = { name: String, nick?: String, mail: Mail, \
             old: Bool, mails: Set<Mail>, at: { mail: Mail } } tags String; entity Twice; }
             namespace B { entity Twice; }",
        )
        .unwrap();
        for kind in ["User", "A::User", "user", "B::Twice"] {
            assert_eq!(schema.check_designation(kind, None), Ok(()), "{kind}");
        }
        for name in ["name", "nick", "mail"] {
            assert_eq!(schema.check_designation("User", Some(name)), Ok(()));
        }
        for (kind, attribute, problem) in [
            (
                "Usr",
                None,
                "the schema has no type `Usr`; did you mean `A::User`?",
            ),
            (
                "Twice",
                None,
                "the schema has no type `Twice`; did you mean `A::Twice`?",
            ),
            (
                "Usr",
                Some("name"),
                "the schema has no type `Usr`; did you mean `A::User`?",
            ),
            (
                "User",
                Some("Name"),
                "a `A::User` has no attribute `Name`; did you mean `name`?",
            ),
            ("Mail", Some("name"), "a `A::Mail` has no attribute `name`"),
            (
                "User",
                Some("old"),
                "`old` of a `A::User` is neither a string nor an entity",
            ),
            (
                "User",
                Some("mails"),
                "`mails` of a `A::User` is neither a string nor an entity",
            ),
            (
                "User",
                Some("at"),
                "`at` of a `A::User` is neither a string nor an entity",
            ),
        ] {
            let misfit = schema.check_designation(kind, attribute).unwrap_err();
            assert_eq!(misfit.to_string(), problem);
        }
    }
}
