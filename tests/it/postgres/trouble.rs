//! A store that fails, and a sidecar that goes on as long as it may and no longer.

use std::time::{Duration, Instant};

use serde_json::json;

use super::proxy::Mode;
use super::scene::{
    MAX_STALE, REVOKE, Scene, TOO_SLOW, allowed, cold, forward, hurried, is_unavailable, patient,
};
use super::server::SHARED;
use crate::eventually::until;
use crate::sidecar::{Start, project};

/// The whole way through an outage, in which a right is revoked: `hurt` is to make
/// that nothing can be read any more, and `mend` that it can.
fn is_endured(scene: &Scene, code: &str, hurt: impl Fn(&Scene), mend: impl Fn(&Scene)) {
    is_endured_with(
        scene,
        code,
        hurt,
        |scene| drop(scene.database.sql(REVOKE)),
        mend,
    );
}

fn is_endured_with(
    scene: &Scene,
    code: &str,
    hurt: impl Fn(&Scene),
    revoke: impl Fn(&Scene),
    mend: impl Fn(&Scene),
) {
    assert_eq!(scene.sidecar.ask(&allowed())["decision"], "Allow");
    until("it is well", || scene.is_well());

    hurt(scene);
    let hurt_at = Instant::now();
    until("it is noticed", || !scene.store_is_up());
    let reply = scene.sidecar.get("/readyz");
    assert_eq!(reply.status, 200, "{}", reply.text);
    let text = reply.json()["warnings"][0].to_string();
    assert!(text.contains("store: "), "{text}");
    assert_eq!(scene.sidecar.ask(&allowed())["decision"], "Allow");
    let reply = scene.asked(&cold("nobody"));
    assert_eq!(reply.json()["code"], code, "{}", reply.text);

    revoke(scene);
    let mut too_old = false;
    while !too_old {
        // By this clock, before it is asked.
        too_old = hurt_at.elapsed() > MAX_STALE;
        let reply = scene.asked(&allowed());
        if too_old || reply.status != 200 {
            assert_eq!(reply.json()["code"], code, "{}", reply.text);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..20 {
        assert_eq!(scene.asked(&allowed()).json()["code"], code);
    }
    let reply = scene.sidecar.get("/readyz");
    assert_eq!(reply.status, 503, "{}", reply.text);
    let text = reply.json()["missing"][0].to_string();
    assert!(text.contains("store: "), "{text}");
    assert!(!scene.store_is_up());

    mend(scene);
    until("it is well again", || scene.is_well());
    assert_eq!(scene.sidecar.ask(&allowed())["decision"], "Deny");
    assert_eq!(scene.asked(&cold("root")).json()["decision"], "Allow");
}

fn scene() -> Scene {
    Scene::of(&SHARED, "postgres", hurried(Start::new()))
}

#[test]
fn a_server_that_is_gone_and_comes_back_is_endured() {
    is_endured(
        &scene(),
        "STORE_UNAVAILABLE",
        |scene| scene.proxy.take_down(),
        forward,
    );
}

#[test]
fn a_server_that_answers_too_late_is_endured() {
    is_endured(
        &scene(),
        "STORE_UNAVAILABLE",
        |scene| scene.proxy.set(Mode::Delay(TOO_SLOW)),
        forward,
    );
}

#[test]
fn a_network_that_swallows_everything_is_endured() {
    is_endured(
        &scene(),
        "STORE_UNAVAILABLE",
        |scene| scene.proxy.set(Mode::Blackhole),
        forward,
    );
}

/// As one whose disk is full, or that has no more connections to give: it is there,
/// and says no.
#[test]
fn a_server_that_turns_everybody_away_is_endured() {
    let scene = Scene::of(&SHARED, "turned_away", hurried(Start::new()));
    is_endured(
        &scene,
        "STORE_UNAVAILABLE",
        |scene| {
            scene.database.sql(
                "ALTER ROLE turned_away CONNECTION LIMIT 0;
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'turned_away'",
            );
            until("they are gone", || scene.proxy.open() == 0);
        },
        |scene| {
            scene
                .database
                .sql("ALTER ROLE turned_away CONNECTION LIMIT -1");
        },
    );
}

/// The missing views are named, for the person who can put them there.
#[test]
fn views_that_go_and_come_back_are_endured() {
    let start = hurried(Start::new()).variable("PEPPOL_AUTHZ_STORE__MIGRATE", "false");
    let scene = Scene::of(&SHARED, "postgres", start);
    is_endured_with(
        &scene,
        "TENANCY_UNUSABLE",
        |scene| {
            let sql = "BEGIN; ALTER SCHEMA public RENAME TO away; CREATE SCHEMA public; COMMIT";
            scene.database.sql(sql);
        },
        |scene| {
            until("it is said which are missing", || {
                scene
                    .sidecar
                    .get("/readyz")
                    .text
                    .contains("none of the views")
            });
        },
        |scene| {
            scene.database.sql(&format!(
                "BEGIN; DROP SCHEMA public; ALTER SCHEMA away RENAME TO public; {REVOKE}; COMMIT"
            ));
        },
    );
}

/// Callers describe the types that the store does not serve. A view that goes while the
/// program runs leaves nothing to them.
#[test]
fn a_view_that_goes_does_not_let_callers_speak_for_the_store() {
    let scene = scene();
    let mut question = cold("eve");
    question["entities"] = json!([{
        "uid": {"type": "Peppol::User", "id": "eve"},
        "attrs": {"id": "eve", "email": {"type": "Peppol::EmailAddress", "id": "eve@example.com"}, "emailVerified": true, "superadmin": true},
        "parents": [],
    }]);
    let is_refused = || {
        let reply = scene.asked(&question);
        assert_ne!(reply.status, 200, "{}", reply.text);
        reply.json()["code"].clone()
    };
    assert_eq!(is_refused(), "ENTITY_OF_SERVED_TYPE");
    scene.database.sql(
        "ALTER VIEW \"Peppol::User\" RENAME TO away;
         ALTER VIEW \"Peppol::User.tags\" RENAME TO tags_away;
         ALTER TABLE tenancy_horizon RENAME TO horizon_away",
    );
    until("it is noticed", || !scene.store_is_up());
    for _ in 0..20 {
        assert_eq!(is_refused(), "ENTITY_OF_SERVED_TYPE");
        std::thread::sleep(Duration::from_millis(20));
    }
    scene.database.sql(
        "ALTER VIEW away RENAME TO \"Peppol::User\";
         ALTER VIEW tags_away RENAME TO \"Peppol::User.tags\";
         ALTER TABLE horizon_away RENAME TO tenancy_horizon",
    );
    until("it is well again", || scene.is_well());
    assert_eq!(scene.sidecar.ask(&cold("root"))["decision"], "Allow");
    assert_eq!(is_refused(), "ENTITY_OF_SERVED_TYPE");
}

#[test]
fn rights_to_read_that_go_and_come_back_are_endured() {
    let scene = Scene::of(&SHARED, "bereft", patient());
    is_endured(
        &scene,
        "TENANCY_UNUSABLE",
        |scene| drop(scene.database.sql("REVOKE pg_read_all_data FROM bereft")),
        |scene| {
            let text = scene.sidecar.get("/readyz").text;
            assert!(text.contains("GRANT SELECT ON"), "{text}");
            scene.database.sql("GRANT pg_read_all_data TO bereft");
        },
    );
}

/// No answer comes from half of a state. A replaced view fails the questions that read it,
/// and no others.
#[test]
fn a_view_of_another_shape_is_not_answered_from_until_it_is_back() {
    let scene = Scene::of(&SHARED, "postgres", patient());
    let turn = |from: &str, to: &str| {
        let sql = format!("ALTER VIEW \"Peppol::User\" RENAME COLUMN {from} TO {to}");
        scene.database.sql(&sql);
    };
    turn("superadmin", "boss");
    for _ in 0..3 {
        let reply = scene.asked(&cold("root"));
        assert_eq!(reply.status, 500, "{}", reply.text);
        assert_eq!(reply.json()["code"], "TENANCY_UNUSABLE");
    }
    // The log says what is wrong, and not what came of it.
    let cause = scene.sidecar.wait_for_log("a question was not answered");
    let cause = cause["cause"].to_string();
    assert!(cause.contains("superadmin"), "{cause}");
    turn("boss", "superadmin");
    until("it is answered", || {
        scene.asked(&cold("root")).status == 200
    });
    assert_eq!(scene.sidecar.ask(&cold("root"))["decision"], "Allow");
}

/// The schema says of an action how long it may be answered from memory.
#[test]
fn an_action_may_outlive_the_store_by_longer_than_others() {
    let schema = std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap();
    let get = "action getOrganisation appliesTo";
    let ask = "action requestModeChange appliesTo";
    assert!(schema.contains(get) && schema.contains(ask));
    let schema = schema
        .replace(get, &format!("@maxStale(\"1h\") {get}"))
        .replace(ask, &format!("@maxStale(\"0s\") {ask}"));
    let start = hurried(Start::new());
    let path = start.path("annotated.cedarschema");
    std::fs::write(&path, schema).unwrap();
    let path = path.display().to_string();
    let scene = Scene::of(&SHARED, "postgres", start.with(&["--schema", &path]));

    let longer = allowed();
    let list = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"listParticipants\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    let never = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"requestModeChange\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {"requestedMode": "SHARED"},
    });
    for question in [&longer, &list, &never] {
        scene.sidecar.ask(question);
    }
    scene.proxy.take_down();
    let down_at = Instant::now();
    assert_eq!(scene.sidecar.ask(&longer)["decision"], "Allow");
    scene.sidecar.ask(&list);
    is_unavailable(&scene.asked(&never));
    while down_at.elapsed() <= MAX_STALE {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(scene.sidecar.ask(&longer)["decision"], "Allow");
    is_unavailable(&scene.asked(&list));
    is_unavailable(&scene.asked(&never));
    // A batch is of one state, so the strictest of its actions counts.
    let batch = |questions: &[&serde_json::Value]| {
        let batch = json!({"requests": questions});
        scene.sidecar.post("/v1/batch_is_authorized", &batch)
    };
    assert_eq!(batch(&[&longer, &longer]).status, 200);
    is_unavailable(&batch(&[&longer, &list]));
    forward(&scene);
    until("all is answered again", || {
        batch(&[&longer, &list, &never]).status == 200
    });
}
