//! A server that is there, though not as it was or should be.

use super::proxy::Mode;
use super::scene::{REVOKE, Scene, allowed, cold, is_unavailable, patient};
use super::server::{SHARED, Server};
use crate::eventually::until;
use crate::over::Over;
use crate::sidecar::{Start, program};

#[test]
fn a_server_that_restarts_costs_no_more_than_the_time_that_it_takes() {
    let server = Server::start(&[]);
    let scene = Scene::of(&server, "postgres", patient());
    let over = Over::default();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|thread| {
                let (scene, over) = (&scene, &over);
                scope.spawn(move || {
                    let mut n = 0;
                    while !over.is() {
                        n += 1;
                        let question = cold(&format!("nobody-{thread}-{n}"));
                        for question in [&allowed(), &question] {
                            let reply = scene.asked(question);
                            // One that was just started may be so slow that fewer than these wait for it.
                            if reply.status != 200 && reply.json()["code"] != "OVERLOADED" {
                                is_unavailable(&reply);
                            }
                        }
                    }
                    n
                })
            })
            .collect();
        let until_now = over.until();
        for _ in 0..3 {
            server.control(&["restart", "-m", "immediate"]);
            server.wait();
            until("it is well again", || scene.is_well());
        }
        drop(until_now);
        for asking in asking {
            assert!(asking.join().unwrap() > 3);
        }
    });
    scene.database.sql(REVOKE);
    until("what was written since is seen", || {
        scene.sidecar.ask(&allowed())["decision"] == "Deny"
    });
}

/// As after a failover to a standby that stays one, or when the disk is full: it is
/// read, also by a program that starts only now and would make tables if it had to.
#[test]
fn a_server_that_takes_no_writes_is_read() {
    let server = Server::start(&[]);
    let scene = Scene::of(&server, "postgres", patient());
    scene
        .database
        .sql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()");
    until("it is read-only", || {
        scene.database.sql("SHOW transaction_read_only") == "on"
    });
    scene.proxy.cut();
    // It looks well until it finds that its connections are cut, and a question may be the first to find it.
    until("it is read again", || {
        scene.is_well() && scene.asked(&cold("root")).status == 200
    });
    assert_eq!(scene.sidecar.ask(&cold("root"))["decision"], "Allow");
    until("what is in memory is answered", || {
        let reply = scene.asked(&allowed());
        reply.status == 200 && reply.json()["decision"] == "Allow"
    });
    let url = scene.database.url();
    let late = Start::new().with(&["--tenancy", &url]).start();
    assert_eq!(late.ask(&allowed())["decision"], "Allow");
}

/// A network that is slow and not too slow: everything is answered, only later.
#[test]
fn a_network_with_little_to_give_is_made_do_with() {
    let scene = Scene::of(&SHARED, "postgres", patient());
    scene.proxy.set(Mode::Throttle(16));
    assert_eq!(scene.sidecar.ask(&allowed())["decision"], "Allow");
    scene.database.sql(REVOKE);
    let mut newest = allowed();
    newest["maxAge"] = "0s".into();
    assert_eq!(scene.sidecar.ask(&newest)["decision"], "Deny");
    until("it is well", || scene.is_well());
}

/// As on a full disk: files do not grow. What is imported is not there in half, what
/// is asked is answered, and room is all that it takes to go on.
#[test]
fn a_server_without_room_loses_nothing_and_is_read() {
    let server = Server::start(&[]);
    let scene = Scene::of(&server, "postgres", patient());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large.ndjson");
    let text: String = (0..50_000)
        .map(|n| {
            let id = format!("{n}-{}", "long".repeat(100));
            format!("{{\"type\":\"LEGAL_ENTITY\",\"id\":\"{id}\",\"organisationId\":\"acme\"}}\n")
        })
        .collect();
    std::fs::write(&file, text).unwrap();
    let import = || {
        let mut import = program();
        import.args(["import", "--tenancy", &scene.database.url()]);
        import.env("PEPPOL_AUTHZ_STORE__TIMEOUT", "10s");
        import.arg(&file).output().unwrap()
    };
    let count = "SELECT count(*) FROM legal_entity";
    let before = scene.database.sql(count);
    // More than a segment of the log of writes, and less than the documents take.
    server.limit_files(Some(20 << 20));
    let failed = import();
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("could not extend file"), "{said}");
    assert_eq!(scene.database.sql(count), before);
    assert_eq!(scene.sidecar.ask(&allowed())["decision"], "Allow");
    assert_eq!(scene.asked(&cold("nobody")).status, 200);
    assert!(scene.is_well());
    server.limit_files(None);
    let done = import();
    assert!(done.status.success(), "{done:?}");
    assert_ne!(scene.database.sql(count), before);
}
