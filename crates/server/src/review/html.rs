//! A review as a page that needs nothing else, to read and to print: one table for each resource, or for each action of
//! one principal.

use std::io::{Error, Write};

use serde_json::Value as Json;

use super::access_review::AccessReview;
use super::found_rights::{Rights, members, reviewed as how};
use super::right_line::RightLine;
use super::used::LastUses;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8888;--soft:#8882}\
html{background:Canvas;color:CanvasText}\
body{font:14px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;overflow-wrap:anywhere}\
h2{margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.5rem 0 .25rem}\
table{border-collapse:collapse;width:100%;margin:.25rem 0 1rem}\
th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}\
th{white-space:nowrap}td:first-child,td:nth-child(4){min-width:15em}\
thead th{background:var(--soft)}thead{display:table-header-group}\
code{font:12px ui-monospace,monospace}td code{display:block}dt{font-weight:bold}dd{margin:0 0 .5rem}\
@media print{:root{color-scheme:light}body{margin:0;max-width:none;padding:0;font-size:9pt}code{font-size:7.5pt}\
h2,h3{break-after:avoid}tr{break-inside:avoid}section{break-before:page}section:first-of-type{break-before:auto}\
@page{size:A4 landscape;margin:1.5cm;@bottom-left{content:'Access review'}\
@bottom-right{content:counter(page) ' / ' counter(pages)}}}";

pub(super) fn write(review: &AccessReview, to: &mut dyn Write) -> Result<(), Error> {
    let reviewed = &review.found.reviewed;
    writeln!(
        to,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Access review</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{STYLE}</style></head><body><main>\n<h1>Access review</h1>"
    )?;
    facts(review, to)?;
    if let Some(since) = &review.since {
        let columns = Columns::of(review, None);
        columns.section("Wider since then", &since.wider, to)?;
        columns.section("Narrower since then", &since.narrower, to)?;
    }
    if !reviewed.open.is_empty() {
        writeln!(
            to,
            "<section><h2>What depends on the context</h2>\n<table><thead><tr><th scope=\"col\">Action</th>\
             <th scope=\"col\">Members of the context</th><th scope=\"col\">Reviewed</th></tr></thead><tbody>"
        )?;
        for open in &reviewed.open {
            let (action, members) = (open.action.to_string(), members(open));
            row(to, &[&[&*action], &[&*members], &[how(open)]])?;
        }
        writeln!(to, "</tbody></table></section>")?;
    }
    if !reviewed.unlisted.is_empty() {
        writeln!(
            to,
            "<section><h2>Types that the store does not list</h2>\n<ul>"
        )?;
        for unlisted in &reviewed.unlisted {
            let name = escaped(&unlisted.to_string());
            writeln!(to, "<li><code>{name}</code></li>")?;
        }
        writeln!(to, "</ul></section>")?;
    }
    let columns = Columns::of(review, review.uses.as_ref());
    columns.section("Rights", &review.found.rights, to)?;
    writeln!(to, "</main></body></html>")
}

/// The scope, the states and the digest.
fn facts(review: &AccessReview, to: &mut dyn Write) -> Result<(), Error> {
    let (found, reviewed) = (&review.found, &review.found.reviewed);
    let mut facts = vec![
        ("Scope", scope(&found.scope)),
        ("Rights", found.rights.count.to_string()),
        ("Policies", reviewed.policy_revision.to_string()),
        ("State of the store", reviewed.tenancy_revision.to_string()),
        ("SHA-256 of the rights", found.rights.digest.clone()),
    ];
    if let Some(since) = &review.since {
        let (policies, tenancy) = (&since.policy_revision, &since.tenancy_revision);
        facts.push(("Since", format!("policies {policies}, store {tenancy}")));
    }
    if let Some(uses) = &review.uses {
        let read = uses
            .read
            .facts()
            .map(|(name, fact)| format!("{name} {fact}"));
        facts.push(("Decision log", read.join(", ")));
    }
    writeln!(to, "<dl>")?;
    for (name, value) in facts {
        let value = escaped(&value);
        writeln!(to, "<dt>{name}</dt><dd><code>{value}</code></dd>")?;
    }
    writeln!(to, "</dl>")
}

