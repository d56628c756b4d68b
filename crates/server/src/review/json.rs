//! A review in JSON, with one right a line, so that it can be read in parts.

use std::io::{Error, Write};

use serde_json::{Map, Value as Json, json};

use super::access_review::AccessReview;
use super::found_rights::{Rights, reviewed as how};
use super::right_line::{END_OF_RIGHTS, NARROWER, RIGHTS, RightLine, WIDER, used_member};
use super::used::LastUses;
use peppol_authz_engine::OpenAction;

pub(super) fn write(review: &AccessReview, to: &mut dyn Write) -> Result<(), Error> {
    let found = &review.found;
    let reviewed = &found.reviewed;
    let unlisted: Vec<String> = reviewed.unlisted.iter().map(ToString::to_string).collect();
    let open: Vec<Json> = reviewed.open.iter().map(open_json).collect();
    writeln!(to, "{{")?;
    let mut head = vec![
        ("scope", found.scope.clone()),
        ("policyRevision", json!(&*reviewed.policy_revision)),
        ("tenancyRevision", json!(&*reviewed.tenancy_revision)),
        ("open", json!(open)),
        ("unlisted", json!(unlisted)),
    ];
    if let Some(uses) = &review.uses {
        head.push(("decisionLogs", json!(uses.read)));
    }
    for (name, value) in head {
        writeln!(to, "{}: {value},", json!(name))?;
    }
    if let Some(since) = &review.since {
        let before = json!({
            "policyRevision": since.policy_revision,
            "tenancyRevision": since.tenancy_revision,
        });
        writeln!(to, "\"since\": {before},")?;
        writeln!(to, "{WIDER}")?;
        write_rights(&since.wider, None, to)?;
        writeln!(to, "{END_OF_RIGHTS}\n{NARROWER}")?;
        write_rights(&since.narrower, None, to)?;
        writeln!(to, "{END_OF_RIGHTS}")?;
    }
    writeln!(to, "{RIGHTS}")?;
    write_rights(&found.rights, review.uses.as_ref(), to)?;
    writeln!(to, "{END_OF_RIGHTS}")?;
    let (count, digest) = (found.rights.count, json!(found.rights.digest));
    writeln!(to, "\"count\": {count},\n\"digest\": {digest}\n}}")
}

fn write_rights(rights: &Rights, uses: Option<&LastUses>, to: &mut dyn Write) -> Result<(), Error> {
    let mut left = rights.count;
    rights.each_line(&mut |line| {
        left = left.saturating_sub(1);
        let comma = if left > 0 { "," } else { "" };
        match uses {
            None => writeln!(to, "{line}{comma}"),
            Some(uses) => {
                let used = uses.of(&RightLine::read(line)?);
                let open = line.strip_suffix('}').unwrap_or(line);
                writeln!(to, "{open}{}}}{comma}", used_member(used.as_ref()))
            }
        }
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
        "reviewed": how(open),
    })
}
