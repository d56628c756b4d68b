//! A review in JSON, with one right a line, so that it can be read in parts.

use std::io::{Error, Write};

use serde_json::{Map, Value as Json, json};

use super::found::{END_OF_RIGHTS, RIGHTS, ReviewHead, Rights};
use super::since::Differences;
use peppol_authz_engine::OpenAction;

pub(super) fn write(
    head: &ReviewHead,
    rights: &Rights,
    since: Option<&Differences>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    let reviewed = &head.reviewed;
    let unlisted: Vec<String> = reviewed.unlisted.iter().map(ToString::to_string).collect();
    let open: Vec<Json> = reviewed.open.iter().map(open_json).collect();
    writeln!(to, "{{")?;
    for (name, value) in [
        ("scope", head.scope.clone()),
        ("policyRevision", json!(&*reviewed.policy_revision)),
        ("tenancyRevision", json!(&*reviewed.tenancy_revision)),
        ("open", json!(open)),
        ("unlisted", json!(unlisted)),
    ] {
        writeln!(to, "{}: {value},", json!(name))?;
    }
    if let Some(since) = since {
        let before = json!({
            "policyRevision": since.policy_revision,
            "tenancyRevision": since.tenancy_revision,
        });
        writeln!(to, "\"since\": {before},")?;
        writeln!(to, "\"wider\": [")?;
        write_rights(&since.wider, to)?;
        writeln!(to, "{END_OF_RIGHTS}\n\"narrower\": [")?;
        write_rights(&since.narrower, to)?;
        writeln!(to, "{END_OF_RIGHTS}")?;
    }
    writeln!(to, "{RIGHTS}")?;
    write_rights(rights, to)?;
    writeln!(to, "{END_OF_RIGHTS}")?;
    writeln!(
        to,
        "\"count\": {},\n\"digest\": {}\n}}",
        rights.count,
        json!(rights.digest)
    )
}

fn write_rights(rights: &Rights, to: &mut dyn Write) -> Result<(), Error> {
    let mut left = rights.count;
    rights.each(&mut |line, _: &Map<String, Json>| {
        left = left.saturating_sub(1);
        let comma = if left > 0 { "," } else { "" };
        writeln!(to, "{line}{comma}")
    })
}

fn open_json(open: &OpenAction) -> Json {
    let members: Map<String, Json> = open
        .members
        .iter()
        .map(|(name, ty)| (name.to_string(), ty.as_str().into()))
        .collect();
    json!({
        "action": open.action.to_string(),
        "members": members,
        "reviewed": if open.required { "not at all" } else { "without these members" },
    })
}
