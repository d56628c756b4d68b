//! A database file that is restored, moved and removed.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{GRANT, OTHER, asked, assert_of_another_history, decision, revision, with};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, program, project};

/// A sidecar over a file of its own, with the tenancy of the examples. It looks by itself once an
/// hour.
fn sidecar() -> (Sidecar, PathBuf) {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start();
    let path = sidecar.path("tenancy.db");
    (sidecar, path)
}

fn sql(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .unwrap();
    connection.execute_batch(sql).unwrap();
}

fn name_of_the_newest(path: &Path) -> String {
    Connection::open(path)
        .unwrap()
        .query_row("SELECT revision FROM tenancy_revision", [], |row| {
            row.get(0)
        })
        .unwrap()
}

/// As `.backup` and `.restore` of SQLite's shell do it.
fn copy(from: &Path, to: &Path) {
    let from = Connection::open(from).unwrap();
    let mut to = Connection::open(to).unwrap();
    let backup = rusqlite::backup::Backup::new(&from, &mut to).unwrap();
    backup
        .run_to_completion(1000, std::time::Duration::ZERO, None)
        .unwrap();
}

fn import(path: &Path) {
    let output = program()
        .args(["import", "--tenancy", &format!("sqlite:{}", path.display())])
        .arg(project("examples/quickstart/tenancy.ndjson"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
}

/// With the same number of writes on both ways, so that the numbers of the records agree.
#[test]
fn a_backup_that_is_restored_into_the_file_is_another_history() {
    for writes_after in [1, 2, 5] {
        let (sidecar, path) = sidecar();
        let backup = sidecar.path("backup.db");
        copy(&path, &backup);
        sql(&path, GRANT);
        assert_eq!(decision(&sidecar, &asked()), "Allow");
        let lost = revision(&sidecar);
        copy(&backup, &path);
        for _ in 0..writes_after {
            sql(&path, OTHER);
        }
        let now = name_of_the_newest(&path);
        assert_eq!(decision(&sidecar, &asked()), "Deny");
        assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
        assert_eq!(decision(&sidecar, &with("atLeast", &now)), "Deny");
        assert_of_another_history(&sidecar, &lost);
        sidecar.wait_for_log(
            "the tenancy store has another history now: it was restored or replaced; all entities \
             in memory are dropped",
        );
    }
}

/// The same, as far as a process sees it that starts afterwards.
#[test]
fn a_revision_that_a_restore_has_lost_is_refused_after_a_start_too() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (
        directory.path().join("tenancy.db"),
        directory.path().join("backup.db"),
    );
    import(&path);
    let kept = name_of_the_newest(&path);
    copy(&path, &backup);
    sql(&path, GRANT);
    let lost = name_of_the_newest(&path);
    copy(&backup, &path);
    for _ in 0..3 {
        sql(&path, OTHER);
    }
    let source = format!("sqlite:{}", path.display());
    let sidecar = Start::new().with(&["--tenancy", &source]).start();
    assert_of_another_history(&sidecar, &lost);
    assert_eq!(decision(&sidecar, &with("atLeast", &kept)), "Deny");
    // The number alone names no history.
    let number = kept.split(['-', '.']).nth(1).unwrap();
    let reply = sidecar.post("/v1/is_authorized", &with("atLeast", number));
    assert_eq!(reply.status, 400, "{}", reply.text);
}

#[test]
fn another_file_at_the_path_is_read_with_the_next_question() {
    let (sidecar, path) = sidecar();
    let restored = sidecar.path("restored.db");
    copy(&path, &restored);
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    let lost = revision(&sidecar);
    remove(&sidecar.path("tenancy.db-wal"));
    remove(&sidecar.path("tenancy.db-shm"));
    std::fs::rename(&restored, &path).unwrap();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    // Later writes to the path are seen.
    sql(&path, OTHER);
    assert_of_another_history(&sidecar, &lost);
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
}

#[test]
fn a_file_that_is_gone_is_not_answered_from_and_a_new_one_is() {
    let (sidecar, path) = sidecar();
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    let lost = revision(&sidecar);
    remove(&path);
    for _ in 0..3 {
        let reply = sidecar.post("/v1/is_authorized", &asked());
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.json()["code"], "STORE_UNAVAILABLE");
        // A client that is not answered is not told that it would be.
        let ready = sidecar.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text);
    }
    assert!(!path.exists(), "it makes no file of its own");
    import(&path);
    until("it is ready", || sidecar.get("/readyz").status == 200);
    until("the new file is read", || {
        sidecar.post("/v1/is_authorized", &asked()).status == 200
    });
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    assert_of_another_history(&sidecar, &lost);
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
}

