//! `convert`: policies and schemas between Cedar's own syntax and Cedar's JSON.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use super::args::ConvertArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, invalid, misused, say};
use peppol_authz_engine::policy::{
    SourceFile, policies_to_json, policies_to_text, schema_converted,
};

pub(super) fn run(args: &ConvertArgs) -> Ended {
    let file = SourceFile::read(&args.file).map_err(failed)?;
    let is_json = file.text.trim_start().starts_with('{');
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    if args.is_schema || name.contains("cedarschema") {
        if args.links.is_some() {
            return Err(misused("a schema has no links"));
        }
        let text = schema_converted(&file).map_err(invalid)?;
        say(text.trim_end());
        return Ok(Exit::Done);
    }
    if !is_json {
        let links = args.links.as_deref().map(SourceFile::read);
        let links: Option<Arc<SourceFile>> = links.transpose().map_err(failed)?;
        let json = policies_to_json(&file, links.as_ref()).map_err(invalid)?;
        say(format_args!("{json:#}"));
        return Ok(Exit::Done);
    }
    let text = policies_to_text(&file).map_err(invalid)?;
    match (&text.links, &args.links) {
        (Some(_), None) => {
            return Err(misused(
                "it has links of templates: `--links FILE` says where they are written",
            ));
        }
        (Some(links), Some(path)) => {
            let written =
                File::create_new(path).and_then(|mut file| file.write_all(links.as_bytes()));
            written.map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
        }
        (None, _) => {}
    }
    say(text.policies.trim_end());
    Ok(Exit::Done)
}
