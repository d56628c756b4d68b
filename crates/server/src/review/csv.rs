//! A review as a table (RFC 4180). Its last line has the revisions and the digest: without it, it is not whole.

use std::io::{Error, Write};

use super::access_review::AccessReview;
use super::found_rights::{Rights, members};
use super::used::LastUses;

const HEADING: [&str; 11] = [
    "kind",
    "principal",
    "action",
    "context",
    "resource",
    "policies",
    "rules",
    "obligations",
    "values",
    "lastUsed",
    "decisionId",
];

pub(super) fn write(review: &AccessReview, to: &mut dyn Write) -> Result<(), Error> {
    let found = &review.found;
    line(to, &HEADING)?;
    write_rights(&found.rights, "right", review.uses.as_ref(), to)?;
    if let Some(since) = &review.since {
        write_rights(&since.wider, "wider", None, to)?;
        write_rights(&since.narrower, "narrower", None, to)?;
    }
    for open in &found.reviewed.open {
        let members = members(open);
        let kind = if open.required {
            "open"
        } else {
            "open in part"
        };
        let action = open.action.to_string();
        line(to, &[kind, "", &action, &members])?;
    }
    for unlisted in &found.reviewed.unlisted {
        line(to, &["unlisted", "", "", "", &unlisted.to_string()])?;
    }
    if let Some(uses) = &review.uses {
        let facts = uses.read.facts();
        let facts = facts.iter().map(|(name, fact)| format!("{name} {fact}"));
        let cells: Vec<String> = std::iter::once("decision log".to_owned())
            .chain(facts)
            .collect();
        line(to, &cells.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    let reviewed = &found.reviewed;
    let cells = [
        "end".to_owned(),
        format!("rights {}", found.rights.count),
        format!("policyRevision {}", reviewed.policy_revision),
        format!("tenancyRevision {}", reviewed.tenancy_revision),
        format!("sha256 {}", found.rights.digest),
        format!("scope {}", found.scope),
    ];
    line(to, &cells.each_ref().map(String::as_str))
}

fn write_rights(
    rights: &Rights,
    kind: &str,
    uses: Option<&LastUses>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    rights.each(&mut |_, right| {
        let used = uses.map(|uses| uses.of(right));
        let (used, decision) = match &used {
            None => ("", ""),
            Some(None) => ("never", ""),
            Some(Some(used)) => (&*used.time, &*used.decision_id),
        };
        let cells = [
            kind,
            &right.principal,
            &right.action,
            right.context(),
            &right.resource,
            &right.policies.join(" "),
            &right.rules.join(" "),
            &right.obligations.join(" "),
            &right.values().join("; "),
            used,
            decision,
        ];
        line(to, &cells)
    })
}

/// A line; cells that are not given are empty.
fn line(to: &mut dyn Write, cells: &[&str]) -> Result<(), Error> {
    let empty = std::iter::repeat_n(&"", HEADING.len().saturating_sub(cells.len()));
    for (number, cell) in cells.iter().chain(empty).enumerate() {
        let comma = if number > 0 { "," } else { "" };
        // A table program would take these for a formula.
        let before = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            "'"
        } else {
            ""
        };
        if cell.contains([',', '"', '\n', '\r']) || !before.is_empty() {
            write!(to, "{comma}\"{before}{}\"", cell.replace('"', "\"\""))?;
        } else {
            write!(to, "{comma}{cell}")?;
        }
    }
    write!(to, "\r\n")
}
