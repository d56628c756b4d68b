//! The golden matrix of a suite: regenerated, compared, and kept by `--update`.

use super::{Author, SUITE, assert_says, tester};
use crate::author::POLICIES;

const GOLDEN: &str = "tests/policies/desk.tsv";

const MATRIX: &str = r#"
[matrix]
golden = "desk.tsv"

[matrix.actors]
ann = 'User::"ann"'
bob = 'User::"bob"'
nobody = 'User::"nobody"'

[matrix.resources]
blue = 'Desk::"blue"'
red = 'Desk::"red"'

[matrix.contexts]
open = [{ force = true }, {}]
"#;

fn with_matrix() -> Author {
    let author = tester();
    author.write(SUITE, &(author.read(SUITE) + MATRIX));
    author
}

#[test]
fn a_matrix_is_kept_by_update_and_compared_without() {
    let author = with_matrix();
    // Nothing is kept yet.
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &[&format!("FAILED {GOLDEN}"), "--update"]);
    assert!(!author.path(GOLDEN).exists());

    let ended = author.run(&["test", "--update"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let golden = author.read(GOLDEN);
    // Two actions, one of them with two contexts, two resources, three actors.
    let rows: Vec<Vec<&str>> = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), 18, "{golden}");
    for row in [
        ["close", "blue", "", "ann", "Allow"],
        ["close", "red", "", "bob", "Deny INACTIVE"],
        ["open", "blue", "{\"force\":true}", "ann", "Deny BARRED"],
        ["open", "red", "", "ann", "Allow LOCK_AGAIN"],
        [
            "open",
            "red",
            "{\"force\":true}",
            "nobody",
            "Deny UNKNOWN_PRINCIPAL",
        ],
    ] {
        assert!(rows.contains(&row.to_vec()), "{row:?} in\n{golden}");
    }

    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_says(&ended, &[&format!("{GOLDEN}: 18 questions, as kept")]);
    assert_eq!(author.run(&["test", "--update"]).code, Some(0));
    assert_eq!(author.read(GOLDEN), golden);
}

/// A matrix is a product: a short one may be very many questions.
#[test]
fn a_matrix_that_would_take_hours_is_refused_by_name() {
    let author = tester();
    let many = |name: &str, of: &str| -> String {
        let lines = (0..600).map(|n| format!("{name}{n} = '{of}::\"{name}{n}\"'\n"));
        lines.collect()
    };
    let (actors, resources) = (many("u", "User"), many("d", "Desk"));
    let matrix = MATRIX
        .replace("[matrix.actors]\n", &format!("[matrix.actors]\n{actors}"))
        .replace(
            "[matrix.resources]\n",
            &format!("[matrix.resources]\n{resources}"),
        );
    author.write(SUITE, &(author.read(SUITE) + &matrix));
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [SUITE, "603 actors, 602 resources"] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}

#[test]
fn a_change_of_the_policies_shows_in_the_matrix() {
    let author = with_matrix();
    assert_eq!(author.run(&["test", "--update"]).code, Some(0));
    let golden = author.read(GOLDEN);
    author.edit(
        POLICIES,
        "action == Action::\"close\",\n  resource\n)",
        "action == Action::\"close\",\n  resource\n)\nwhen { resource.key == \"blue\" }",
    );
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &[
            &format!("FAILED {GOLDEN}: 2 lines differ"),
            "- close\tred\t\tann\tAllow\n",
            "+ close\tred\t\tann\tDeny NOT_PERMITTED\n",
        ],
    );
    // The cases fail all the same when the new matrix is kept.
    let ended = author.run(&["test", "--update"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &[&format!("{GOLDEN}: 18 questions, 2 lines changed\n")],
    );
    assert_ne!(author.read(GOLDEN), golden);
    let ended = author.run(&["test", "--update"]);
    assert_says(&ended, &[&format!("{GOLDEN}: 18 questions, as kept\n")]);
}

#[test]
fn a_line_too_many_or_too_few_is_a_difference() {
    let author = with_matrix();
    assert_eq!(author.run(&["test", "--update"]).code, Some(0));
    let golden = author.read(GOLDEN);
    let line = "open\tred\t\tann\tAllow LOCK_AGAIN\n";
    for (text, difference) in [
        (golden.replace(line, ""), format!("+ {line}")),
        (
            golden.clone() + "open\tred\t\tanyone\tAllow\n",
            "- open\tred\t\tanyone\tAllow\n".to_owned(),
        ),
        // Twice the same is not as kept, either.
        (golden.clone() + line, String::new()),
    ] {
        author.write(GOLDEN, &text);
        let ended = author.run(&["test"]);
        assert_eq!(ended.code, Some(4), "{text}\n{ended:?}");
        assert_says(&ended, &[&difference]);
    }
}
