//! Precedence, and every kind of fault.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::{Listen, LogFormat, Source};

fn load(flags: &Flags, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load_from(
        flags,
        variables
            .iter()
            .map(|(name, text)| (name.into(), text.into())),
    )
}

/// A file of this text, and the flags that name it.
fn file(text: &str) -> (tempfile::TempDir, Flags) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authz.toml");
    std::fs::write(&path, text).unwrap();
    (
        directory,
        Flags {
            config: Some(path),
            ..Flags::default()
        },
    )
}

/// Key, origin and problem of each fault; the origin without the directory of a temporary file.
fn faults(result: Result<Config, ConfigError>) -> Vec<(String, String, String)> {
    let short = |origin: &str| origin.rsplit('/').next().unwrap_or_default().to_owned();
    let faults = result.unwrap_err().faults;
    faults
        .into_iter()
        .map(|fault| (fault.key, short(&fault.origin), fault.problem))
        .collect()
}

fn fault(key: &str, origin: &str, problem: &str) -> (String, String, String) {
    (key.to_owned(), origin.to_owned(), problem.to_owned())
}

#[test]
fn nothing_set_is_the_defaults() {
    assert_eq!(
        load(&Flags::default(), &[("PATH", "/bin"), ("PEPPOL", "x")]),
        Config::defaults()
    );
}

