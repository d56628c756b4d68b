//! The password may stand outside the URL, as for PostgreSQL's own clients.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::server::Server;
use crate::eventually::until;
use crate::sidecar::program;

const PASSWORD: &str = r"pa:ss\word";

/// The outcome of a command that connects.
fn migrated(url: &str, variables: &[(&str, &str)], home: &Path) -> Output {
    let mut command = program();
    command.args(["migrate", "--tenancy", url]);
    for name in ["PGPASSWORD", "PGPASSFILE"] {
        command.env_remove(name);
    }
    command.env("HOME", home).envs(variables.iter().copied());
    command.output().unwrap()
}

fn keep(file: &Path, text: &str, mode: u32) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn it_is_found_in_the_environment_or_in_a_file() {
    let server = Server::start(&[]);
    let database = server.database();
    database.sql(&format!(
        "CREATE ROLE guarded SUPERUSER LOGIN PASSWORD '{PASSWORD}'"
    ));
    let rules = server.socket().join("data/pg_hba.conf");
    let others = std::fs::read_to_string(&rules).unwrap();
    let guarded = "host all guarded 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(&rules, format!("{guarded}{others}")).unwrap();
    database.sql("SELECT pg_reload_conf()");
    let url = database.url_of("guarded", server.port);
    let home = tempfile::tempdir().unwrap();
    let tried = |url: &str, variables: &[(&str, &str)]| migrated(url, variables, home.path());
    until("a password is wanted", || {
        !tried(&url, &[]).status.success()
    });
    let succeeds = |url: &str, variables: &[(&str, &str)]| {
        let output = tried(url, variables);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{variables:?}: {said}");
    };
    let fails = |variables: &[(&str, &str)], why: &str| {
        let output = tried(&url, variables);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{variables:?}");
        assert!(said.contains(why), "{variables:?}: {said}");
        assert!(!said.contains("pa:ss"), "{said}");
    };
    succeeds(&url, &[("PGPASSWORD", PASSWORD)]);
    fails(&[("PGPASSWORD", "another")], "password");
    // That of the URL counts before all others.
    let with_password = url.replace("guarded@", "guarded:pa%3Ass%5Cword@");
    succeeds(&with_password, &[("PGPASSWORD", "another")]);

    let file = home.path().join("passwords");
    let named = [("PGPASSFILE", file.to_str().unwrap())];
    fails(&named, "passwords");
    let line = format!("127.0.0.1:{}:*:guarded:pa\\:ss\\\\word\n", server.port);
    keep(&file, &line, 0o600);
    succeeds(&url, &named);
    fails(&[named[0], ("PGPASSWORD", "another")], "password");
    // As systemd and Kubernetes give secrets to a service.
    keep(&file, &line, 0o440);
    succeeds(&url, &named);
    keep(&file, &line, 0o644);
    fails(&named, "anybody may read it");
    keep(&file, &line.replace("guarded", "somebody"), 0o600);
    fails(&named, "password");

    let own = home.path().join(".pgpass");
    keep(&own, &line, 0o600);
    succeeds(&url, &[]);
    // One that nobody has named is passed over.
    keep(&own, &line, 0o644);
    fails(&[], "password");
}
