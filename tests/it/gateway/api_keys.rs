//! Static keys, from the command that makes one to the answer.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::tokens::{Key, claims};
use super::{as_nginx, is_denied, is_subject, of_acme, start};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start, program, project};

/// A key, and its hash.
struct Made {
    key: String,
    hash: String,
}

/// By the command `key`.
fn made() -> Made {
    let done = program().arg("key").output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    let [key, hash] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    Made {
        key: key.strip_prefix("key   ").unwrap().to_owned(),
        hash: hash.strip_prefix("hash  ").unwrap().to_owned(),
    }
}

/// `peppol-authz key --hash -`: the code, and what it wrote.
fn hashed(text: &[u8]) -> (i32, String) {
    use std::io::Write;
    let mut child = program()
        .args(["key", "--hash", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (
        done.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

fn sha256(text: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    let digits = String::from_utf8(done.stdout).unwrap();
    format!("sha256:{}", digits.split(' ').next().unwrap())
}

fn entry(table: &str, name: &str, hashes: &[&str], claims: &str) -> String {
    let hashes: Vec<_> = hashes.iter().map(|hash| format!("'{hash}'")).collect();
    let hashes = hashes.join(", ");
    format!("[[{table}]]\nname = '{name}'\nhash = [{hashes}]\nclaims = {{ {claims} }}\n")
}

/// An entry of the settings.
fn set(name: &str, hashes: &[&str], claims: &str) -> String {
    entry("api_keys.key", name, hashes, claims)
}

const ANNA: &str = "sub = 'anna', organisation = 'acme'";

fn bearer(sidecar: &Sidecar, key: &str) -> Reply {
    of_acme(sidecar, &[("authorization", &format!("Bearer {key}"))])
}

fn basic(sidecar: &Sidecar, name: &str, key: &str) -> Reply {
    let pair = STANDARD.encode(format!("{name}:{key}"));
    of_acme(sidecar, &[("authorization", &format!("Basic {pair}"))])
}

#[test]
fn a_key_is_made_with_the_hash_that_is_set() {
    let (one, other) = (made(), made());
    assert_ne!(one.key, other.key);
    assert!(
        one.key.starts_with("authz_") && one.key.len() == 6 + 43,
        "{}",
        one.key
    );
    assert_eq!(one.hash, sha256(&one.key));
    for end in ["", "\n", "\r\n"] {
        let found = hashed(format!("{}{end}", one.key).as_bytes());
        assert_eq!(found, (0, format!("hash  {}\n", one.hash)));
    }
    for (text, words) in [
        (&b"hunter2"[..], "shorter than 32 characters"),
        (b"", "shorter than 32 characters"),
        (
            b"correct horse battery staple, and more",
            "other characters",
        ),
        (
            b"0123456789012345678901234567890123\n\n",
            "other characters",
        ),
        (
            b"0123456789012345678901234567890123\xff",
            "other characters",
        ),
    ] {
        let (code, said) = hashed(text);
        assert_eq!(code, 64, "{said}");
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_key_says_who_asks_and_what_a_token_would_say() {
    let (key, old, sub) = (made(), made(), made());
    let principals = "principal = [\n\
        { type = 'SubAccount', claim = 'email', attribute = 'email', when = { kind = 'sub' } },\n\
        { type = 'User', claim = 'sub' }]\n";
    let settings = format!(
        "[api_keys]\n{principals}{}{}",
        set("erp", &[&key.hash, &old.hash], ANNA),
        set(
            "sub",
            &[&sub.hash],
            "kind = 'sub', email = 'ghost@acme.example', email_verified = true"
        )
    );
    let mut sidecar = start(&settings).start();
    // Both, while one replaces the other.
    for key in [&key.key, &old.key] {
        is_subject(&bearer(&sidecar, key), "anna");
    }
    is_denied(&bearer(&sidecar, &sub.key), 403, "UNKNOWN_PRINCIPAL");
    let authorization = format!("Bearer {}", key.key);
    let list = as_nginx(
        &sidecar.address,
        "GET",
        "/legal-entities",
        &[("authorization", &authorization)],
    );
    assert_ne!(
        list.header("x-authz-code"),
        Some("REQUEST_MALFORMED"),
        "{list:?}"
    );
    let stranger = made().key;
    let (shorter, _) = key.key.split_at(key.key.len() - 1);
    for wrong in [
        &*stranger,
        shorter,
        &format!("{}A", key.key),
        &key.key.to_ascii_uppercase(),
        &key.hash.replace(':', "."),
        "anna",
    ] {
        let reply = bearer(&sidecar, wrong);
        is_denied(&reply, 401, "TOKEN_INVALID");
        let challenge = "Bearer realm=\"peppol-authz\", error=\"invalid_token\"";
        assert_eq!(reply.header("www-authenticate"), Some(challenge));
    }
    // Where it is not set, this is no scheme.
    is_denied(&basic(&sidecar, "erp", &key.key), 401, "TOKEN_MISSING");
    let samples = Samples::of(&sidecar);
    assert_eq!(samples.value("api_keys", &[]), 3.0);
    let reason = "it is none of the static keys";
    assert_eq!(
        samples.value("tokens_refused_total", &[("reason", reason)]),
        6.0
    );
    let log = serde_json::to_string(&sidecar.stop()).unwrap();
    for word in [&*stranger, &key.key, &key.hash] {
        assert!(!log.contains(word), "{log}");
    }
}

#[test]
fn a_name_and_a_key_are_taken_where_that_is_set_and_no_other_password() {
    let (key, other, jwt) = (made(), made(), Key::new());
    let start = start("");
    let tokens = start.path("set.json");
    std::fs::write(&tokens, jwt.set().to_string()).unwrap();
    let settings = format!(
        "[api_keys]\nbasic = true\n{}{}{}",
        set("erp", &[&key.hash], ANNA),
        set("other", &[&other.hash], "sub = 'mia'"),
        super::tokens::settings(&tokens)
    );
    std::fs::write(start.path("config.toml"), settings).unwrap();
    let sidecar = start.start();
    is_subject(&basic(&sidecar, "erp", &key.key), "anna");
    is_subject(&bearer(&sidecar, &key.key), "anna");
    is_denied(&basic(&sidecar, "other", &other.key), 403, "NOT_PERMITTED");
    let jwt = jwt.token(&claims(&json!({"sub": "anna"}), 0));
    is_subject(&bearer(&sidecar, &jwt), "anna");
    for (name, password) in [
        ("erp", &*other.key),
        ("other", &key.key),
        ("anna", &key.key),
        ("", &key.key),
        ("ERP", &key.key),
        ("erp", ""),
        ("erp", &key.hash),
        ("erp", &format!("{}:", key.key)),
        ("anna", &jwt),
        ("erp", &jwt),
    ] {
        let reply = basic(&sidecar, name, password);
        is_denied(&reply, 401, "TOKEN_INVALID");
        let challenge = "Bearer realm=\"peppol-authz\", error=\"invalid_token\", \
                         Basic realm=\"peppol-authz\", charset=\"UTF-8\"";
        assert_eq!(reply.header("www-authenticate"), Some(challenge));
    }
    for malformed in ["Basic", "Basic !", "Basic ZXJw", "Basic a, Basic b"] {
        let reply = of_acme(&sidecar, &[("authorization", malformed)]);
        is_denied(&reply, 401, "TOKEN_INVALID");
    }
    let missing = of_acme(&sidecar, &[]);
    is_denied(&missing, 401, "TOKEN_MISSING");
    let challenge =
        "Bearer realm=\"peppol-authz\", Basic realm=\"peppol-authz\", charset=\"UTF-8\"";
    assert_eq!(missing.header("www-authenticate"), Some(challenge));
}

#[test]
fn a_password_is_no_key_whatever_its_hash_and_a_key_has_its_time() {
    let (password, key, later) = ("hunter2", made(), made());
    let settings = format!(
        "[api_keys]\nbasic = true\n{}{}{}",
        set("weak", &[&sha256(password)], ANNA),
        set("over", &[&key.hash], "sub = 'anna', exp = 1_000_000_000"),
        set("later", &[&later.hash], "sub = 'anna', nbf = 4_000_000_000"),
    );
    let sidecar = start(&settings).start();
    is_denied(&bearer(&sidecar, password), 401, "TOKEN_INVALID");
    is_denied(&basic(&sidecar, "weak", password), 401, "TOKEN_INVALID");
    for key in [&key, &later] {
        is_denied(&bearer(&sidecar, &key.key), 401, "TOKEN_INVALID");
    }
    let samples = Samples::of(&sidecar);
    for reason in ["it has expired", "it is not valid yet"] {
        assert_eq!(
            samples.value("tokens_refused_total", &[("reason", reason)]),
            1.0
        );
    }
}

/// A sidecar with a file of keys.
fn with_file(text: &str, more: &str) -> Start {
    let start = start("");
    let file = start.path("keys.toml");
    std::fs::write(&file, text).unwrap();
    let settings = format!("[api_keys]\nfile = '{}'\n{more}", file.display());
    std::fs::write(start.path("config.toml"), settings).unwrap();
    start
}

/// Puts another file in the place of this one, as programs do it.
fn replace(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, file).unwrap();
}

#[test]
fn a_file_of_keys_is_taken_whole_when_it_changes_or_not_at_all() {
    let (first, second) = (made(), made());
    let reload = "[reload]\npoll_interval = '10ms'\nsettle = '10ms'\n";
    let of = |hashes: &[&str]| entry("key", "erp", hashes, ANNA);
    let mut sidecar = with_file(&of(&[&first.hash]), reload).start();
    let file = sidecar.path("keys.toml");
    is_subject(&bearer(&sidecar, &first.key), "anna");
    is_denied(&bearer(&sidecar, &second.key), 401, "TOKEN_INVALID");
    replace(&file, &of(&[&first.hash, &second.hash]));
    until("the second key is taken", || {
        bearer(&sidecar, &second.key).status == 200
    });
    is_subject(&bearer(&sidecar, &first.key), "anna");
    replace(&file, &of(&[&second.hash]));
    until("the first key is refused", || {
        bearer(&sidecar, &first.key).status == 401
    });
    is_subject(&bearer(&sidecar, &second.key), "anna");

    let twice = of(&[&second.hash]) + &of(&[&first.hash]);
    let plain = of(&[&first.key]);
    let nobody = entry("key", "erp", &[&first.hash], "organisation = 'acme'");
    for fault in [
        "",
        "[[key]]\nname = 'erp'",
        &twice,
        &plain,
        &nobody,
        "key = 1",
    ] {
        replace(&file, fault);
        let warns = |text: &str| text.contains("api keys: the last change of the file was refused");
        until("it is told", || warns(&sidecar.get("/readyz").text));
        assert_eq!(sidecar.get("/readyz").status, 200);
        assert_eq!(Samples::of(&sidecar).value("api_keys_refused", &[]), 1.0);
        is_subject(&bearer(&sidecar, &second.key), "anna");
        is_denied(&bearer(&sidecar, &first.key), 401, "TOKEN_INVALID");
        replace(&file, &of(&[&second.hash]));
        until("it is good again", || !warns(&sidecar.get("/readyz").text));
    }
    std::fs::remove_file(&file).unwrap();
    until("it is told", || {
        Samples::of(&sidecar).value("api_keys_refused", &[]) == 1.0
    });
    is_subject(&bearer(&sidecar, &second.key), "anna");
    // An operator who takes all away says so.
    replace(&file, "key = []\n");
    until("no key is left", || {
        bearer(&sidecar, &second.key).status == 401
    });
    assert_eq!(Samples::of(&sidecar).value("api_keys", &[]), 0.0);
    let log = serde_json::to_string(&sidecar.stop()).unwrap();
    for word in [&first.key, &second.key] {
        assert!(!log.contains(&**word), "{log}");
    }
}

#[test]
fn a_hangup_has_the_file_read_where_nothing_is_watched() {
    let (first, second) = (made(), made());
    let of = |made: &Made| entry("key", "erp", &[&made.hash], ANNA);
    let reload = "[reload]\nwatch = false\npoll_interval = '10ms'\nsettle = '0s'\n";
    let sidecar = with_file(&of(&first), reload).start();
    replace(&sidecar.path("keys.toml"), &of(&second));
    for _ in 0..100 {
        is_subject(&bearer(&sidecar, &first.key), "anna");
    }
    let pid = sidecar.pid().to_string();
    let done = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
    assert!(done.success());
    until("the second key is taken", || {
        bearer(&sidecar, &second.key).status == 200
    });
    is_denied(&bearer(&sidecar, &first.key), 401, "TOKEN_INVALID");
}

#[test]
fn keys_that_cannot_be_used_end_the_start_and_are_in_no_message() {
    let key = made();
    let plain = entry("key", "erp", &[&key.key], ANNA);
    let nobody = entry("key", "erp", &[&key.hash], "organisation = 'acme'");
    let unnamed = format!("[[key]]\nhash = '{}'\nsecret = '{}'\n", key.hash, key.key);
    for (text, words) in [
        ("", "`: line 1: "),
        (
            &*plain,
            "`erp`: `hash` must be `sha256:` and 64 hexadecimal digits",
        ),
        (&nobody, "`erp`: the claim that names who asks is missing"),
        (&unnamed, "`: line "),
        (&format!("key = '{}'", key.key), "`: line 1: "),
        (&format!("key = '{}", key.key), "`: line 1: "),
    ] {
        let (code, log) = with_file(text, "").fails();
        assert_eq!(code, 1, "{log}");
        assert!(
            log.contains(words) && log.contains("api_keys"),
            "{words}: {log}"
        );
        assert!(!log.contains(&key.key), "{log}");
    }
    let without = with_file("", "");
    std::fs::remove_file(without.path("keys.toml")).unwrap();
    let (code, log) = without.fails();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("`api_keys.file`: `"), "{log}");
    // One of the settings and one of the file.
    let set = set("erp", &[&key.hash], ANNA);
    let (code, log) = with_file(&entry("key", "erp", &[&made().hash], ANNA), &set).fails();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("`erp` is there twice"), "{log}");
    let robot = "principal = [{ type = 'Robot', claim = 'sub' }]\n";
    let (code, log) = start(&format!("[api_keys]\n{robot}{set}")).fails();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("api_keys.principal"), "{log}");
}

#[test]
fn the_example_runs() {
    let made = made();
    let start = Start::quickstart();
    let of_example = |name: &str| {
        let text = std::fs::read_to_string(project("examples/api-keys").join(name));
        text.unwrap()
    };
    let keys = of_example("keys.toml").replace("HASH", &made.hash);
    let file = start.path("keys.toml");
    std::fs::write(&file, keys).unwrap();
    let text = of_example("sidecar.toml");
    let text = text.replace("\"keys.toml\"", &format!("\"{}\"", file.display()));
    let config = start.path("sidecar.toml");
    std::fs::write(&config, text).unwrap();
    let sidecar = start.with(&["--config", config.to_str().unwrap()]).start();
    is_subject(&bearer(&sidecar, &made.key), "anna");
    is_subject(&basic(&sidecar, "erp-of-acme", &made.key), "anna");
}
