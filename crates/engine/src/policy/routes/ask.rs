//! One ask of a route, held to the schema.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use super::member::read_context;
use super::template::Scope;
use super::toml::{Node, Reader, one_or_more};
use super::{Ask, Belongs, Condition, MemberValue, Part, Pointer, Source, Template};
use crate::schema::{Attribute, EntityType, Reading, Schema, Type};

/// Reads an ask; `None` where something is wrong with it.
pub(super) fn read_ask(
    node: &Node<'_>,
    schema: &Schema,
    scope: Scope<'_>,
    reader: &mut Reader<'_>,
) -> Option<Ask> {
    let before = reader.faults.len();
    let table = reader.table(node)?;
    let keys = ["action", "resource", "belongs", "context", "when", "each"];
    reader.keys(table, &keys);
    let each = table.get("each").and_then(|node| {
        let source = read_source(node, scope, reader)?;
        if !matches!(source, Source::Body(_) | Source::Claim(_)) {
            reader.fault(node.span(), "an array is in the body or in a claim");
        }
        Some(source)
    });
    let scope = Scope {
        each: table.contains_key("each"),
        ..scope
    };
    let mut wanted = |key: &str| {
        let found = table.get(key);
        if found.is_none() {
            reader.fault(node.span(), format!("an ask without `{key}`"));
        }
        found
    };
    let (action, resource) = (wanted("action"), wanted("resource"));
    let action = action.and_then(|node| {
        let name = reader.text(node)?;
        let found = schema.action_called(name);
        if found.is_none() {
            reader.fault(node.span(), format!("no action is called `{name}`"));
        }
        Some((node, found?))
    });
    let mut asked = Asked {
        schema,
        scope,
        reader,
    };
    let resource = resource.and_then(|node| asked.pointer(node));
    let of = resource.as_ref().and_then(|it| schema.entity_type(&it.of));
    if let (Some((_, action)), Some(of), Some(node)) = (action, of, table.get("resource"))
        && !action.resources.contains(&of.name)
    {
        let name: &str = action.uid.id().as_ref();
        let types = action.resources.iter().map(|name| format!("`{name}`"));
        let types: Vec<_> = types.collect();
        let text = format!("`{name}` is not asked on a `{}`", of.name);
        let fault = asked.reader.fault_at(key_place(node), text);
        let fault = fault.advise(format!("it is asked on a {}", types.join(" or a ")));
        asked.reader.faults.push(fault);
    }
    let belongs = table.get("belongs").map(|node| asked.belongs(node, of));
    let when = table.get("when").map(|node| asked.conditions(node, of));
    let context = action.and_then(|(place, action)| {
        read_context(table.get("context"), place.span(), action, &mut asked)
    });
    let (changed, when) = when.unwrap_or_default();
    let each_place = table.get("each").map(Node::span);
    if asked.reader.faults.len() > before {
        return None;
    }
    let ask = Ask {
        action: action?.1.uid.clone(),
        resource: resource?,
        belongs: belongs.unwrap_or_default(),
        context: context?,
        when,
        changed,
        each,
    };
    if let Some(place) = each_place {
        let mut is_used = false;
        ask.each_source(&mut |source| is_used |= matches!(source, Source::Each(_)));
        if !is_used {
            reader.fault(place, "`each` in an ask that does not refer to `{each}`");
            return None;
        }
    }
    Some(ask)
}

/// Where the type stands in `{ Type = … }`.
fn key_place(node: &Node<'_>) -> Range<usize> {
    let table = node.get_ref().as_table();
    let key = table.and_then(|table| table.keys().next());
    key.map_or_else(|| node.span(), |key| key.span())
}

