//! The links of templates, which a file beside the policies lists, `links.toml`, or a policy set in
//! Cedar's JSON.
//!
//! ```toml
//! [[link]]
//! id = "share/anna-plans"
//! template = "share/viewer"
//! principal = 'User::"anna"'
//! resource = 'Folder::"plans"'
//! ```
//!
//! With `stored = true` there are more of them, in the store.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid, SlotId};
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::warned::may_be_taken;
use super::written::{LinkEntry, MAX_POLICIES, Placed, WrittenPolicies};
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::link::Link;
use crate::policy::scope::can_apply;
use crate::policy::source_file::SourceFile;
use crate::policy::sources::Sources;
use crate::policy::template::PolicyTemplate;
use crate::policy::warnings::{WarningKind, Warnings};
use crate::schema::{LINKS_VIEW, Schema};
use crate::text::did_you_mean;

/// Faults after which no further link is looked at.
const MOST_FAULTS: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinksFile {
    /// True if the store holds links too.
    stored: Option<Spanned<bool>>,
    link: Option<Vec<Spanned<LinkTable>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkTable {
    id: Spanned<String>,
    template: Spanned<String>,
    principal: Option<Spanned<String>>,
    resource: Option<Spanned<String>>,
}

/// Makes policies of all links. The templates are known to be valid.
pub(super) fn read_links(
    sources: &Sources,
    schema: &Schema,
    written: &mut WrittenPolicies,
    faults: &mut Vec<Fault>,
) {
    let before = faults.len();
    let mut entries = std::mem::take(&mut written.links);
    if let Some(file) = &sources.links {
        written.stored = read_file(file, &mut entries, faults).map(|stored| stored.into_inner());
        check_stored(file, schema, written.stored, faults);
    }
    let Some(first) = entries.first() else {
        // A set that lost its links would decide as if nobody had any.
        if let (None, Some(template)) = (&sources.links, written.templates.first()) {
            let text = "there are templates, and no `links.toml` beside them: for no links, write \
                        `link = []` there"
                .to_owned();
            let info = &template.info;
            let fault = Fault::new(&info.file, Severity::Invalid, text);
            faults.push(fault.at(info.place.start, info.heading()));
        }
        return;
    };
    if written.policies.len() + written.templates.len() + entries.len() > MAX_POLICIES {
        let text = format!("more than {MAX_POLICIES} policies, with the links");
        return faults.push(Fault::new(&first.file, Severity::Invalid, text));
    }
    let file = Arc::clone(&first.file);
    let mut links: BTreeMap<Arc<str>, Vec<Arc<Link>>> = BTreeMap::new();
    for entry in &entries {
        if faults.len() - before > MOST_FAULTS {
            return;
        }
        let reader = EntryReader {
            file: &entry.file,
            schema,
            written,
        };
        match reader.read(entry) {
            Ok(link) => {
                let id = Arc::clone(&link.id);
                written.taken.insert(id, Arc::clone(&entry.file));
                let template = Arc::clone(&link.template);
                links.entry(template).or_default().push(Arc::new(link));
            }
            Err(fault) => faults.push(*fault),
        }
    }
    if faults.len() > before {
        return;
    }
    for (id, links) in links {
        let template = written.templates.iter().find(|it| it.info.id == id);
        let Some(template) = template else { continue };
        match made(template, &links, schema, sources.warnings, faults) {
            Ok(infos) => written.policies.extend(infos),
            Err(problem) => faults.push(Fault::new(&file, Severity::Invalid, problem)),
        }
    }
}

/// A schema may have a type of the name of the view, which shows its entities then.
fn check_stored(
    file: &Arc<SourceFile>,
    schema: &Schema,
    stored: Option<bool>,
    faults: &mut Vec<Fault>,
) {
    if stored == Some(true) && schema.entity_type_named(LINKS_VIEW).is_some() {
        let text = format!(
            "the view `{LINKS_VIEW}` shows the entities of the type of that name in the schema, and no links"
        );
        faults.push(Fault::new(file, Severity::Invalid, text));
    }
}

/// Reads `links.toml`. The flag is true if the store holds links too; it is absent if the file does not say so.
pub(super) fn read_file(
    file: &Arc<SourceFile>,
    entries: &mut Vec<LinkEntry>,
    faults: &mut Vec<Fault>,
) -> Option<Spanned<bool>> {
    const ADVICE: &str = "links are tables `[[link]]` with `id`, `template`, `principal` and \
                          `resource`; `link = []` says that there are none, `stored = true` that there are more \
                          in the store";
    let LinksFile { stored, link } = match toml::from_str::<LinksFile>(&file.text) {
        Ok(file) => file,
        Err(error) => {
            faults.push(Fault::of_toml(file, &error).advise(ADVICE));
            return None;
        }
    };
    let is_stored = stored.as_ref().is_some_and(|stored| *stored.get_ref());
    if link.is_none() && !is_stored {
        let fault = Fault::new(file, Severity::Invalid, "missing field `link`");
        faults.push(fault.advise(ADVICE));
    }
    let tables = link.unwrap_or_default();
    let placed = |text: Spanned<String>| {
        let span = text.span();
        (text.into_inner(), span)
    };
    entries.extend(tables.into_iter().map(|table| {
        let place = table.span();
        let table = table.into_inner();
        LinkEntry {
            id: placed(table.id),
            template: placed(table.template),
            principal: table.principal.map(placed),
            resource: table.resource.map(placed),
            file: Arc::clone(file),
            place,
        }
    }));
    stored
}

/// Reads one entry.
struct EntryReader<'a> {
    file: &'a Arc<SourceFile>,
    schema: &'a Schema,
    written: &'a WrittenPolicies,
}

