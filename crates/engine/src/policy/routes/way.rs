//! The way to a value within a claim or a body, as a reference writes it: names between dots, names
//! in quotes, or a JSON pointer (RFC 6901).

use std::fmt;
use std::sync::Arc;

use crate::schema::Type;

/// A step into a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimStep {
    /// To the member of this name.
    Member(Arc<str>),
    /// To the member of this name, or in an array to the element at this place: a number of a JSON pointer.
    Place(Arc<str>, usize),
    /// To the only member of an object, or the only element of an array.
    Only,
    /// To the name of the only member of an object.
    OnlyName,
}

/// The sign of [`ClaimStep::Only`].
const ONLY: &str = "*";

/// The sign of [`ClaimStep::OnlyName`].
const ONLY_NAME: &str = "#";

/// Why a way leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WayFault {
    pub(super) problem: String,
    pub(super) help: Option<String>,
}

/// A name of a way.
struct StepName {
    text: String,
    /// True if it is written as it is, neither in quotes nor in a pointer.
    is_plain: bool,
}

impl WayFault {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            help: None,
        }
    }

    fn advise(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads the way into a body, or into an element of an array.
pub(super) fn body_way(text: &str) -> Result<Vec<Arc<str>>, WayFault> {
    let names = names(text)?;
    Ok(names.iter().map(|name| Arc::from(&*name.text)).collect())
}

/// Reads the way into the claims of a token.
pub(super) fn claim_way(text: &str) -> Result<Vec<ClaimStep>, WayFault> {
    let names = names(text)?;
    check_url(&names, text)?;
    let is_pointer = text.starts_with('/');
    let step = |(number, name): (usize, &StepName)| match &*name.text {
        ONLY if name.is_plain => ClaimStep::Only,
        ONLY_NAME if name.is_plain => ClaimStep::OnlyName,
        // The claims themselves are no array.
        text => match place(text).filter(|_| is_pointer && number > 0) {
            Some(place) => ClaimStep::Place(Arc::from(text), place),
            None => ClaimStep::Member(Arc::from(text)),
        },
    };
    let steps: Vec<_> = names.iter().enumerate().map(step).collect();
    let Some((ClaimStep::Member(first), rest)) = steps.split_first() else {
        return Err(WayFault::new(
            "that does not begin with the name of a claim",
        ));
    };
    if let Some((_, before)) = rest.split_last()
        && before.contains(&ClaimStep::OnlyName)
    {
        return Err(WayFault::new("with more behind `#`, which is a name"));
    }
    if first.as_ref() == "cnf" {
        let problem = "which is never there, as no token that has `cnf` is accepted";
        return Err(WayFault::new(problem));
    }
    if let (Some(kind), false) = (KnownType::of_claim(first), rest.is_empty()) {
        let problem = format!("within `{first}`, which is always {kind}");
        return Err(WayFault::new(problem));
    }
    Ok(steps)
}

fn names(text: &str) -> Result<Vec<StepName>, WayFault> {
    let names = match text.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(unescaped).collect(),
        None => between_dots(text),
    }?;
    if names.iter().any(|name| name.text.is_empty()) {
        return Err(WayFault::new("without a name"));
    }
    Ok(names)
}

/// The place in an array that a name of a JSON pointer is (RFC 6901, 4): digits, of which `0` begins none
/// but itself.
fn place(text: &str) -> Option<usize> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_place = is_number && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_place)
}

/// A name of a JSON pointer.
fn unescaped(text: &str) -> Result<StepName, WayFault> {
    let mut escapes = text.split('~').skip(1);
    if !escapes.all(|rest| rest.starts_with(['0', '1'])) {
        let fault = WayFault::new("with a `~` that is neither `~0` nor `~1`");
        return Err(fault.advise("in a JSON pointer `~` is `~0` and `/` is `~1`"));
    }
    Ok(StepName {
        text: text.replace("~1", "/").replace("~0", "~"),
        is_plain: false,
    })
}

/// Names with dots between them; one in quotes may have dots itself.
fn between_dots(text: &str) -> Result<Vec<StepName>, WayFault> {
    let mut names = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (name, after) = match text.strip_prefix('"') {
            Some(quoted) => {
                let (name, after) = quoted
                    .split_once('"')
                    .ok_or_else(|| WayFault::new("with a `\"` without another"))?;
                let after = match after {
                    "" => None,
                    after => Some(
                        after
                            .strip_prefix('.')
                            .ok_or_else(|| WayFault::new("with no `.` behind a name in quotes"))?,
                    ),
                };
                (name, after)
            }
            None => match text.split_once('.') {
                Some((name, after)) => (name, Some(after)),
                None => (text, None),
            },
        };
        let is_plain = !text.starts_with('"');
        if is_plain && name.trim() != name {
            let problem = format!("with a blank at one end of `{name}`");
            return Err(WayFault::new(problem).advise("in quotes, if the name has it"));
        }
        names.push(StepName {
            text: name.to_owned(),
            is_plain,
        });
        rest = after;
    }
    Ok(names)
}

