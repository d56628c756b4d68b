//! Explanations of decisions on the wire.

mod callers;

use cedar_policy::EntityUid;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::reason::WireReason;
use peppol_authz_engine::policy::{Link, PolicyInfo};
use peppol_authz_engine::schema::{AsStored, CedarJson, Value};
use peppol_authz_engine::{
    Change, ChangeKind, Explained, Explanation, MissingCondition, MissingConditions, NearPermit,
    ReadValue, Remedy, Unexplained,
};

pub use callers::{ExplainKey, Explainers};

/// An explanation, or why there is none.
pub(super) type Why = Result<Explanation, Unexplained>;

/// The explanation of a decision.
#[derive(Serialize, ToSchema)]
#[schema(as = DecisionExplanation)]
pub(crate) struct WireExplanation<'a> {
    /// The policies that the decision rests on.
    policies: Vec<WireExplained<'a>>,
    /// Of a denial by forbids: the smallest sets of missing conditions with which none of them forbids. Each was
    /// decided again; empty where none was found.
    ways: Vec<WireWay<'a>>,
    /// Of a denial by policies: the permits that would have allowed it.
    permits: Vec<&'a str>,
    /// The entities of the question that do not exist.
    absent: Vec<String>,
    /// Of a denial that no permit would have let through: the permits that nearly matched.
    near: Vec<WireNear<'a>>,
    /// True if the explanation is complete. Otherwise it was cut, as work is limited.
    complete: bool,
    /// The reason why there is no explanation, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A policy, and the values that it read.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedPolicy)]
struct WireExplained<'a> {
    #[serde(flatten)]
    source: WireSource<'a>,
    values: Vec<WireRead<'a>>,
    /// True if these are all values. Otherwise they were cut, as work is limited.
    complete: bool,
}

/// A policy, and where it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicySource)]
struct WireSource<'a> {
    policy: &'a str,
    rule: Option<&'a str>,
    code: Option<&'a str>,
    file: &'a str,
    line: usize,
    /// As it is written.
    source: &'a str,
    /// The link that makes the policy out of a template, whose file and text these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<WireLink<'a>>,
}

/// A link of a template.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateLink)]
struct WireLink<'a> {
    /// The id of the template.
    template: &'a str,
    /// The entity in the place of `?principal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    /// The entity in the place of `?resource`.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The file that it stands in; not there where the store holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// A value that a policy read, or the reason why there was none.
#[derive(Serialize, ToSchema)]
#[schema(as = ReadValue)]
struct WireRead<'a> {
    /// As the policy writes it.
    expression: &'a str,
    /// As Cedar writes it. Long values are truncated, with `…` at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// A permit that nearly matched.
#[derive(Serialize, ToSchema)]
#[schema(as = NearPermit)]
struct WireNear<'a> {
    #[serde(flatten)]
    source: WireSource<'a>,
    /// The rest of the permit, where only the question is evaluated.
    residual: &'a str,
    /// The conditions of the rest that hold.
    holds: &'a [String],
    values: Vec<WireRead<'a>>,
    /// True if these are all values and all ways. Otherwise they were cut, as work is limited.
    complete: bool,
    /// True if the missing conditions are known: each way was decided again.
    checked: bool,
    ways: Vec<WireWay<'a>>,
}

/// A smallest set of missing conditions.
#[derive(Serialize, ToSchema)]
#[schema(as = LackingWay)]
struct WireWay<'a> {
    lacks: Vec<WireLack<'a>>,
    /// Changes that would meet all of them; any one of these does.
    met: Vec<WireRemedy<'a>>,
}

/// A missing condition.
#[derive(Serialize, ToSchema)]
#[schema(as = Lack)]
struct WireLack<'a> {
    condition: &'a str,
    /// The value that the condition would need.
    expected: bool,
    /// The same in words for people.
    words: &'a [String],
}

/// Changes, and the decision after them.
#[derive(Serialize, ToSchema)]
#[schema(as = Remedy)]
struct WireRemedy<'a> {
    changes: Vec<WireChange<'a>>,
    #[schema(pattern = "^(Allow|Deny)$")]
    decision: &'static str,
    reasons: Vec<WireReason<'a>>,
}

