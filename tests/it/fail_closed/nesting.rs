//! Texts that are nested deeper than Cedar's parser and evaluator can bear. One
//! that is not caught ends the process, so most are given to the program.

use std::fmt::Write;
use std::path::Path;

use peppol_authz_engine::policy::{MAX_CONDITIONALS, MAX_DEPTH, load};
use serde_json::json;

use super::{SCHEMA, forbid};
use crate::deciding::{Deciding, PERMIT_ALL, entity, question, sources};
use crate::sidecar::program;

const ANY: &str = "principal, action, resource";

/// Levels that no thread's stack is large enough for.
const DEEP: usize = 100_000;

/// Output and exit code of `check` for a schema and policies. The code is `None` where a
/// signal ended it.
fn check(schema: &str, policies: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    std::fs::create_dir(path("policies")).unwrap();
    write(&path("policies/p.cedar"), policies);
    write(&path("test.cedarschema"), schema);
    let output = program()
        .current_dir(directory.path())
        .args(["check", "--policies", "policies"])
        .args(["--schema", "test.cedarschema", "--json"])
        .output()
        .unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    said.truncate(2000);
    (output.status.code(), said)
}

/// Each is a fault of the policy file, cleanly.
fn assert_too_deep(conditions: &[(&str, String)]) {
    let mut wrong = Vec::new();
    for (what, condition) in conditions {
        let policies = PERMIT_ALL.to_owned() + &forbid("deep", ANY, condition);
        let (code, said) = check(SCHEMA, &policies);
        if code != Some(3) || !said.contains("p.cedar") {
            wrong.push(format!("{what}: {code:?} {}", said.trim()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn assert_schema_too_deep(schema: &str) {
    let (code, said) = check(schema, PERMIT_ALL);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("test.cedarschema"), "{said}");
}

fn nested(open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(DEEP), close.repeat(DEEP))
}

#[test]
fn brackets() {
    assert_too_deep(&[
        ("round", nested("(", "true", ")")),
        ("square", nested("[", "1", "]") + " == []"),
        ("record", nested("{a: ", "1", "}") + " == {}"),
        ("open", "(".repeat(DEEP)),
        ("call", nested("[true].contains(", "true", ")")),
    ]);
}

#[test]
fn brackets_beside_comparisons() {
    assert_too_deep(&[
        ("less", nested("(1 < ", "1", ")")),
        ("greater", nested("(1 > ", "1", ")")),
        ("greater or equal", nested("(1 >= ", "1", ")")),
    ]);
}

#[test]
fn conditionals() {
    assert_too_deep(&[
        ("else if", "if true then true else ".repeat(DEEP) + "false"),
        (
            "without a space",
            "if(true)then(true)else ".repeat(DEEP) + "false",
        ),
        (
            "over lines",
            "if\ntrue then true else\n".repeat(DEEP) + "false",
        ),
        (
            "in the condition",
            nested("if ", "true", " then true else false"),
        ),
        (
            "in the middle",
            nested("if true then ", "true", " else false"),
        ),
    ]);
}

/// Cedar takes the one branch for both where the condition is always the same, so that each further
/// conditional is twice the work: with these it would look at them for years.
#[test]
fn conditionals_in_branches() {
    for (what, open, close) in [
        ("else", "if principal is User then false else ", ""),
        ("then", "if principal is User then ", " else false"),
        ("brackets", "if true then true && (", ") else false"),
        ("else of false", "if principal is Doc then true else ", ""),
    ] {
        let nested = |count: usize| format!("{}true{}", open.repeat(count), close.repeat(count));
        for count in [MAX_CONDITIONALS + 1, 60] {
            let policies = PERMIT_ALL.to_owned() + &forbid("deep", ANY, &nested(count));
            let (code, said) = check(SCHEMA, &policies);
            assert_eq!(code, Some(3), "{what}: {said}");
            let text = format!("{count} conditionals in each other's branches");
            assert!(
                said.contains(&text) && said.contains("\"column\""),
                "{what}: {said}"
            );
        }
    }
    // As many as are allowed, in each other's conditions too.
    let nested = "if principal.blocked then false else ".repeat(MAX_CONDITIONALS) + "true";
    load(&sources(
        SCHEMA,
        &[("p.cedar", &forbid("deep", ANY, &nested))],
    ))
    .unwrap();
}

#[test]
fn operators_in_a_row() {
    assert_too_deep(&[
        ("not", "!".repeat(DEEP) + "true"),
        ("minus", "-".repeat(DEEP) + "1 == 1"),
        ("or", "true || ".repeat(DEEP) + "true"),
        ("and", "true && ".repeat(DEEP) + "true"),
        ("sum", "1 + ".repeat(DEEP) + "1 == 1"),
        ("difference", "1 - ".repeat(DEEP) + "1 == 1"),
        ("product", "1 * ".repeat(DEEP) + "1 == 1"),
    ]);
}

#[test]
fn chains_of_attributes() {
    assert_too_deep(&[
        (
            "dots",
            format!("principal{}.blocked", ".manager".repeat(DEEP)),
        ),
        (
            "brackets",
            format!("principal{}.blocked", "[\"manager\"]".repeat(DEEP)),
        ),
        (
            "has",
            format!("principal has manager{}", ".manager".repeat(DEEP)),
        ),
        ("calls", format!("[1]{}", ".contains(1)".repeat(DEEP))),
    ]);
}

fn clauses(count: usize) -> String {
    let clauses = " when { resource.size > 0 }".repeat(count);
    format!("{PERMIT_ALL}@id(\"p/f\") @code(\"F\") forbid ({ANY}){clauses};\n")
}

/// Every clause is another level for the evaluator.
#[test]
fn clauses_of_one_policy() {
    let (code, said) = check(SCHEMA, &clauses(DEEP));
    assert_eq!(code, Some(3), "{said}");
}

/// As many as can be parsed are refused, or evaluated.
#[test]
fn clauses_that_load_fire() {
    for count in [150, 3000] {
        let text = clauses(count);
        if load(&sources(SCHEMA, &[("p.cedar", &text)])).is_ok() {
            ask_of_size(&text, 1, &["F"]);
        }
    }
}

#[test]
fn types_of_a_schema() {
    let entity = |ty: &str| format!("{SCHEMA}\nentity Deep = {{ a: {ty} }};\n");
    assert_schema_too_deep(&entity(&nested("Set<", "Long", ">")));
    assert_schema_too_deep(&entity(&nested("{a: ", "Long", "}")));
    assert_schema_too_deep(&entity(&"Set<".repeat(DEEP)));
}

/// Behind more punctuation than a policy may have, which a schema may.
#[test]
fn types_behind_much_punctuation() {
    let optional = (0..4000).fold(String::new(), |mut text, i| {
        let _ = write!(text, "a{i}?: Long, ");
        text
    });
    let wide = |ty: &str| format!("{SCHEMA}\nentity Wide = {{ {optional} z: {ty} }};\n");
    let (code, said) = check(&wide("Long"), PERMIT_ALL);
    assert!(code.is_some_and(|code| code != 3), "{said}");
    assert_schema_too_deep(&wide(&nested("Set<", "Long", ">")));
}

/// Types that name types are nested as well.
#[test]
fn common_types_of_a_schema() {
    let mut schema = format!("{SCHEMA}\ntype T0 = Long;\n");
    for i in 1..=20_000 {
        let _ = writeln!(schema, "type T{i} = Set<T{}>;", i - 1);
    }
    schema.push_str("entity Deep = { a: T20000 };\n");
    assert_schema_too_deep(&schema);
}

/// A policy of `terms` terms, only the last of which is true.
fn chain(operator: &str, terms: usize) -> String {
    let (idle, last) = match operator {
        "||" => ("resource.size == 0", "resource.size == 7"),
        _ => ("resource.size != 0", "resource.size == 7"),
    };
    format!("{idle} {operator} ").repeat(terms - 1) + last
}

fn ask_of_size(policies: &str, size: i64, codes: &[&str]) {
    let owner = json!({"__entity": {"type": "User", "id": "ann"}});
    let tenancy = json!([
        entity("User", "ann", json!({"blocked": false, "name": "ann"}), &[]),
        entity(
            "Doc",
            "d",
            json!({"owner": owner, "size": size, "key": "k"}),
            &[]
        ),
    ]);
    let deciding = Deciding::of(SCHEMA, policies, &tenancy);
    let question = question("User::\"ann\"", "read", "Doc::\"d\"");
    if codes.is_empty() {
        deciding.assert_allowed(&question);
    } else {
        deciding.assert_denied(&question, codes);
    }
}

/// The deepest policy that loads is evaluated, not skipped.
#[test]
fn the_deepest_policy_that_loads_fires() {
    let negated = |depth: usize| {
        format!(
            "{}resource.size == 7{}",
            "!(!(".repeat(depth),
            "))".repeat(depth)
        )
    };
    let summed = |terms: usize| format!("resource.size{} == 7", " + 0".repeat(terms));
    type Shape<'a> = (&'a str, &'a dyn Fn(usize) -> String, usize);
    let shapes: [Shape<'_>; 4] = [
        ("or", &|n| chain("||", n), MAX_DEPTH / 2),
        ("and", &|n| chain("&&", n), MAX_DEPTH / 2),
        ("not", &negated, 10),
        ("sum", &summed, MAX_DEPTH / 2),
    ];
    for (what, shape, least) in shapes {
        let policies = |n: usize| PERMIT_ALL.to_owned() + &forbid("deep", ANY, &shape(n));
        let loads = |n: usize| load(&sources(SCHEMA, &[("p.cedar", &policies(n))])).is_ok();
        // Doubling, then halving the distance.
        assert!(loads(least), "{what}: {least} does not load");
        let (mut most, mut refused) = (least, 4 * MAX_DEPTH);
        assert!(!loads(refused), "{what}: {refused} loads");
        while refused - most > 1 {
            let middle = usize::midpoint(most, refused);
            if loads(middle) {
                most = middle;
            } else {
                refused = middle;
            }
        }
        ask_of_size(&policies(most), 7, &["DEEP"]);
        ask_of_size(&policies(most), 1, &[]);
    }
}
