//! Entities and texts as pages show them.

use std::borrow::Cow;

use cedar_policy::{EntityTypeName, EntityUid};
use maud::{Markup, html};

use peppol_authz_engine::schema::{RecordType, Type, escape_unseen};

/// A text as people may see it: what nobody sees, or what turns the direction of a line, is written out.
pub(crate) fn seen(text: &str) -> Cow<'_, str> {
    escape_unseen(text, &['\n'])
}

/// The id of an entity.
pub(crate) fn id(uid: &EntityUid) -> &str {
    uid.id().as_ref()
}

/// The name of a type without its namespace.
pub(crate) fn short(name: &EntityTypeName) -> String {
    name.basename().to_owned()
}

/// An entity, as its type and its id.
pub(crate) fn entity(uid: &EntityUid) -> Markup {
    html! {
        span.entity title=(seen(&uid.to_string())) {
            span.kind { (short(uid.type_name())) }
            bdi.id { (seen(id(uid))) }
        }
    }
}

/// A text in which words stand in quotes of code.
pub(crate) fn code_words(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The beginning of a long text.
pub(crate) fn brief(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let kept = text.get(..end).unwrap_or_default();
            Cow::Owned(format!("{kept}…"))
        }
    }
}

/// A type as its schema calls it.
pub(crate) fn type_name(of: &Type) -> String {
    match of {
        Type::Bool => "Bool".to_owned(),
        Type::Long => "Long".to_owned(),
        Type::String => "String".to_owned(),
        Type::Entity(name) => name.basename().to_owned(),
        Type::Set(of) => format!("Set<{}>", type_name(of)),
        Type::Record(of) => record_name(of),
        Type::Extension(extension) => extension.function().to_owned(),
    }
}

fn record_name(of: &RecordType) -> String {
    let names = of.attributes.keys().map(|name| name.to_string());
    format!("{{ {} }}", names.collect::<Vec<_>>().join(", "))
}
