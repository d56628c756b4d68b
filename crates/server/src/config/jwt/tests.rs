//! Settings of tokens.

use super::*;
use crate::config::tests::load_text;
use crate::config::{Config, Flags};

const DOCUMENT: &str = include_str!("../../../../../config.default.toml");

fn load(text: &str) -> Result<Jwt, Vec<String>> {
    load_text(text).map(|config| config.jwt)
}

#[test]
fn keys_are_a_path_or_a_url_that_nobody_on_the_way_can_change() {
    let read = |text: &str| Jwks::try_from(text.to_owned());
    for text in ["jwks.json", "/etc/jwks.json", "./https/jwks.json"] {
        assert_eq!(read(text), Ok(Jwks::File(text.into())));
    }
    for text in [
        "https://login.example.com/jwks.json",
        "https://login.example.com:8443/realms/a/certs?p=b&x=%20",
        "https://[2001:db8::1]/keys",
        "http://localhost/keys",
        "http://localhost:8080/keys",
        "http://127.0.0.1:8080/keys",
        "http://127.9.9.9",
        "http://[::1]:8080/keys",
    ] {
        assert!(matches!(read(text), Ok(Jwks::Url(url)) if url.as_str() == text));
    }
    for text in [
        "http://login.example.com/jwks.json",
        "http://10.0.0.1/keys",
        "http://localhost.example.com/keys",
        "http://127.0.0.1.example.com/keys",
        "http://[2001:db8::1]/keys",
        "http://0.0.0.0/keys",
    ] {
        assert_eq!(read(text), Err(JwksError::Plain), "{text}");
    }
    for text in [
        "ftp://login.example.com/jwks.json",
        "HTTPS://login.example.com/jwks.json",
        "file:///etc/jwks.json",
        "https://",
        "https:///jwks.json",
        "https://user:word@login.example.com/jwks.json",
        "http://localhost@login.example.com/jwks.json",
        "http://localhost\\@login.example.com/jwks.json",
        "https://login.example.com/jwks.json#keys",
        "https://login.example.com/a b",
        "https://login.example.com:99999/",
    ] {
        assert_eq!(read(text), Err(JwksError::Url), "{text}");
    }
}

#[test]
fn every_algorithm_is_asymmetric() {
    let read = |text: &str| Algorithm::try_from(text.to_owned());
    for algorithm in Algorithm::ALL {
        assert_eq!(read(algorithm.name()), Ok(algorithm));
    }
    let faults = load("[jwt]\nalgorithms = ['RS256', 'none']\n").unwrap_err();
    assert_eq!(
        faults,
        ["jwt.algorithms.1: `none` is no signature: anybody could make such a token"]
    );
    for name in ["HS256", "HS384", "HS512", "hs256"] {
        let faults = load(&format!("[jwt]\nalgorithms = ['{name}']\n")).unwrap_err();
        assert!(faults[0].contains("is symmetric"), "{faults:?}");
    }
    for name in ["None", "NONE"] {
        assert_eq!(read(name), Err(AlgorithmError::None));
    }
    for name in ["", "rs256", "ES512", "RSA-OAEP"] {
        assert_eq!(read(name), Err(AlgorithmError::Unknown), "{name}");
    }
    assert_eq!(
        load("[jwt]\nalgorithms = []\n").unwrap_err(),
        ["jwt.algorithms: must not be empty"]
    );
}

#[test]
fn who_made_a_token_and_for_whom_is_required() {
    assert_eq!(
        load("[jwt]\njwks = 'keys.json'\n").unwrap_err(),
        [
            "jwt.issuer: is required where `jwt.jwks` is set",
            "jwt.audience: is required where `jwt.jwks` is set"
        ]
    );
    assert_eq!(
        load("[jwt]\njwks = 'keys.json'\nissuer = ''\naudience = ['a', '']\n").unwrap_err(),
        [
            "jwt.issuer: must not be empty",
            "jwt.audience: must not be empty"
        ]
    );
    let jwt = load("[jwt]\njwks = 'keys.json'\nissuer = 'a'\naudience = ['b', 'c']\n").unwrap();
    assert_eq!(
        (jwt.issuer, jwt.audience),
        (vec!["a".to_owned()], vec!["b".to_owned(), "c".to_owned()])
    );
}