/// Reads a text that is one reference.
fn read_source(node: &Node<'_>, scope: Scope<'_>, reader: &mut Reader<'_>) -> Option<Source> {
    let text = reader.text(node)?;
    let mut template = match Template::parse(text, scope) {
        Ok(template) => template,
        Err(wrong) => {
            reader.wrong(node, wrong);
            return None;
        }
    };
    match (template.parts.pop(), template.parts.is_empty()) {
        (Some(Part::From(source)), true) => Some(source),
        _ => {
            reader.fault(node.span(), "one reference is wanted, as `{body.name}`");
            None
        }
    }
}

/// What the parts of an ask are read with.
pub(super) struct Asked<'a, 'r, 'f> {
    pub(super) schema: &'a Schema,
    pub(super) scope: Scope<'a>,
    pub(super) reader: &'r mut Reader<'f>,
}

impl<'a> Asked<'a, '_, '_> {
    /// A text that is not empty.
    pub(super) fn template(&mut self, node: &Node<'_>) -> Option<Template> {
        let text = self.reader.text(node)?;
        match Template::parse(text, self.scope) {
            Ok(template) if template.parts.is_empty() => {
                self.reader.fault(node.span(), "an empty text");
                None
            }
            Ok(template) => Some(template),
            Err(wrong) => {
                self.reader.wrong(node, wrong);
                None
            }
        }
    }

    /// `{ Type = "…" }` or `{ Type = { attribute = "…" } }`.
    pub(super) fn pointer(&mut self, node: &Node<'_>) -> Option<Pointer> {
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
            let text = format!("no entity type is called `{}`", key.get_ref());
            self.reader.fault(key.span(), text);
            return None;
        };
        let (by, node) = match named.get_ref().as_table() {
            None => (None, named),
            Some(attributes) => {
                let mut all = attributes.iter();
                let (Some((attribute, node)), None) = (all.next(), all.next()) else {
                    let text = "one attribute is wanted, by which it is found";
                    self.reader.fault(named.span(), text);
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
                (Some((name, found.ty)), node)
            }
        };
        let name = self.template(node)?;
        let wanted = match &by {
            None => of,
            Some((_, Type::Entity(of))) => self.schema.entity_type(of)?,
            _ => {
                let of = of.name.clone();
                return Some(Pointer { of, by, name });
            }
        };
        if let Some(id) = name.constant()
            && let Err(misfit) = wanted.entity(id, Reading::Context)
        {
            self.reader.fault(node.span(), misfit.to_string());
            return None;
        }
        let of = of.name.clone();
        Some(Pointer { of, by, name })
    }

    /// An attribute of a type.
    fn attribute(
        &mut self,
        name: &str,
        place: Range<usize>,
        of: &EntityType,
    ) -> Option<(Arc<str>, Attribute)> {
        let Some((name, found)) = of.shape.attributes.get_key_value(name) else {
            let text = format!("a `{}` has no attribute `{name}`", of.name);
            self.reader.fault(place, text);
            return None;
        };
        Some((Arc::clone(name), found.clone()))
    }

    fn belongs(&mut self, node: &Node<'_>, of: Option<&EntityType>) -> Vec<Belongs> {
        let mut all = Vec::new();
        let table = self.reader.table(node);
        if table.is_some_and(DeTable::is_empty) {
            self.reader.fault(node.span(), "`belongs` of nothing");
        }
        for (key, node) in table.into_iter().flatten() {
            let is = self.template(node);
            let found = of.and_then(|of| self.attribute(key.get_ref(), key.span(), of));
            if let (Some(is), Some((attribute, found))) = (is, found)
                && self.fits(is.gives(&found.ty), &found.ty, node)
            {
                let ty = found.ty;
                all.push(Belongs { attribute, ty, is });
            }
        }
        all
    }

    /// Notes what can never be of a type.
    pub(super) fn fits(&mut self, gives: bool, ty: &Type, node: &Node<'_>) -> bool {
        if !gives {
            let text = format!("this is always a string, and {ty} is wanted");
            self.reader.fault(node.span(), text);
        }
        gives
    }

