//! The title of a policy.

use maud::{Markup, html};

use crate::entity::seen;
use crate::language::Texts;
use peppol_authz_engine::policy::PolicyInfo;

/// The name of a policy, its rule and its place.
pub(crate) fn titled(info: &PolicyInfo, texts: &Texts) -> Markup {
    let (line, _) = info.file.place(info.place.start);
    html! {
        div.titled {
            code.policy { bdi { (seen(&info.id)) } }
            @if let Some(rule) = &info.rule { span.badge title=(texts.rule) { (seen(rule)) } }
            @if let Some(code) = &info.code { code.badge title=(texts.code) { (seen(code)) } }
            span.place { bdi { (seen(&info.file.name)) } ":" (line) }
            @if let Some(link) = &info.link { span.place { bdi { (seen(&link.to_string())) } } }
        }
    }
}
