//! Texts that the formatter writes otherwise, and `--fix`.

use super::{json, places};
use crate::author::{Author, POLICIES, POLICY_TEXT, SCHEMA};

const UNTIDY: &str = "unless   {principal.active };";

fn untidy() -> Author {
    let author = Author::new();
    author.edit(POLICIES, "unless { principal.active };", UNTIDY);
    author
}

#[test]
fn a_difference_is_1_and_has_its_place() {
    let ended = untidy().run(&["check", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let faults = json(&ended);
    let wanted = (POLICIES.to_owned(), 25, "format".to_owned());
    assert_eq!(places(&faults), [wanted], "{faults:#?}");
    assert!(
        faults[0]["help"].as_str().unwrap().contains("--fix"),
        "{faults:#?}"
    );
    let ended = untidy().run(&["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(UNTIDY), "{ended:?}");
    assert!(!ended.stdout.contains("ok"), "{ended:?}");
}

#[test]
fn next_to_a_fault_it_is_3() {
    let author = untidy();
    author.edit(POLICIES, "@rule(\"DSK-2\")\n", "");
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let severities: Vec<_> = places(&json(&ended))
        .into_iter()
        .map(|(.., severity)| severity)
        .collect();
    assert!(severities.contains(&"format".to_owned()), "{severities:?}");
    assert!(severities.contains(&"lint".to_owned()), "{severities:?}");
}

#[test]
fn fix_writes_what_the_formatter_writes() {
    let author = untidy();
    author.write(
        "policies/tidy.cedar",
        &POLICY_TEXT.replace("desk/", "tidy/"),
    );
    author.write(
        "policies/also.cedar",
        "@id(\"also/x\") @rule(\"DSK-2\")\npermit(principal,action,resource);// why\n",
    );
    author.list_policies();
    let ended = author.run(&["check", "--fix"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("formatted policies/desk.cedar\n"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("formatted policies/also.cedar\n"),
        "{ended:?}"
    );
    assert!(!ended.stdout.contains("tidy.cedar"), "{ended:?}");
    assert_eq!(author.read(POLICIES), POLICY_TEXT);
    let also = author.read("policies/also.cedar");
    assert!(
        also.contains("// why") && also.contains("permit (principal, action, resource);"),
        "{also}"
    );
    // Once is enough.
    let again = author.run(&["check", "--fix"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(!again.stdout.contains("formatted"), "{again:?}");
}

#[test]
fn fix_says_what_it_cannot_mend_and_leaves_it() {
    let author = untidy();
    let broken = "permit(principal,action,resource)\nwhence   {true};\n";
    author.write("policies/broken.cedar", broken);
    let schema = author.read(SCHEMA);
    let ended = author.run(&["check", "--fix", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("policies/broken.cedar"), "{ended:?}");
    assert_eq!(author.read("policies/broken.cedar"), broken);
    assert_eq!(author.read(POLICIES), POLICY_TEXT);
    assert_eq!(author.read(SCHEMA), schema);
}

/// A program reads one JSON object a line, and nothing else.
#[test]
fn fix_for_a_program_says_nothing_but_faults() {
    let author = untidy();
    let ended = author.run(&["check", "--fix", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(author.read(POLICIES), POLICY_TEXT);
    assert!(json(&ended).is_empty(), "{ended:?}");
}

/// They are inside the program, and formatted.
#[test]
fn fix_of_the_shipped_set_writes_nothing() {
    let author = Author::empty();
    let ended = author.run(&["check", "--fix"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let left: Vec<_> = std::fs::read_dir(author.path(".")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
