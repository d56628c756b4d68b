//! Links of templates.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{EntityUid, SlotId};
use serde_json::Value as Json;

use super::source_file::SourceFile;

/// An entity for each slot of a template, which makes a policy of it.
#[derive(Debug)]
pub struct Link {
    /// The id of the policy that it makes.
    pub id: Arc<str>,
    /// The id of the template.
    pub template: Arc<str>,
    /// The entity for `?principal`.
    pub principal: Option<EntityUid>,
    /// The entity for `?resource`.
    pub resource: Option<EntityUid>,
    /// The file that it stands in.
    pub file: Arc<SourceFile>,
    /// Where in the file, in bytes.
    pub place: Range<usize>,
    /// True if it stands in no file: the store holds it.
    pub is_stored: bool,
}

/// A link as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkText {
    /// The id of the policy that it makes.
    pub id: String,
    /// The id of the template.
    pub template: String,
    /// The entity for `?principal`, as Cedar writes it.
    pub principal: Option<String>,
    /// The entity for `?resource`.
    pub resource: Option<String>,
}

/// Links as `links.toml` has them.
#[must_use]
pub fn links_to_toml(links: &[LinkText]) -> String {
    let quoted = |text: &str| Json::from(text).to_string();
    let mut text = String::new();
    for link in links {
        let (id, template) = (quoted(&link.id), quoted(&link.template));
        let _ = writeln!(text, "[[link]]\nid = {id}\ntemplate = {template}");
        let slots = [("principal", &link.principal), ("resource", &link.resource)];
        for (name, value) in slots {
            if let Some(value) = value {
                let _ = writeln!(text, "{name} = {}", quoted(value));
            }
        }
        text.push('\n');
    }
    text
}

impl Link {
    pub(super) fn values(&self) -> HashMap<SlotId, EntityUid> {
        let principal = self.principal.clone().map(|uid| (SlotId::principal(), uid));
        let resource = self.resource.clone().map(|uid| (SlotId::resource(), uid));
        principal.into_iter().chain(resource).collect()
    }
}

/// `t with ?principal = User::"anna"`
impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.template)?;
        let slots = [("principal", &self.principal), ("resource", &self.resource)];
        let filled = slots
            .into_iter()
            .filter_map(|(name, uid)| Some((name, uid.as_ref()?)));
        for (number, (name, uid)) in filled.enumerate() {
            let joint = if number == 0 { "with" } else { "and" };
            write!(f, " {joint} ?{name} = {uid}")?;
        }
        Ok(())
    }
}
