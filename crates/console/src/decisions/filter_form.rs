//! The form that filters decisions.

use maud::{Markup, html};

use crate::visit::Visit;

/// The form that filters what this page shows.
pub(super) fn filter_form(visit: &Visit, place: &str) -> Markup {
    let texts = visit.texts();
    let written = |name: &str| visit.query.get(name).unwrap_or_default();
    let fields = [
        ("principal", texts.principal),
        ("action", texts.action),
        ("resource", texts.resource),
        ("code", texts.code),
        ("revision", texts.revision_policies),
        ("from", texts.from),
        ("to", texts.until),
    ];
    html! {
        form.card.line method="get" action=(place) role="search" {
            div.fields {
                @for (name, title) in fields {
                    @let is_time = name == "from" || name == "to";
                    div.field.wide[is_time] {
                        label for=(name) { (title) }
                        input id=(name) name=(name) value=(written(name)) autocomplete="off" spellcheck="false"
                            placeholder=[is_time.then_some("2026-01-31T09:00")];
                    }
                }
                div.field {
                    label for="decision" { (texts.verdict) }
                    select id="decision" name="decision" {
                        @for (value, title) in [("", texts.any), ("Allow", texts.allowed), ("Deny", texts.denied)] {
                            option value=(value) selected[value == written("decision")] { (title) }
                        }
                    }
                }
                button.primary type="submit" { (texts.filter) }
            }
        }
    }
}
