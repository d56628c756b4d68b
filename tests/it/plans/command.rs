//! `plan`: the same for a person or a script.

use crate::author::{Author, Ended};
use crate::other_commands::{FIXTURE, tester};

fn planned(author: &Author, plan: &[&str]) -> Ended {
    let tenancy = format!("entities:{FIXTURE}");
    author.run(&[&["plan", "--tenancy", &tenancy][..], plan].concat())
}

const OPEN: [&str; 6] = [
    "--principal",
    "User::\"ann\"",
    "--action",
    "open",
    "--resource",
    "Desk",
];

#[test]
fn a_condition_for_a_person() {
    let author = tester();
    let ended = planned(&author, &[&OPEN[..], &["--dialect", "sqlite"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("conditional\nwhere "), "{ended:?}");
    assert!(
        ended.stdout.contains("\nobligation LOCK_AGAIN\n"),
        "{ended:?}"
    );
    // It says of what it is, and when it was made.
    let of = "\nof Action::\"open\" by User::\"ann\" on each Desk\nat 2";
    assert!(ended.stdout.contains(of), "{ended:?}");
    let made = ended.stdout.lines().find(|line| line.starts_with("at 2"));
    let made = made.unwrap();
    assert!(
        made.contains("Z, by policies ") && made.contains(" and tenancy "),
        "{made}"
    );
}

#[test]
fn nothing_is_a_denial() {
    let author = tester();
    let mut wanted = OPEN;
    wanted[1] = "User::\"nobody\"";
    let ended = planned(&author, &wanted);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stdout.starts_with("never\nwhere FALSE\n"),
        "{ended:?}"
    );
}

#[test]
fn the_residual_is_shown() {
    let author = tester();
    let ended = planned(&author, &[&OPEN[..], &["--residual"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("residual desk/owner-opens\n"),
        "{ended:?}"
    );
    let ended = planned(&author, &[&OPEN[..], &["--json", "--residual"]].concat());
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["kind"], "conditional");
    assert!(answer["explanation"]["policies"].is_array());
}

#[test]
fn wrong_usage_is_told_as_such() {
    let author = tester();
    let ended = planned(&author, &[&OPEN[..], &["--dialect", "oracle"]].concat());
    assert_eq!(ended.code, Some(64), "{ended:?}");
    let ended = planned(
        &author,
        &[&OPEN[..], &["--columns", "nowhere.toml"]].concat(),
    );
    assert_eq!(ended.code, Some(64), "{ended:?}");
    let ended = planned(&author, &OPEN[..4]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
}
