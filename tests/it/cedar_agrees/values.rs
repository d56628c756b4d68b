//! Extension values in every form that Cedar's JSON has, at random: what Cedar's reader takes is
//! taken, as the same value, and what it refuses is refused.

use peppol_authz_engine::schema::{AsStored, CedarJson, JsonOrigin};
use serde_json::{Value, json};

use super::{BothSides, question, uid};
use crate::rules::rng::Rng;
use crate::search_agrees::seed;

const SCHEMA: &str = "
type Deep = { for: duration };
entity User;
entity Doc = {
    at?: datetime, for?: duration, n?: decimal, ip?: ipaddr, yes?: Bool, count?: Long,
    many?: Set<datetime>, deep?: Deep
} tags duration;
action see appliesTo { principal: User, resource: Doc, context: {
    at?: datetime, for?: duration, n?: decimal, ip?: ipaddr, yes?: Bool, count?: Long,
    many?: Set<datetime>, deep?: Deep
} };
";

const POLICIES: &str = r#"
@id("at") permit (principal, action, resource)
when { context has at && resource has at && context.at == resource.at };
@id("before") permit (principal, action, resource)
when { context has at && resource has at && context.at < resource.at };
@id("after-1970") permit (principal, action, resource)
when { resource has at && resource.at > datetime("1970-01-01") };
@id("morning") permit (principal, action, resource)
when { context has at && context.at.toTime() < duration("12h") };
@id("for") permit (principal, action, resource)
when { context has for && resource has for && context.for == resource.for };
@id("longer") permit (principal, action, resource)
when { context has for && resource has for && context.for > resource.for };
@id("n") permit (principal, action, resource)
when { context has n && resource has n && context.n == resource.n };
@id("less") permit (principal, action, resource)
when { context has n && resource has n && context.n.lessThan(resource.n) };
@id("ip") permit (principal, action, resource)
when { context has ip && resource has ip && context.ip == resource.ip };
@id("range") permit (principal, action, resource)
when { context has ip && resource has ip && context.ip.isInRange(resource.ip) };
@id("yes") permit (principal, action, resource) when { context has yes && context.yes };
@id("count") permit (principal, action, resource)
when { context has count && resource has count && context.count > resource.count };
@id("many") permit (principal, action, resource)
when { context has many && resource has many && context.many.containsAny(resource.many) };
@id("deep") permit (principal, action, resource)
when { context has deep && resource has deep && context.deep.for == resource.deep.for };
@id("tag") permit (principal, action, resource)
when { context has for && resource.hasTag("for") && resource.getTag("for") == context.for };
"#;

/// Rounds in a run of the suite; `PROPERTY_ROUNDS` makes it longer.
const ROUNDS: u64 = 1_200;

const UNKNOWN: &str = "\"unknown\"";

/// Random values in Cedar's JSON.
struct ValueWriter<'r> {
    rng: &'r mut Rng,
    /// The number of values in 100 that are spoilt.
    spoilt: usize,
}

