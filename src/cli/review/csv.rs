//! A review as a table (RFC 4180). Its last line has the revisions and the digest: without it, it is not whole.

use std::io::{Error, Write};

use super::found::{ReviewHead, Rights, context, members, text, texts};
use super::since::Differences;

const HEADING: [&str; 8] = [
    "kind",
    "principal",
    "action",
    "context",
    "resource",
    "policies",
    "rules",
    "obligations",
];

pub(super) fn write(
    head: &ReviewHead,
    rights: &Rights,
    since: Option<&Differences>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    line(to, &HEADING)?;
    write_rights(rights, "right", to)?;
    if let Some(since) = since {
        write_rights(&since.wider, "wider", to)?;
        write_rights(&since.narrower, "narrower", to)?;
    }
    for open in &head.reviewed.open {
        let members = members(open);
        let kind = if open.required {
            "open"
        } else {
            "open in part"
        };
        let action = open.action.to_string();
        line(to, &[kind, "", &action, &members, "", "", "", ""])?;
    }
    for unlisted in &head.reviewed.unlisted {
        line(
            to,
            &["unlisted", "", "", "", &unlisted.to_string(), "", "", ""],
        )?;
    }
    let policies = format!("policyRevision {}", head.reviewed.policy_revision);
    let tenancy = format!("tenancyRevision {}", head.reviewed.tenancy_revision);
    let (count, digest) = (
        format!("rights {}", rights.count),
        format!("sha256 {}", rights.digest),
    );
    let scope = format!("scope {}", head.scope);
    line(
        to,
        &["end", &count, &policies, &tenancy, &digest, &scope, "", ""],
    )
}

fn write_rights(rights: &Rights, kind: &str, to: &mut dyn Write) -> Result<(), Error> {
    rights.each(&mut |_, right| {
        let cells = [
            kind,
            text(right, "principal"),
            text(right, "action"),
            &context(right),
            text(right, "resource"),
            &texts(right, "policies"),
            &texts(right, "rules"),
            &texts(right, "obligations"),
        ];
        line(to, &cells)
    })
}

fn line(to: &mut dyn Write, cells: &[&str]) -> Result<(), Error> {
    for (number, cell) in cells.iter().enumerate() {
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
