//! Sets that are short and would take long, as Cedar looks at products of what is in them: each is
//! refused by name before it does, or takes a time that grows with its length.

use super::cost::{check_with, each};

const SCHEMA: &str = r#"entity User = { blocked: Bool, manager: User, deputy?: User };
entity Doc = { owner: User };
action "read" appliesTo { principal: [User], resource: [Doc], context: { who: User } };
"#;

fn policy(number: usize, condition: &str) -> String {
    let between = if number == 0 { "" } else { "\n" };
    format!(
        "{between}@id(\"a/p{number}\")\npermit (\n  principal,\n  action == Action::\"read\",\n  resource\n)\nwhen {{ {condition} }};\n"
    )
}

/// `check`, which ends in time, with a code and a word of what it says.
fn assert_ends(what: &str, files: &[(&str, &str)], code: i32, word: &str) {
    let ended = check_with(files);
    assert_eq!(ended.code, Some(code), "{what}: {:.2000}", ended.stderr);
    assert!(
        ended.stderr.contains(word),
        "{what}: {:.2000}",
        ended.stderr
    );
}

/// Each of these took from minutes to years.
#[test]
fn what_would_take_long_is_refused_by_name() {
    let chain = |length: usize| format!("principal has deputy{}", ".deputy".repeat(length));
    let branches = "if principal.blocked && false then false else ".repeat(9);
    let many = vec!["principal.blocked"; 3000].join(", ");
    for (what, condition, word) in [
        ("a chain of `has`", chain(1000), "nested 100"),
        (
            "chains of `has`",
            format!("[{}].contains(true)", vec![chain(180); 20].join(", ")),
            "of this policy",
        ),
        (
            "a long condition in branches",
            format!("{branches}[{many}].contains(true)"),
            "",
        ),
    ] {
        // The last is one of many.
        let count = if word.is_empty() { 50 } else { 1 };
        let text = each(count, |number| policy(number, &condition));
        let files = [("schema.cedarschema", SCHEMA), ("a.cedar", &text)];
        assert_ends(what, &files, 3, "a.cedar");
        assert_ends(what, &files, 3, word);
    }
}

#[test]
fn a_schema_that_would_be_large_is_refused_by_name() {
    let doubling = each(40, |n| {
        format!("type T{} = {{ a: T{n}, b: T{n} }};\n", n + 1)
    });
    let doubling = format!("type T0 = Long;\n{doubling}entity Deep = {{ a: T40 }};\n");
    let types = each(5000, |n| match n {
        0 => "entity E0;\n".to_owned(),
        n => format!("entity E{n} in [E{}];\n", n - 1),
    });
    let actions = each(5000, |n| match n {
        0 => "action a0;\n".to_owned(),
        n => format!("action a{n} in [a{}];\n", n - 1),
    });
    let names = |letter: &str| {
        let names: Vec<_> = (0..200).map(|n| format!("{letter}{n}")).collect();
        names.join(", ")
    };
    let (principals, resources) = (names("P"), names("R"));
    let kinds = each(50, |n| {
        format!("action k{n} appliesTo {{ principal: [{principals}], resource: [{resources}] }};\n")
    });
    let kinds = format!("entity {principals};\nentity {resources};\n{kinds}");
    // All of its attributes are looked at for each one.
    let wide = each(40_000, |n| format!("a{n}: Long,\n"));
    let inner = format!("entity Inner = {{ a: {{ {wide} }} }};\n");
    let context = format!(
        "action wide appliesTo {{ principal: [User], resource: [Doc], context: {{ {wide} }} }};\n"
    );
    let wide = format!("type Wide = {{ {wide} }};\n");
    let widest = each(4_096, |n| format!("a{n}: Long,\n"));
    let many = each(9, |n| format!("entity W{n} = {{ {widest} }};\n"));
    for (what, text, word) in [
        (
            "many wide records",
            many,
            "too many records of many attributes",
        ),
        ("a wide type", wide, "too many attributes of one record"),
        ("a wide record", inner, "too many attributes of one record"),
        (
            "a wide context",
            context,
            "too many attributes of one record",
        ),
        (
            "types in types",
            doubling,
            "more than 250000 types and attributes",
        ),
        ("types in types", types, "with the entity type `E"),
        ("groups in groups", actions, "with the action `Action::\"a"),
        (
            "kinds of questions",
            kinds,
            "more than 250000 kinds of questions",
        ),
    ] {
        let schema = format!("{SCHEMA}{text}");
        let text = policy(0, "principal.blocked");
        let files = [("schema.cedarschema", &*schema), ("a.cedar", &*text)];
        assert_ends(what, &files, 3, word);
        assert_ends(what, &files, 3, "schema.cedarschema");
    }
}

/// Each fault was found by the whole text of its file, at each level.
#[test]
fn many_policies_of_one_file_take_no_longer_each() {
    let looks = format!("principal{}.blocked", ".manager".repeat(4));
    let text = each(10_000, |number| policy(number, &looks));
    let files = [("schema.cedarschema", SCHEMA), ("a.cedar", &text)];
    assert_ends("deep", &files, 0, "");
    let text = each(20_000, |number| policy(number, "principal.blocked == 1"));
    let files = [("schema.cedarschema", SCHEMA), ("a.cedar", &text)];
    assert_ends("faults", &files, 3, "a.cedar:");
    let literals = vec!["No::\"a\""; 200_000].join(", ");
    let text = policy(0, &format!("[{literals}].contains(principal)"));
    let files = [("schema.cedarschema", SCHEMA), ("a.cedar", &text)];
    assert_ends("unknown types", &files, 3, "unrecognized entity type `No`");
}

/// The shapes of parameters are held against each other.
#[test]
fn shapes_that_take_long_are_refused_by_name() {
    let shapes = each(300, |n| {
        let shape = "*a".repeat(20);
        format!("[[route]]\nrequest = \"GET /{{a={shape}x{n}}}\"\npublic = \"all may\"\n")
    });
    let text = policy(0, "principal.blocked");
    let files = [
        ("schema.cedarschema", SCHEMA),
        ("a.cedar", &*text),
        ("routes.toml", &*shapes),
    ];
    assert_ends(
        "shapes",
        &files,
        3,
        "steps to hold the entries against each other",
    );
}
