//! The password of a connection whose URL has none: `PGPASSWORD`, or that of a file, `PGPASSFILE` or `~/.pgpass`, as
//! PostgreSQL's own clients find it (its documentation, "The Password File").
//!
//! Other than for these, a file that `PGPASSFILE` names has to be there, and its group may read it: so it is where
//! systemd and Kubernetes keep secrets.

use std::env::var_os;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use peppol_authz_engine::store::StoreError;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The port of a URL without one.
const PORT: u16 = 5432;

/// Adds the password that the environment has for a URL.
///
/// # Errors
/// A named file that cannot be read, that anybody may read, or that has several passwords for the hosts of the URL.
pub(super) fn add_password(config: &mut Config) -> Result<(), StoreError> {
    if config.get_password().is_some() {
        return Ok(());
    }
    if let Some(password) = var_os("PGPASSWORD").filter(|it| !it.is_empty()) {
        config.password(password.into_encoded_bytes());
        return Ok(());
    }
    let found = match var_os("PGPASSFILE").filter(|it| !it.is_empty()) {
        Some(named) => of_file(Path::new(&named), config),
        None => match var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass")) {
            Some(path) if path.exists() => of_file(&path, config).or_else(|fault| {
                tracing::warn!(fault, "a file of passwords is passed over");
                Ok(None)
            }),
            _ => Ok(None),
        },
    };
    if let Some(password) = found.map_err(StoreError::Unavailable)? {
        config.password(password);
    }
    Ok(())
}

/// The password that a file has for a URL.
fn of_file(path: &Path, config: &Config) -> Result<Option<String>, String> {
    let text = text_of(path).map_err(|fault| format!("`{}`: {fault}", path.display()))?;
    let mut found = places(config).map(|place| of_place(&text, &place));
    let first = found.next().flatten();
    match found.all(|other| other == first) {
        true => Ok(first),
        false => Err(format!(
            "`{}` has not the same password for all hosts of the tenancy URL",
            path.display()
        )),
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    if about.permissions().mode() & 0o007 != 0 {
        return Err("anybody may read it; `chmod o=` takes that away".to_owned());
    }
    let mut text = String::new();
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    Ok(text)
}

/// A place that is connected to, as a line of a file names it.
struct ServerPlace {
    /// Any of these.
    hosts: Vec<String>,
    port: String,
    /// `None` where the URL leaves it to the client.
    database: Option<String>,
    user: Option<String>,
}

/// The places of a URL.
fn places(config: &Config) -> impl Iterator<Item = ServerPlace> {
    let (hosts, ports) = (config.get_hosts(), config.get_ports());
    let user = config.get_user().map(str::to_owned);
    // A database without a name is that of the user's.
    let database = config.get_dbname().map(str::to_owned);
    let database = database.or_else(|| user.clone());
    let addresses = config.get_hostaddrs();
    let count = hosts.len().max(addresses.len());
    (0..count).map(move |n| {
        let host = hosts.get(n).map(|host| match host {
            Host::Tcp(name) => vec![name.clone()],
            Host::Unix(path) => vec!["localhost".to_owned(), path.display().to_string()],
        });
        let address = || addresses.get(n).map(|address| vec![address.to_string()]);
        ServerPlace {
            hosts: host.or_else(address).unwrap_or_default(),
            port: ports.get(n).or(ports.first()).unwrap_or(&PORT).to_string(),
            database: database.clone(),
            user: user.clone(),
        }
    })
}

/// The password of the first line that fits.
fn of_place(text: &str, place: &ServerPlace) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let [host, port, database, user, password] = fields?;
        let is = |field: &str, value: Option<&str>| field == "*" || Some(field) == value;
        let is_host = host == "*" || place.hosts.contains(&host);
        let fits = is_host
            && is(&port, Some(&place.port))
            && is(&database, place.database.as_deref())
            && is(&user, place.user.as_deref());
        fits.then_some(password)
    })
}

/// The fields of a line. A colon ends one of the first four, unless a backslash is before it. In all of them a
/// backslash takes the meaning from the character behind it.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields: [String; 5] = Default::default();
    let mut place = 0;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let field = fields.get_mut(place)?;
        match letter {
            '\\' => field.push(letters.next()?),
            ':' if place == 4 => break,
            ':' => place += 1,
            _ => field.push(letter),
        }
    }
    (place == 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str, url: &str) -> Option<String> {
        let config: Config = url.parse().unwrap();
        let mut found = places(&config).map(|place| of_place(text, &place));
        found.next().unwrap()
    }

    #[test]
    fn the_first_line_that_fits_has_it() {
        let text = "# a:5432:b:c:comment\nhalf a line\nother:*:*:*:of-other\ndb:5433:*:*:of-port\n\
                    db:*:tenancy:authz:of-all\n*:*:*:authz:of-user\n";
        let of = |url: &str| password(text, url);
        assert_eq!(of("postgres://authz@db/tenancy").as_deref(), Some("of-all"));
        assert_eq!(of("postgres://authz@db/else").as_deref(), Some("of-user"));
        assert_eq!(of("postgres://x@db:5433/else").as_deref(), Some("of-port"));
        assert_eq!(of("postgres://x@other/else").as_deref(), Some("of-other"));
        assert_eq!(of("postgres://x@db/else"), None);
        // A URL without a user leaves it to the machine, whose user no line can be meant for.
        assert_eq!(of("postgres://db/tenancy"), None);
    }

    #[test]
    fn a_database_without_a_name_is_the_users() {
        assert_eq!(
            password("*:*:authz:*:its", "postgres://authz@db").as_deref(),
            Some("its")
        );
    }

    #[test]
    fn a_socket_has_two_names() {
        let url = "postgres://authz@/tenancy?host=/run/postgresql";
        for host in ["localhost", "/run/postgresql"] {
            let text = format!("{host}:5432:tenancy:authz:its");
            assert_eq!(password(&text, url).as_deref(), Some("its"), "{host}");
        }
    }

    #[test]
    fn a_backslash_stands_before_a_colon_and_before_itself() {
        let url = "postgres://a%3Ab@db/tenancy";
        let text = r"db:5432:tenancy:a\:b:pa\:ss\\word:ignored";
        assert_eq!(password(text, url).as_deref(), Some(r"pa:ss\word"));
        assert_eq!(password(r"db:5432:tenancy:a:b\", url), None);
    }

    #[test]
    fn hosts_that_have_other_passwords_are_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let config = "postgres://u@one,two/d".parse().unwrap();
            of_file(file.path(), &config)
        };
        assert_eq!(of("*:*:*:*:same").unwrap().as_deref(), Some("same"));
        assert!(of("one:*:*:*:its\ntwo:*:*:*:another").is_err());
        assert!(of("one:*:*:*:its").is_err());
        assert_eq!(of("").unwrap(), None);
    }
}
