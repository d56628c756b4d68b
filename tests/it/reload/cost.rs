//! Sets that are large, or have very many faults: no part of a load takes time that grows with the
//! square of their length, and what is beyond a bound is refused by name.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use peppol_authz_engine::policy::{MAX_POLICIES, MaxLevel, Sources, Warnings};
use peppol_authz_server::watch::{TakenFiles, TakenParts, Watch};

use super::{append, ask, is_refused, is_taken, shipped_policies, start};
use crate::author::Ended;
use crate::eventually::eventually;
use crate::sidecar::program;

const HEAD: &str =
    "permit (\n  principal,\n  action == Peppol::Action::\"getOrganisation\",\n  resource\n)";

/// A directory with one file.
fn one(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.cedar"), text).unwrap();
    directory
}

pub(super) fn each(count: usize, mut text: impl FnMut(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, number| {
        all += &text(number);
        all
    })
}

/// `check`, which ends in time.
fn check(policies: &Path) -> Ended {
    ended(&["--policies", policies.to_str().unwrap()])
}

/// `check` of a schema, a route table, where there is one, and policies.
pub(super) fn check_with(files: &[(&str, &str)]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("policies")).unwrap();
    let mut arguments = vec!["--policies".to_owned(), path("policies")];
    for (name, text) in files {
        let (flag, place) = match *name {
            "schema.cedarschema" => (Some("--schema"), path(name)),
            "routes.toml" => (Some("--routes"), path(name)),
            policies => (None, path(&format!("policies/{policies}"))),
        };
        std::fs::write(&place, text).unwrap();
        arguments.extend(
            flag.iter()
                .flat_map(|flag| [(*flag).to_owned(), place.clone()]),
        );
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    ended(&arguments)
}

fn ended(arguments: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| std::fs::File::create(directory.path().join(name)).unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let mut child = program()
        .arg("check")
        .args(arguments)
        .stdout(write("stdout"))
        .stderr(write("stderr"))
        .spawn()
        .unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        eventually("it ends", || child.try_wait().unwrap().ok_or("it runs"))
    }));
    let _ = child.kill();
    Ended {
        code: ended.unwrap().code(),
        stdout: read("stdout"),
        stderr: read("stderr"),
    }
}

/// Each of these took minutes.
#[test]
fn what_is_long_is_checked_in_time() {
    let annotations = each(100_000, |n| format!("@a{n}(\"x\")\n"));
    let policies = each(10_000, |n| {
        format!(
            "{}@id(\"a/p{n}\")\n{HEAD};\n",
            if n == 0 { "" } else { "\n" }
        )
    });
    let tags = each(10_000, |n| {
        format!(
            "{}@id(\"a/p{n}\")\n{HEAD}\nwhen {{ principal is Peppol::User && principal.hasTag(\"k{n}\") }};\n",
            if n == 0 { "" } else { "\n" }
        )
    });
    for (text, notes) in [
        (
            format!("{annotations}{HEAD};\n"),
            "it is not formatted: a policy in it has more than",
        ),
        (policies, ""),
        (tags, ""),
    ] {
        let directory = one(&text);
        let ended = check(directory.path());
        assert_eq!(ended.code, Some(0), "{:.2000}", ended.stderr);
        assert!(ended.stderr.contains(notes), "{:.2000}", ended.stderr);
    }
}

