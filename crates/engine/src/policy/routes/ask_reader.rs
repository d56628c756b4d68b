//! The parts of an ask: texts, references, entities and attributes.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use super::template::Scope;
use super::toml::{TomlNode, TomlReader};
use super::way::KnownType;
use super::{Pointer, Source, Template, TemplatePart};
use crate::schema::{Attribute, EntityType, JsonOrigin, Schema, Type};

/// Reads the parts of an ask, and notes what is wrong with them.
pub(super) struct AskReader<'a, 'r, 'f> {
    pub(super) schema: &'a Schema,
    pub(super) scope: Scope<'a>,
    pub(super) reader: &'r mut TomlReader<'f>,
}

/// The name of an entity, before it is read.
struct EntityName<'n, 't> {
    /// The attribute by which it is named; without one, its id.
    by: Option<(Arc<str>, Type)>,
    node: &'n TomlNode<'t>,
}

impl AskReader<'_, '_, '_> {
    /// A text that is not empty.
    pub(super) fn template(&mut self, node: &TomlNode<'_>) -> Option<Template> {
        let template = self.parsed(node)?;
        if template.parts.is_empty() {
            self.reader.fault(node.span(), "an empty text");
            return None;
        }
        Some(template)
    }

    /// A text that is one reference.
    pub(super) fn source(&mut self, node: &TomlNode<'_>) -> Option<Source> {
        let mut parts = self.parsed(node)?.parts;
        match (parts.pop(), parts.is_empty()) {
            (Some(TemplatePart::From(source)), true) => Some(source),
            _ => {
                let text = "one reference is wanted, as `{body.name}`";
                self.reader.fault(node.span(), text);
                None
            }
        }
    }

    /// A text, which may be empty.
    fn parsed(&mut self, node: &TomlNode<'_>) -> Option<Template> {
        let text = self.reader.text(node)?;
        match Template::parse(text, self.scope) {
            Ok(template) => Some(template),
            Err(faults) => {
                self.reader.text_faults(node, faults);
                None
            }
        }
    }

    /// `{ Type = "…" }` or `{ Type = { attribute = "…" } }`.
    pub(super) fn pointer(&mut self, node: &TomlNode<'_>) -> Option<Pointer> {
        let table = self.reader.table(node)?;
        self.pointer_in(table, node.span(), &[])
    }

    /// The same, where other keys stand beside it.
    pub(super) fn pointer_in(
        &mut self,
        table: &DeTable<'_>,
        place: Range<usize>,
        beside: &[&str],
    ) -> Option<Pointer> {
        let mut types = table
            .iter()
            .filter(|(key, _)| !beside.contains(&&**key.get_ref()));
        let (Some((key, named)), None) = (types.next(), types.next()) else {
            let fault = self.reader.fault_at(place, "an entity is wanted");
            self.reader
                .faults
                .push(fault.advise("as `{ User = \"{path.user}\" }`"));
            return None;
        };
        let Some(of) = self.schema.entity_type_called(key.get_ref()) else {
            let name = key.get_ref();
            let near = self.schema.type_meant(name);
            let text = format!("no entity type is called `{name}`{near}");
            self.reader.fault(key.span(), text);
            return None;
        };
        let EntityName { by, node } = self.entity_name(named, of)?;
        let name = self.template(node)?;
        if !self.fits(name.known_type(), &Type::String, node) {
            return None;
        }
        let id_of = match &by {
            None => Some(of),
            Some((_, Type::Entity(other))) => Some(self.schema.entity_type(other)?),
            Some(_) => None,
        };
        if let (Some(id_of), Some(id)) = (id_of, name.constant())
            && let Err(misfit) = id_of.entity(id, JsonOrigin::Context)
        {
            self.reader.fault(node.span(), misfit.to_string());
            return None;
        }
        let of = of.name.clone();
        Some(Pointer { of, by, name })
    }

    /// The name of an entity: a text, or a table of one attribute.
    fn entity_name<'n, 't>(
        &mut self,
        node: &'n TomlNode<'t>,
        of: &EntityType,
    ) -> Option<EntityName<'n, 't>> {
        let Some(attributes) = node.get_ref().as_table() else {
            return Some(EntityName { by: None, node });
        };
        let mut all = attributes.iter();
        let (Some((attribute, name_node)), None) = (all.next(), all.next()) else {
            let text = "one attribute is wanted, by which it is found";
            self.reader.fault(node.span(), text);
            return None;
        };
        let (name, found) = self.attribute(attribute.get_ref(), attribute.span(), of)?;
        if !matches!(found.ty, Type::String | Type::Entity(_)) {
            let text = format!(
                "`{name}` of a `{}` is neither a string nor an entity",
                of.name
            );
            self.reader.fault(attribute.span(), text);
            return None;
        }
        Some(EntityName {
            by: Some((name, found.ty)),
            node: name_node,
        })
    }

    /// An attribute of a type.
    pub(super) fn attribute(
        &mut self,
        name: &str,
        place: Range<usize>,
        of: &EntityType,
    ) -> Option<(Arc<str>, Attribute)> {
        let Some((name, found)) = of.shape.attributes.get_key_value(name) else {
            let near = of.shape.attribute_meant(name);
            let text = format!("a `{}` has no attribute `{name}`{near}", of.name);
            self.reader.fault(place, text);
            return None;
        };
        Some((Arc::clone(name), found.clone()))
    }

    /// Notes a value that can never be of a type. `known` is its type, where that is known.
    pub(super) fn fits(
        &mut self,
        known: Option<KnownType>,
        ty: &Type,
        node: &TomlNode<'_>,
    ) -> bool {
        match known.filter(|known| !known.gives(ty)) {
            None => true,
            Some(known) => {
                let text = format!("this is always {known}, and {ty} is wanted");
                self.reader.fault(node.span(), text);
                false
            }
        }
    }
}