impl EntryReader<'_> {
    fn fault(&self, at: &Range<usize>, text: impl Into<String>) -> Box<Fault> {
        Box::new(Fault::new(self.file, Severity::Invalid, text).at(at.start, at.len()))
    }

    fn read(&self, entry: &LinkEntry) -> Result<Link, Box<Fault>> {
        let (id, id_place) = &entry.id;
        if id.is_empty() {
            return Err(self.fault(id_place, "the id of a link is empty"));
        }
        if let Some(other) = self.written.taken.get(id.as_str()) {
            let text = format!("link id `{id}` is taken, in `{}`", other.name);
            let fault = self.fault(id_place, text);
            return Err(Box::new(
                fault.advise("an id names one policy, template or link"),
            ));
        }
        let template = self.template(&entry.template)?;
        let slots = template.slots();
        let slot = |name: &str, slot: SlotId, value: &Option<Placed>| {
            let id = &template.info.id;
            match (value, slots.contains(&slot)) {
                (Some(value), true) => self.entity(value).map(Some),
                (None, false) => Ok(None),
                (None, true) => {
                    let text = format!("`{name}` is missing: template `{id}` has `?{name}`");
                    Err(self.fault(&entry.place, text))
                }
                (Some((_, place)), false) => {
                    let text = format!("`{name}` is too much: template `{id}` has no `?{name}`");
                    Err(self.fault(place, text))
                }
            }
        };
        Ok(Link {
            principal: slot("principal", SlotId::principal(), &entry.principal)?,
            resource: slot("resource", SlotId::resource(), &entry.resource)?,
            id: Arc::from(id.as_str()),
            template: Arc::clone(&template.info.id),
            file: Arc::clone(self.file),
            place: entry.place.clone(),
            is_stored: false,
        })
    }

    fn template(&self, (name, place): &Placed) -> Result<&PolicyTemplate, Box<Fault>> {
        let templates = &self.written.templates;
        let found = templates.iter().find(|it| *it.info.id == **name);
        found.ok_or_else(|| {
            let mut policies = self.written.policies.iter();
            if policies.any(|info| *info.id == **name) {
                return self.fault(place, format!("policy `{name}` has no slots to be filled"));
            }
            let near = did_you_mean(name, templates.iter().map(|it| &*it.info.id));
            self.fault(place, format!("no template `{name}`{near}"))
        })
    }

    /// The entity of a slot, under its stored spelling.
    fn entity(&self, (written, place): &Placed) -> Result<EntityUid, Box<Fault>> {
        let uid = self.schema.entity(&Json::from(written.as_str()));
        let uid = uid.and_then(|uid| self.schema.check_stored(&uid).map(|()| uid));
        uid.map_err(|misfit| self.fault(place, misfit.to_string()))
    }
}

/// The policies that links make of a template. One that can never apply is refused as a policy is that
/// never applies.
fn made(
    template: &PolicyTemplate,
    links: &[Arc<Link>],
    schema: &Schema,
    warnings: Warnings,
    faults: &mut Vec<Fault>,
) -> Result<Vec<PolicyInfo>, String> {
    let actions = schema.cedar().action_entities();
    let actions = actions.map_err(|error| error.to_string())?;
    let mut infos = template.linked(links)?;
    // It depends on the types in the slots alone.
    let mut known: HashMap<[Option<&EntityTypeName>; 2], bool> = HashMap::new();
    for (info, link) in infos.iter_mut().zip(links) {
        let types = [&link.principal, &link.resource].map(|uid| Some(uid.as_ref()?.type_name()));
        let applies = known.entry(types);
        if *applies.or_insert_with(|| can_apply(&info.policy, schema, &actions)) {
            continue;
        }
        info.never_applies = true;
        let text = format!("no question can fulfil link `{}`: {link}", link.id);
        let fault = Fault::new(&link.file, Severity::Invalid, text);
        let fault = fault.at(link.place.start, link.place.len());
        let instead =
            "fill its slots with entities of types that the scope of the template can match";
        let kind = WarningKind::Impossible;
        faults.push(may_be_taken(fault, kind, warnings, instead));
    }
    Ok(infos)
}