/// Very many faults are found, and the first of them are shown.
#[test]
fn of_very_many_faults_the_first_are_shown() {
    let literals = each(30_000, |n| format!("Peppol::Organisation::\" {n}\", "));
    let list = each(30_000, |n| {
        format!("[rules.R-{n}]\ntext = \"t\"\nheld_by = \"policies\"\n")
    });
    let digests = each(30_000, |n| format!("{}  m{n}.cedar\n", "0".repeat(64)));
    let path = "resource".to_owned() + &".organisation".repeat(4000);
    for (text, beside, word) in [
        (
            each(10_000, |_| format!("@id(\"a/p\")\n{HEAD};\n")),
            None,
            "policy id `a/p` is taken",
        ),
        (
            "permit (principal, action, ressource);\n".repeat(10_000),
            None,
            "ressource",
        ),
        (
            format!("{HEAD}\nwhen {{ [{literals}].contains(resource) }};\n"),
            None,
            "no entity can have this id",
        ),
        (
            each(30, |n| {
                format!("@id(\"a/p{n}\")\n{HEAD}\nwhen {{ {path} }};\n")
            }),
            None,
            "nested 4002 deep",
        ),
        (
            each(30_000, |n| format!("@a{n}(\"x\")\n")) + HEAD + ";\n",
            Some(("rules.toml", list)),
            "unknown annotation",
        ),
        (
            format!("{HEAD};\n"),
            Some(("policies.sha256", digests)),
            "there is no policy file `m0.cedar`",
        ),
    ] {
        let directory = one(&text);
        if let Some((name, text)) = beside {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let ended = check(directory.path());
        assert_eq!(ended.code, Some(3), "{word}: {:.2000}", ended.stderr);
        assert!(
            ended.stderr.contains(word),
            "{word}: {:.2000}",
            ended.stderr
        );
        let all = ended.stderr.len();
        assert!(all < 1 << 20, "{word}: {all}");
        let is_cut = ended.stderr.contains("more faults");
        assert!(
            is_cut || word.contains("nested"),
            "{word}: {:.2000}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_beyond_a_bound_is_refused_by_name() {
    let directory = one(&"permit(principal,action,resource);".repeat(MAX_POLICIES + 1));
    let ended = check(directory.path());
    assert_eq!(ended.code, Some(3), "{:.2000}", ended.stderr);
    assert!(
        ended.stderr.contains("more than 50000 policies"),
        "{:.2000}",
        ended.stderr
    );
    // Of all files together.
    let directory = one("permit (principal, action, resource);\n");
    let long = "// a long comment\n".repeat(500_000);
    for name in ["b", "c", "d"] {
        let text = format!("{long}permit (principal, action, resource);\n");
        std::fs::write(directory.path().join(format!("{name}.cedar")), text).unwrap();
    }
    let ended = check(directory.path());
    assert_eq!(ended.code, Some(3), "{:.2000}", ended.stderr);
    let said = ended.stderr;
    assert!(
        said.contains("c.cedar`: with it the directory has more than 16777216 bytes"),
        "{said:.2000}"
    );
}

/// A set that takes long to be refused makes no question wait, and what comes after it is taken.
#[test]
fn a_set_that_takes_long_delays_nothing_else() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    let mut text = String::new();
    for number in 0..20_000 {
        let _ = write!(text, "@id(\"more/p{number}\")\n{HEAD};\n");
    }
    std::fs::write(policies.join("more.cedar"), text).unwrap();
    for _ in 0..50 {
        assert_eq!(ask(&sidecar), before);
    }
    is_refused(&sidecar, &before);
    std::fs::remove_file(policies.join("more.cedar")).unwrap();
    append(&policies.join("modes.cedar"), "\n// again\n");
    assert_ne!(is_taken(&sidecar, "Allow"), before.1);
}

fn watch(policies: &Path, settle: Duration) -> Watch {
    Watch {
        policies: Some(policies.to_owned()),
        schema: None,
        routes: None,
        entities: None,
        require_manifest: false,
        warnings: Warnings::default(),
        max_level: MaxLevel::default(),
        suites: None,
        notices: true,
        poll_interval: Duration::from_secs(3600),
        settle,
    }
}

/// A watch ends when its waker is dropped, also while files settle.
#[test]
fn a_watch_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    shipped_policies(directory.path());
    let sources = Sources::read(Some(directory.path()), None, None).unwrap();
    for is_changing in [false, true] {
        let taken = TakenFiles {
            sources: sources.clone(),
            entities: None,
        };
        if is_changing {
            append(&directory.path().join("modes.cedar"), "\n// again\n");
        }
        // It goes when the watch ends.
        let (held, ended) = channel::<()>();
        let watch = watch(directory.path(), Duration::from_secs(3600));
        let waker = watch.start(taken, move |_| {
            let _held = &held;
            TakenParts {
                policies: true,
                entities: true,
            }
        });
        drop(waker.unwrap());
        let gone = ended.recv_timeout(crate::eventually::PATIENCE);
        assert_eq!(gone, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }
}