#[test]
fn flags_win_over_variables_over_the_file_over_the_defaults() {
    let (_directory, mut flags) = file(
        "listen = '127.0.0.1:1'\ntenancy = 'entities:file'\npolicies = 'file'\nroutes = 'file'\nimport = 'file'\n\
         [server]\nworkers = 1\nconnections = 1\n",
    );
    flags.listen = Some("127.0.0.1:3".to_owned());
    flags.import = vec!["a".into(), "b".into()];
    flags.routes = Some("flag".into());
    let config = load(
        &flags,
        &[
            ("PEPPOL_AUTHZ_LISTEN", "127.0.0.1:2"),
            ("PEPPOL_AUTHZ_TENANCY", "entities:variable"),
            ("PEPPOL_AUTHZ_SERVER__WORKERS", "2"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen, Listen::Tcp(([127, 0, 0, 1], 3).into()));
    assert_eq!(config.tenancy, Source::Entities("variable".into()));
    assert_eq!(config.policies, Some("file".into()));
    assert_eq!(config.routes, Some("flag".into()));
    assert_eq!(config.import, [PathBuf::from("a"), "b".into()]);
    assert_eq!((config.server.workers, config.server.connections), (2, 1));
    assert_eq!(config.limits, Config::defaults().unwrap().limits);
}

#[test]
fn a_variable_names_the_file_and_the_flag_wins() {
    let (_a, one) = file("[server]\nworkers = 1");
    let (_b, two) = file("[server]\nworkers = 2");
    let variable = [(
        "PEPPOL_AUTHZ_CONFIG",
        one.config.as_ref().unwrap().to_str().unwrap(),
    )];
    assert_eq!(
        load(&Flags::default(), &variable).unwrap().server.workers,
        1
    );
    assert_eq!(load(&two, &variable).unwrap().server.workers, 2);
}

#[test]
fn variables_take_the_type_of_their_setting() {
    let config = load(
        &Flags::default(),
        &[
            ("PEPPOL_AUTHZ_POLICIES", "2024"),
            ("PEPPOL_AUTHZ_IMPORT", "['a', 'b']"),
            ("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "0s"),
            ("PEPPOL_AUTHZ_CACHE__ENABLED", "false"),
            ("PEPPOL_AUTHZ_CACHE__BYTES", "0"),
            ("PEPPOL_AUTHZ_LOG__FILTER", "[request{id=7}]=debug"),
            ("PEPPOL_AUTHZ_LOG__FORMAT", "json"),
        ],
    )
    .unwrap();
    assert_eq!(config.policies, Some("2024".into()));
    assert_eq!(config.import, [PathBuf::from("a"), "b".into()]);
    assert_eq!(config.server.drain_timeout, Duration::ZERO);
    assert_eq!((config.cache.enabled, config.cache.bytes), (false, 0));
    assert_eq!(config.log.filter, "[request{id=7}]=debug");
    assert_eq!(config.log.format, LogFormat::Json);
    let one = load(&Flags::default(), &[("PEPPOL_AUTHZ_IMPORT", "a")]).unwrap();
    assert_eq!(one.import, [PathBuf::from("a")]);
    let broken = load(&Flags::default(), &[("PEPPOL_AUTHZ_IMPORT", "[a, b]")]);
    let expected = fault(
        "import",
        "PEPPOL_AUTHZ_IMPORT",
        "is not an array in TOML's syntax",
    );
    assert_eq!(faults(broken), [expected]);
}

#[test]
fn every_fault_is_reported_with_its_origin() {
    let (_directory, mut flags) = file(
        "serve = {}\ncolour = 1\ncache = 3\nimport = ['a', 1]\npolicies = ''\nroutes = ''\n[limits]\nbatch = '5'\n\
         [server]\nworker = 1\nheight = 1\nworkers = -1\nrequest_timeout = 5\ndrain_timeout = '5'\nconnections = 0\n\
         worker_stack_bytes = 2_097_152\nidle_timeout = '2h'\nheader_read_timeout = '2h'\n",
    );
    flags.listen = Some("localhost:1".to_owned());
    let variables = [
        ("PEPPOL_AUTHZ_SERVER__WORKERZ", "1"),
        ("PEPPOL_AUTHZ_SERVER", "1"),
        ("PEPPOL_AUTHZ_listen", "unix:a"),
        ("PEPPOL_AUTHZ_LISTEN", "overridden"),
        ("PEPPOL_AUTHZ_RELOAD__WATCH", "yes"),
        ("PEPPOL_AUTHZ_LIMITS__ENTITIES", "many"),
        ("PEPPOL_AUTHZ_LOG__FORMAT", "xml"),
        ("PEPPOL_AUTHZ_LOG__FILTER", "a=loud"),
        ("PEPPOL_AUTHZ_TENANCY", "mysql://u:secret@h/db"),
        ("PEPPOL_AUTHZ_AUTHZEN__BASE_URL", "http://pdp.example.com"),
        ("PEPPOL_AUTHZ_AUTHZEN__REVEAL", "all"),
    ];
    let mut found = faults(load(&flags, &variables));
    assert!(
        found
            .iter()
            .all(|(_, _, problem)| !problem.contains("secret"))
    );
    let (top, server) = ("expected one of `listen`, ", "expected one of `workers`, ");
    for (_, _, problem) in &mut found {
        if let Some(end) = [top, server]
            .iter()
            .find_map(|start| Some(problem.find(start)? + start.len()))
        {
            problem.truncate(end);
        }
    }
    found.sort();
    let mut expected = vec![
        fault(
            "server.workerz",
            "PEPPOL_AUTHZ_SERVER__WORKERZ",
            "unknown key; did you mean `PEPPOL_AUTHZ_SERVER__WORKERS`?",
        ),
        fault("server", "PEPPOL_AUTHZ_SERVER", "unknown key"),
        fault(
            "listen",
            "PEPPOL_AUTHZ_listen",
            "unknown key, variables are in capitals",
        ),
        fault(
            "listen",
            "--listen",
            "expected `IP:PORT` (as `127.0.0.1:8180` or `[::1]:8180`) or `unix:PATH`, found `localhost:1`",
        ),
        fault(
            "tenancy",
            "PEPPOL_AUTHZ_TENANCY",
            "unknown tenancy source `mysql:`, expected `sqlite:PATH`, `postgres://…` or `entities:FILE`",
        ),
        fault("serve", "authz.toml", "unknown key; did you mean `server`?"),
        fault("colour", "authz.toml", &format!("unknown key, {top}")),
        fault("cache", "authz.toml", "expected a table, found `3`"),
        fault("import.1", "authz.toml", "expected a path, found `1`"),
        fault("policies", "authz.toml", "must not be empty"),
        fault("routes", "authz.toml", "must not be empty"),
        fault(
            "limits.batch",
            "authz.toml",
            "expected a whole number, found `5`",
        ),
        fault(
            "limits.entities",
            "PEPPOL_AUTHZ_LIMITS__ENTITIES",
            "expected a whole number, found `many`",
        ),
        fault(
            "server.worker",
            "authz.toml",
            "unknown key; did you mean `workers`?",
        ),
        fault(
            "server.height",
            "authz.toml",
            &format!("unknown key, {server}"),
        ),
        fault(
            "server.workers",
            "authz.toml",
            "expected a whole number, found `-1`",
        ),
        fault(
            "server.request_timeout",
            "authz.toml",
            "expected a duration as `200ms`, `5s`, `2m` or `1h`, found `5`",
        ),
        fault(
            "server.drain_timeout",
            "authz.toml",
            "expected a duration as `200ms`, `5s`, `2m` or `1h`, found `5`",
        ),
        fault(
            "server.connections",
            "authz.toml",
            "must be from `1` to `1000000`, found `0`",
        ),
        fault(
            "server.worker_stack_bytes",
            "authz.toml",
            "must be from `8388608` to `1073741824`, found `2097152`",
        ),
        fault(
            "server.header_read_timeout",
            "authz.toml",
            "must be from `1ms` to `1h`, found `2h`",
        ),
        fault(
            "reload.watch",
            "PEPPOL_AUTHZ_RELOAD__WATCH",
            "expected a boolean, found `yes`",
        ),
        fault(
            "authzen.base_url",
            "PEPPOL_AUTHZ_AUTHZEN__BASE_URL",
            "expected a URL as `https://HOST` or `https://HOST:PORT/PATH`, without query and fragment",
        ),
        fault(
            "authzen.reveal",
            "PEPPOL_AUTHZ_AUTHZEN__REVEAL",
            "expected one of `nothing`, `user`, `admin`, found `all`",
        ),
        fault(
            "log.format",
            "PEPPOL_AUTHZ_LOG__FORMAT",
            "expected `text` or `json`, found `xml`",
        ),
        fault(
            "log.filter",
            "PEPPOL_AUTHZ_LOG__FILTER",
            "`a=loud` is no log filter: error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5",
        ),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_fate_of_warnings_is_a_word_or_a_table() {
    let taken = |config: Config| config.policy_warnings.to_string();
    let (_directory, mut flags) = file("[policy_warnings]\nimpossible = 'log'\n");
    assert_eq!(taken(load(&flags, &[]).unwrap()), "impossible=log");
    let variable = [("PEPPOL_AUTHZ_POLICY_WARNINGS", "mixed_script=log")];
    // The whole value is another one.
    assert_eq!(taken(load(&flags, &variable).unwrap()), "mixed_script=log");
    let kinds = [("PEPPOL_AUTHZ_POLICY_WARNINGS__MIXED_SCRIPT", "log")];
    let both = "impossible=log,mixed_script=log";
    assert_eq!(taken(load(&flags, &kinds).unwrap()), both);
    let unknown = [("PEPPOL_AUTHZ_POLICY_WARNINGS__IMPOSIBLE", "log")];
    let found = faults(load(&flags, &unknown));
    assert!(
        found[0].2.contains("did you mean `impossible`?"),
        "{found:?}"
    );
    flags.policy_warnings = Some("log".parse().unwrap());
    assert_eq!(taken(load(&flags, &variable).unwrap()), "log");
    for (text, says) in [
        ("{ imposible = 'log' }", "did you mean `impossible`?"),
        ("{ bidi = 'log' }", "always refused"),
        (
            "{ impossible = 'no' }",
            "expected `deny` or `log`, found `no`",
        ),
        ("{ impossible = true }", "expected a string, found `true`"),
        ("true", "found `true`"),
        ("'no'", "expected `deny`, `log` or kinds"),
    ] {
        let (_directory, flags) = file(&format!("policy_warnings = {text}\n"));
        let found = faults(load(&flags, &[]));
        let [(key, origin, problem)] = found.as_slice() else {
            panic!("{text}: {found:?}");
        };
        assert!(key.starts_with("policy_warnings"), "{text}: {key}");
        assert!(origin.ends_with(".toml"), "{text}: {origin}");
        assert!(problem.contains(says), "{text}: {problem}");
    }
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other_fault() {
    let (_directory, mut flags) = file("[server\n");
    let variables = [("PEPPOL_AUTHZ_PORTS", "8180")];
    let found = faults(load(&flags, &variables));
    let [(variable, ..), (key, origin, problem)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (variable.as_str(), key.as_str(), origin.as_str()),
        ("ports", "config", "--config")
    );
    assert!(
        problem.contains("authz.toml` is not TOML: TOML parse error at line 1"),
        "{problem}"
    );

    flags.config = Some("/nonexistent/authz.toml".into());
    insta::assert_snapshot!(load(&flags, &variables).unwrap_err(), @r"
    invalid configuration, 2 faults:
      `ports` from `PEPPOL_AUTHZ_PORTS`: unknown key
      `config` from `--config`: `/nonexistent/authz.toml` cannot be read: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(load(&flags, &[]).unwrap_err(), @"invalid configuration: `config` from `--config`: `/nonexistent/authz.toml` cannot be read: No such file or directory (os error 2)");
}

/// The variables of a service, as Kubernetes sets them; `name` is in capitals.
fn service(name: &str, port: &str, protocol: &str) -> Vec<(String, String)> {
    let (lower, named) = (protocol.to_lowercase(), "SERVICE_PORT_HTTP_METRICS");
    let address = format!("{lower}://10.0.0.1:{port}");
    [
        ("SERVICE_HOST".to_owned(), "10.0.0.1".to_owned()),
        ("SERVICE_PORT".to_owned(), port.to_owned()),
        (named.to_owned(), port.to_owned()),
        ("PORT".to_owned(), address.clone()),
        (format!("PORT_{port}_{protocol}"), address),
        (format!("PORT_{port}_{protocol}_PROTO"), lower),
        (format!("PORT_{port}_{protocol}_PORT"), port.to_owned()),
        (
            format!("PORT_{port}_{protocol}_ADDR"),
            "10.0.0.1".to_owned(),
        ),
    ]
    .map(|(suffix, text)| (format!("{name}_{suffix}"), text))
    .into()
}

fn load_owned(variables: &[(String, String)]) -> Result<Config, ConfigError> {
    let variables = variables.iter();
    let variables = variables.map(|(name, text)| (name.as_str(), text.as_str()));
    load(&Flags::default(), &variables.collect::<Vec<_>>())
}

#[test]
fn variables_that_kubernetes_sets_for_services_are_no_settings() {
    for name in [
        "PEPPOL_AUTHZ",
        "PEPPOL_AUTHZ_METRICS",
        "PEPPOL_AUTHZ_POSTGRESQL",
        "PEPPOL_AUTHZ_POSTGRESQL_HL",
        // Also called as settings and their sections are.
        "PEPPOL_AUTHZ_LISTEN",
        "PEPPOL_AUTHZ_LOG",
        "PEPPOL_AUTHZ_SERVER__CONNECTIONS",
        "PEPPOL_AUTHZ_PORT",
        "PEPPOL_AUTHZ_2",
        "PEPPOL_AUTHZ_CONFIG",
    ] {
        for (port, protocol) in [("8180", "TCP"), ("53", "UDP"), ("132", "SCTP")] {
            let set = service(name, port, protocol);
            assert_eq!(load_owned(&set), Config::defaults(), "{name}");
        }
    }
}

#[test]
fn what_has_not_the_shape_of_a_service_link_is_an_unknown_setting() {
    for (name, key) in [
        ("PEPPOL_AUTHZ_PORT", "port"),
        ("PEPPOL_AUTHZ_SERVER__PORT", "server.port"),
        ("PEPPOL_AUTHZ_SERVICE", "service"),
        ("PEPPOL_AUTHZ_SERVICE_PORT_", "service_port_"),
        ("PEPPOL_AUTHZ_SUPPORT_1_TCP", "support_1_tcp"),
        ("PEPPOL_AUTHZ_PORT_X_TCP", "port_x_tcp"),
        ("PEPPOL_AUTHZ_PORT_5432", "port_5432"),
        ("PEPPOL_AUTHZ_PORT_5432_HTTP", "port_5432_http"),
        ("PEPPOL_AUTHZ_PORT_5432_TCP_HOST", "port_5432_tcp_host"),
        ("PEPPOL_AUTHZ_PORT_5432_TCP_", "port_5432_tcp_"),
        ("PEPPOL_AUTHZ_db_SERVICE_HOST", "db_service_host"),
        ("PEPPOL_AUTHZ_XSERVICE_HOST", "xservice_host"),
    ] {
        assert_eq!(
            faults(load(&Flags::default(), &[(name, "8180")])),
            [fault(key, name, "unknown key")],
            "{name}"
        );
    }
}

/// If one had, the rule that a setting is never a service link would be all that keeps it.
#[test]
fn no_setting_has_the_shape_of_a_service_link() {
    fn names(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Dict(_, members) => {
                for (member, value) in members {
                    let prefix = if prefix.is_empty() {
                        ""
                    } else {
                        &format!("{prefix}__")
                    };
                    names(&format!("{prefix}{}", member.to_uppercase()), value, found);
                }
            }
            _ => found.push(prefix.to_owned()),
        }
    }
    let mut found = Vec::new();
    names(
        "",
        &Value::serialize(Config::defaults().unwrap()).unwrap(),
        &mut found,
    );
    assert!(found.contains(&"SERVER__CONNECTIONS_PER_PEER".to_owned()));
    for name in found {
        let text = std::ffi::OsStr::new("tcp://10.0.0.1:1");
        assert!(!service_link::is_one(&name, text), "{name}");
    }
}

#[test]
#[cfg(unix)]
fn values_that_are_not_utf_8_are_faults() {
    use std::os::unix::ffi::OsStringExt;
    let odd = || OsString::from_vec(vec![b'a', 0xff]);
    let flags = Flags {
        schema: Some(odd().into()),
        ..Flags::default()
    };
    let result = Config::load_from(&flags, [("PEPPOL_AUTHZ_POLICIES".into(), odd())]);
    let [policies, schema] = ["policies", "schema"].map(|key| key.to_owned());
    let keys: Vec<_> = result
        .unwrap_err()
        .faults
        .into_iter()
        .map(|fault| fault.key)
        .collect();
    assert_eq!(keys, [policies, schema]);
}

#[test]
fn defaults_that_cannot_be_used_are_faults() {
    for (text, key) in [("", ""), ("[limits]\nbatch = 'many'", "limits.batch")] {
        let (_directory, flags) = file(text);
        let path = flags.config.unwrap();
        let defaults = Layer::of_file("--config", &path, &mut Vec::new()).unwrap();
        let found = faults(read(&defaults, [], Vec::new()).map(|(config, _)| config));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, key);
    }
}
