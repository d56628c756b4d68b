//! Reads a set from the files in which somebody keeps it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use peppol_authz_engine::file::{LONGEST_TEXT, Length, read_file, read_text};
use peppol_authz_engine::policy::{LinkText, links_to_toml};
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::store::EntitiesLimits;
use serde_json::Value as Json;

use super::amazon::AmazonStore;
use super::directory::Files;
use super::json::{Kind, agent_policies, links};
use super::numbered::flat_name;
use super::statement::Statements;

/// How deep JSON may be nested.
const DEEPEST: usize = 128;

/// Texts by which a file that is no JSON may have held a policy.
const MAY_BE_POLICY: [&str; 5] = [
    "\"effect\"",
    "\"statement\"",
    "\"content\"",
    "\"staticPolicies\"",
    "\"definition\"",
];

/// A file that cannot be brought in.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", path.display())]
pub struct BroughtError {
    path: PathBuf,
    problem: String,
}

impl BroughtError {
    pub(super) fn new(path: &Path, problem: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// The places of parts of a set, where they are not to be looked for.
#[derive(Clone, Debug, Default)]
pub struct BroughtPlaces {
    /// The schema: a file, or a directory of fragments.
    pub schema: Option<PathBuf>,
    /// A policy file, or a directory of them.
    pub policies: Option<PathBuf>,
    /// The entities.
    pub entities: Option<PathBuf>,
}

/// A question that lies beside a set.
#[derive(Clone, Debug)]
pub struct BroughtQuestion {
    /// The file that it stands in.
    pub name: String,
    /// The question.
    pub question: Json,
}

/// A set, by the names that its files have in a project.
#[derive(Debug, Default)]
pub struct BroughtSet {
    /// The schema, or its fragments, in the form that they have.
    pub schema: Vec<(String, String)>,
    /// Policy files.
    pub policies: Vec<(String, String)>,
    /// The links of templates, as `links.toml` has them.
    pub links: Option<String>,
    /// The list of rules.
    pub rules: Option<String>,
    /// Entities in Cedar's JSON.
    pub entities: Vec<Json>,
    /// Questions that lie beside it.
    pub questions: Vec<BroughtQuestion>,
    /// The files that are no part of it, as far as one can tell.
    pub left_out: Vec<String>,
}

/// A part of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Schema,
    Policies,
    Entities,
    Others,
}

/// True for a text that only [`BroughtSet`] reads: policies or links of other programs.
#[must_use]
pub fn is_brought(text: &str) -> bool {
    let json = parse_json(text.as_bytes(), DEEPEST);
    json.is_ok_and(|json| {
        let kind = Kind::of(&json);
        matches!(kind, Kind::Amazon | Kind::AgentPolicies | Kind::Links)
    })
}

/// True for a schema in Cedar's JSON.
#[must_use]
pub fn is_schema(text: &str) -> bool {
    let json = parse_json(text.as_bytes(), DEEPEST);
    json.is_ok_and(|json| Kind::of(&json) == Kind::Schema)
}

impl BroughtSet {
    /// Reads the set of a directory.
    ///
    /// # Errors
    /// A file that cannot be read, a part of a set that is not whole, or two where one is wanted.
    pub fn of_directory(directory: &Path, places: &BroughtPlaces) -> Result<Self, BroughtError> {
        let mut reader = SetReader::new(directory);
        let named = [
            (&places.schema, Part::Schema),
            (&places.policies, Part::Policies),
            (&places.entities, Part::Entities),
        ];
        for (place, part) in &named {
            if let Some(place) = place {
                reader.add(place, &[*part])?;
            }
        }
        let others = named.iter().filter(|(place, _)| place.is_none());
        let mut wanted: Vec<Part> = others.map(|(_, part)| *part).collect();
        wanted.push(Part::Others);
        reader.add(directory, &wanted)?;
        reader.finish(places.schema.is_some())
    }

    /// Reads the policies, links and schemas of files and directories that are named one by one.
    ///
    /// # Errors
    /// As [`BroughtSet::of_directory`].
    pub fn of_files(paths: &[PathBuf]) -> Result<Self, BroughtError> {
        let base = paths.first().cloned().unwrap_or_default();
        let mut reader = SetReader::new(base.parent().unwrap_or(Path::new("")));
        for path in paths {
            let all = [Part::Schema, Part::Policies, Part::Entities, Part::Others];
            reader.add(path, &all)?;
        }
        reader.finish(false)
    }
}

struct SetReader {
    base: PathBuf,
    set: BroughtSet,
    names: BTreeSet<String>,
    schemas: Vec<(PathBuf, String)>,
    amazon: AmazonStore,
    agent: Statements,
    links: Vec<LinkText>,
    /// `links.toml`, as it is.
    written_links: Option<String>,
    entities: Option<PathBuf>,
}

impl SetReader {
    fn new(base: &Path) -> Self {
        Self {
            base: base.to_owned(),
            set: BroughtSet::default(),
            names: BTreeSet::new(),
            schemas: Vec::new(),
            amazon: AmazonStore::default(),
            agent: Statements::default(),
            links: Vec::new(),
            written_links: None,
            entities: None,
        }
    }

    fn add(&mut self, path: &Path, wanted: &[Part]) -> Result<(), BroughtError> {
        let files = Files::below(path).map_err(|error| BroughtError::new(path, error))?;
        let left_out = files.left_out.iter().map(|it| it.display().to_string());
        if wanted.contains(&Part::Others) {
            self.set.left_out.extend(left_out);
        }
        files.files.iter().try_for_each(|it| self.file(it, wanted))
    }

