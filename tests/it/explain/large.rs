//! Questions that are large: they are explained as far as that is not too much work, and
//! what is not told is not passed over.

use peppol_authz_engine::{ChangeKind, Explanation};
use serde_json::{Value, json};

use crate::deciding::{Deciding, asked_with, codes, entity};

const SCHEMA: &str = "
    entity User;
    entity Desk = { open: Bool };
    action use appliesTo {
        principal: User,
        resource: Desk,
        context: { names: Set<String>, others: Set<String>, why: String, inner: { names: Set<String> } }
    };
";

/// The longest text of one value. The rest is cut.
const TOLD: usize = 1_001;

fn explained(policies: &str, context: Value) -> Explanation {
    let entities = json!([
        entity("User", "ann", json!({}), &[]),
        entity("Desk", "red", json!({"open": false}), &[]),
    ]);
    let deciding = Deciding::of(SCHEMA, policies, &entities);
    let question = asked_with("User::\"ann\"", "use", "Desk::\"red\"", context);
    let (decision, why) = deciding.explain(&question).unwrap();
    assert_eq!(codes(&decision), ["NOT_PERMITTED"]);
    why.unwrap()
}

fn names(number: usize, kind: &str) -> Value {
    (0..number).map(|name| format!("{kind}-{name}")).collect()
}

fn context(names: Value, others: Value, why: &str) -> Value {
    json!({"names": names, "others": others, "why": why, "inner": {"names": []}})
}

/// Two permits of so many alternatives that each want several names.
fn alternatives() -> String {
    let permit = |permit: usize| {
        let all = |alternative: usize| {
            let wanted = (0..4).map(|name| {
                format!("context.names.contains(\"wanted-{permit}-{alternative}-{name}\")")
            });
            format!("({})", wanted.collect::<Vec<_>>().join(" && "))
        };
        let all: Vec<String> = (0..8).map(all).collect();
        let condition = all.join(" || ");
        format!(
            "@id(\"p/{permit}\") permit (principal, action, resource) when {{ {condition} }};\n"
        )
    };
    permit(0) + &permit(1)
}

fn permit(condition: &str) -> String {
    format!("@id(\"p/one\") permit (principal, action, resource) when {{ {condition} }};")
}

#[test]
fn what_is_small_is_explained_to_the_end() {
    let why = explained(&alternatives(), context(names(9, "n"), json!([]), ""));
    assert!(!why.cut && why.near.iter().all(|near| !near.cut));
    assert!(why.near.iter().all(|near| !near.ways.is_empty()));
    assert_eq!(why.near.len(), 2);
}

#[test]
fn a_large_context_is_too_much_work_and_that_is_said() {
    // Many values; as many in a record; a long one, which is copied as often.
    let many = names(50_000, "n");
    let mut deep = context(json!([]), json!([]), "");
    deep["inner"]["names"] = many.clone();
    for context in [
        context(many, json!([]), ""),
        deep,
        context(json!([]), json!([]), &"x".repeat(900_000)),
    ] {
        let why = explained(&alternatives(), context);
        assert_eq!(why.near.len(), 2);
        assert!(why.cut && why.near.iter().all(|near| near.cut), "{why:#?}");
        // The last one was not looked at any more, and nothing is claimed of it.
        let [.., last] = why.near.as_slice() else {
            panic!("{why:#?}");
        };
        assert!(last.ways.is_empty(), "{last:#?}");
    }
}

#[test]
fn sets_that_are_compared_name_by_name_are_too_much_work() {
    // Neither is large by itself.
    let (one, other) = (names(4_000, "a"), names(4_000, "b"));
    let condition = permit("context.names.containsAll(context.others)");
    let why = explained(&condition, context(one, other, ""));
    assert!(why.cut && why.near[0].ways.is_empty(), "{:#?}", why.cut);
    let (one, other) = (names(40, "a"), names(40, "b"));
    let why = explained(&condition, context(one, other, ""));
    assert!(!why.cut && !why.near[0].ways.is_empty());
}

#[test]
fn of_a_long_value_it_is_told_how_it_begins() {
    let why = "y".repeat(5_000);
    let condition = "context.why == \"no\" && context.names.contains(\"x\")";
    let why = explained(
        &permit(condition),
        context(names(2_000, "n"), json!([]), &why),
    );
    assert!(!why.cut);
    let [near] = why.near.as_slice() else {
        panic!("{why:#?}");
    };
    let read = near.values.iter().map(|read| read.value.clone().unwrap());
    let read: Vec<String> = read.collect();
    // Accesses that evaluation did not reach were not read.
    assert_eq!(read.len(), 1);
    let words = near.ways[0].lacks.iter().flat_map(|lack| &lack.words);
    let words: Vec<&String> = words.collect();
    assert_eq!(words.len(), 2);
    let changes = &near.ways[0].met[0].changes;
    for text in read.iter().chain(words.iter().copied()) {
        assert!(text.chars().count() < TOLD + 200, "{text}");
        assert!(text.contains('…'), "{text}");
    }
    let long = |name: &str| {
        let mut all = changes.iter();
        let found = all.find(
            |change| matches!(&change.what, ChangeKind::Attribute(found, _) if &**found == name),
        );
        let what = &found.unwrap().what;
        (what.is_long(), what.value().unwrap().chars().count())
    };
    assert_eq!(long("names"), (true, TOLD));
    assert_eq!(long("why"), (false, "\"no\"".len()));
}

#[test]
fn values_that_were_not_read_any_more_are_not_passed_over() {
    // The scope permits, and a permit that applies reads them all.
    let condition = vec!["context.names != context.others"; 60].join(" && ");
    let permits = permit(&format!("{condition} && resource.open"));
    let why = explained(&permits, context(names(9, "a"), json!([]), ""));
    assert!(!why.cut);
    let read = |why: &Explanation| {
        let values = why.near[0].values.iter();
        values
            .map(|read| read.expression.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        read(&why),
        ["context.names", "context.others", "resource.open"]
    );
    let why = explained(&permits, context(names(50_000, "a"), json!([]), ""));
    assert!(why.near[0].cut && why.cut);
    assert!(read(&why).len() < 3, "{:?}", read(&why));
}
