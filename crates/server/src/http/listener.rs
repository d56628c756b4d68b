//! The socket that questions arrive at: TCP or a Unix domain socket.
//!
//! It is bound before anything else is started, so that a port in use is found first. A Unix socket
//! has mode 0660 from the moment that it can be connected to, replaces what a killed process left
//! behind, and never a server that still answers. One that the supervisor has opened is taken as it is.

mod passed;

use std::collections::hash_map::RandomState;
use std::fs::{self, Permissions};
use std::hash::BuildHasher;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};

use super::connection_peer::ConnectionPeer;
use super::in_use::ConnectionsInUse;
use crate::callers::ListenerName;
use crate::config::Listen;
use crate::tls::ServerTls;

use passed::PassedSocket;
pub use passed::PassedSockets;

/// A socket that is bound and listens. Dropping it closes it, and removes the file of a Unix
/// socket.
#[derive(Debug)]
pub struct Listener {
    address: Listen,
    socket: Socket,
    traits: ListenerTraits,
}

/// The traits that all connections of a listener share.
#[derive(Clone, Debug)]
pub(crate) struct ListenerTraits {
    pub(crate) name: ListenerName,
    /// True if only this machine can reach it.
    pub(crate) is_local: bool,
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) in_use: Arc<ConnectionsInUse>,
}

/// An accepted connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    // INVARIANT: `file` is dropped first. While the socket is open the number of its inode cannot
    // be given to another file.
    Unix {
        #[expect(dead_code, reason = "held for its drop")]
        file: Option<SocketFile>,
        listener: UnixListener,
    },
}

/// The file of a bound Unix socket; dropping it removes the file, unless another one is there by
/// now.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Connections that the kernel holds until they are accepted; it may cap this
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 1024;

/// Of a Unix socket: owner and group may connect.
const MODE: u32 = 0o660;

// === impl Listener ===

impl Listener {
    /// Takes the socket with that address from the supervisor, or binds one; see [`Self::bind`].
    ///
    /// # Errors
    ///
    /// As [`Self::bind`].
    pub async fn of(passed: &mut PassedSockets, address: &Listen) -> io::Result<Self> {
        let socket = match passed.take(address) {
            None => return Self::bind(address).await,
            Some(PassedSocket::Tcp(listener)) => Socket::Tcp(TcpListener::from_std(listener)?),
            Some(PassedSocket::Unix(listener)) => Socket::Unix {
                // The supervisor's.
                file: None,
                listener: UnixListener::from_std(listener)?,
            },
        };
        tracing::info!(%address, "took a socket of the supervisor");
        Ok(Self {
            traits: ListenerTraits::at(address),
            address: address.clone(),
            socket,
        })
    }

    /// Binds `address` and listens. Must be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// The kernel's error, with the address. [`ErrorKind::AddrInUse`] where a server answers at a
    /// Unix socket's path, and [`ErrorKind::AlreadyExists`] where something else than a socket is
    /// there.
    pub async fn bind(address: &Listen) -> io::Result<Self> {
        let bound = match address {
            Listen::Tcp(address) => bind_tcp(*address),
            Listen::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on `{address}`: {error}"),
            )
        })
    }

    /// The same with TLS, which a Unix socket never has.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<ServerTls>>) -> Self {
        let traits = ListenerTraits { tls, ..self.traits };
        Self { traits, ..self }
    }

    /// The same with another purpose than questions.
    #[must_use]
    pub fn named(self, name: ListenerName) -> Self {
        let traits = ListenerTraits {
            name,
            ..self.traits
        };
        Self { traits, ..self }
    }

    pub(crate) fn traits(&self) -> &ListenerTraits {
        &self.traits
    }

    /// Where it listens; the port is the one that the kernel chose, where it was asked to.
    #[must_use]
    pub fn local_addr(&self) -> &Listen {
        &self.address
    }

    /// Waits for a connection. Dropping the future loses none.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, ConnectionPeer)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer is one write and should not wait for more. That it cannot be said is
                // the connection's problem.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                Ok((Stream::Tcp(stream), ConnectionPeer::Ip(peer.ip())))
            }
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), ConnectionPeer::Unix))
            }
        }
    }
}

impl ListenerTraits {
    fn at(address: &Listen) -> Self {
        Self {
            name: ListenerName::Questions,
            is_local: address.is_local(),
            tls: None,
            in_use: Arc::default(),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = Listen::Tcp(listener.local_addr()?);
    Ok(Listener {
        traits: ListenerTraits::at(&address),
        address,
        socket: Socket::Tcp(listener),
    })
}

/// Binds a name of its own beside `path`, and moves the finished socket there: between `bind` and
/// `chmod` the mode is the umask's, and a stale file must not be missing in between.
async fn bind_unix(path: &Path) -> io::Result<Listener> {
    make_way(path).await?;
    // Short, as the path of a socket may have 107 bytes.
    let name = format!(".{:06x}", RandomState::new().hash_one(path) & 0xff_ffff);
    let temporary = path.with_file_name(name);
    let socket = UnixSocket::new_stream()?;
    socket.bind(&temporary)?;
    let mut file = SocketFile::new(temporary)?;
    fs::set_permissions(&file.path, Permissions::from_mode(MODE))?;
    let listener = socket.listen(BACKLOG)?;
    file.rename(path)?;
    let address = Listen::Unix(path.to_owned());
    Ok(Listener {
        traits: ListenerTraits::at(&address),
        address,
        socket: Socket::Unix {
            file: Some(file),
            listener,
        },
    })
}

/// Looks at what is at `path`: nothing, or a socket that no one listens on, may be replaced.
async fn make_way(path: &Path) -> io::Result<()> {
    let in_use = |problem| Err(io::Error::new(ErrorKind::AddrInUse, problem));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "the file is there and is not a socket",
            ));
        }
        Ok(_) => {}
    }
    // Not blocking, unlike std's: a server that accepts nothing more is one that is there.
    match UnixStream::connect(path).await {
        Ok(_) => in_use("another server answers there".to_owned()),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::NotFound
            ) =>
        {
            Ok(())
        }
        Err(error) => in_use(format!("the socket is there and may be in use: {error}")),
    }
}

// === impl SocketFile ===

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove the socket");
        }
    }
}

#[cfg(test)]
mod tests;