#[test]
fn variables_set_it_too() {
    let set = [
        ("JWKS", "https://login.example.com/jwks.json"),
        ("ISSUER", "https://login.example.com/"),
        ("AUDIENCE", "['peppol', 'smp']"),
        ("ALGORITHMS", "['ES384']"),
        (
            "PRINCIPAL",
            "[{type = 'Robot', claim = 'sub', when = {robot = true}}]",
        ),
    ];
    let variables =
        set.map(|(name, text)| (format!("PEPPOL_AUTHZ_JWT__{name}").into(), text.into()));
    let jwt = Config::load_from(&Flags::default(), variables).unwrap().jwt;
    assert!(matches!(jwt.jwks, Some(Jwks::Url(_))));
    assert_eq!(jwt.issuer, ["https://login.example.com/"]);
    assert_eq!(jwt.audience, ["peppol", "smp"]);
    assert_eq!(jwt.algorithms, [Algorithm::Es384]);
    assert_eq!(jwt.principal[0].kind, "Robot");
}

#[test]
fn times_have_their_ranges() {
    let faults = load(
        "[jwt]\njwks = ''\nissuer = 'a'\naudience = 'b'\nleeway = '11m'\nrefresh = '0s'\n\
         min_refresh = '0s'\nmax_stale = '721h'\ntimeout = '0s'\nca_certificate = ''\n",
    );
    let keys: Vec<_> = faults
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        keys,
        [
            "leeway",
            "refresh",
            "min_refresh",
            "max_stale",
            "timeout",
            "ca_certificate",
            "jwks"
        ]
        .map(|key| format!("jwt.{key}"))
    );
    assert_eq!(
        load("[jwt]\nmax_stale = '5m'\n").unwrap_err(),
        ["jwt.max_stale: must not be less than `jwt.refresh`"]
    );
}

#[test]
fn the_example_of_principals_is_one() {
    let example: String = DOCUMENT
        .lines()
        .skip_while(|line| !line.ends_with(" As:"))
        .skip(1)
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{}\n", line.trim_start_matches('#').trim()))
        .collect();
    let principal = load(&example).unwrap().principal;
    assert_eq!(principal.len(), 2);
    assert_eq!(principal[0].kind, "SubAccount");
    assert_eq!(principal[0].attribute.as_deref(), Some("email"));
    assert_eq!(
        principal[0].when["account_type"],
        Constant::Text("sub-account".to_owned())
    );
    assert_eq!(principal[1], Config::defaults().unwrap().jwt.principal[0]);
}

#[test]
fn a_principal_is_of_a_type_and_a_claim() {
    let entry = |text: &str| load(&format!("[[jwt.principal]]\n{text}\n"));
    let when = entry("type = 'User'\nclaim = '/a/b'\nwhen = { '/c~1d' = true, n = 3 }");
    let when = when.unwrap().principal.remove(0).when;
    assert_eq!(when["/c~1d"], Constant::Truth(true));
    assert_eq!(when["n"], Constant::Number(3));
    let is_lenient = |text: &str| entry(text).unwrap().principal.remove(0).unverified;
    let address = "type = 'User'\nclaim = 'email'\nattribute = 'email'";
    assert!(!is_lenient(address));
    assert!(is_lenient(&format!("{address}\nunverified = true")));
    for text in [
        "type = 'User'",
        "claim = 'sub'",
        "type = ''\nclaim = 'sub'",
        "type = 'User'\nclaim = ''",
        "type = 'User'\nclaim = '/'",
        "type = 'User'\nclaim = '/a~2'",
        "type = 'User'\nclaim = 'sub'\nattribute = ''",
        "type = 'User'\nclaim = 'sub'\nwhen = { '' = 1 }",
        "type = 'User'\nclaim = 'sub'\nwhen = { a = 1.5 }",
        "type = 'User'\nclaim = 'sub'\nwhen = { a = ['b'] }",
        "type = 'User'\nclaim = 'sub'\nwher = { a = 'b' }",
        "type = 'User'\nclaim = 'email'\nunverified = 'yes'",
    ] {
        let faults = entry(text).unwrap_err();
        assert!(faults[0].starts_with("jwt.principal"), "{text}: {faults:?}");
    }
    assert_eq!(
        load("[jwt]\nprincipal = []\n").unwrap_err(),
        ["jwt.principal: must not be empty"]
    );
}

