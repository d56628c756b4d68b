//! Settings of opaque tokens.

use super::*;
use crate::config::ServerUrlError;
use crate::config::tests::load_text;

fn load(text: &str) -> Result<Introspection, Vec<String>> {
    load_text(&format!("[introspection]\n{text}\n")).map(|config| config.introspection)
}

const GOOD: &str = "endpoint = 'https://login.example.com/introspect'\n\
                    client_secret_file = 'secret'\naudience = 'peppol'\n";

#[test]
fn an_endpoint_is_a_url_that_nobody_on_the_way_can_read() {
    let read = |text: &str| ServerUrl::try_from(text.to_owned());
    for text in [
        "https://login.example.com/oauth2/introspect",
        "https://[2001:db8::1]:8443/introspect?x=1",
        "http://localhost:8080/introspect",
        "http://127.0.0.1/introspect",
    ] {
        assert_eq!(read(text).unwrap().as_str(), text);
    }
    for text in [
        "http://login.example.com/introspect",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
    ] {
        assert_eq!(read(text), Err(ServerUrlError::Plain), "{text}");
    }
    for text in [
        "",
        "introspect",
        "/etc/introspect",
        "ftp://a/b",
        "https://",
        "https://user:secret@a/b",
        "https://a/b#c",
        "https://a/b c",
    ] {
        assert_eq!(read(text), Err(ServerUrlError::Form), "{text}");
    }
}

#[test]
fn nothing_is_asked_where_nothing_is_set() {
    assert!(!load("").unwrap().is_set());
    let set = load(GOOD).unwrap();
    assert!(set.is_set());
    assert_eq!(set.audience, ["peppol"]);
    assert_eq!(set.audience_claim, ["aud"]);
}

#[test]
fn every_fault_is_named() {
    let missing = "is required where `introspection.endpoint` is set";
    for (text, key, problem) in [
        (
            "endpoint = 'https://a/b'\naudience = 'x'".to_owned(),
            "client_secret_file",
            missing,
        ),
        (
            "endpoint = 'https://a/b'\nclient_secret_file = 'x'".to_owned(),
            "audience",
            missing,
        ),
        (
            "endpoint = 'a/b'".to_owned(),
            "endpoint",
            "expected a URL as `https://HOST/PATH`, without fragment",
        ),
        (
            format!("{GOOD}client_id = ''"),
            "client_id",
            "must not be empty",
        ),
        (
            format!("{GOOD}max_age = '2h'"),
            "max_age",
            "must be from `0s` to `1h`, found `2h`",
        ),
        (
            format!("{GOOD}timeout = '0s'"),
            "timeout",
            "must be from `10ms` to `1m`, found `0s`",
        ),
        (
            format!("{GOOD}connections = 0"),
            "connections",
            "must be from `1` to `1024`, found `0`",
        ),
        (
            format!("{GOOD}principal = []"),
            "principal",
            "must not be empty",
        ),
        (
            format!("{GOOD}principal = [{{ type = 'User', claim = '/a~2' }}]"),
            "principal",
            "a claim must be a name, or a JSON pointer as `/realm/role`",
        ),
        (
            format!("{GOOD}audience_claim = []"),
            "audience_claim",
            "a claim must be a name, or a JSON pointer as `/realm/role`",
        ),
        (
            format!("{GOOD}require = {{ '' = 1 }}"),
            "require",
            "a claim must be a name, or a JSON pointer as `/realm/role`",
        ),
    ] {
        let fault = format!("introspection.{key}: {problem}");
        assert_eq!(load(&text).unwrap_err(), [fault], "{text}");
    }
}
