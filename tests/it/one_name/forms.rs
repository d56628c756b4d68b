//! Forms of Unicode: `é` of one character, and of a letter and an accent, are two ids, and nothing new
//! is made under the second. The same for letters of full width, ligatures and signs.

use serde_json::{Value, json};

use super::{Scene, about, organisations, role, user};

const COMPOSED: &str = "jos\u{e9}";
const DECOMPOSED: &str = "jose\u{301}";

/// Another form of a name.
const OTHERS: [(&str, &str); 8] = [
    (COMPOSED, DECOMPOSED),
    ("ang\u{e5}", "anga\u{30a}"),
    ("\u{c5}sa", "\u{212b}sa"),
    ("k1", "\u{212a}1"),
    ("max", "\u{ff4d}ax"),
    ("finn", "\u{fb01}nn"),
    ("sam", "\u{17f}am"),
    ("\u{ac00}b", "\u{1100}\u{1161}b"),
];

fn scene() -> Scene {
    let mut documents = organisations();
    for (name, _) in OTHERS {
        let mut named = user(name);
        named["email"] = json!(format!("{name}@x.example"));
        documents.extend([named, role(name, "globex", "ApUser")]);
    }
    documents.push(json!({"type": "LEGAL_ENTITY", "id": "le", "organisationId": "globex"}));
    Scene::of(&documents)
}

/// To a service that normalizes it is the other one's user.
#[test]
fn nothing_new_is_made_under_another_form_of_a_name() {
    let scene = scene();
    let put = |name: &str| {
        let body = json!({"name": name});
        scene.at_gateway("rita", "PUT /api/v1/user", Some(&body))
    };
    assert_eq!(put("somebody-new-\u{e9}").status, 200);
    for (name, other) in OTHERS {
        let known = put(name);
        assert!(known.text.contains("NOT_YOUR_AP_USER"), "{}", known.text);
        let reply = put(other);
        assert_eq!(reply.status, 403, "{other}: {}", reply.text);
        assert!(reply.text.contains("REQUEST_MALFORMED"), "{}", reply.text);
        let percent: String = other.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = scene.at_gateway("gina", &format!("DELETE /api/v1/user/{percent}"), None);
        assert_eq!(reply.status, 403, "{other}: {}", reply.text);
    }
}

/// It is another id: unknown where it is not stored, and its own where it is.
#[test]
fn by_its_bytes_it_is_another_one() {
    let scene = scene();
    let about_user = |id: &str| {
        let mut question = about("rita", "putUser", "Organisation", "rival");
        question["context"] = json!({"user": id});
        scene.natively(&question).1["reasons"][0]["code"].clone()
    };
    for (name, other) in OTHERS {
        assert_eq!(about_user(name), "NOT_YOUR_AP_USER", "{name}");
        assert_eq!(about_user(other), "UNKNOWN_ENTITY", "{other}");
    }
    let mut both = organisations();
    both.extend([COMPOSED, DECOMPOSED].map(|id| {
        let mut named = user(id);
        named["email"] = json!(format!("{}@x.example", id.len()));
        named
    }));
    both.push(role(DECOMPOSED, "globex", "orgadmin"));
    let scene = Scene::of(&both);
    for (id, wanted) in [(DECOMPOSED, "Allow"), (COMPOSED, "Deny")] {
        let question = about(id, "getOrganisation", "Organisation", "globex");
        assert_eq!(scene.natively(&question).1["decision"], wanted, "{id}");
    }
}

/// An address is registered, or it may be: in another form it is refused.
#[test]
fn an_address_has_one_form() {
    let scene = scene();
    let create = |email: &str| {
        let mut question = about("gina", "createSubAccount", "LegalEntity", "le");
        question["context"] = json!({"email": email});
        scene.natively(&question)
    };
    // The small letter of Ångström's sign is composed, and so is its address.
    let others = || {
        OTHERS
            .into_iter()
            .filter(|(_, other)| !other.starts_with('\u{212b}'))
    };
    for (name, other) in others() {
        let (status, answer) = create(&format!("{name}@x.example"));
        assert_eq!(
            (status, &answer["reasons"][0]["code"]),
            (200, &Value::from("EMAIL_ALREADY_REGISTERED")),
            "{name}"
        );
        let (status, answer) = create(&format!("{other}@x.example"));
        assert_eq!(status, 400, "{other}: {answer}");
        assert!(answer["detail"].to_string().contains("`context.email`"));
    }
    super::documents::over_both(|source| {
        super::documents::taken(source, &organisations());
        for (_, other) in others() {
            let mut named = user("new");
            named["email"] = json!(format!("{other}@x.example"));
            super::documents::refused(source, &[named], &["`email`", "normal form"]);
        }
    });
}
