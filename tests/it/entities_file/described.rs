//! Entities that the caller describes, of types that the source does not serve.
//! They never change what the source says of its own.

use serde_json::{Value, json};

use super::{authorize, photos, question, uid, verdict};
use crate::sidecar::{Reply, Sidecar};

fn value(kind: &str, id: &str) -> Value {
    json!({"__entity": uid(kind, id)})
}

fn comment(id: &str, author: &str, reply: Option<&str>) -> Value {
    let mut attributes = json!({"author": value("User", author), "on": value("Photo", "beach")});
    if let Some(reply) = reply {
        attributes["reply"] = value("Comment", reply);
    }
    json!({"uid": uid("Comment", id), "attrs": attributes, "parents": []})
}

fn draft(album: &str) -> Value {
    let owner = json!({"owner": value("User", "bob")});
    json!({"uid": uid("Draft", "d"), "attrs": owner, "parents": [uid("Album", album)]})
}

fn with(mut question: Value, member: &str, entities: Value) -> Value {
    question[member] = entities;
    question
}

fn assert_refused(reply: &Reply, member: &str, code: &str) {
    assert_eq!(reply.status, 400, "{}", reply.text);
    let problem = reply.json();
    assert_eq!(problem["code"], code, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(member), "{problem}");
}

/// Both ways of asking, and both members that entities come in.
fn assert_verdict(sidecar: &Sidecar, asked: &Value, entities: &Value, wanted: &str) {
    for member in ["entities", "additional_entities"] {
        let asked = with(asked.clone(), member, entities.clone());
        assert_eq!(verdict(&sidecar.ask(&asked)), wanted, "{asked}");
        let (_, answer) = authorize(&asked);
        assert_eq!(verdict(&answer), wanted, "{asked}");
    }
}

#[test]
fn what_the_caller_describes_is_decided_upon() {
    let sidecar = photos();
    let delete = |user, id| question(user, "delete", uid("Comment", id));
    let thread = json!([
        comment("c", "ann", Some("b")),
        comment("b", "ann", None),
        comment("x", "eve", Some("c")),
    ]);
    for (user, id, wanted) in [
        ("ann", "c", "Allow"),
        ("bob", "c", "ANSWERED"),
        ("bob", "b", "Allow"),
        ("eve", "x", "NOT_VERIFIED ANSWERED"),
        ("ann", "ghost", "UNKNOWN_RESOURCE"),
    ] {
        assert_verdict(&sidecar, &delete(user, id), &thread, wanted);
    }
    // One half in each member.
    let both = with(delete("ann", "c"), "entities", json!([thread[0]]));
    let both = with(both, "additional_entities", json!([thread[1]]));
    assert_eq!(verdict(&sidecar.ask(&both)), "Allow");
    // An entity described for one question is not there for the next.
    let answer = sidecar.ask(&delete("ann", "c"));
    assert_eq!(verdict(&answer), "UNKNOWN_RESOURCE");
    // A reference that is followed leads somewhere.
    let dangling = with(delete("ann", "c"), "entities", json!([thread[0]]));
    let reply = sidecar.post("/v1/is_authorized", &dangling);
    assert!(reply.status >= 400, "{}", reply.text);
    assert!(!reply.text.contains("Allow"), "{}", reply.text);
}

#[test]
fn a_batch_keeps_descriptions_apart() {
    let sidecar = photos();
    let asked = question("ann", "delete", uid("Comment", "c"));
    let by = |author| {
        with(
            asked.clone(),
            "entities",
            json!([comment("c", author, None)]),
        )
    };
    let ann = json!([{"uid": uid("User", "ann"), "attrs": {"verified": true, "tier": "PAID"}, "parents": []}]);
    let served = with(asked.clone(), "entities", ann);
    let requests = [by("ann"), by("bob"), asked.clone(), served];
    let reply = sidecar.post("/v1/batch_is_authorized", &json!({"requests": requests}));
    let results = reply.json();
    let results = results["results"].as_array().unwrap();
    assert_eq!(verdict(&results[0]), "Allow");
    assert_eq!(verdict(&results[1]), "NOT_PERMITTED");
    assert_eq!(verdict(&results[2]), "UNKNOWN_RESOURCE");
    assert_eq!(results[3]["error"]["code"], "ENTITY_OF_SERVED_TYPE");
}

/// Eve says that she is verified. What she says would let her in.
fn as_eve_says() -> Value {
    let eve = json!({
        "uid": uid("User", "eve"),
        "attrs": {"verified": true, "tier": "PAID"},
        "parents": [uid("Team", "staff")],
    });
    let asked = question("eve", "delete", uid("Photo", "attic"));
    with(asked, "entities", json!([eve]))
}

