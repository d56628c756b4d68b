//! A line of the log, as far as a table shows it.

use serde_json::Value as Json;

use crate::query::Parameters;

/// A line of the log.
#[derive(Clone)]
pub(super) struct LoggedDecision {
    pub(super) id: String,
    pub(super) time: String,
    pub(super) surface: String,
    pub(super) is_allowed: bool,
    pub(super) principal: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) codes: Vec<String>,
    policy_revision: String,
}

impl LoggedDecision {
    /// Reads a line; `None` for a torn one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        let member = |name: &str| {
            json.get(name)
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let asked = json
            .get("question")
            .filter(|it| !it.is_null())
            .or_else(|| json.get("said"));
        let named = |name: &str| {
            asked
                .and_then(|it| it.get(name))
                .map(name_of)
                .unwrap_or_default()
        };
        let codes = json.get("codes").and_then(Json::as_array);
        let codes = codes.into_iter().flatten().filter_map(Json::as_str);
        let decision = json.get("decision")?.as_str()?;
        Some(Self {
            id: json.get("id")?.as_str()?.to_owned(),
            time: member("time"),
            surface: member("surface"),
            is_allowed: decision == "Allow",
            principal: named("principal"),
            action: named("action"),
            resource: named("resource"),
            codes: codes.map(str::to_owned).collect(),
            policy_revision: member("policyRevision"),
        })
    }

    /// The same, found by these codes too.
    pub(super) fn with_codes<'c>(&self, codes: impl Iterator<Item = &'c String>) -> Self {
        let mut all = self.clone();
        all.codes.extend(codes.cloned());
        all
    }

    /// When it was decided, in milliseconds of the Unix epoch: its id begins with that.
    pub(super) fn millis(&self) -> Option<u64> {
        let digits: String = self
            .id
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(12)
            .collect();
        u64::from_str_radix(&digits, 16).ok()
    }
}

/// An entity or an action in few words.
fn name_of(json: &Json) -> String {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    match (json, text("type"), text("id")) {
        (Json::String(text), _, _) => text.clone(),
        (_, Some(of), Some(id)) => {
            let of = of.rsplit("::").next().unwrap_or_default();
            match of {
                "Action" => id.to_owned(),
                of => format!("{of} {id}"),
            }
        }
        (other, _, _) => other.to_string(),
    }
}

/// The lines that somebody wants to see.
pub(super) struct Filter<'q> {
    query: &'q Parameters,
}

impl<'q> Filter<'q> {
    pub(super) fn of(query: &'q Parameters) -> Self {
        Self { query }
    }

    pub(super) fn takes(&self, line: &LoggedDecision) -> bool {
        let has = |name: &str, text: &str| {
            self.query
                .get(name)
                .is_none_or(|wanted| text.contains(wanted))
        };
        let is = |name: &str, text: &str| self.query.get(name).is_none_or(|wanted| text == wanted);
        let code = self.query.get("code");
        has("principal", &line.principal)
            && has("action", &line.action)
            && has("resource", &line.resource)
            && code.is_none_or(|wanted| line.codes.iter().any(|code| code == wanted))
            && is("decision", if line.is_allowed { "Allow" } else { "Deny" })
            && self.query.get("revision").is_none_or(|wanted| line.policy_revision.starts_with(wanted))
            // All that begins as the end is written: a minute with all of its seconds.
            && self.query.get("to").is_none_or(|to| line.time.get(..to.len()).unwrap_or(&line.time) <= to)
            // Times of one form are in the order of their letters.
            && self.query.get("from").is_none_or(|from| line.time.as_str() >= from)
    }
}
