//! The places of a request that an entry reads, and what it makes of them.

use peppol_authz_engine::policy::routes::{
    Ask, AskCondition, MemberValue, Pointer, Source, Template, TemplatePart,
};
use peppol_authz_engine::schema::Type;

use super::fitting::Wanted;

/// A place that a question reads.
#[derive(Clone, Copy)]
pub(super) struct PlaceRead<'r> {
    pub(super) source: &'r Source,
    pub(super) wanted: Wanted<'r>,
    /// The array that [`Source::Each`] is of.
    pub(super) each: Option<&'r Source>,
}

/// All places that a question reads, under whichever conditions.
pub(super) fn reads(ask: &Ask) -> Vec<PlaceRead<'_>> {
    let mut all = Vec::new();
    let mut pointers: Vec<&Pointer> = vec![&ask.resource];
    pointers.extend(&ask.changed);
    for belongs in &ask.belongs {
        template(&belongs.is, Wanted::Value(&belongs.ty), &mut all);
    }
    for member in &ask.context {
        match &member.value {
            MemberValue::Constant(_) => {}
            MemberValue::Said { from, choices, .. } => {
                let value = Wanted::Value(&member.ty);
                let wanted = choices.as_ref().map_or(value, Wanted::Choices);
                template(from, wanted, &mut all);
            }
            MemberValue::Entity { pointer, .. } => pointers.push(pointer),
        }
    }
    for condition in &ask.when {
        match condition {
            AskCondition::Given(source)
            | AskCondition::NotGiven(source)
            | AskCondition::Clears(_, source) => all.push((source, Wanted::Anything)),
            AskCondition::Sets {
                ty, to, choices, ..
            } => {
                let wanted = choices.as_ref().map_or(Wanted::Value(ty), Wanted::Choices);
                all.push((to, wanted));
            }
            AskCondition::Known(pointer) | AskCondition::Unknown(pointer) => pointers.push(pointer),
        }
    }
    for pointer in pointers {
        let wanted = match &pointer.by {
            None => Wanted::Name(&pointer.of),
            Some((_, Type::Entity(of))) => Wanted::Name(of),
            Some(_) => Wanted::Text,
        };
        template(&pointer.name, wanted, &mut all);
    }
    all.extend(ask.each.iter().map(|source| (source, Wanted::Elements)));
    let each = ask.each.as_ref();
    let reads = all.into_iter();
    let reads = reads.map(|(source, wanted)| PlaceRead {
        source,
        wanted,
        each,
    });
    reads.collect()
}

fn template<'r>(
    template: &'r Template,
    wanted: Wanted<'r>,
    all: &mut Vec<(&'r Source, Wanted<'r>)>,
) {
    if let [TemplatePart::From(source)] = template.parts.as_slice() {
        all.push((source, wanted));
        return;
    }
    for part in &template.parts {
        if let TemplatePart::From(source) = part {
            all.push((source, Wanted::PartOfText));
        }
    }
}
