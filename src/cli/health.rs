//! `health`: asks a running sidecar how it is.

mod tls_fault;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::args::HealthArgs;
use super::exit::{Ended, Exit};
use super::output::{AnyError, failed, misused, say};
use super::source::settings;
use peppol_authz_database::root_certificates;
use peppol_authz_engine::text::duration;
use peppol_authz_server::config::Listen;
use tls_fault::fault_text;

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// The longest part of an answer that is shown.
const SHOWN: usize = 300;

/// Whom to ask.
enum SidecarAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// A host that is looked up within the time limit, over TLS if it has to prove itself.
    Host(String, Option<Tls>),
}

/// A host that has to prove that it has a name.
struct Tls {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

pub(super) fn run(args: &HealthArgs) -> Ended {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let (asked, host) = asked(args)?;
    let shown = match &asked {
        SidecarAddress::Unix(socket) => format!("unix:{}{path}", socket.display()),
        SidecarAddress::Host(_, Some(_)) => format!("https://{host}{path}"),
        SidecarAddress::Tcp(_) | SidecarAddress::Host(_, None) => format!("http://{host}{path}"),
    };
    let (sender, answer) = channel();
    let timeout = args.timeout;
    // One deadline for all of it: a name that is looked up has none of its own.
    std::thread::spawn(move || {
        let _ = sender.send(ask(&asked, &host, path, timeout));
    });
    let answer = answer.recv_timeout(timeout);
    let problem = match answer {
        Ok(Ok(answer)) => match status(&answer) {
            Some((200, _)) => {
                say("ok");
                return Ok(Exit::Done);
            }
            Some((status, body)) => format!("answers {status}: {}", one_line(body)),
            None => "its answer is no HTTP".to_owned(),
        },
        Ok(Err(error)) if !is_late(&error) => fault_text(&error, args.ca.is_some()),
        _ => format!("no answer within {}", duration::format(timeout)),
    };
    Err(failed(format!("`{shown}`: {problem}")))
}

/// Whom the arguments or the settings name, with the name for the head of the request.
fn asked(args: &HealthArgs) -> Result<(SidecarAddress, String), Exit> {
    if let Some(url) = &args.url {
        return host_of(url, args.ca.as_deref()).map_err(misused);
    }
    let config = settings(&args.flags())?;
    // An address that is named is only asked: it need not be fit for a start.
    let named = args.listen.as_deref().map(str::parse::<Listen>);
    let named = named.transpose().map_err(misused)?;
    // Administration tells of health where it has an address of its own.
    let of_admin = config.admin.listen.clone().filter(|_| named.is_none());
    let own_tls = of_admin.as_ref().and_then(|_| config.admin.own_tls());
    let is_secured = own_tls.unwrap_or(config.tls).is_set();
    match named.or(of_admin).unwrap_or(config.listen) {
        Listen::Tcp(address) if is_secured => Err(misused(format!(
            "`{address}` has TLS: name it by `--url https://HOST:PORT` with `--ca`, or give administration a \
             Unix socket, `admin.listen = \"unix:PATH\"`"
        ))),
        Listen::Unix(path) => Ok((SidecarAddress::Unix(path), "sidecar".to_owned())),
        Listen::Tcp(address) if address.port() == 0 => Err(misused(format!(
            "`{address}` lets the system choose a port, which nobody else knows: name it with `--listen`"
        ))),
        Listen::Tcp(address) => {
            let address = reachable(address);
            Ok((SidecarAddress::Tcp(address), address.to_string()))
        }
    }
}

/// The host that a URL names, and its name with the port.
fn host_of(url: &str, ca: Option<&Path>) -> Result<(SidecarAddress, String), AnyError> {
    let parts = url.split_once("://");
    let (scheme, rest) = parts
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .ok_or_else(|| {
            format!("`--url`: expected `http://HOST:PORT` or `https://HOST:PORT`, found `{url}`")
        })?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c);
    if rest.is_empty() || rest.starts_with(':') || rest.contains(wrong) {
        return Err(format!("`--url`: expected `http://HOST:PORT`, found `{url}`").into());
    }
    let port = if scheme == "https" { 443 } else { 80 };
    let (host, authority) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, rest.to_owned()),
        _ => (rest, format!("{rest}:{port}")),
    };
    let tls = match scheme {
        "https" => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Some(Tls {
                name: ServerName::try_from(host.to_owned())?,
                config: tls(ca)?,
            })
        }
        _ => None,
    };
    Ok((SidecarAddress::Host(authority.clone(), tls), authority))
}

/// TLS with servers that a file, or the system, vouches for.
fn tls(ca: Option<&Path>) -> Result<Arc<ClientConfig>, AnyError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(root_certificates(ca)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A sidecar that listens on all addresses is asked on the one of the machine itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Asks, and returns the answer as it is on the wire.
fn ask(
    asked: &SidecarAddress,
    host: &str,
    path: &str,
    timeout: Duration,
) -> std::io::Result<Vec<u8>> {
    match asked {
        SidecarAddress::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            exchange(stream, host, path)
        }
        SidecarAddress::Tcp(address) => exchange(connected(&[*address], timeout)?, host, path),
        SidecarAddress::Host(name, tls) => {
            let addresses: Vec<SocketAddr> = name.to_socket_addrs()?.collect();
            let stream = connected(&addresses, timeout)?;
            let Some(Tls { name, config }) = tls else {
                return exchange(stream, host, path);
            };
            let connection = ClientConnection::new(Arc::clone(config), name.clone());
            let connection = connection.map_err(std::io::Error::other)?;
            exchange(StreamOwned::new(connection, stream), host, path)
        }
    }
}

/// A connection to the first of these that takes one.
fn connected(addresses: &[SocketAddr], timeout: Duration) -> std::io::Result<TcpStream> {
    let mut refused = std::io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn exchange(mut stream: impl Read + Write, host: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while answer.len() < LONGEST && !is_whole(&answer) {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => answer.extend(chunk.iter().take(read)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if answer.is_empty() => return Err(error),
            // The bytes so far are the answer, however the connection ended.
            Err(_) => break,
        }
    }
    Ok(answer)
}

/// True if an answer has all that its head announces; of one that announces nothing the end is when the
/// connection is closed.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, length)| length.trim().parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// The status of an answer, and what it holds.
fn status(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.split_ascii_whitespace();
    let is_http = words.next()?.starts_with("HTTP/1.");
    let status = words.next()?.parse().ok()?;
    is_http.then(|| (status, body.to_owned()))
}

/// The beginning of a text, without what a terminal would act upon.
fn one_line(text: String) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(SHOWN).collect::<String>().trim().to_owned()
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}