impl ValueWriter<'_> {
    fn number(&mut self, digits: usize) -> String {
        let len = self.rng.between(1, digits);
        (0..len)
            .map(|_| char::from(b'0' + self.rng.below(10) as u8))
            .collect()
    }

    /// A call of a constructor, or its text alone.
    fn made(&mut self, function: &str, text: &str, explicit: bool) -> Value {
        match self.rng.below(if explicit { 2 } else { 3 }) {
            2 => json!(text),
            _ => self.call(function, vec![json!(text)], explicit),
        }
    }

    fn call(&mut self, function: &str, mut args: Vec<Value>, explicit: bool) -> Value {
        let mut function = function.to_owned();
        if self.rng.percent(self.spoilt) {
            match self.rng.below(5) {
                0 => {
                    function = self
                        .rng
                        .pick(["unknown", "ip", "nothing", "toDate", ""])
                        .into()
                }
                1 => args.push(json!("1ms")),
                2 => args = vec![json!(1)],
                3 => args = Vec::new(),
                _ => args = vec![Value::Null],
            }
        }
        let call = match args.as_slice() {
            [one] if self.rng.percent(60) => json!({"fn": function, "arg": one}),
            _ => json!({"fn": function, "args": args}),
        };
        match explicit || self.rng.percent(50) {
            true => json!({"__extn": call}),
            false => call,
        }
    }

    fn datetime_text(&mut self) -> String {
        if self.rng.percent(self.spoilt) {
            return self
                .rng
                .pick(["", "2024-13-01", "x", "5ms", "2024-01-01T00"])
                .to_owned();
        }
        let year = self
            .rng
            .pick([0, 1, 1600, 1969, 1970, 1970, 2000, 2024, 2026, 9999]);
        let (month, day) = (self.rng.between(1, 12), self.rng.between(1, 28));
        let date = format!("{year:04}-{month:02}-{day:02}");
        if self.rng.percent(40) {
            return date;
        }
        let (h, m, s) = (self.rng.below(24), self.rng.below(60), self.rng.below(60));
        let ms = match self.rng.percent(50) {
            true => format!(".{:03}", self.rng.below(1000)),
            false => String::new(),
        };
        let (zone_hour, zone_minute) = (self.rng.below(24), self.rng.below(60));
        let zone = match self.rng.below(3) {
            0 => "Z".to_owned(),
            1 => format!("+{zone_hour:02}{zone_minute:02}"),
            _ => format!("-{zone_hour:02}{zone_minute:02}"),
        };
        format!("{date}T{h:02}:{m:02}:{s:02}{ms}{zone}")
    }

    fn duration_text(&mut self) -> String {
        if self.rng.percent(self.spoilt) {
            return self
                .rng
                .pick(["", "-", "1", "1ms1s", "1y", "99999999999999999d"])
                .to_owned();
        }
        if self.rng.percent(5) {
            return self
                .rng
                .pick([
                    "-9223372036854775808ms",
                    "9223372036854775807ms",
                    "0ms",
                    "-0d",
                ])
                .to_owned();
        }
        let sign = self.rng.pick(["", "", "-"]);
        let mut text = sign.to_owned();
        for unit in ["d", "h", "m", "s", "ms"] {
            if self.rng.percent(40) {
                text += &self.number(7);
                text += unit;
            }
        }
        match text.len() == sign.len() {
            true => format!("{text}1s"),
            false => text,
        }
    }

    fn datetime(&mut self, explicit: bool, depth: usize) -> Value {
        match self.rng.below(10) {
            0..3 if depth > 0 => {
                let args = vec![
                    self.datetime(explicit, depth - 1),
                    self.duration(explicit, depth - 1),
                ];
                self.call("offset", args, explicit)
            }
            3 if depth > 0 => {
                let args = vec![self.datetime(explicit, depth - 1)];
                self.call("toDate", args, explicit)
            }
            _ => {
                let text = self.datetime_text();
                self.made("datetime", &text, explicit)
            }
        }
    }

    fn duration(&mut self, explicit: bool, depth: usize) -> Value {
        match self.rng.below(10) {
            0 if depth > 0 => {
                let args = vec![
                    self.datetime(explicit, depth - 1),
                    self.datetime(explicit, depth - 1),
                ];
                self.call("durationSince", args, explicit)
            }
            1 if depth > 0 => {
                let args = vec![self.datetime(explicit, depth - 1)];
                self.call("toTime", args, explicit)
            }
            _ => {
                let text = self.duration_text();
                self.made("duration", &text, explicit)
            }
        }
    }

    fn decimal(&mut self, explicit: bool) -> Value {
        let sign = self.rng.pick(["", "-"]);
        let text = match self.rng.percent(self.spoilt) {
            true => self
                .rng
                .pick(["x", "", ".1", "--1.0", "1.00001"])
                .to_owned(),
            false => format!("{sign}{}.{}", self.number(3), self.number(4)),
        };
        self.made("decimal", &text, explicit)
    }

    fn ip(&mut self, explicit: bool) -> Value {
        let (a, b) = (self.rng.below(3), self.rng.below(256));
        let text = match self.rng.below(5) {
            _ if self.rng.percent(self.spoilt) => "300.1.1.1".to_owned(),
            0 => format!("10.0.{a}.{b}"),
            1 => format!("10.0.{a}.{b}/{}", self.rng.below(33)),
            2 => format!("fe80::{b:x}"),
            3 => format!("fe80::{b:x}/{}", self.rng.below(129)),
            _ => "127.0.0.1".to_owned(),
        };
        self.made("ip", &text, explicit)
    }

    fn yes(&mut self) -> Value {
        match self.rng.below(6) {
            0 => true.into(),
            1 => false.into(),
            2 => {
                let args = vec![self.ip(true), self.ip(true)];
                self.call("isInRange", args, true)
            }
            3 => {
                let args = vec![self.ip(true)];
                let function = self
                    .rng
                    .pick(["isIpv4", "isIpv6", "isLoopback", "isMulticast"]);
                self.call(function, args, true)
            }
            _ => {
                let args = vec![self.decimal(true), self.decimal(true)];
                let function = self.rng.pick([
                    "lessThan",
                    "lessThanOrEqual",
                    "greaterThan",
                    "greaterThanOrEqual",
                ]);
                self.call(function, args, true)
            }
        }
    }

    fn count(&mut self) -> Value {
        match self.rng.percent(40) {
            true => self.rng.below(1000).into(),
            false => {
                let args = vec![self.duration(true, 2)];
                let function = self.rng.pick([
                    "toMilliseconds",
                    "toSeconds",
                    "toMinutes",
                    "toHours",
                    "toDays",
                ]);
                self.call(function, args, true)
            }
        }
    }

    /// Some of the attributes of `Values`.
    fn values(&mut self) -> Value {
        let mut values = json!({});
        for name in ["at", "for", "n", "ip", "yes", "count", "many", "deep"] {
            if self.rng.percent(40) {
                continue;
            }
            values[name] = match name {
                "at" => self.datetime(false, 3),
                "for" => self.duration(false, 3),
                "n" => self.decimal(false),
                "ip" => self.ip(false),
                "yes" => self.yes(),
                "count" => self.count(),
                "many" => (0..self.rng.below(4))
                    .map(|_| self.datetime(false, 2))
                    .collect(),
                _ => json!({"for": self.duration(false, 1)}),
            };
        }
        values
    }
}