/// A sidecar that closes what it had open does not touch the log of the file that is there now.
#[test]
fn the_log_of_a_new_file_is_left_alone() {
    let (mut sidecar, path) = sidecar();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    // The old log stays at its path, as the new file's.
    let new = sidecar.path("new.db");
    copy(&path, &new);
    std::fs::rename(&new, &path).unwrap();
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch(GRANT).unwrap();
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    writer.execute_batch(OTHER).unwrap();
    sidecar.stop();
    assert_eq!(members_of(&path), 1);
    drop(writer);
    assert_eq!(members_of(&path), 1);
}

fn members_of(path: &Path) -> i64 {
    let sql =
        "SELECT count(*) FROM membership WHERE user_id = 'anna' AND organisation_id = 'globex'";
    let connection = Connection::open(path).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// As with a directory that is swapped by a link.
#[test]
fn a_link_that_leads_elsewhere_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    import(&at("one.db"));
    copy(&at("one.db"), &at("two.db"));
    sql(&at("one.db"), GRANT);
    std::os::unix::fs::symlink(at("one.db"), at("tenancy.db")).unwrap();
    let source = format!("sqlite:{}", at("tenancy.db").display());
    let sidecar = Start::new().with(&["--tenancy", &source]).start();
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    std::os::unix::fs::symlink(at("two.db"), at("next")).unwrap();
    std::fs::rename(at("next"), at("tenancy.db")).unwrap();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
}

/// A file that is written over where it is, by a program that knows nothing of SQLite.
#[test]
fn a_file_that_is_copied_over_is_read_anew() {
    let (sidecar, path) = sidecar();
    let backup = sidecar.path("backup.db");
    sql(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::copy(&path, &backup).unwrap();
    sql(&path, GRANT);
    sql(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    let bytes = std::fs::read(&backup).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    drop(file);
    assert_eq!(decision(&sidecar, &asked()), "Deny");
}

/// Somebody copies a backup to the path, slowly. The sidecar makes nothing of its own there, which
/// the copy would be laid over, and answers once the copy is whole.
#[test]
fn a_file_that_is_being_copied_is_left_alone_and_not_answered_from() {
    let (sidecar, path) = sidecar();
    sql(&path, GRANT);
    let backup = sidecar.path("backup.db");
    copy(&path, &backup);
    let bytes = std::fs::read(&backup).unwrap();
    remove(&path);
    let mut file = std::fs::File::create(&path).unwrap();
    for part in bytes.chunks(bytes.len() / 4 + 1) {
        let reply = sidecar.post("/v1/is_authorized", &asked());
        assert_eq!(reply.status, 503, "{}", reply.text);
        std::io::Write::write_all(&mut file, part).unwrap();
    }
    drop(file);
    until("the copy is read", || {
        sidecar.post("/v1/is_authorized", &asked()).status == 200
    });
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    assert_eq!(members_of(&path), 1);
    let whole: String = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

/// The index is gone, the file is the same; another program goes on writing.
#[test]
fn a_file_whose_index_was_removed_is_read_with_the_one_that_is_there_now() {
    let (sidecar, path) = sidecar();
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    sql(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    for suffix in ["tenancy.db-wal", "tenancy.db-shm"] {
        std::fs::remove_file(sidecar.path(suffix)).unwrap();
    }
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("DELETE FROM membership WHERE organisation_id = 'globex'")
        .unwrap();
    until("it answers", || {
        sidecar.post("/v1/is_authorized", &asked()).status == 200
    });
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    writer.execute_batch(GRANT).unwrap();
    assert_eq!(decision(&sidecar, &asked()), "Allow");
}

/// Each question after a swap looks, as every other does.
#[test]
fn a_write_after_a_swap_is_seen_at_once() {
    let (sidecar, path) = sidecar();
    let next = sidecar.path("next.db");
    copy(&path, &next);
    remove(&sidecar.path("tenancy.db-wal"));
    remove(&sidecar.path("tenancy.db-shm"));
    std::fs::rename(&next, &path).unwrap();
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
}

#[test]
fn swaps_leave_no_descriptors_behind() {
    let (sidecar, path) = sidecar();
    let descriptors = || {
        let directory = format!("/proc/{}/fd", sidecar.pid());
        std::fs::read_dir(directory).unwrap().count()
    };
    let next = sidecar.path("next.db");
    let swap = || {
        copy(&path, &next);
        remove(&sidecar.path("tenancy.db-wal"));
        remove(&sidecar.path("tenancy.db-shm"));
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(decision(&sidecar, &asked()), "Deny");
    };
    for _ in 0..3 {
        swap();
    }
    let before = descriptors();
    for _ in 0..20 {
        swap();
        sql(&path, "VACUUM");
        assert_eq!(decision(&sidecar, &asked()), "Deny");
    }
    assert!(descriptors() <= before + 6, "{before} -> {}", descriptors());
}
