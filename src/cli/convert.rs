//! `convert`: policies and schemas between Cedar's own syntax and Cedar's JSON, and from the files of other
//! programs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::args::ConvertArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, invalid, misused, remark, say};
use peppol_authz_author::brought::{BroughtSet, is_brought, is_schema};
use peppol_authz_engine::policy::{
    PolicyText, SourceFile, policies_to_json, policies_to_text, schema_converted,
};

pub(super) fn run(args: &ConvertArgs) -> Ended {
    let [path] = args.files.as_slice() else {
        return brought(args);
    };
    if path.is_dir() {
        return brought(args);
    }
    let file = SourceFile::read(path).map_err(failed)?;
    if is_brought(&file.text) {
        return brought(args);
    }
    let is_json = file.text.trim_start().starts_with('{');
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if args.is_schema || name.contains("cedarschema") || is_schema(&file.text) {
        if args.links.is_some() {
            return Err(misused("a schema has no links"));
        }
        return schema(&file);
    }
    if !is_json {
        let links = args.links.as_deref().map(SourceFile::read);
        let links: Option<Arc<SourceFile>> = links.transpose().map_err(failed)?;
        let json = policies_to_json(&file, links.as_ref()).map_err(invalid)?;
        say(format_args!("{json:#}"));
        return Ok(Exit::Done);
    }
    write(
        &policies_to_text(&file).map_err(invalid)?,
        args.links.as_deref(),
    )
}

fn schema(file: &Arc<SourceFile>) -> Ended {
    let text = schema_converted(file).map_err(invalid)?;
    say(text.trim_end());
    Ok(Exit::Done)
}

/// Writes policies, and their links into a file of their own.
fn write(text: &PolicyText, path: Option<&Path>) -> Ended {
    match (&text.links, path) {
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

/// Converts files of other programs.
fn brought(args: &ConvertArgs) -> Ended {
    let set = BroughtSet::of_files(&args.files).map_err(failed)?;
    for name in &set.left_out {
        remark(format_args!("left out: {name}"));
    }
    if !set.entities.is_empty() {
        remark("left out: entities, which are in Cedar's JSON already");
    }
    let schemas = set.schema.len();
    if args.is_schema || (set.policies.is_empty() && set.links.is_none()) {
        let [(name, text)] = set.schema.as_slice() else {
            return Err(failed(
                "there is no schema in it, and there are no policies",
            ));
        };
        if !text.trim_start().starts_with('{') {
            say(text.trim_end());
            return Ok(Exit::Done);
        }
        return schema(&Arc::new(SourceFile {
            name: name.clone(),
            path: None,
            text: text.clone(),
        }));
    }
    if schemas > 0 {
        remark("left out: the schema, which `--is-schema` writes");
    }
    if set.policies.is_empty() {
        say(set.links.unwrap_or_default().trim_end());
        return Ok(Exit::Done);
    }
    if let Some((name, _)) = set
        .policies
        .iter()
        .find(|(name, _)| name.ends_with(".json"))
    {
        return Err(misused(format!(
            "`{name}` holds policies in Cedar's JSON: convert it by itself"
        )));
    }
    let texts = set.policies.iter().map(|(_, text)| text.trim_end());
    let policies = texts.collect::<Vec<_>>().join("\n\n");
    let text = PolicyText {
        policies,
        links: set.links,
    };
    write(&text, args.links.as_deref())
}
