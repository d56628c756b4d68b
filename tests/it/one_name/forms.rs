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

/// Names that are like `victim` to whoever reads them, or writes them in another case.
const ALIKE: [&str; 6] = [
    "vi\u{441}tim",
    "v\u{456}ctim",
    "vict\u{3b9}m",
    "vi\u{13df}tim",
    "v\u{131}ctim",
    "v\u{130}ctim",
];

/// Other ways to write one address, or to write two as one.
const NOT_PLAIN: [&str; 12] = [
    "victim@x.example.",
    "victim@x\u{3002}example",
    "victim@.x.example",
    "\"victim\"@x.example",
    "victim <victim@x.example>",
    "<victim@x.example>",
    "victim(comment)@x.example",
    "mailto:victim@x.example",
    "mia@x.example,victim@x.example",
    "mia@x.example;victim@x.example",
    "mia@y.example@x.example",
    "victim@\u{445}.example\u{430}b",
];

/// Words of another script are words of their own, and so is one beside another.
const NOT_ALIKE: [&str; 5] = [
    "\u{438}\u{432}\u{430}\u{43d}",
    "\u{674e}li",
    "ivan-\u{438}\u{432}\u{430}\u{43d}",
    "wei\u{df}",
    "j\u{f8}rgen",
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
    for other in ALIKE {
        let reply = put(other);
        assert_eq!(reply.status, 403, "{other}: {}", reply.text);
        assert!(reply.text.contains("REQUEST_MALFORMED"), "{}", reply.text);
    }
    for other in NOT_ALIKE {
        assert_eq!(put(other).status, 200, "{other}");
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
    let alike = || {
        let alike = ALIKE.into_iter().map(|name| format!("{name}@x.example"));
        alike.chain(NOT_PLAIN.map(str::to_owned))
    };
    for email in alike() {
        let (status, answer) = create(&email);
        assert_eq!(status, 400, "{email}: {answer}");
        assert!(answer["detail"].to_string().contains("`context.email`"));
    }
    for name in NOT_ALIKE {
        let (status, answer) = create(&format!("{name}@x.example"));
        assert_eq!(
            (status, &answer["decision"]),
            (200, &json!("Allow")),
            "{name}"
        );
    }
    super::documents::over_both(|source| {
        super::documents::taken(source, &organisations());
        for email in alike().step_by(5) {
            let mut named = user("new");
            named["email"] = json!(email);
            super::documents::refused(source, &[named], &["`email`"]);
        }
        for (_, other) in others() {
            let mut named = user("new");
            named["email"] = json!(format!("{other}@x.example"));
            super::documents::refused(source, &[named], &["`email`", "normal form"]);
        }
    });
}
