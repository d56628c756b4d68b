//! Where mutants are, and where none are.

use peppol_authz_author::Mutant;

use super::{SCHEMA_TEXT, made};

/// Operator, line, column, what stands there, and what is said of it.
fn shown(mutant: &Mutant) -> String {
    let file = &mutant.policy.file;
    let (line, column) = file.place(mutant.place.start);
    let text = file.text.get(mutant.place.clone()).unwrap();
    format!(
        "{} {line}:{column} {text} {}",
        mutant.operator.name(),
        mutant.says
    )
}

/// Annotations, comments and strings are full of what could be changed.
#[test]
fn annotations_comments_and_strings_are_left_alone() {
    let schema = "entity User = { active: Bool, name: String };\n\
                  action enter appliesTo { principal: User, resource: User };\n";
    let policy = "// permit (principal, action, resource) when { true && !false };\n\
                  @id(\"door/a\")\n\
                  @doc(\"forbid unless a == b || c && !d [e, f] true\")\n\
                  permit ( // forbid\n\
                  \x20 principal, // is User\n\
                  \x20 action, // == Action::\"enter\"\n\
                  \x20 resource\n\
                  )\n\
                  when { // unless { a && b }\n\
                  \x20 principal.name // == \"x\" || true\n\
                  \x20   == // != or <\n\
                  \x20   \"a && b || !c == true\" // }\n\
                  };\n";
    let found = made(schema, policy, None);
    let shown: Vec<_> = found.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "drop-policy 4:1 permit left out",
            "flip-effect 4:1 permit becomes `forbid`",
            "drop-clause 9:1 when left out",
            "flip-clause 9:1 when becomes `unless`",
            "flip-comparison 11:5 == becomes `!=`",
        ]
    );
    let text = found.last().unwrap().text.as_ref().unwrap();
    assert_eq!(
        *text,
        policy
            .split_once('\n')
            .unwrap()
            .1
            .trim_end()
            .replace("    == //", "    != //")
    );
}

#[test]
fn columns_are_counted_in_characters() {
    let schema = "entity User = { active: Bool, name: String };\n\
                  action enter appliesTo { principal: User, resource: User };\n";
    let policy = "// äöü€𝄞\n@id(\"ä\") permit (principal, action, resource)\n\
                  when { principal.name != \"äöü€𝄞\" && principal.active };\n";
    let found = made(schema, policy, None);
    let shown: Vec<_> = found.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "drop-policy 2:10 permit left out",
            "flip-effect 2:10 permit becomes `forbid`",
            "drop-clause 3:1 when left out",
            "flip-clause 3:1 when becomes `unless`",
            "drop-conjunct 3:8 principal.name != \"äöü€𝄞\" left out",
            "flip-comparison 3:23 != becomes `==`",
            "drop-conjunct 3:37 principal.active left out",
        ]
    );
}

/// The policy of each mutant, whatever stands before it; in the order of the text.
#[test]
fn each_policy_of_a_file_has_its_own() {
    let policy = "permit (principal, action == Action::\"enter\", resource);\n\n\
                  // between\n  @id(\"door/b\") forbid (principal, action, resource)\nunless { principal.active };\n";
    let found = made(SCHEMA_TEXT, policy, None);
    let shown: Vec<_> = found
        .iter()
        .map(|mutant| format!("{} {}", mutant.policy.id, shown(mutant)))
        .collect();
    assert_eq!(
        shown,
        [
            "door/policy0 drop-policy 1:1 permit left out",
            "door/policy0 flip-effect 1:1 permit becomes `forbid`",
            "door/policy0 widen-scope 1:27 == Action::\"enter\" left out",
            "door/policy0 add-action 1:27 == Action::\"enter\" applies to `Action::\"lock\"` too",
            "door/b drop-policy 4:17 forbid left out",
            "door/b flip-effect 4:17 forbid becomes `permit`",
            "door/b drop-clause 5:1 unless left out",
            "door/b flip-clause 5:1 unless becomes `when`",
        ]
    );
}

/// One text is one mutant, whatever ways lead to it.
#[test]
fn what_comes_to_the_same_text_is_one() {
    let policy =
        "permit (principal, action, resource) when { principal.active || principal.active };";
    let found = made(SCHEMA_TEXT, policy, None);
    let dropped = found
        .iter()
        .filter(|mutant| mutant.operator.name() == "drop-disjunct");
    assert_eq!(dropped.count(), 1);
}