#[test]
fn issuers_have_keys_of_their_own() {
    let entry = |text: &str| load(&format!("[[jwt.issuers]]\n{text}\n"));
    let good = "issuer = 'https://a'\njwks = 'a.json'\naudience = 'x'\n\
                principal = [{ type = 'User', claim = 'sub' }]\n";
    let jwt = entry(good).unwrap();
    assert!(jwt.is_set() && jwt.jwks.is_none());
    assert_eq!(jwt.issuers[0].audience, ["x"]);
    assert!(!load("").unwrap().is_set());
    for (text, words) in [
        (good.replace("https://a", ""), "`issuer` must not be empty"),
        (
            good.replace("https://a", "https://a/{tenantid}/v2.0"),
            "each tenant",
        ),
        (good.replace("a.json", ""), "a path"),
        (
            good.replace("a.json", "http://a.example/keys"),
            "`http` only to the machine itself",
        ),
        (good.replace("'x'", "''"), "`audience`"),
        (good.replace("'x'", "[]"), "`audience`"),
        (
            good.replace("[{ type = 'User', claim = 'sub' }]", "[]"),
            "`principal`",
        ),
        (good.replace("'sub'", "'/'"), "a claim must be"),
        (good.replace("audience = 'x'\n", ""), "audience"),
        (good.replace("principal", "principals"), "unknown key"),
        (format!("{good}algorithms = ['HS256']"), "symmetric"),
        (format!("{good}types = ['']"), "`types`"),
        (
            format!("{good}types = ['application/Logout+JWT']"),
            "no bearer",
        ),
        (format!("{good}audience_claim = ['']"), "a claim must be"),
        (format!("{good}require = {{ '/' = 1 }}"), "a claim must be"),
        (
            format!("{good}[[jwt.issuers]]\n{good}"),
            "`https://a` is there twice",
        ),
        (
            format!("{good}[jwt]\njwks = 'b'\nissuer = 'https://a'\naudience = 'y'"),
            "`https://a` is there twice",
        ),
    ] {
        let faults = entry(&text).unwrap_err();
        assert!(faults[0].contains(words), "{text}: {faults:?}");
        assert!(faults[0].starts_with("jwt.issuers"), "{text}: {faults:?}");
    }
}

#[test]
fn what_tokens_need_is_checked() {
    for (text, fault) in [
        ("types = []", "jwt.types: `types` must not be empty"),
        (
            "types = 'dpop+jwt'",
            "jwt.types: `types`: tokens of logouts, events and proofs are no bearer tokens",
        ),
        (
            "audience_claim = []",
            "jwt.audience_claim: a claim must be a name, or a JSON pointer as `/realm/role`",
        ),
        (
            "require = { '' = 1 }",
            "jwt.require: a claim must be a name, or a JSON pointer as `/realm/role`",
        ),
        (
            "max_bytes = 65536",
            "jwt.max_bytes: must be from `1024` to `57344`, found `65536`",
        ),
        (
            "issuer = ['https://a/{tenantid}']",
            "jwt.issuer: must name each issuer in full, and each tenant: `{` is in none of them",
        ),
    ] {
        assert_eq!(load(&format!("[jwt]\n{text}\n")).unwrap_err(), [fault]);
    }
    let jwt =
        load("[jwt]\naudience_claim = 'client_id'\nrequire = { token_use = 'access' }\n").unwrap();
    assert_eq!(jwt.audience_claim, ["client_id"]);
    assert_eq!(
        jwt.require["token_use"],
        Constant::Text("access".to_owned())
    );
}