/// One change of the data that is decided over: an attribute, a tag or a parent of an entity, or an
/// attribute of the context.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
struct WireChange<'a> {
    /// Absent where it is the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<WireUid<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<WireUid<'a>>,
    /// The new value, in Cedar's JSON; `null` where it is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = serde_json::Value, required = false)]
    value: Option<Json>,
    /// In place of a long value: its beginning, as Cedar writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    begins: Option<String>,
}

/// An entity.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedEntity)]
struct WireUid<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: &'a str,
}

impl<'a> WireExplanation<'a> {
    pub(super) fn new(explanation: &'a Result<Explanation, Unexplained>) -> Self {
        match explanation {
            Ok(explanation) => Self {
                policies: explanation.policies.iter().map(explained).collect(),
                ways: explanation.ways.iter().map(way).collect(),
                permits: explanation.permits.iter().map(|info| &*info.id).collect(),
                absent: explanation.absent.iter().map(ToString::to_string).collect(),
                near: explanation.near.iter().map(near).collect(),
                complete: !explanation.cut,
                error: None,
            },
            Err(error) => Self {
                policies: Vec::new(),
                ways: Vec::new(),
                permits: Vec::new(),
                absent: Vec::new(),
                near: Vec::new(),
                complete: false,
                error: Some(error.to_string()),
            },
        }
    }
}

fn explained(explained: &Explained) -> WireExplained<'_> {
    WireExplained {
        source: source(&explained.info),
        values: explained.values.iter().map(read).collect(),
        complete: !explained.cut,
    }
}

fn source(info: &PolicyInfo) -> WireSource<'_> {
    let (line, _) = info.file.place(info.place.start);
    WireSource {
        policy: &info.id,
        rule: info.rule.as_deref(),
        code: info.code.as_deref(),
        file: &info.file.name,
        line,
        source: info.source(),
        link: info.link.as_deref().map(link),
    }
}

fn link(link: &Link) -> WireLink<'_> {
    let file = (!link.is_stored).then_some(&link.file);
    WireLink {
        template: &link.template,
        principal: link.principal.as_ref().map(ToString::to_string),
        resource: link.resource.as_ref().map(ToString::to_string),
        file: file.map(|file| file.name.as_str()),
        line: file.map(|file| file.place(link.place.start).0),
    }
}

fn read(read: &ReadValue) -> WireRead<'_> {
    WireRead {
        expression: &read.expression,
        value: read.value.as_deref().ok(),
        error: read.value.as_ref().err().map(String::as_str),
    }
}

fn near(near: &NearPermit) -> WireNear<'_> {
    WireNear {
        source: source(&near.info),
        residual: &near.residual,
        holds: &near.holds,
        values: near.values.iter().map(read).collect(),
        complete: !near.cut,
        checked: !near.ways.is_empty(),
        ways: near.ways.iter().map(way).collect(),
    }
}

fn way(way: &MissingConditions) -> WireWay<'_> {
    WireWay {
        lacks: way.lacks.iter().map(lack).collect(),
        met: way.met.iter().map(remedy).collect(),
    }
}

fn lack(lack: &MissingCondition) -> WireLack<'_> {
    WireLack {
        condition: &lack.condition,
        expected: lack.expected,
        words: &lack.words,
    }
}

fn remedy(remedy: &Remedy) -> WireRemedy<'_> {
    WireRemedy {
        changes: remedy.changes.iter().map(change).collect(),
        decision: remedy.verdict.name(),
        reasons: WireReason::of(remedy.verdict, &remedy.reasons),
    }
}

fn change(change: &Change) -> WireChange<'_> {
    let mut wire = WireChange {
        entity: change.of.as_ref().map(uid),
        attribute: None,
        tag: None,
        parent: None,
        value: None,
        begins: None,
    };
    let is_long = change.what.is_long();
    if is_long {
        wire.begins = change.what.value();
    }
    let told = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or(Json::Null, |value| AsStored.value(value))
    };
    let value = |value: &Option<Value>| (!is_long).then(|| told(value));
    match &change.what {
        ChangeKind::Attribute(name, to) => {
            (wire.attribute, wire.value) = (Some(&**name), value(to))
        }
        ChangeKind::Tag(key, to) => (wire.tag, wire.value) = (Some(&**key), value(to)),
        ChangeKind::Parent(parent) => wire.parent = Some(uid(parent)),
    }
    wire
}

fn uid(uid: &EntityUid) -> WireUid<'_> {
    WireUid {
        kind: uid.type_name().to_string(),
        id: uid.id().as_ref(),
    }
}
