//! OpenAPI descriptions, as `check` sees them.

use crate::cli::args::CheckArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{failed, misused, say};
use peppol_authz_author::openapi::{Description, Finding, TableCheck, check_table};
use peppol_authz_engine::policy::{Bundle, Sources};

/// Descriptions, and what is wrong between them and the route table.
#[derive(Default)]
pub(super) struct DescribedTable {
    descriptions: Vec<Description>,
    pub(super) findings: Vec<Finding>,
}

/// Reads the descriptions that the arguments name, and holds the table against them.
pub(super) fn check(
    args: &CheckArgs,
    sources: &Sources,
    bundle: &Bundle,
) -> Result<DescribedTable, Exit> {
    let mut described = DescribedTable::default();
    if args.openapi.is_empty() {
        return Ok(described);
    }
    let (Some(routes), Some(table)) = (&bundle.routes, &sources.routes) else {
        return Err(misused("`--openapi` needs a route table, `--routes`"));
    };
    if let Some(base) = args
        .openapi_base
        .as_deref()
        .filter(|it| !it.starts_with('/'))
    {
        let text = format!("`--openapi-base`: `{base}` does not start with `/`");
        return Err(misused(text));
    }
    for path in &args.openapi {
        let read = Description::open(path, args.openapi_base.as_deref());
        let read = read.map_err(|error| failed(format!("`{}`: {error}", path.display())));
        let (description, findings) = read?;
        described.descriptions.extend(description);
        described.findings.extend(findings);
    }
    if described.descriptions.len() == args.openapi.len() {
        described.findings.extend(check_table(&TableCheck {
            routes,
            table,
            schema: &bundle.schema,
            descriptions: &described.descriptions,
            is_partial: args.openapi_partial,
        }));
    }
    Ok(described)
}

impl DescribedTable {
    /// Writes that nothing is wrong.
    pub(super) fn say_ok(&self) {
        for description in &self.descriptions {
            let (count, name) = (description.len(), description.name());
            say(match count {
                1 => format!("ok: 1 operation of {name} is in the route table"),
                count => format!("ok: {count} operations of {name} are in the route table"),
            });
        }
    }

    /// Writes entries for what the table lacks, as they can be added to it.
    pub(super) fn say_skeletons(&self) {
        let skeletons = self.findings.iter().filter_map(|it| it.skeleton.as_ref());
        let skeletons: Vec<_> = skeletons.map(String::as_str).collect();
        if !skeletons.is_empty() {
            say(skeletons.join("\n").trim_end());
        }
    }
}
