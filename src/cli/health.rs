//! `health`: asks a running sidecar how it is.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::args::HealthArgs;
use super::exit::{Ended, Exit};
use super::output::{failed, misused, say};
use super::source::settings;
use peppol_authz_engine::text::duration;
use peppol_authz_server::config::Listen;

/// The longest answer that is read.
const LONGEST: u64 = 64 * 1024;

/// The longest part of an answer that is shown.
const SHOWN: usize = 300;

/// Whom to ask.
enum Asked {
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
    /// A host that is looked up within the time limit.
    Host(String),
}

pub(super) fn run(args: &HealthArgs) -> Ended {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let (asked, host) = asked(args)?;
    let shown = match &asked {
        Asked::Unix(socket) => format!("unix:{}{path}", socket.display()),
        Asked::Tcp(_) | Asked::Host(_) => format!("http://{host}{path}"),
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
            None => "answers what is no HTTP".to_owned(),
        },
        Ok(Err(error)) if !is_late(&error) => error.to_string(),
        _ => format!("no answer within {}", duration::format(timeout)),
    };
    Err(failed(format!("`{shown}`: {problem}")))
}

/// Whom the arguments or the settings name, with the name for the head of the request.
fn asked(args: &HealthArgs) -> Result<(Asked, String), Exit> {
    if let Some(url) = &args.url {
        let host = url.strip_prefix("http://").map(|rest| {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            match rest.rsplit_once(':') {
                Some((_, port)) if !port.ends_with(']') => rest.to_owned(),
                _ => format!("{rest}:80"),
            }
        });
        let is_host = |host: &String| {
            let wrong = |c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c);
            !host.starts_with(':') && !host.contains(wrong)
        };
        return match host.filter(is_host) {
            Some(host) => Ok((Asked::Host(host.clone()), host)),
            None => Err(misused(format!(
                "`--url`: expected `http://HOST:PORT`, found `{url}`"
            ))),
        };
    }
    match settings(&args.flags())?.listen {
        Listen::Unix(path) => Ok((Asked::Unix(path), "sidecar".to_owned())),
        Listen::Tcp(address) if address.port() == 0 => Err(misused(format!(
            "`{address}` lets the system choose a port, which nobody else knows: name it with `--listen`"
        ))),
        Listen::Tcp(address) => {
            let address = reachable(address);
            Ok((Asked::Tcp(vec![address]), address.to_string()))
        }
    }
}

/// Who listens on all addresses is asked on the one of the machine itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Asks, and returns the answer as it is on the wire.
fn ask(asked: &Asked, host: &str, path: &str, timeout: Duration) -> std::io::Result<Vec<u8>> {
    match asked {
        Asked::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            exchange(stream, host, path)
        }
        Asked::Tcp(addresses) => over_tcp(addresses, host, path, timeout),
        Asked::Host(name) => {
            let addresses: Vec<SocketAddr> = name.to_socket_addrs()?.collect();
            over_tcp(&addresses, host, path, timeout)
        }
    }
}

fn over_tcp(
    addresses: &[SocketAddr],
    host: &str,
    path: &str,
    timeout: Duration,
) -> std::io::Result<Vec<u8>> {
    let mut refused = std::io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                return exchange(stream, host, path);
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
    match stream.take(LONGEST).read_to_end(&mut answer) {
        // What is there is the answer, however the connection ended.
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
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