    fn conditions(
        &mut self,
        node: &Node<'_>,
        of: Option<&EntityType>,
    ) -> (Option<Pointer>, Vec<Condition>) {
        let mut all = Vec::new();
        let Some(table) = self.reader.table(node) else {
            return (None, all);
        };
        let keys = [
            "given",
            "not_given",
            "sets",
            "clears",
            "known",
            "unknown",
            "of",
        ];
        self.reader.keys(table, &keys);
        let changed = table.get("of").and_then(|node| self.pointer(node));
        let named = changed
            .as_ref()
            .and_then(|it| self.schema.entity_type(&it.of));
        let of = if table.contains_key("of") { named } else { of };
        if let Some(node) = table.get("of")
            && !table.contains_key("sets")
            && !table.contains_key("clears")
        {
            self.reader
                .fault(node.span(), "`of` without `sets` or `clears`");
        }
        if table.is_empty() {
            self.reader.fault(node.span(), "no condition");
        }
        // One that says nothing would hold always.
        for (key, node) in table {
            let is_empty = match (node.get_ref().as_array(), node.get_ref().as_table()) {
                (Some(array), _) => array.is_empty(),
                (_, Some(table)) => table.is_empty(),
                _ => false,
            };
            if is_empty {
                self.reader
                    .fault(node.span(), format!("`{}` of nothing", key.get_ref()));
            }
        }
        let each = |key: &str| table.get(key).map_or_else(Vec::new, one_or_more);
        for (key, make) in [
            ("given", Condition::Given as fn(Source) -> Condition),
            ("not_given", Condition::NotGiven),
        ] {
            for node in each(key) {
                let source = read_source(node, self.scope, self.reader);
                all.extend(source.map(make));
            }
        }
        for key in ["sets", "clears"] {
            let changes = table.get(key).and_then(|node| self.reader.table(node));
            for (attribute, node) in changes.into_iter().flatten() {
                let source = read_source(node, self.scope, self.reader);
                let found =
                    of.and_then(|of| self.attribute(attribute.get_ref(), attribute.span(), of));
                let (Some(source), Some((name, found))) = (source, found) else {
                    continue;
                };
                if key == "clears" && found.required {
                    let text = format!("`{name}` is always there, and never cleared");
                    self.reader.fault(attribute.span(), text);
                } else if key == "clears" {
                    all.push(Condition::Clears(name, source));
                } else if self.fits(source.gives(&found.ty), &found.ty, node) {
                    all.push(Condition::Sets(name, found.ty, source));
                }
            }
        }
        for (key, make) in [
            ("known", Condition::Known as fn(Pointer) -> Condition),
            ("unknown", Condition::Unknown),
        ] {
            for node in each(key) {
                let pointer = self.pointer(node);
                all.extend(pointer.map(make));
            }
        }
        (changed, all)
    }
}

impl Ask {
    /// Calls `visit` with every place in a request that is looked at.
    pub(super) fn each_source(&self, visit: &mut impl FnMut(&Source)) {
        let mut in_template = |template: &Template| {
            for part in &template.parts {
                if let Part::From(source) = part {
                    visit(source);
                }
            }
        };
        in_template(&self.resource.name);
        self.changed.iter().for_each(|it| in_template(&it.name));
        self.belongs.iter().for_each(|it| in_template(&it.is));
        for member in &self.context {
            match &member.value {
                MemberValue::Constant(_) => {}
                MemberValue::Said { from, .. } => in_template(from),
                MemberValue::Entity { pointer, .. } => in_template(&pointer.name),
            }
        }
        for condition in &self.when {
            if let Condition::Known(pointer) | Condition::Unknown(pointer) = condition {
                in_template(&pointer.name);
            }
        }
        for condition in &self.when {
            if let Condition::Given(source)
            | Condition::NotGiven(source)
            | Condition::Sets(_, _, source)
            | Condition::Clears(_, source) = condition
            {
                visit(source);
            }
        }
        self.each.iter().for_each(visit);
    }
}