fn doc(attributes: &Value, tags: &Value) -> Value {
    json!([{"uid": uid("Doc", "d"), "attrs": attributes, "parents": [], "tags": tags},
        {"uid": uid("User", "u"), "attrs": {}, "parents": []}])
}

fn rounds() -> u64 {
    let rounds = std::env::var("PROPERTY_ROUNDS").ok();
    rounds.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn a_value_is_what_cedar_reads_in_it() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    let action = sides.bundle.schema.actions()[0];
    let mut rng = Rng::new(seed());
    let (mut refused, mut decided) = (0, std::collections::BTreeMap::<String, usize>::new());
    for _ in 0..rounds() {
        let spoilt = if rng.percent(30) { 10 } else { 0 };
        let mut writer = ValueWriter {
            rng: &mut rng,
            spoilt,
        };
        let attributes = writer.values();
        let tags = json!({"for": writer.duration(false, 2)});
        let mut context = writer.values();
        let entities = doc(&attributes, &tags);
        let Some(cedar) = sides.read(&entities) else {
            assert!(sides.engine(&entities).is_none(), "{entities}");
            refused += 1;
            continue;
        };
        let engine = sides.engine(&entities);
        // Cedar takes this as a value that is not known yet.
        if entities.to_string().contains(UNKNOWN) {
            assert!(engine.is_none(), "{entities}");
            refused += 1;
            continue;
        }
        let engine = engine.unwrap_or_else(|| panic!("{entities}"));
        // Now and then as Cedar writes what it has read.
        let exported = cedar.to_json_value().unwrap();
        let exported = exported.as_array().unwrap().iter();
        let exported = exported
            .clone()
            .find(|it| it["uid"]["type"] == "Doc")
            .unwrap();
        if rng.percent(40) {
            context = exported["attrs"].clone();
            if rng.percent(30) {
                context["for"] = exported["tags"]["for"].clone();
            }
        }
        let mut asked = question("u", &uid("Doc", "d"));
        asked["context"] = context.clone();
        let is_unknown = context.to_string().contains(UNKNOWN);
        if is_unknown || sides.cedar(&cedar, &asked).is_none() {
            let read = sides
                .bundle
                .schema
                .record(&context, &action.context, JsonOrigin::Context);
            assert!(read.is_err(), "{context}");
            refused += 1;
            continue;
        }
        let answer = sides.assert_agree(&engine, &cedar, &asked);
        for id in &answer.determining {
            *decided.entry(id.clone()).or_default() += 1;
        }
        // As it is written here, Cedar reads the same, without a schema too.
        let read = sides
            .bundle
            .schema
            .record(&context, &action.context, JsonOrigin::Context);
        let written = AsStored.record(&read.unwrap());
        asked["context"] = written.clone();
        assert_eq!(
            sides.cedar(&cedar, &asked).unwrap(),
            answer,
            "{context}\n{written}"
        );
        cedar_policy::Context::from_json_value(written.clone(), None)
            .unwrap_or_else(|error| panic!("{error}: {written}"));
    }
    assert!(refused > 100, "{refused}");
    assert_eq!(
        decided.len(),
        POLICIES.matches("@id").count(),
        "{decided:?}"
    );
    assert!(decided.values().all(|times| *times > 20), "{decided:?}");
}
