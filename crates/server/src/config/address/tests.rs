//! Addresses that are read, written and refused.

use super::*;

#[test]
fn addresses_are_written_as_they_are_read() {
    for text in [
        "127.0.0.1:8180",
        "[::1]:0",
        "unix:/run/authz.sock",
        "unix:relative",
    ] {
        assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
    }
    for text in [
        "sqlite:tenancy.db",
        "sqlite:/var/lib/a:b.db",
        "entities:entities.json",
    ] {
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
}

#[test]
fn other_addresses_are_errors() {
    for text in [
        "",
        "8180",
        ":8180",
        "localhost:8180",
        "127.0.0.1",
        "127.0.0.1:99999",
        "UNIX:/a",
    ] {
        assert_eq!(
            text.parse::<Listen>(),
            Err(AddressError::Listen(text.to_owned()))
        );
    }
    assert_eq!(
        "unix:".parse::<Listen>(),
        Err(AddressError::Empty("unix:".to_owned()))
    );
    for text in ["", "tenancy.db"] {
        assert_eq!(
            text.parse::<Source>(),
            Err(AddressError::Source(text.to_owned()))
        );
    }
    assert_eq!(
        "sqlite:".parse::<Source>(),
        Err(AddressError::Empty("sqlite:".to_owned()))
    );
    assert_eq!(
        "sqlite::memory:".parse::<Source>(),
        Err(AddressError::Memory)
    );
}

#[test]
fn a_password_in_a_source_is_not_repeated() {
    for (url, shown) in [
        (
            "postgres://me:secret@host:5432/db",
            "postgres://me:***@host:5432/db",
        ),
        (
            "postgresql://me:s@secret@host/db",
            "postgresql://me:***@host/db",
        ),
        (
            "postgres://host/db?user=me&password=secret",
            "postgres://host/db",
        ),
        (
            "postgres://me@host/db?sslmode=disable",
            "postgres://me@host/db",
        ),
        ("postgres:///db", "postgres:///db"),
        ("postgres://me@[::1]:5432/db", "postgres://me@[::1]:5432/db"),
        (
            "postgres://one:5432,two:5433/db",
            "postgres://one:5432,two:5433/db",
        ),
        ("postgres://%2Frun%2Fpg/db", "postgres://%2Frun%2Fpg/db"),
        // Nobody knows which part of these is the password.
        ("postgres://me:secret?x@host/db", "postgres://…"),
        ("postgres://me:secret/x@host/db", "postgres://…"),
        ("postgres://me:secret#x@host/db", "postgres://…"),
        ("postgres://me:secret", "postgres://…"),
        ("postgres://me secret@host/db", "postgres://…"),
    ] {
        let source: Source = url.parse().unwrap();
        assert_eq!(source.to_string(), shown);
        assert!(!format!("{source:?}").contains("secret"), "{source:?}");
        let Source::Postgres(found) = source else {
            panic!("{url}")
        };
        assert_eq!(found.expose(), url);
    }
    for (text, scheme) in [
        ("mysql://me:secret@host/db", "mysql"),
        ("postgres:secret", "postgres"),
    ] {
        let error = text.parse::<Source>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{scheme}:`")) && !error.contains("secret"),
            "{error}"
        );
    }
}
