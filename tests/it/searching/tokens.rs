//! The tokens that lead from a page to the next.

use serde_json::{Value, json};

use super::{documents, ids, search, wanted, with};
use crate::limits::is_refused;
use crate::sidecar::{Sidecar, Start};

fn sidecar(key: Option<&str>) -> Sidecar {
    let start = Start::new()
        .documents(&documents(10))
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all");
    let Some(key) = key else {
        return start.start();
    };
    let path = start.path("token.key");
    std::fs::write(&path, key).unwrap();
    let path = path.display().to_string();
    start
        .variable("PEPPOL_AUTHZ_SEARCH__TOKEN_KEY_FILE", &path)
        .start()
}

fn first() -> Value {
    with(wanted("root", "getOrganisation"), "limit", 4)
}

fn token(sidecar: &Sidecar) -> String {
    let reply = search(sidecar, &first()).json();
    reply["nextToken"].as_str().unwrap().to_owned()
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_token_is_good_for_its_search_and_no_other() {
    let sidecar = sidecar(None);
    let token = token(&sidecar);
    let next = with(first(), "token", token.as_str());
    assert_eq!(ids(&search(&sidecar, &next)), ["o04", "o05", "o06", "o07"]);
    let mut same = next.clone();
    same.as_object_mut().unwrap().remove("limit");
    assert_eq!(ids(&search(&sidecar, &same)).len(), 4);
    let explained = with(next.clone(), "explain", true);
    assert_eq!(ids(&search(&sidecar, &explained)).len(), 4);
    // The same search in other words.
    let words = with(
        next.clone(),
        "principal",
        json!({"type": "Peppol::User", "id": "root"}),
    );
    assert_eq!(ids(&search(&sidecar, &words)).len(), 4);
    for other in [
        with(wanted("anna", "getOrganisation"), "token", token.as_str()),
        with(
            wanted("root", "updateOrganisation"),
            "token",
            token.as_str(),
        ),
        with(next.clone(), "limit", 5),
        with(next.clone(), "token", format!("{token}A")),
        with(next.clone(), "token", token.replacen('e', "f", 1)),
        with(next.clone(), "token", "x"),
        json!({"principal": {"type": "Peppol::User"}, "action": "Peppol::Action::\"getOrganisation\"",
            "resource": "Peppol::Organisation::\"o01\"", "token": token}),
        json!({"principal": "Peppol::User::\"root\"", "resource": "Peppol::Organisation::\"o01\"", "token": token}),
    ] {
        is_refused(&search(&sidecar, &other), 400, "PAGE_REFUSED");
    }
}

#[test]
fn a_token_is_good_where_the_key_is_the_same() {
    let (one, same) = (sidecar(Some(KEY)), sidecar(Some(KEY)));
    let (other, random) = (
        sidecar(Some("another key of 32 bytes, or more")),
        sidecar(None),
    );
    let next = with(first(), "token", token(&one));
    assert_eq!(ids(&search(&same, &next)), ["o04", "o05", "o06", "o07"]);
    for sidecar in [&other, &random] {
        is_refused(&search(sidecar, &next), 400, "PAGE_REFUSED");
    }
    let next = with(first(), "token", token(&random));
    is_refused(&search(&one, &next), 400, "PAGE_REFUSED");
}
