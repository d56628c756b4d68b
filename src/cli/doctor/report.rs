//! The report of `doctor`.

use std::fmt::Display;

use serde_json::{Value as Json, json};

use peppol_authz_server::config::SettingInForce;

/// The result of a check.
pub(in crate::cli) struct Check {
    pub(in crate::cli) state: State,
    /// The thing that was looked at.
    of: &'static str,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum State {
    Ok,
    /// It works, and somebody should know.
    Warning,
    Wrong,
}

impl State {
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

impl Check {
    pub(super) fn ok(of: &'static str, text: impl Display) -> Self {
        Self::new(State::Ok, of, text)
    }

    pub(super) fn warning(of: &'static str, text: impl Display) -> Self {
        Self::new(State::Warning, of, text)
    }

    pub(super) fn wrong(of: &'static str, text: impl Display) -> Self {
        Self::new(State::Wrong, of, text)
    }

    fn new(state: State, of: &'static str, text: impl Display) -> Self {
        Self {
            state,
            of,
            text: text.to_string(),
        }
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.of, self.text)
    }
}

pub(super) fn text(settings: &[SettingInForce], checks: &[Check]) -> Vec<String> {
    let set: Vec<_> = settings.iter().filter(|it| !it.value.is_null()).collect();
    let width = set.iter().map(|it| it.key.len()).max().unwrap_or_default();
    let mut lines = vec!["settings".to_owned()];
    lines.extend(set.iter().map(|it| {
        let value = it.text();
        format!("  {:width$}  {value}  ({})", it.key, it.origin)
    }));
    lines.push("checks".to_owned());
    lines.extend(
        checks
            .iter()
            .map(|it| format!("  {:7}  {it}", it.state.name())),
    );
    lines
}

pub(super) fn json(settings: &[SettingInForce], checks: &[Check]) -> Json {
    let settings = settings
        .iter()
        .map(|it| json!({"key": it.key, "value": it.value, "origin": it.origin}));
    let checks = checks
        .iter()
        .map(|it| json!({"state": it.state.name(), "of": it.of, "text": it.text}));
    json!({
        "settings": settings.collect::<Vec<_>>(),
        "checks": checks.collect::<Vec<_>>(),
    })
}
