//! Policies and schemas between Cedar's own syntax and Cedar's JSON.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{EntityUid, PolicyId, PolicySet, SlotId};
use serde_json::Value as Json;

use super::directory::is_json;
use super::fault::{Fault, Severity};
use super::link::{LinkText, links_to_toml};
use super::load::{LinkEntry, WrittenPolicies, read_written};
use super::scan::{Language, scan};
use super::source_file::SourceFile;
use super::stack::on_large_stack;
use crate::schema::{cedar_text, json_text};

/// Policies as text, and the links of their templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// Policies and templates in Cedar's own syntax.
    pub policies: String,
    /// The links, as `links.toml` has them; `None` where there are none.
    pub links: Option<String>,
}

/// Policies of a file in Cedar's JSON, as a policy set with these links. Each is called by its `@id`, or
/// by its number.
///
/// # Errors
/// Faults of texts that cannot be read, with their places.
pub fn policies_to_json(
    file: &Arc<SourceFile>,
    links: Option<&Arc<SourceFile>>,
) -> Result<Json, Vec<Fault>> {
    here(file, links, |written| {
        let set = set_of(&written)?;
        set.to_json().map_err(|error| error.to_string())
    })
}

/// Policies of a file in Cedar's own syntax. Ids that the JSON gives become `@id`, if they are no mere
/// numbers.
///
/// # Errors
/// Faults of texts that cannot be read, with their places.
pub fn policies_to_text(file: &Arc<SourceFile>) -> Result<PolicyText, Vec<Fault>> {
    here(file, None, |written| {
        let mut parts = Vec::new();
        let mut one = |id: &str, text: String, has_id: bool| {
            let numbered = format!("{}/policy", file.stem());
            let number = id.strip_prefix(&numbered);
            let is_positional = number.is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()));
            let heading = match has_id || is_positional {
                true => String::new(),
                false => format!("@id(\"{}\")\n", id.escape_debug()),
            };
            parts.push(heading + &text);
        };
        for info in &written.policies {
            let text = info.policy.to_cedar();
            let text = text.ok_or_else(|| format!("`{}` has no text", info.id))?;
            one(&info.id, text, info.policy.annotation("id").is_some());
        }
        for template in &written.templates {
            let has_id = template.template.annotation("id").is_some();
            one(&template.info.id, template.template.to_cedar(), has_id);
        }
        let mut policies = parts.join("\n\n");
        policies.push('\n');
        Ok(PolicyText {
            policies,
            links: (!written.links.is_empty()).then(|| toml_of(&written.links)),
        })
    })
}

/// A schema of a file in the other one of Cedar's two forms.
///
/// # Errors
/// Faults of a text that cannot be read.
pub fn schema_converted(file: &Arc<SourceFile>) -> Result<String, Vec<Fault>> {
    let fault = |text: String| vec![Fault::new(file, Severity::Invalid, text)];
    let is_json = is_json(&file.text);
    let language = match is_json {
        true => Language::SchemaJson,
        false => Language::Schema,
    };
    if let Some((place, what)) = scan(&file.text, language).too_deep {
        let fault = Fault::new(file, Severity::Invalid, format!("too many {what}"));
        return Err(vec![fault.at(place, 1)]);
    }
    let converted = on_large_stack(|| {
        let text = match is_json {
            true => cedar_text(&file.text),
            false => json_text(&file.text),
        };
        text.map_err(|error| error.to_string())
    });
    match converted {
        Some(text) => text.map_err(fault),
        None => Err(fault("no thread could be had".to_owned())),
    }
}

fn here<T: Send>(
    file: &Arc<SourceFile>,
    links: Option<&Arc<SourceFile>>,
    convert: impl FnOnce(WrittenPolicies) -> Result<T, String> + Send,
) -> Result<T, Vec<Fault>> {
    let fault = |text: String| vec![Fault::new(file, Severity::Invalid, text)];
    let done = on_large_stack(|| {
        let written = read_written(file, links)?;
        convert(written).map_err(fault)
    });
    done.unwrap_or_else(|| Err(fault("no thread could be had".to_owned())))
}

fn set_of(written: &WrittenPolicies) -> Result<PolicySet, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut set = PolicySet::new();
    for info in &written.policies {
        set.add(info.policy.clone()).map_err(|error| said(&error))?;
    }
    for template in &written.templates {
        let added = set.add_template(template.template.clone());
        added.map_err(|error| said(&error))?;
    }
    for link in &written.links {
        let slots = [
            (SlotId::principal(), &link.principal),
            (SlotId::resource(), &link.resource),
        ];
        let mut values = HashMap::new();
        for (slot, value) in slots {
            if let Some((text, _)) = value {
                let uid = text.parse::<EntityUid>();
                let uid = uid.map_err(|error| format!("`{text}`: {error}"))?;
                values.insert(slot, uid);
            }
        }
        let [template, id] = [&link.template.0, &link.id.0].map(PolicyId::new);
        let linked = set.link(template, id, values);
        linked.map_err(|error| format!("link `{}`: {error}", link.id.0))?;
    }
    Ok(set)
}

/// Links as `links.toml` has them.
fn toml_of(links: &[LinkEntry]) -> String {
    let text = |value: &Option<(String, _)>| value.as_ref().map(|(text, _)| text.clone());
    let links = links.iter().map(|link| LinkText {
        id: link.id.0.clone(),
        template: link.template.0.clone(),
        principal: text(&link.principal),
        resource: text(&link.resource),
    });
    links_to_toml(&links.collect::<Vec<_>>())
}
