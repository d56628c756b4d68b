//! Many who ask at once: the store is asked as little as if they were few.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::proxy::Mode;
use super::scene::{Scene, allowed, cold, forward, is_unavailable};
use super::server::SHARED;
use crate::eventually::until;
use crate::over::Over;
use crate::sidecar::Start;

/// Those of the settings of a hurried sidecar.
const READERS: usize = 4;

/// Beside the readers: one that listens, and one that a read which has failed makes
/// to see whether there are tables.
const OTHERS: usize = 2;

/// No crowd is too many here, however slow the machine is.
fn hurried(start: Start) -> Start {
    super::scene::hurried(start)
        .variable("PEPPOL_AUTHZ_SERVER__DELAY", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__BURST_TIME", "1h")
}

fn scene() -> Scene {
    Scene::of(&SHARED, "postgres", hurried(Start::new()))
}

/// One who only looks, and is not asked by changes or time.
fn quiet() -> Scene {
    let scene = Scene::of(&SHARED, "postgres", {
        hurried(Start::new())
            .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
            .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
            .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "20s")
    });
    // Beginning to listen makes it look once more.
    let listens = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    until("it listens", || scene.database.sql(listens) == "1");
    let before = std::cell::Cell::new(0);
    until("it is quiet", || {
        std::thread::sleep(Duration::from_millis(300));
        let begun = scene.proxy.begun();
        before.replace(begun) == begun
    });
    scene
}

/// Asks all at once, each on a thread of its own.
fn all_at_once(scene: &Scene, questions: &[Value]) {
    std::thread::scope(|scope| {
        for question in questions {
            scope.spawn(|| scene.sidecar.ask(question));
        }
    });
}

#[test]
fn a_hundred_who_ask_the_same_cost_hardly_more_reads_than_one() {
    let scene = quiet();
    scene.proxy.set(Mode::Delay(Duration::from_millis(20)));
    let begun = scene.proxy.begun();
    scene.sidecar.ask(&cold("mia"));
    let of_one = scene.proxy.begun() - begun;
    assert_eq!(of_one, 1, "one state, one transaction");

    let question = allowed();
    let begun = scene.proxy.begun();
    all_at_once(&scene, &vec![question.clone(); 100]);
    let of_many = scene.proxy.begun() - begun;
    // Entities first, and then the tags that they make necessary: each read by one
    // for all, who need not be the same.
    assert!((1..=8).contains(&of_many), "{of_many}");

    let begun = scene.proxy.begun();
    all_at_once(&scene, &vec![question; 100]);
    assert_eq!(scene.proxy.begun(), begun, "all is in memory");
}

#[test]
fn a_batch_costs_no_more_transactions_than_one_question() {
    let scene = quiet();
    let batch: Vec<_> = (0..50).map(|n| cold(&format!("nobody-{n}"))).collect();
    let begun = scene.proxy.begun();
    let reply = scene
        .sidecar
        .post("/v1/batch_is_authorized", &json!({"requests": batch}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let results = reply.json();
    let results = results["results"].as_array().unwrap();
    assert_eq!(results.len(), 50);
    for result in results {
        assert_eq!(result["reasons"][0]["code"], "UNKNOWN_PRINCIPAL");
    }
    assert_eq!(scene.proxy.begun() - begun, 1);
}

#[test]
fn a_server_that_comes_back_is_not_met_by_all_who_wait_for_it() {
    let scene = scene();
    scene.sidecar.ask(&allowed());
    scene.proxy.take_down();
    until("it is noticed", || !scene.store_is_up());
    is_unavailable(&scene.asked(&cold("nobody")));
    scene.proxy.most();
    let connected = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
    std::thread::scope(|scope| {
        for thread in 0..200 {
            let scene = &scene;
            scope.spawn(move || {
                let question = cold(&format!("nobody-{thread}"));
                until("it is answered", || {
                    let reply = scene.asked(&question);
                    if reply.status != 200 {
                        is_unavailable(&reply);
                    }
                    reply.status == 200
                });
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        forward(&scene);
        for _ in 0..10 {
            let connected: usize = scene.database.sql(connected).parse().unwrap();
            assert!(connected <= READERS + OTHERS, "{connected}");
        }
    });
    let most = scene.proxy.most();
    assert!((1..=READERS + OTHERS).contains(&most), "{most}");
}

/// A server that has just come back has other things to do than to be asked by
/// everybody whether it is back.
#[test]
fn a_server_that_is_down_is_tried_by_one_and_not_by_all() {
    let scene = scene();
    scene.sidecar.ask(&allowed());
    scene.proxy.set(Mode::HangUp);
    until("it is noticed", || {
        // Also a connection that was being made just then.
        scene.proxy.cut();
        !scene.store_is_up()
    });
    let (accepted, started) = (scene.proxy.accepted(), Instant::now());
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let scene = &scene;
            scope.spawn(move || {
                let question = cold(&format!("nobody-{thread}"));
                while started.elapsed() < Duration::from_secs(2) {
                    is_unavailable(&scene.asked(&question));
                }
            });
        }
    });
    let tries = u128::from(scene.proxy.accepted() - accepted);
    // One each 50 ms, and each second one that would listen.
    let most = started.elapsed().as_millis() / 45 + 5;
    assert!((1..=most).contains(&tries), "{tries} of {most}");
    forward(&scene);
    until("it is well", || scene.is_well());
}

/// File descriptors that the sidecar has open, without its connections to the store.
fn others(scene: &Scene) -> usize {
    let path = format!("/proc/{}/fd", scene.sidecar.pid());
    let open = std::fs::read_dir(path).unwrap().count();
    open.saturating_sub(scene.proxy.open())
}

#[test]
fn a_thousand_cuts_leave_nothing_behind() {
    let scene = scene();
    let looks = |n: usize| {
        let mut question = cold(&format!("nobody-{n}"));
        question["maxAge"] = "0s".into();
        question
    };
    all_at_once(&scene, &(0..20).map(looks).collect::<Vec<_>>());
    until("it is well", || scene.is_well());
    let settled = |what: &str| {
        // Requests and connections that are just ending.
        let before = std::cell::Cell::new(usize::MAX);
        until(what, || {
            std::thread::sleep(Duration::from_millis(200));
            let others = others(&scene);
            before.replace(others) == others
        });
        others(&scene)
    };
    let before = settled("it is quiet");
    let over = Over::default();
    let answered = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|thread| {
                let (scene, over) = (&scene, &over);
                scope.spawn(move || {
                    let (mut n, mut answered) = (thread, 0);
                    while !over.is() {
                        n += 4;
                        let reply = scene.asked(&looks(n));
                        if reply.status == 200 {
                            answered += 1;
                        } else {
                            is_unavailable(&reply);
                        }
                    }
                    answered
                })
            })
            .collect();
        let until_now = over.until();
        for _ in 0..20 {
            for _ in 0..50 {
                scene.proxy.cut();
                std::thread::sleep(Duration::from_millis(5));
            }
            until("it is answered", || scene.asked(&looks(0)).status == 200);
        }
        drop(until_now);
        asking
            .into_iter()
            .map(|asking| asking.join().unwrap())
            .sum::<usize>()
    });
    assert!(answered > 0);
    until("it is well", || scene.is_well());
    let after = settled("it is quiet again");
    assert!(scene.proxy.open() <= READERS + OTHERS);
    assert_eq!(after, before);
}