/// Refuses a URL that is cut at its dots: no claim is called `https://acme`, with a member
/// `example/org` in it.
fn check_url(names: &[StepName], text: &str) -> Result<(), WayFault> {
    let Some((first, rest)) = names.split_first() else {
        return Ok(());
    };
    let Some((_, behind)) = first.text.split_once("://").filter(|_| first.is_plain) else {
        return Ok(());
    };
    let is_cut = |name: &StepName| name.is_plain && name.text.contains('/');
    if rest.is_empty() || behind.contains('/') && !rest.iter().any(is_cut) {
        return Ok(());
    }
    let pointer = text.replace('~', "~0").replace('/', "~1");
    Err(
        WayFault::new("with a name that is cut at its dots").advise(format!(
            "in quotes, `{{claim.\"{text}\"}}`, or as a JSON pointer, `{{claim./{pointer}}}`"
        )),
    )
}

/// The type of a value, where it is the same for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownType {
    Text,
    Number,
}

impl KnownType {
    /// The type of a claim of RFC 7519 4.1, with which alone tokens are made or accepted.
    fn of_claim(name: &str) -> Option<Self> {
        match name {
            "iss" | "sub" | "jti" => Some(Self::Text),
            "exp" | "nbf" | "iat" => Some(Self::Number),
            _ => None,
        }
    }

    /// The type of what a way leads to.
    pub(super) fn of(way: &[ClaimStep]) -> Option<Self> {
        match (way.first(), way.last()) {
            (_, Some(ClaimStep::OnlyName)) => Some(Self::Text),
            (Some(ClaimStep::Member(name)), _) => Self::of_claim(name),
            _ => None,
        }
    }

    /// Returns true if such a value can be one of a Cedar type.
    pub(super) fn gives(self, ty: &Type) -> bool {
        match self {
            Self::Text => matches!(ty, Type::String | Type::Entity(_) | Type::Extension(_)),
            Self::Number => matches!(ty, Type::Long),
        }
    }
}

impl fmt::Display for KnownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string",
            Self::Number => "a number",
        })
    }
}

// === impl ClaimStep ===

impl fmt::Display for ClaimStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) if matches!(&**name, ONLY | ONLY_NAME) => write!(f, "\"{name}\""),
            Self::Member(name) | Self::Place(name, _) => write_name(f, name),
            Self::Only => f.write_str(ONLY),
            Self::OnlyName => f.write_str(ONLY_NAME),
        }
    }
}

/// Writes a name of a way, in quotes if it could not be read otherwise.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if name.contains(['.', ' ']) || name.starts_with(['/', '"']) {
        write!(f, "\"{name}\"")
    } else {
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let way = claim_way(text).map_err(|fault| fault.problem)?;
        Ok(way.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_claim_is_named_in_three_ways() {
        for (text, steps) in [
            ("organisation", &["organisation"][..]),
            ("a.b", &["a", "b"]),
            ("cognito:groups", &["cognito:groups"]),
            ("urn:zitadel:roles.sender", &["urn:zitadel:roles", "sender"]),
            ("https://acme/org", &["https://acme/org"]),
            ("http://localhost/org.id", &["http://localhost/org", "id"]),
            (
                "\"https://acme.example/org\"",
                &["\"https://acme.example/org\""],
            ),
            ("\"a.b\".c.\"d.e\"", &["\"a.b\"", "c", "\"d.e\""]),
            (
                "/https:~1~1acme.example~1org/id",
                &["\"https://acme.example/org\"", "id"],
            ),
            ("/a~01/*", &["a~1", "\"*\""]),
            ("/roles/0/01", &["roles", "0", "01"]),
            ("organization.*.id", &["organization", "*", "id"]),
            ("organization.#", &["organization", "#"]),
            ("aud.*", &["aud", "*"]),
            ("a.\"#\"", &["a", "\"#\""]),
        ] {
            let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
            assert_eq!(shown(text), Ok(steps), "{text}");
        }
    }

    #[test]
    fn a_number_of_a_pointer_is_a_place_too() {
        let places = |text: &str| -> Vec<Option<usize>> {
            let way = claim_way(text).unwrap();
            let place = |step: &ClaimStep| match step {
                ClaimStep::Place(_, place) => Some(*place),
                _ => None,
            };
            way.iter().map(place).collect()
        };
        assert_eq!(places("/roles/0/12"), [None, Some(0), Some(12)]);
        for text in ["/0/01", "/roles/-", "/roles/+1", "roles.0", "roles.\"0\""] {
            assert!(places(text).iter().all(Option::is_none), "{text}");
        }
    }
}
