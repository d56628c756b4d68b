//! A review as a page that needs nothing else, to read and to print.

use std::io::{Error, Write};

use super::found::{ReviewHead, Rights, context, members, text, texts};
use super::since::Differences;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:14px/1.4 sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border:1px solid #8888;padding:.25rem .5rem;\
text-align:left;vertical-align:top;overflow-wrap:anywhere}thead{display:table-header-group}tr{break-inside:avoid}\
code{font:12px monospace}dt{font-weight:bold}@media print{body{margin:0;max-width:none;font-size:9pt}\
code{font-size:8pt}a{color:inherit}@page{margin:1.5cm}}";

pub(super) fn write(
    head: &ReviewHead,
    rights: &Rights,
    since: Option<&Differences>,
    to: &mut dyn Write,
) -> Result<(), Error> {
    let reviewed = &head.reviewed;
    writeln!(
        to,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Access review</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{STYLE}</style></head><body><main>\n<h1>Access review</h1>\n<dl>"
    )?;
    let mut facts = vec![
        ("Scope", head.scope.to_string()),
        ("Rights", rights.count.to_string()),
        ("Policies", reviewed.policy_revision.to_string()),
        ("State of the store", reviewed.tenancy_revision.to_string()),
        ("SHA-256 of the rights", rights.digest.clone()),
    ];
    if let Some(since) = since {
        let (policies, tenancy) = (&since.policy_revision, &since.tenancy_revision);
        facts.push(("Since", format!("policies {policies}, store {tenancy}")));
    }
    for (name, value) in facts {
        writeln!(
            to,
            "<dt>{name}</dt><dd><code>{}</code></dd>",
            escaped(&value)
        )?;
    }
    writeln!(to, "</dl>")?;
    if let Some(since) = since {
        section(to, "Wider since then", &since.wider)?;
        section(to, "Narrower since then", &since.narrower)?;
    }
    if !reviewed.open.is_empty() {
        writeln!(
            to,
            "<h2>What depends on the context</h2>\n<table><thead><tr><th scope=\"col\">Action</th>\
             <th scope=\"col\">Members of the context</th><th scope=\"col\">Reviewed</th></tr></thead><tbody>"
        )?;
        for open in &reviewed.open {
            let members = members(open);
            let how = if open.required {
                "not at all"
            } else {
                "without these members"
            };
            let cells = [open.action.to_string(), members, how.to_owned()];
            row(to, &cells.each_ref().map(String::as_str))?;
        }
        writeln!(to, "</tbody></table>")?;
    }
    if !reviewed.unlisted.is_empty() {
        writeln!(to, "<h2>Types that the store does not list</h2>\n<ul>")?;
        for unlisted in &reviewed.unlisted {
            writeln!(
                to,
                "<li><code>{}</code></li>",
                escaped(&unlisted.to_string())
            )?;
        }
        writeln!(to, "</ul>")?;
    }
    section(to, "Rights", rights)?;
    writeln!(to, "</main></body></html>")
}

fn section(to: &mut dyn Write, name: &str, rights: &Rights) -> Result<(), Error> {
    writeln!(to, "<h2>{name}</h2>")?;
    if rights.count == 0 {
        return writeln!(to, "<p>None.</p>");
    }
    write!(to, "<table><thead><tr>")?;
    for name in [
        "Resource",
        "Action",
        "Context",
        "Principal",
        "Policies",
        "Rules",
        "Obligations",
    ] {
        write!(to, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(to, "</tr></thead><tbody>")?;
    rights.each(&mut |_, right| {
        let cells = [
            text(right, "resource"),
            text(right, "action"),
            &context(right),
            text(right, "principal"),
            &texts(right, "policies"),
            &texts(right, "rules"),
            &texts(right, "obligations"),
        ];
        row(to, &cells)
    })?;
    writeln!(to, "</tbody></table>")
}

fn row(to: &mut dyn Write, cells: &[&str]) -> Result<(), Error> {
    write!(to, "<tr>")?;
    for cell in cells {
        match cell.is_empty() {
            true => write!(to, "<td></td>")?,
            false => write!(to, "<td><code>{}</code></td>", escaped(cell))?,
        }
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
