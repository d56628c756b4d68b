//! Some rights as lines of JSON. They are many, and most are the same as the one before but for who has them.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Error;

use super::right_line::{RightParts, ValueLine};
use peppol_authz_engine::Right;

/// Some rights, one after the other.
#[derive(Debug)]
pub struct SomeRights {
    /// A line for each.
    pub(super) lines: String,
    /// How many there are.
    pub count: u64,
    /// The last of them: what it is to, and on what.
    pub last: String,
}

/// The texts of a right that the one behind it may have as well.
struct Texts<'a> {
    of: &'a Right,
    /// Between the principal and the resource.
    middle: String,
    resource: String,
    /// Behind the resource.
    end: String,
}

impl SomeRights {
    pub(super) fn of(rights: &[Right]) -> Result<Self, Error> {
        let (mut lines, mut before) = (String::new(), None::<Texts<'_>>);
        for right in rights {
            let texts = match before.take() {
                Some(before) => before.of(right)?,
                None => Texts::new(right)?,
            };
            lines.push_str("{\"principal\":");
            lines.push_str(&json_of(&right.principal)?);
            lines.push_str(&texts.middle);
            lines.push_str(&texts.resource);
            lines.push_str(&texts.end);
            lines.push('\n');
            before = Some(texts);
        }
        let last = rights.last();
        let last = last.map(|right| format!("{} on {}", right.action, right.resource));
        Ok(Self {
            lines,
            count: rights.len() as u64,
            last: last.unwrap_or_default(),
        })
    }
}

impl<'a> Texts<'a> {
    fn new(of: &'a Right) -> Result<Self, Error> {
        Ok(Self {
            of,
            middle: middle(of)?,
            resource: json_of(&of.resource)?,
            end: end(of)?,
        })
    }

    /// The same for the right behind it.
    fn of(mut self, right: &'a Right) -> Result<Self, Error> {
        let before = std::mem::replace(&mut self.of, right);
        if before.action != right.action || before.context != right.context {
            self.middle = middle(right)?;
        }
        if before.resource != right.resource {
            self.resource = json_of(&right.resource)?;
        }
        let is_given_so = Arc::ptr_eq(&before.values, &right.values)
            && before.permits == right.permits
            && before.obligations == right.obligations;
        if !is_given_so {
            self.end = end(right)?;
        }
        Ok(self)
    }
}

fn json_of(uid: &impl ToString) -> Result<String, Error> {
    serde_json::to_string(&uid.to_string())
}

fn middle(right: &Right) -> Result<String, Error> {
    let action = json_of(&right.action)?;
    let context = serde_json::to_string(&right.context)?;
    Ok(format!(
        ",\"action\":{action},\"context\":{context},\"resource\":"
    ))
}

fn end(right: &Right) -> Result<String, Error> {
    let policies = right.permits.iter().filter_map(|it| it.policy.as_deref());
    let rules = right.permits.iter().filter_map(|it| it.rule.as_deref());
    let values = right.values.iter().flat_map(|permit| {
        let read = permit.read.iter().map(|read| ValueLine {
            policy: (&*permit.policy).into(),
            expression: read.expression.as_str().into(),
            value: match &read.value {
                Ok(value) => value.as_str().into(),
                Err(error) => format!("no value: {error}").into(),
            },
        });
        let cut = permit.cut.then(|| ValueLine {
            policy: (&*permit.policy).into(),
            expression: "…".into(),
            value: "too many to show".into(),
        });
        read.chain(cut)
    });
    let parts = serde_json::to_string(&RightParts {
        policies: each_once(policies),
        rules: each_once(rules),
        obligations: right.obligations.iter().map(|it| (&**it).into()).collect(),
        values: values.collect(),
    })?;
    Ok(format!(",{}", parts.strip_prefix('{').unwrap_or(&parts)))
}

/// Texts in order, each once.
fn each_once<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Cow<'a, str>> {
    let mut texts: Vec<Cow<'a, str>> = texts.map(Cow::from).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use peppol_authz_engine::{PermitValues, ReadValue, Reason};
    use serde_json::json;

    use super::super::right_line::RightLine;
    use super::*;

    fn right(principal: &str, resource: &str, context: serde_json::Value) -> Right {
        Right {
            principal: principal.parse().unwrap(),
            action: "Action::\"see\"".parse().unwrap(),
            context,
            resource: resource.parse().unwrap(),
            permits: Vec::new(),
            values: Arc::from([]),
            obligations: BTreeSet::new(),
        }
    }

    #[test]
    fn a_line_has_what_its_right_has_whatever_the_one_before_has() {
        let quoted = "User::\"\\\"a\\\\\\u{202e}\"";
        let mut rights = vec![
            right("User::\"a\"", "Desk::\"1\"", json!({})),
            right(quoted, "Desk::\"1\"", json!({})),
            right(quoted, "Desk::\"1\"", json!({"sure": true})),
            right(quoted, "Desk::\"2\"", json!({"sure": true})),
        ];
        let mut other = right(quoted, "Desk::\"2\"", json!({"sure": true}));
        other.obligations = BTreeSet::from(["LOCK".into()]);
        other.permits = ["b", "a", "b"].map(reason).into();
        other.values = Arc::from([PermitValues {
            policy: "a".into(),
            read: vec![ReadValue {
                expression: "resource.id".to_owned(),
                value: Ok("\"1\"".to_owned()),
            }],
            cut: true,
        }]);
        rights.push(other.clone());
        rights.push(right("User::\"b\"", "Desk::\"2\"", json!({"sure": true})));
        rights.push(other);
        let some = SomeRights::of(&rights).unwrap();
        assert_eq!((some.count, some.lines.lines().count()), (7, 7));
        for (line, right) in some.lines.lines().zip(&rights) {
            let read = RightLine::read(line).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), line);
            assert_eq!(*read.principal, right.principal.to_string());
            assert_eq!(*read.resource, right.resource.to_string());
            assert_eq!(read.context.get(), right.context.to_string());
            assert_eq!(read.obligations.len(), right.obligations.len());
            let alone = SomeRights::of(std::slice::from_ref(right)).unwrap();
            assert_eq!(alone.lines.trim_end(), line);
        }
        assert!(
            some.lines.contains("\"policies\":[\"a\",\"b\"]"),
            "{}",
            some.lines
        );
        assert!(some.lines.contains("too many to show"), "{}", some.lines);
        assert_eq!(some.last, "Action::\"see\" on Desk::\"2\"");
    }

    fn reason(policy: &str) -> Reason {
        Reason {
            code: None,
            rule: Some("R-1".into()),
            policy: Some(policy.into()),
            message: None,
        }
    }
}
