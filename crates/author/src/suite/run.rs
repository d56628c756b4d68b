//! Running suites.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cedar_policy::EntityUid;
use serde_json::{Value as Json, json};

use super::expect::{Expected, NoDecision};
use super::matrix::{MatrixOutcome, run_matrix};
use super::model::{Allow, Case, SuiteError, SuiteFile, table_to_json, to_json};
use peppol_authz_database::{Import, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{Decision, Engine, EngineOptions, Question, Session};

/// Suites that have been read, with their fixtures.
pub struct Suites {
    files: Vec<(PathBuf, SuiteFile)>,
    fixtures: BTreeMap<PathBuf, Fixture>,
}

struct Fixture {
    store: Arc<dyn Store>,
    /// The database, for as long as it is used.
    _directory: Option<tempfile::TempDir>,
}

/// What came of one question of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The suite file.
    pub suite: PathBuf,
    /// The case.
    pub case: String,
    /// What was asked.
    pub question: Json,
    /// What was expected, for a reader.
    pub expected: String,
    /// The decision; `Err` is a question that none could be made on.
    pub decision: Result<Decision, NoDecision>,
    /// How the decision differs from what was expected; `None`: it does not.
    pub difference: Option<String>,
    /// The rules that the case says it is about.
    pub covers: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Suites {
    /// Reads suites: files, or all `.toml` files of directories.
    ///
    /// # Errors
    /// A suite or fixture that cannot be read.
    pub fn read(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let mut names = Vec::new();
        for path in paths {
            if path.is_dir() {
                let entries =
                    std::fs::read_dir(path).map_err(|error| SuiteError::new(path, error))?;
                let found = entries.filter_map(|entry| Some(entry.ok()?.path()));
                names.extend(
                    found.filter(|name| name.extension().is_some_and(|ending| ending == "toml")),
                );
            } else {
                names.push(path.clone());
            }
        }
        names.sort();
        if names.is_empty() {
            let first = paths.first().cloned().unwrap_or_default();
            return Err(SuiteError::new(&first, "there are no suites"));
        }
        let mut suites = Self {
            files: Vec::new(),
            fixtures: BTreeMap::new(),
        };
        for name in names {
            let suite = SuiteFile::read(&name)?;
            let fixture = beside(&name, &suite.fixture);
            if !suites.fixtures.contains_key(&fixture) {
                suites
                    .fixtures
                    .insert(fixture.clone(), open_fixture(&fixture)?);
            }
            suites.files.push((name, suite));
        }
        Ok(suites)
    }

    /// Asks all questions of all cases.
    ///
    /// # Errors
    /// A fixture that does not fit the schema.
    pub async fn run(&self, bundle: &Arc<Bundle>) -> Result<Vec<Outcome>, SuiteError> {
        let mut outcomes = Vec::new();
        for (path, suite) in &self.files {
            let engine = self.engine(path, suite, bundle)?;
            for case in &suite.cases {
                for (question, expected) in questions(case, suite, bundle) {
                    let started = Instant::now();
                    let decision = ask(&engine, &question).await;
                    outcomes.push(Outcome {
                        suite: path.clone(),
                        case: case.name.clone(),
                        difference: expected.difference(&decision),
                        expected: expected.to_string(),
                        question,
                        decision,
                        covers: case.covers.clone(),
                        elapsed: started.elapsed(),
                    });
                }
            }
        }
        Ok(outcomes)
    }

    /// Regenerates the matrices and compares them with the files that are kept;
    /// with `update`, writes the files.
    ///
    /// # Errors
    /// A fixture that does not fit the schema, or a file that cannot be used.
    pub async fn matrices(
        &self,
        bundle: &Arc<Bundle>,
        update: bool,
    ) -> Result<Vec<MatrixOutcome>, SuiteError> {
        let mut outcomes = Vec::new();
        for (path, suite) in &self.files {
            if let Some(matrix) = &suite.matrix {
                let engine = self.engine(path, suite, bundle)?;
                let golden = beside(path, &matrix.golden);
                outcomes.push(run_matrix(&engine, bundle, matrix, &golden, update).await?);
            }
        }
        Ok(outcomes)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &SuiteFile)> {
        self.files
            .iter()
            .map(|(path, suite)| (path.as_path(), suite))
    }

    pub(super) fn engine(
        &self,
        path: &Path,
        suite: &SuiteFile,
        bundle: &Arc<Bundle>,
    ) -> Result<Engine, SuiteError> {
        let actions = bundle.schema.actions();
        // By its bare id, or as a Cedar literal where several have that.
        let is_known = |name: &str| {
            let mut uids = actions.iter().map(|action| &action.uid);
            uids.any(|uid| AsRef::<str>::as_ref(uid.id()) == name || uid.to_string() == name)
        };
        if let Some(unknown) = suite.unknown_actions(is_known).first() {
            return Err(SuiteError::new(
                path,
                format!("there is no action `{unknown}`"),
            ));
        }
        let fixture = beside(path, &suite.fixture);
        let found = self
            .fixtures
            .get(&fixture)
            .ok_or_else(|| SuiteError::new(path, "its fixture is missing"))?;
        let options = EngineOptions {
            cache_bytes: 16 << 20,
            freshness: Freshness::EACH,
        };
        Engine::new(Arc::clone(&found.store), Arc::clone(bundle), options)
            .map_err(|error| SuiteError::new(&fixture, error))
    }
}

/// A question through the engine.
pub(super) async fn ask(engine: &Engine, question: &Json) -> Result<Decision, NoDecision> {
    let session = engine.session();
    let (question, options) = session
        .question(question, usize::MAX)
        .map_err(|malformed| NoDecision {
            code: Some(malformed.code),
            problem: malformed.to_string(),
        })?;
    decide(&session, &question, &options.demand).await
}

/// A question that has been read.
pub(super) async fn decide(
    session: &Session,
    question: &Question,
    demand: &Demand,
) -> Result<Decision, NoDecision> {
    session
        .decide(question, demand)
        .await
        .map_err(|failure| NoDecision {
            code: None,
            problem: failure.to_string(),
        })
}

fn beside(suite: &Path, file: &Path) -> PathBuf {
    suite.parent().unwrap_or(Path::new("")).join(file)
}

fn open_fixture(path: &Path) -> Result<Fixture, SuiteError> {
    let failed = |error: &dyn std::fmt::Display| SuiteError::new(path, error);
    if path.extension().is_some_and(|ending| ending == "json") {
        let store = EntitiesFile::open(path).map_err(|error| failed(&error))?;
        return Ok(Fixture {
            store: Arc::new(store),
            _directory: None,
        });
    }
    let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
    let store = Sqlite::open(
        &directory.path().join("fixture.db"),
        SqliteOptions::default(),
    )
    .map_err(|error| failed(&error))?;
    let import = Import::new().map_err(|error| failed(&error))?;
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    store
        .import(
            &import,
            vec![(path.display().to_string(), BufReader::new(file))],
            &mut |_| {},
        )
        .map_err(|error| failed(&error))?;
    Ok(Fixture {
        store: Arc::new(store),
        _directory: Some(directory),
    })
}

/// The questions of a case. One without `action` asks all actions that its
/// principal and resource can be asked about: closed by default.
pub(super) fn questions<'a>(
    case: &'a Case,
    suite: &SuiteFile,
    bundle: &Bundle,
) -> Vec<(Json, Expected<'a>)> {
    let default = |action: &str| suite.context.get(action).map(table_to_json);
    if let Some(action) = &case.action {
        let context = case
            .context
            .as_ref()
            .map_or_else(|| default(action), |own| Some(table_to_json(own)));
        let expected = match (&case.deny, &case.malformed) {
            (_, Some(code)) => Expected::Malformed(code),
            (Some(codes), None) => Expected::Deny {
                codes: Some(codes),
                rules: case.rules.as_deref(),
            },
            (None, None) => Expected::Allow {
                rules: case.rules.as_deref(),
                obligations: case.obligations.as_deref(),
            },
        };
        return vec![(question(case, bundle, action, context), expected)];
    }
    let allowed = match &case.allow {
        Some(Allow::Actions(actions)) => actions.as_slice(),
        _ => &[],
    };
    let actions = match applicable(bundle, &case.principal, &case.resource) {
        Ok(actions) => actions,
        Err(problem) => return vec![(Json::Null, Expected::Unknown(problem))],
    };
    let unknown = allowed
        .iter()
        .filter(|action| !actions.contains(*action))
        .map(|action| {
            (
                Json::Null,
                Expected::Unknown(format!(
                    "`{action}` cannot be asked of this principal and resource"
                )),
            )
        });
    let mut questions: Vec<_> = unknown.collect();
    for action in &actions {
        let own = case
            .context
            .as_ref()
            .and_then(|own| own.get(action))
            .map(to_json);
        let expected = if allowed.contains(action) {
            Expected::Allow {
                rules: None,
                obligations: None,
            }
        } else {
            Expected::Deny {
                codes: None,
                rules: None,
            }
        };
        questions.push((
            question(case, bundle, action, own.or_else(|| default(action))),
            expected,
        ));
    }
    questions
}

