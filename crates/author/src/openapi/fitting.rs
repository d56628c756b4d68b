//! Values as a description has them, and as an entry of the table makes use of them.

use cedar_policy::EntityTypeName;

use peppol_authz_engine::policy::routes::Choices;
use peppol_authz_engine::schema::{ExtensionType, JsonOrigin, Schema, Type, could_mean};

use super::lookup::{Broken, LookedUp, SchemaPart, elements, inside, listed, parts, stated};
use super::tree::Node;

/// The values of a list that a message names.
const MOST_NAMED: usize = 5;

/// The use that an entry makes of a value.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'r> {
    /// It is given or not.
    Anything,
    /// The name of an entity of this type.
    Name(&'r EntityTypeName),
    /// The value of an attribute by which an entity is found.
    Text,
    /// A part of a longer text.
    PartOfText,
    /// A value of this type.
    Value(&'r Type),
    /// One of these texts.
    Choices(&'r Choices),
    /// An array.
    Elements,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As text, in a path, a query or a header.
    AsText,
    /// As JSON.
    AsJson,
}

/// A value that does not fit: `is a string`, `a whole number is wanted`.
pub(super) struct Misfit {
    pub(super) is: String,
    pub(super) wanted: String,
}

impl Wanted<'_> {
    /// Returns why no value of some schemas fits, or which does not.
    pub(super) fn misfit(
        self,
        schemas: &[Node<'_>],
        written: Written,
        schema: &Schema,
    ) -> Result<Option<Misfit>, Broken> {
        let kinds = kinds(schemas)?;
        let fitting: &[&str] = match written {
            Written::AsText => &["string", "integer", "number", "boolean"],
            Written::AsJson => self.kinds(),
        };
        let fits = |kind: &&str| fitting.is_empty() || fitting.contains(kind);
        if !kinds.is_empty() && !kinds.iter().any(fits) {
            let kinds: Vec<_> = kinds.iter().map(|kind| named(kind)).collect();
            return Ok(Some(Misfit {
                is: format!("is {}", kinds.join(" or ")),
                wanted: format!("{} is wanted", self.noun(written)),
            }));
        }
        if let Some(misfit) = self.odd_values(schemas, schema)? {
            return Ok(Some(misfit));
        }
        match (written, self) {
            (Written::AsJson, Self::Value(ty)) => within(ty, schemas, schema),
            _ => Ok(None),
        }
    }

    /// The types of JSON that fit; none where all do.
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Anything => &[],
            // A number is no name: it could be written in several ways.
            Self::Name(_) | Self::Text | Self::Choices(_) => &["string"],
            Self::PartOfText => &["string", "integer"],
            Self::Elements => &["array"],
            Self::Value(ty) => match ty {
                Type::Bool => &["boolean"],
                Type::Long => &["integer"],
                Type::String => &["string"],
                Type::Entity(_) => &["string", "object"],
                Type::Set(_) => &["array"],
                Type::Record(_) => &["object"],
                Type::Extension(ExtensionType::Decimal) => &["string", "number", "integer"],
                Type::Extension(_) => &["string"],
            },
        }
    }

    fn noun(self, written: Written) -> String {
        match self {
            Self::Value(ty) if written == Written::AsJson => ty.to_string(),
            Self::PartOfText if written == Written::AsJson => {
                "a string or a whole number".to_owned()
            }
            Self::Elements => "an array".to_owned(),
            _ => "a string".to_owned(),
        }
    }

    /// The values that a description lists and an entry does not know.
    fn odd_values(self, schemas: &[Node<'_>], schema: &Schema) -> Result<Option<Misfit>, Broken> {
        let mut odd: Vec<&str> = Vec::new();
        for each in schemas {
            for part in parts(*each)? {
                for value in listed(part.node).filter_map(Node::scalar) {
                    if !self.takes(value, schema) && !odd.contains(&value) {
                        odd.push(value);
                    }
                }
            }
        }
        if odd.is_empty() {
            return Ok(None);
        }
        let wanted = match self {
            Self::Choices(_) => "`choices` do not have it".to_owned(),
            Self::Value(Type::Entity(of)) | Self::Name(of) => {
                format!("no `{of}` is called so; `choices` could say what is meant")
            }
            _ => "that does not fit".to_owned(),
        };
        Ok(Some(Misfit {
            is: format!("may be {}", few(&odd)),
            wanted,
        }))
    }

    fn takes(self, value: &str, schema: &Schema) -> bool {
        match self {
            Self::Choices(choices) => choices.iter().any(|(name, _)| **name == *value),
            Self::Name(of) | Self::Value(Type::Entity(of)) => {
                let of = schema.entity_type(of);
                of.is_none_or(|of| of.entity(value, JsonOrigin::Loose).is_ok())
            }
            _ => true,
        }
    }
}

/// The faults within arrays and objects.
fn within(ty: &Type, schemas: &[Node<'_>], schema: &Schema) -> Result<Option<Misfit>, Broken> {
    match ty {
        Type::Set(element) => match elements(schemas)? {
            LookedUp::Schemas(found) => {
                let misfit = Wanted::Value(element).misfit(&found, Written::AsJson, schema)?;
                Ok(misfit.map(|inner| Misfit {
                    is: format!("has elements of which each {}", inner.is),
                    ..inner
                }))
            }
            LookedUp::Anything | LookedUp::Nothing(_) => Ok(None),
        },
        Type::Record(record) => {
            for (name, attribute) in &record.attributes {
                let misfit = match inside(schemas.to_vec(), std::iter::once(name))? {
                    LookedUp::Anything => None,
                    LookedUp::Schemas(found) => {
                        let wanted = Wanted::Value(&attribute.ty);
                        wanted.misfit(&found, Written::AsJson, schema)?
                    }
                    LookedUp::Nothing(names) => {
                        let is_loose = names.iter().any(|other| could_mean(other, name));
                        if attribute.required && !is_loose {
                            return Ok(Some(Misfit {
                                is: format!("has no member `{name}`"),
                                wanted: "one is wanted".to_owned(),
                            }));
                        }
                        None
                    }
                };
                if let Some(inner) = misfit {
                    return Ok(Some(Misfit {
                        is: format!("has a member `{name}`, which {}", inner.is),
                        ..inner
                    }));
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// The types that some schemas say; none where one of them does not.
fn kinds<'t>(schemas: &[Node<'t>]) -> Result<Vec<&'t str>, Broken> {
    let mut all = Vec::new();
    for schema in schemas {
        let (mut always, mut alternatives): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for SchemaPart {
            node,
            is_alternative,
        } in parts(*schema)?
        {
            let kinds = stated(node);
            if is_alternative {
                alternatives.extend(kinds);
                continue;
            }
            let narrower = always.iter().filter(|kind| kinds.contains(kind));
            let narrower: Vec<&str> = narrower.copied().collect();
            if always.is_empty() {
                always = kinds;
            } else if !narrower.is_empty() {
                always = narrower;
            }
        }
        let said = if always.is_empty() {
            alternatives
        } else {
            always
        };
        if said.is_empty() {
            return Ok(Vec::new());
        }
        all.extend(said);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// A type of JSON Schema, in a sentence.
fn named(kind: &str) -> String {
    match kind {
        "string" => "a string".to_owned(),
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => "an array".to_owned(),
        "object" => "an object".to_owned(),
        other => format!("a `{}`", other.escape_debug()),
    }
}

/// Some names, quoted; not all of many.
pub(super) fn few(names: &[impl AsRef<str>]) -> String {
    let quoted = names.iter().take(MOST_NAMED);
    let quoted = quoted.map(|name| format!("`{}`", name.as_ref().escape_debug()));
    let mut text = quoted.collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMED {
        text.push_str(&format!(" and {} more", names.len() - MOST_NAMED));
    }
    text
}