#[test]
fn an_entity_of_a_served_type_is_refused_from_the_first_question_on() {
    let sidecar = photos();
    for _ in 0..2 {
        let reply = sidecar.post("/v1/is_authorized", &as_eve_says());
        assert_refused(&reply, "entities", "ENTITY_OF_SERVED_TYPE");
    }
}

#[test]
fn an_entity_of_a_served_type_is_refused_by_authorize() {
    let (code, said) = authorize(&as_eve_says());
    assert_eq!(code, Some(1), "{said}");
    let said = said.as_str().unwrap_or_default();
    assert!(said.contains("tenancy store"), "{said}");
}

#[test]
fn an_entity_of_a_served_type_is_refused_even_if_it_is_not_there() {
    let sidecar = photos();
    sidecar.ask(&question("bob", "view", uid("Photo", "beach")));
    let owner = value("User", "eve");
    for (kind, id, attributes) in [
        ("User", "who", json!({"verified": true, "tier": "PAID"})),
        ("Team", "nobody", json!({})),
        ("Album", "lost", json!({"owner": owner, "private": false})),
        ("Photo", "beach", json!({"owner": owner})),
    ] {
        let entity = json!({"uid": uid(kind, id), "attrs": attributes, "parents": []});
        for member in ["entities", "additional_entities"] {
            let asked = question("ann", "delete", uid("Comment", "c"));
            let asked = with(asked, member, json!([comment("c", "ann", None), entity]));
            let reply = sidecar.post("/v1/is_authorized", &asked);
            assert_refused(&reply, member, "ENTITY_OF_SERVED_TYPE");
            assert!(!reply.text.contains(id), "{}", reply.text);
        }
    }
}

/// A draft in an album is in all that the album is in, as the file says.
#[test]
fn a_described_entity_is_in_what_its_served_parents_are_in() {
    let sidecar = photos();
    let publish = question("bob", "publish", uid("Draft", "d"));
    for (album, wanted) in [
        ("holiday", "Allow"),
        ("nowhere", "Allow"),
        ("embargo", "EMBARGO"),
        ("vault", "EMBARGO"),
        ("secret", "EMBARGO"),
    ] {
        assert_verdict(&sidecar, &publish, &json!([draft(album)]), wanted);
    }
}

#[test]
fn a_description_that_does_not_fit_is_refused() {
    let sidecar = photos();
    let asked = question("ann", "delete", uid("Comment", "c"));
    let good = comment("c", "ann", None);
    let change = |member: &str, value: Value| json!([with(good.clone(), member, value)]);
    let attributes = |attributes: Value| change("attrs", attributes);
    let (on, author) = (value("Photo", "beach"), value("User", "ann"));
    let many = |count| -> Value {
        (0..count)
            .map(|i| comment(&format!("c{i}"), "ann", None))
            .collect()
    };
    for entities in [
        json!({"0": good}),
        json!("none"),
        json!([1]),
        json!([{"attrs": {}, "parents": []}]),
        change("uid", uid("Nothing", "c")),
        change("uid", json!("c")),
        change("parents", json!([uid("Album", "a")])),
        change("parents", json!({})),
        change("tags", json!({"a": 1})),
        change("more", json!(1)),
        attributes(json!({"author": author})),
        attributes(json!({"author": author, "on": null})),
        attributes(json!({"author": author, "on": author})),
        attributes(json!({"author": author, "on": on, "more": 1})),
        attributes(json!([])),
        // Twice, and not the same.
        json!([good, comment("c", "bob", None)]),
        many(101),
    ] {
        let asked = with(asked.clone(), "entities", entities);
        let reply = sidecar.post("/v1/is_authorized", &asked);
        assert_refused(&reply, "entities", "MALFORMED_QUESTION");
    }
    // A hundred are not too many.
    let asked = question("ann", "delete", uid("Comment", "c7"));
    let answer = sidecar.ask(&with(asked, "entities", many(100)));
    assert_eq!(verdict(&answer), "Allow");
}

/// An id of one half of the members is not described twice by the other half.
#[test]
fn an_entity_described_differently_in_both_members_is_refused() {
    let sidecar = photos();
    let asked = question("ann", "delete", uid("Comment", "c"));
    let both = |other| {
        let asked = with(
            asked.clone(),
            "entities",
            json!([comment("c", "ann", None)]),
        );
        with(
            asked,
            "additional_entities",
            json!([comment("c", other, None)]),
        )
    };
    assert_eq!(verdict(&sidecar.ask(&both("ann"))), "Allow");
    let reply = sidecar.post("/v1/is_authorized", &both("bob"));
    assert_refused(&reply, "entities", "MALFORMED_QUESTION");
}
