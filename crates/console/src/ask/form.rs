//! The form of a question.

use maud::{Markup, html};

use super::asking::{Asking, COMPLETE, CONTEXT};
use super::context::fields;
use super::supposing::SUPPOSE;
use crate::entity::{id, short};
use crate::language::Texts;

/// The form: one that needs no script.
pub(super) fn form(asking: &Asking<'_>, texts: &Texts) -> Markup {
    let chosen = asking.action.map(|action| &action.uid);
    let mut actions = asking.schema.actions();
    actions.sort_by_key(|action| action.resources.first().map(short).unwrap_or_default());
    let mut groups: Vec<(String, Vec<_>)> = Vec::new();
    for action in actions {
        let group = action.resources.first().map(short).unwrap_or_default();
        match groups.last_mut() {
            Some((name, all)) if *name == group => all.push(action),
            _ => groups.push((group, vec![action])),
        }
    }
    html! {
        form.card.question method="get" action="/console/ask" id="question" {
            @if let Some(changes) = asking.query.whole(SUPPOSE) { input type="hidden" name=(SUPPOSE) value=(changes); }
            div.field {
                label for="action" { (texts.action) }
                select id="action" name="action" data-reload {
                    option value="" { (texts.choose_action) }
                    @for (group, actions) in &groups {
                        optgroup label=(group) {
                            @for action in actions {
                                option value=(name_of(asking, action)) selected[chosen == Some(&action.uid)] {
                                    (id(&action.uid))
                                }
                            }
                        }
                    }
                }
                noscript { button type="submit" { (texts.show_context) } }
            }
            (entity(asking, "principal", texts.principal, texts))
            (entity(asking, "resource", texts.resource, texts))
            @if let Some(action) = asking.action {
                fieldset {
                    legend { (texts.context) }
                    @if action.context.attributes.is_empty() {
                        p.hint { (texts.context_none) }
                    }
                    (fields(asking.query, &action.context, CONTEXT, asking.schema, texts))
                }
            }
            button.primary type="submit" name=(COMPLETE) value="1" { (texts.ask_button) }
        }
    }
}

/// An action by its id, where that is the only one of that id.
fn name_of(asking: &Asking<'_>, action: &peppol_authz_engine::schema::ActionType) -> String {
    let bare = id(&action.uid);
    let found = asking.schema.action_called(bare);
    match found.is_some_and(|found| found.uid == action.uid) {
        true => bare.to_owned(),
        false => action.uid.to_string(),
    }
}

fn entity(asking: &Asking<'_>, member: &str, title: &str, texts: &Texts) -> Markup {
    let types = asking.types(member);
    let chosen = asking.type_of(member);
    let written = asking.query.get(member).unwrap_or_default();
    let kind = format!("{member}-type");
    let ids = format!("{member}-ids");
    let name = chosen.as_ref().map(ToString::to_string);
    let choices = chosen.as_ref().and_then(|of| asking.schema.entity_type(of));
    let choices = choices.and_then(|of| of.choices.as_ref());
    html! {
        fieldset.entity-field {
            legend { (title) }
            div.field {
                label for=(kind) { (texts.kind) }
                select id=(kind) name=(kind) data-kind-of=(member) {
                    @for of in &types {
                        option value=(of) selected[chosen.as_ref() == Some(of)] { (short(of)) }
                    }
                }
            }
            div.field.wide {
                label for=(member) { (texts.id) }
                input id=(member) name=(member) value=(written) autocomplete="off" spellcheck="false"
                    placeholder=(texts.ids_hint) list=(ids) data-complete=[name];
                datalist id=(ids) {
                    @for choice in choices.into_iter().flatten() { option value=(choice) {} }
                }
            }
        }
    }
}
