//! `init --from`: makes a project of a Cedar set that is there, with a suite that pins what it decides.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::files::{WrittenFiles, written};
use super::settings;
use super::shell::for_a_shell;
use crate::cli::args::{InitArgs, SETTINGS};
use crate::cli::exit::{Ended, Exit};
use crate::cli::output::{AnyError, failed, remark, say, show};
use crate::cli::worker::in_worker;
use peppol_authz_author::brought::{BroughtPlaces, BroughtSet, pinned_suite, sample_entities};
use peppol_authz_author::fix_format;
use peppol_authz_author::suite::{Suites, text};
use peppol_authz_database::Import;
use peppol_authz_engine::policy::{
    Bundle, Fault, MaxLevel, SourceFile, Sources, WarningKind, Warnings, load, schema_converted,
};
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits, Store as _};
use peppol_authz_engine::text::counted;

const SCHEMA: &str = "schema";
const POLICIES: &str = "policies";
const ENTITIES: &str = "entities.json";
const SUITE: &str = "tests/policies/pinned.toml";
const FIXTURE: &str = "sample.json";

/// The names of files that are left out that are shown.
const MOST_SHOWN: usize = 20;

/// Why no project is made.
enum Unmade {
    Failed(AnyError),
    Invalid(Vec<Fault>),
}

impl<E: Into<AnyError>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The lines at the end.
struct Summary {
    files: usize,
    cases: usize,
    notes: Vec<String>,
}

pub(super) fn run(args: &InitArgs, from: &Path) -> Ended {
    let places = BroughtPlaces {
        schema: args.schema.clone(),
        policies: args.policies.clone(),
        entities: args.entities.clone(),
    };
    let set = BroughtSet::of_directory(from, &places).map_err(failed)?;
    let shown = from.display();
    if set.schema.is_empty() {
        return Err(failed(format!(
            "`{shown}`: there is no schema in it, and policies are held to one: name it, `--schema FILE`"
        )));
    }
    if set.policies.is_empty() {
        return Err(failed(format!(
            "`{shown}`: there are no policies in it: name them, `--policies PATH`"
        )));
    }
    let directory = &args.directory;
    let made = written(directory, |files| make(directory, &set, files));
    let made = made.map_err(|unmade| match unmade {
        Unmade::Failed(error) => failed(format!("`{}`: {error}", directory.display())),
        Unmade::Invalid(faults) => {
            show(faults);
            Exit::Invalid
        }
    })?;
    tell(directory, &set, &made);
    Ok(Exit::Done)
}

fn tell(directory: &Path, set: &BroughtSet, made: &Summary) {
    let left_out = set.left_out.len();
    for name in set.left_out.iter().take(MOST_SHOWN) {
        remark(format_args!("left out: {name}"));
    }
    if left_out > MOST_SHOWN {
        remark(format_args!("left out: {} more", left_out - MOST_SHOWN));
    }
    made.notes.iter().for_each(remark);
    let shown = directory.display().to_string();
    say(format_args!(
        "wrote {} files into `{shown}`: schema, policies, entities, settings, and a suite of {} that pins what is \
         decided today\n\n\
         next:\n\
         \x20 cd {}\n\
         \x20 peppol-authz check\n\
         \x20 peppol-authz test --coverage\n\
         \x20 peppol-authz serve --config {SETTINGS}",
        made.files,
        counted(made.cases, "case", "cases"),
        for_a_shell(&shown)
    ));
}

fn make(directory: &Path, set: &BroughtSet, files: &mut WrittenFiles) -> Result<Summary, Unmade> {
    let schema = write_schema(directory, set, files)?;
    for (name, text) in &set.policies {
        files.write(directory, &format!("{POLICIES}/{name}"), text.as_bytes())?;
    }
    if let Some(rules) = &set.rules {
        files.write(
            directory,
            &format!("{POLICIES}/rules.toml"),
            rules.as_bytes(),
        )?;
    }
    // Templates are taken only where it is said which links there are.
    let has_slots = |text: &str| text.contains("?principal") || text.contains("?resource");
    let no_links = set.policies.iter().any(|(_, text)| has_slots(text));
    let no_links = no_links.then(|| "link = []\n".to_owned());
    if let Some(links) = set.links.clone().or(no_links) {
        files.write(
            directory,
            &format!("{POLICIES}/links.toml"),
            links.as_bytes(),
        )?;
    }
    let read = || {
        Sources::read(
            Some(&directory.join(POLICIES)),
            Some(&directory.join(&schema)),
            None,
        )
    };
    fix_format(&read()?)?;
    let Loaded {
        bundle,
        warnings,
        level,
    } = Loaded::of(&read()?).map_err(Unmade::Invalid)?;

    let entities = Json::from(set.entities.clone());
    files.write(directory, ENTITIES, pretty(&entities)?.as_bytes())?;
    let path = directory.join(ENTITIES);
    EntitiesFile::open(&path, EntitiesLimits::default())?
        .check(&bundle.schema)
        .map_err(|error| {
            format!("{error}; the entities of the set have to fit its schema, as for Cedar")
        })?;
    let mut values = vec![
        ("tenancy", quoted(&format!("entities:{ENTITIES}"))),
        ("policies", quoted(POLICIES)),
        ("schema", quoted(&schema)),
    ];
    values.extend(warnings.map(|it| ("policy_warnings", it.toml())));
    values.extend(level.map(|it| ("policy_level", it.to_string())));
    files.write(
        directory,
        SETTINGS,
        settings::of_brought(&values).as_bytes(),
    )?;

    let sample = sample_entities(set, &bundle);
    let fixture = Json::from(sample.clone());
    let name = format!("tests/policies/{FIXTURE}");
    files.write(directory, &name, pretty(&fixture)?.as_bytes())?;
    let mut notes = Vec::new();
    let suite = suite(set, &bundle, sample, &mut notes)?;
    files.write(directory, SUITE, suite.as_bytes())?;
    if let Some(warnings) = warnings {
        let toml = warnings.toml();
        notes.push(format!(
            "Cedar warns of this set: `policy_warnings = {toml}` in its settings takes it"
        ));
    }
    if let Some(level) = level {
        notes.push(format!(
            "its policies follow {level} references: `policy_level` in its settings"
        ));
    }
    Ok(Summary {
        files: files.count(),
        cases: hold(directory, &bundle)?,
        notes,
    })
}

