//! Sockets that the supervisor has opened, as systemd does for a unit `….socket`: sd_listen_fds(3).
//!
//! The supervisor keeps them open while this program is replaced by a newer version: who connects meanwhile
//! waits, and is not refused. They are taken by their addresses, those of the settings, so that who may ask
//! does not depend on who has opened a socket.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;

use listenfd::ListenFd;

use crate::config::Listen;

/// Sockets that were opened by the supervisor, and not taken yet.
#[derive(Debug, Default)]
pub struct PassedSockets(Vec<(Listen, PassedSocket)>);

/// One of them.
#[derive(Debug)]
pub(super) enum PassedSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl PassedSockets {
    /// Those of the environment, which nobody finds there afterwards. No other thread may be there yet.
    ///
    /// # Errors
    /// Something else than a stream socket with an address.
    pub fn of_environment() -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let sockets = (0..passed.len()).map(|number| read(&mut passed, number));
        let sockets = sockets.collect::<io::Result<Vec<_>>>();
        sockets.map(Self).map_err(|error| {
            let text = format!("a socket of the supervisor (LISTEN_FDS) cannot be used: {error}");
            io::Error::new(error.kind(), text)
        })
    }

    /// True if there are none, or none any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the one with this address.
    pub(super) fn take(&mut self, address: &Listen) -> Option<PassedSocket> {
        let mut all = self.0.iter();
        let found = all.position(|(found, _)| is_same(found, address))?;
        Some(self.0.swap_remove(found).1)
    }

    /// Checks that all were taken: who connects to another one would wait for ever.
    ///
    /// # Errors
    /// One that is left.
    pub fn are_all_taken(&self) -> io::Result<()> {
        let Some((address, _)) = self.0.first() else {
            return Ok(());
        };
        let text = format!(
            "the supervisor has opened `{address}` (LISTEN_FDS), and no setting names this address: make \
             `ListenStream=` of its unit and `listen` the same"
        );
        Err(io::Error::new(ErrorKind::InvalidInput, text))
    }
}

fn read(passed: &mut ListenFd, number: usize) -> io::Result<(Listen, PassedSocket)> {
    let taken = || io::Error::new(ErrorKind::InvalidInput, "it is taken");
    if let Ok(unix) = passed.take_unix_listener(number) {
        let unix = unix.ok_or_else(taken)?;
        let address = unix.local_addr()?;
        let path = address.as_pathname().ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidInput, "a Unix socket without a path")
        })?;
        unix.set_nonblocking(true)?;
        return Ok((Listen::Unix(path.to_owned()), PassedSocket::Unix(unix)));
    }
    let tcp = passed.take_tcp_listener(number)?.ok_or_else(taken)?;
    tcp.set_nonblocking(true)?;
    Ok((Listen::Tcp(tcp.local_addr()?), PassedSocket::Tcp(tcp)))
}

fn is_same(one: &Listen, other: &Listen) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match (one, other) {
        (Listen::Unix(one), Listen::Unix(other)) => real(one) == real(other),
        (one, other) => one == other,
    }
}