/// The scope, for people.
fn scope(scope: &Json) -> String {
    let parts = scope.as_object().into_iter().flatten();
    let parts = parts.map(|(name, part)| match part {
        Json::String(text) => format!("{name} {text}"),
        part => format!("{name} {part}"),
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => "everything".to_owned(),
        false => parts.join(", "),
    }
}

/// The columns of a table of rights.
struct Columns<'a> {
    uses: Option<&'a LastUses>,
    /// True if a table is of one action and not of one resource.
    by_action: bool,
}

impl<'a> Columns<'a> {
    fn of(review: &AccessReview, uses: Option<&'a LastUses>) -> Self {
        Self {
            uses,
            by_action: review.found.scope.get("principal").is_some(),
        }
    }

    fn section(&self, name: &str, rights: &Rights, to: &mut dyn Write) -> Result<(), Error> {
        writeln!(to, "<section><h2>{name}</h2>")?;
        if rights.count == 0 {
            return writeln!(to, "<p>None.</p></section>");
        }
        let mut group: Option<String> = None;
        rights.each(&mut |_, right| {
            let of = match self.by_action {
                true => &right.action,
                false => &right.resource,
            };
            if group.as_deref() != Some(&**of) {
                if group.is_some() {
                    writeln!(to, "</tbody></table>")?;
                }
                writeln!(to, "<h3><code>{}</code></h3>", escaped(of))?;
                self.heads(to)?;
                group = Some(of.to_string());
            }
            self.right(right, to)
        })?;
        writeln!(to, "</tbody></table></section>")
    }

    fn heads(&self, to: &mut dyn Write) -> Result<(), Error> {
        let first = if self.by_action { "Resource" } else { "Action" };
        let names = [
            first,
            "Context",
            "Principal",
            "Policies and rules",
            "Values",
            "Obligations",
        ];
        let used = self.uses.is_some().then_some("Last used");
        write!(to, "<table><thead><tr>")?;
        for name in names.into_iter().chain(used) {
            write!(to, "<th scope=\"col\">{name}</th>")?;
        }
        writeln!(to, "</tr></thead><tbody>")
    }

    fn right(&self, right: &RightLine<'_>, to: &mut dyn Write) -> Result<(), Error> {
        let first = match self.by_action {
            true => &right.resource,
            false => &right.action,
        };
        let values = right.values();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let named = right.policies.iter().chain(&right.rules);
        let named: Vec<&str> = named.map(|it| &**it).collect();
        let obligations: Vec<&str> = right.obligations.iter().map(|it| &**it).collect();
        let used = self.uses.map(|uses| uses.of(right));
        let used = used.map(|used| match used {
            None => ["never".to_owned(), String::new()],
            Some(used) => [used.time, used.decision_id],
        });
        let last: Vec<&str> = used.iter().flatten().map(String::as_str).collect();
        let cells: [&[&str]; 7] = [
            &[&**first],
            &[right.context()],
            &[&*right.principal],
            &named,
            &values,
            &obligations,
            &last,
        ];
        let count = cells.len() - usize::from(self.uses.is_none());
        row(to, cells.get(..count).unwrap_or(&cells))
    }
}

/// A row; each cell has its texts below each other.
fn row(to: &mut dyn Write, cells: &[&[&str]]) -> Result<(), Error> {
    write!(to, "<tr>")?;
    for cell in cells {
        write!(to, "<td>")?;
        for text in cell.iter().filter(|text| !text.is_empty()) {
            // Where a long name may be broken first.
            let text = escaped(text)
                .replace("::", "::<wbr>")
                .replace('/', "/<wbr>");
            write!(to, "<code>{text}</code>")?;
        }
        write!(to, "</td>")?;
    }
    writeln!(to, "</tr>")
}

/// A text such that a page shows it as it is, also where it would turn the direction of what follows.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                escaped.extend(c.escape_unicode());
            }
            c if c.is_control() => escaped.extend(c.escape_unicode()),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_name_is_more_than_text() {
        assert_eq!(
            escaped("<script>&\"'\u{202e}\n"),
            "&lt;script&gt;&amp;&quot;&#39;\\u{202e}\\u{a}"
        );
        assert_eq!(escaped("Zoë 😀"), "Zoë 😀");
    }
}