/// The actions that the schema lets this principal ask on this resource.
pub(super) fn applicable(
    bundle: &Bundle,
    principal: &str,
    resource: &str,
) -> Result<Vec<String>, String> {
    let uid = |member: &str, text: &str| -> Result<EntityUid, String> {
        bundle
            .schema
            .entity(&text.into())
            .map_err(|misfit| misfit.within(member).to_string())
    };
    let (principal, resource) = (uid("principal", principal)?, uid("resource", resource)?);
    let actions = bundle.schema.actions().into_iter().filter(|action| {
        action.principals.contains(principal.type_name())
            && action.resources.contains(resource.type_name())
    });
    Ok(actions
        .map(|action| AsRef::<str>::as_ref(action.uid.id()).to_owned())
        .collect())
}

/// An action by its bare id, where only one namespace has it.
pub(super) fn action_json(bundle: &Bundle, action: &str) -> Json {
    let mut named = bundle
        .schema
        .actions()
        .into_iter()
        .filter(|found| AsRef::<str>::as_ref(found.uid.id()) == action);
    match (named.next(), named.next()) {
        (Some(found), None) => json!({"type": found.uid.type_name().to_string(), "id": action}),
        _ => action.into(),
    }
}

fn question(case: &Case, bundle: &Bundle, action: &str, context: Option<Json>) -> Json {
    let mut question = json!({
        "principal": case.principal,
        "action": action_json(bundle, action),
        "resource": case.resource,
    });
    if let Json::Object(members) = &mut question {
        members.extend(context.map(|context| ("context".to_owned(), context)));
        if !case.entities.is_empty() {
            members.insert(
                "entities".to_owned(),
                case.entities.iter().map(to_json).collect(),
            );
        }
    }
    question
}
