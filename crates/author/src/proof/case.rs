//! A counterexample as a case of a policy suite, which fails until the policies are
//! right.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::counterexample::Counterexample;

/// A case that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", path.display())]
pub struct CaseError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub problem: String,
}

/// The decision that a case wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedDecision {
    /// An Allow.
    Allow,
    /// A denial with this code alone.
    Deny(Arc<str>),
}

/// Writes `DIRECTORY/NAME.toml`, a suite of one case, and `NAME.json`, its entities.
/// Returns the suite's path.
///
/// # Errors
/// A file that is there already or cannot be written, and a question that TOML cannot
/// say.
pub fn write_case(
    directory: &Path,
    name: &str,
    text: &str,
    found: &Counterexample,
    wanted: &WantedDecision,
) -> Result<PathBuf, CaseError> {
    let suite = directory.join(format!("{name}.toml"));
    let fixture = directory.join(format!("{name}.json"));
    let failed = |path: &Path, problem: &dyn std::fmt::Display| CaseError {
        path: path.to_owned(),
        problem: problem.to_string(),
    };
    let case =
        case(name, found, wanted).ok_or_else(|| failed(&suite, &"not to be said in TOML"))?;
    let entities = serde_json::to_string_pretty(&found.entities);
    let entities = entities.map_err(|error| failed(&fixture, &error))? + "\n";
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let comment: String = text.lines().map(|line| format!("# {line}\n")).collect();
    write_new(&fixture, &entities).map_err(|error| failed(&fixture, &error))?;
    write_new(&suite, &format!("{comment}\n{case}")).map_err(|error| {
        // The entities are of no use without their suite.
        let _ = fs::remove_file(&fixture);
        failed(&suite, &error)
    })?;
    Ok(suite)
}

/// Writes a new file. An existing one may be somebody's work and stays.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}

/// The suite's text, its members in the order in which people write them.
fn case(name: &str, found: &Counterexample, wanted: &WantedDecision) -> Option<String> {
    let question = &found.question;
    let literal = |member: &str| {
        let entity = question.get(member)?;
        let (name, id) = (entity.get("type")?.as_str()?, entity.get("id")?.as_str()?);
        Some(Value::from(format!("{name}::\"{}\"", id.escape_debug())))
    };
    let mut members = vec![
        ("name", Value::from(name)),
        ("principal", literal("principal")?),
        ("action", literal("action")?),
        ("resource", literal("resource")?),
    ];
    match to_toml(question.get("context")?)? {
        Value::Table(context) if context.is_empty() => {}
        context => members.push(("context", context)),
    }
    members.push(match wanted {
        WantedDecision::Allow => ("allow", Value::from(true)),
        WantedDecision::Deny(code) => ("deny", Value::Array(vec![Value::from(&**code)])),
    });
    let members = members.iter();
    let members: String = members
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect();
    let fixture = Value::from(format!("{name}.json"));
    Some(format!("fixture = {fixture}\n\n[[case]]\n{members}"))
}

fn to_toml(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => Value::from(number.as_i64()?),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(elements) => {
            let elements: Option<Vec<Value>> = elements.iter().map(to_toml).collect();
            Value::Array(elements?)
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, json)| {
                let value = to_toml(json)?;
                Some((name.clone(), value))
            });
            Value::Table(members.collect::<Option<Table>>()?)
        }
    })
}
