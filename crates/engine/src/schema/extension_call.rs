//! Extension values that Cedar's JSON writes as calls: `{"fn", "arg"}` or `{"fn", "args"}`, each also
//! within `{"__extn": …}`.
//!
//! A call may be of a method, as in `offset` of a `datetime` by a `duration`, which is how Cedar
//! writes a `datetime` that was computed. Cedar evaluates such a call, so that its value is what
//! Cedar would take it for. Only known functions are let through: Cedar would read a call of
//! `unknown` as a value that is not known yet.

use cedar_policy::{Context, EvalResult};
use serde_json::{Map, Value as Json, json};

use super::extension::ExtensionType;
use super::instant::{EPOCH, instant};

/// A parameter of a function.
#[derive(Clone, Copy)]
enum Parameter {
    Text,
    Value(ExtensionType),
}

/// A call: the function and its arguments.
pub(super) struct ExtensionCall<'j> {
    pub(super) function: &'j str,
    pub(super) arguments: Vec<&'j Json>,
}

impl<'j> ExtensionCall<'j> {
    /// The call that an object is; `None` for another object.
    pub(super) fn of(members: &'j Map<String, Json>) -> Option<Self> {
        let call = match members.get("__extn") {
            Some(Json::Object(call)) if members.len() == 1 => call,
            Some(_) => return None,
            None => members,
        };
        let function = call.get("fn")?.as_str()?;
        let arguments = match (call.get("arg"), call.get("args"), call.len()) {
            (Some(argument), None, 2) => vec![argument],
            (None, Some(Json::Array(arguments)), 2) => arguments.iter().collect(),
            _ => return None,
        };
        Some(Self {
            function,
            arguments,
        })
    }

    /// The text that makes the value, if the call is one of the constructor of its type.
    pub(super) fn text(&self, of: ExtensionType) -> Option<&'j str> {
        match self.arguments.as_slice() {
            [Json::String(text)] if self.function == of.function() => Some(text),
            _ => None,
        }
    }

    /// The text of the value of a call that computes it.
    pub(super) fn computed(&self, of: ExtensionType) -> Option<String> {
        let call = self.explicit()?;
        match of {
            ExtensionType::DateTime => {
                let epoch = of.json(EPOCH);
                let since = called("durationSince", json!([call, epoch]));
                Some(instant(milliseconds(since)?))
            }
            ExtensionType::Duration => Some(format!("{}ms", milliseconds(call)?)),
            // Nothing computes them.
            ExtensionType::IpAddr | ExtensionType::Decimal => None,
        }
    }

    /// The value of a call that is no extension value: a test, or a number of units.
    pub(super) fn plain(&self) -> Option<EvalResult> {
        evaluate(&self.explicit()?)
    }

    /// The call in the form that Cedar reads without a schema.
    fn explicit(&self) -> Option<Json> {
        let parameters = parameters(self.function)?;
        if parameters.len() != self.arguments.len() {
            return None;
        }
        let arguments = parameters.iter().zip(&self.arguments);
        let arguments = arguments.map(|(parameter, argument)| match (parameter, argument) {
            (Parameter::Text, Json::String(text)) => Some(Json::from(text.as_str())),
            (Parameter::Value(of), Json::String(text)) => Some(of.json(text)),
            (Parameter::Value(_), Json::Object(members)) => ExtensionCall::of(members)?.explicit(),
            _ => None,
        });
        let arguments: Option<Json> = arguments.collect::<Option<Vec<_>>>().map(Json::Array);
        Some(called(self.function, arguments?))
    }
}

/// A call, where the arguments are an array.
fn called(function: &str, arguments: Json) -> Json {
    json!({"__extn": {"fn": function, "args": arguments}})
}

fn milliseconds(duration: Json) -> Option<i64> {
    match evaluate(&called("toMilliseconds", json!([duration])))? {
        EvalResult::Long(number) => Some(number),
        _ => None,
    }
}

/// The value of a call, by Cedar; `None` where the call fails.
fn evaluate(call: &Json) -> Option<EvalResult> {
    let context = Context::from_json_value(json!({"value": call}), None);
    context.ok()?.get("value")
}

/// The parameters of the functions that a value may be written with.
fn parameters(function: &str) -> Option<&'static [Parameter]> {
    use ExtensionType::{DateTime, Decimal, Duration, IpAddr};
    use Parameter::{Text, Value};
    Some(match function {
        "ip" | "decimal" | "datetime" | "duration" => &[Text],
        "offset" => &[Value(DateTime), Value(Duration)],
        "durationSince" => &[Value(DateTime), Value(DateTime)],
        "toDate" | "toTime" => &[Value(DateTime)],
        "toMilliseconds" | "toSeconds" | "toMinutes" | "toHours" | "toDays" => &[Value(Duration)],
        "isIpv4" | "isIpv6" | "isLoopback" | "isMulticast" => &[Value(IpAddr)],
        "isInRange" => &[Value(IpAddr), Value(IpAddr)],
        "lessThan" | "lessThanOrEqual" | "greaterThan" | "greaterThanOrEqual" => {
            &[Value(Decimal), Value(Decimal)]
        }
        _ => return None,
    })
}