/// Writes the schema, one in JSON in Cedar's own syntax where Cedar can. Returns its path in the project.
fn write_schema(
    directory: &Path,
    set: &BroughtSet,
    files: &mut WrittenFiles,
) -> Result<String, std::io::Error> {
    let [(name, text)] = set.schema.as_slice() else {
        for (name, text) in &set.schema {
            files.write(directory, &format!("{SCHEMA}/{name}"), text.as_bytes())?;
        }
        return Ok(SCHEMA.to_owned());
    };
    let stem = name
        .trim_end_matches(".json")
        .trim_end_matches(".cedarschema");
    let path = format!("{SCHEMA}/{stem}.cedarschema");
    let in_cedar = match text.trim_start().starts_with('{') {
        true => schema_converted(&Arc::new(SourceFile {
            name: name.clone(),
            path: None,
            text: text.clone(),
        }))
        .ok(),
        false => Some(text.clone()),
    };
    let (path, text) = match in_cedar {
        Some(in_cedar) => (path, in_cedar),
        None => (path + ".json", text.clone()),
    };
    files.write(directory, &path, text.as_bytes())?;
    Ok(path)
}

/// A valid set, and the settings that it needs beside the defaults.
struct Loaded {
    bundle: Arc<Bundle>,
    warnings: Option<Warnings>,
    level: Option<u32>,
}

impl Loaded {
    /// Cedar's warnings refuse no set that Cedar takes, and no depth does that can be set.
    fn of(sources: &Sources) -> Result<Self, Vec<Fault>> {
        let with = |warnings, level| {
            let sources = sources.clone().with_warnings(warnings);
            load(&sources.with_max_level(level))
        };
        let holds = |warnings| with(warnings, MaxLevel::GREATEST);
        let (bundle, warnings) = match holds(Warnings::default()) {
            Ok(bundle) => (bundle, None),
            Err(_) => {
                let bundle = holds(Warnings::LOG)?;
                // Only what the set has need of.
                let mut least = Warnings::LOG;
                for kind in WarningKind::ALL {
                    let less = least.denied(kind);
                    if holds(less).is_ok() {
                        least = less;
                    }
                }
                (bundle, Some(least))
            }
        };
        let level = Some(bundle.level).filter(|level| *level > MaxLevel::default().get());
        Ok(Self {
            bundle: Arc::new(bundle),
            warnings,
            level,
        })
    }
}

/// Makes the suite, on a thread that can decide.
fn suite(
    set: &BroughtSet,
    bundle: &Arc<Bundle>,
    sample: Vec<Json>,
    notes: &mut Vec<String>,
) -> Result<String, AnyError> {
    let questions = BroughtSet {
        questions: set.questions.clone(),
        ..BroughtSet::default()
    };
    let bundle = Arc::clone(bundle);
    let (suite, noted) = in_worker(async move {
        let mut notes = Vec::new();
        let suite = pinned_suite(&questions, &bundle, &sample, FIXTURE, &mut notes).await?;
        Ok((suite, notes))
    })?;
    notes.extend(noted);
    Ok(suite)
}

/// Runs the suite as `test` does. Returns the number of its cases.
fn hold(directory: &Path, bundle: &Arc<Bundle>) -> Result<usize, AnyError> {
    let suites = Suites::read(&[directory.join(SUITE)], &Import::new()?)?;
    let bundle = Arc::clone(bundle);
    let outcomes = in_worker(async move { Ok(suites.run(&bundle).await?) })?;
    match outcomes.iter().find(|outcome| outcome.difference.is_some()) {
        Some(failed) => Err(text(failed).into()),
        None => Ok(outcomes.len()),
    }
}

fn pretty(json: &Json) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(json)? + "\n")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