    fn file(&mut self, path: &Path, wanted: &[Part]) -> Result<(), BroughtError> {
        let failed = |problem: &dyn ToString| BroughtError::new(path, problem.to_string());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = || read_text(path).map_err(|error| failed(&error));
        let has = |part: Part| wanted.contains(&part);
        if name.ends_with(".cedarschema") {
            if has(Part::Schema) {
                self.schemas.push((path.to_owned(), text()?));
            }
        } else if name.ends_with(".cedar") {
            if has(Part::Policies) {
                self.policies(path, ".cedar", text()?);
            }
        } else if name == "links.toml" {
            if self.written_links.is_some() {
                return Err(failed(&"it is the second `links.toml`"));
            }
            self.written_links = Some(text()?);
        } else if name == "rules.toml" {
            self.set.rules = Some(text()?);
        } else if name.ends_with(".json") || name == "linked" || name.ends_with(".linked") {
            return self.json(path, wanted);
        } else if has(Part::Others) {
            self.leave_out(path);
        }
        Ok(())
    }

    fn policies(&mut self, path: &Path, ending: &str, text: String) {
        let inside = path.strip_prefix(&self.base).unwrap_or(path);
        let inside = match inside.is_absolute() {
            true => Path::new(inside.file_name().unwrap_or_default()),
            false => inside,
        };
        let name = flat_name(inside, ending, &mut self.names);
        self.set.policies.push((name, text));
    }

    fn leave_out(&mut self, path: &Path) {
        let shown = path.strip_prefix(&self.base).unwrap_or(path);
        self.set.left_out.push(shown.display().to_string());
    }

    fn json(&mut self, path: &Path, wanted: &[Part]) -> Result<(), BroughtError> {
        let failed = |problem: String| BroughtError::new(path, problem);
        let longest = Length {
            bytes: EntitiesLimits::default().bytes.max(LONGEST_TEXT.bytes),
            setting: None,
        };
        let bytes = read_file(path, longest).map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let json = match parse_json(text.as_bytes(), DEEPEST) {
            Ok(json) => json,
            Err(error) if MAY_BE_POLICY.iter().any(|part| text.contains(part)) => {
                return Err(failed(format!(
                    "it may hold policies, and is no JSON: {error}"
                )));
            }
            Err(_) => {
                self.leave_out(path);
                return Ok(());
            }
        };
        let has = |part: Part| wanted.contains(&part);
        match Kind::of(&json) {
            Kind::Schema if has(Part::Schema) => {
                self.schemas.push((path.to_owned(), text.to_owned()));
            }
            Kind::Policies if has(Part::Policies) => {
                self.policies(path, ".json", text.to_owned());
            }
            Kind::Amazon if has(Part::Policies) => self.amazon.add(&json).map_err(failed)?,
            Kind::AgentPolicies if has(Part::Policies) => {
                for (id, content) in agent_policies(&json).map_err(failed)? {
                    self.agent.add(id, content).map_err(failed)?;
                }
            }
            Kind::Entities if has(Part::Entities) => {
                if let Some(other) = &self.entities {
                    let other = other.display();
                    return Err(failed(format!(
                        "it holds entities, and so does `{other}`: name those that count, `--entities FILE`"
                    )));
                }
                self.entities = Some(path.to_owned());
                if let Json::Array(entities) = json {
                    self.set.entities = entities;
                }
            }
            Kind::Links if has(Part::Policies) => {
                self.links.extend(links(&json).map_err(failed)?);
            }
            Kind::Question if has(Part::Others) => {
                let shown = path.strip_prefix(&self.base).unwrap_or(path);
                self.set.questions.push(BroughtQuestion {
                    name: shown.display().to_string(),
                    question: json,
                });
            }
            _ if has(Part::Others) => self.leave_out(path),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self, is_named: bool) -> Result<BroughtSet, BroughtError> {
        let failed = |problem: String| BroughtError::new(&self.base, problem);
        let schema = self.amazon.schema.take();
        let amazon = self.amazon.finish().map_err(failed)?;
        if let Some(text) = amazon.text {
            let name = flat_name(Path::new("store"), ".cedar", &mut self.names);
            self.set.policies.push((name, text));
        }
        self.links.extend(amazon.links);
        if !self.agent.is_empty() {
            let name = flat_name(Path::new("policies"), ".cedar", &mut self.names);
            self.set.policies.push((name, self.agent.text()));
        }
        self.set.links = match (self.written_links, self.links.as_slice()) {
            (written, []) => written,
            (written, links) => Some(written.unwrap_or_default() + &links_to_toml(links)),
        };
        // Many keep one schema in both forms.
        let texts: BTreeSet<PathBuf> = self.schemas.iter().map(|(path, _)| path.clone()).collect();
        let (copies, schemas): (Vec<_>, Vec<_>) =
            self.schemas.into_iter().partition(|(path, _)| {
                let is_json = path.extension().is_some_and(|ending| ending == "json");
                is_json && texts.contains(&path.with_extension(""))
            });
        let copies = copies.into_iter().map(|(path, _)| path);
        let copies =
            copies.map(|path| format!("{} (the schema in its other form)", path.display()));
        self.set.left_out.extend(copies);
        let mut found: Vec<(PathBuf, String)> = schemas;
        found.extend(schema.map(|text| (PathBuf::from("schema.json"), text)));
        if let ([(first, _), (second, _), ..], false) = (found.as_slice(), is_named) {
            let text = format!(
                "there are several schemas, `{}` and `{}`: name the one that counts, `--schema FILE`",
                first.display(),
                second.display()
            );
            return Err(BroughtError::new(&self.base, text));
        }
        self.set.schema = found
            .into_iter()
            .map(|(path, text)| {
                let name = path.file_name().unwrap_or_default();
                (name.to_string_lossy().into_owned(), text)
            })
            .collect();
        Ok(self.set)
    }
}
