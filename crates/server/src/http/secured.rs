//! The beginning of a connection: the handshake of TLS, where its listener has TLS, and who is at its other
//! end.
//!
//! It happens on the place that the connection has, within the time for a head, so that half handshakes hold
//! nobody up.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::connection::FIRST_WORD;
use super::connection_caller::ConnectionCaller;
use super::connection_peer::ConnectionPeer;
use super::listener::{ListenerTraits, Stream};
use super::server_state::Stage;
use crate::callers::{Caller, Connected, Transport};
use crate::tls::{HTTP2, SecureStream, TlsProtocol};

/// A connection that requests can be read from.
pub(super) enum SecuredStream {
    Tcp(TcpStream),
    Tls(Box<SecureStream<TcpStream>>),
    Unix(UnixStream),
}

/// True if a client has chosen HTTP/2.
pub(super) fn is_http2<S>(stream: &SecureStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// Ready when a server that ends need not wait any more for who has said nothing yet.
async fn ends(stage: &mut watch::Receiver<Stage>) {
    let _ = stage.wait_for(|stage| *stage != Stage::Serve).await;
    // A client that has just connected is about to ask.
    let cut = stage.wait_for(|stage| *stage == Stage::Cut);
    let _ = tokio::time::timeout(FIRST_WORD, cut).await;
}

/// Shakes hands where that is needed, and finds out whose the connection is; `None` for a client that does not
/// get so far.
pub(super) async fn secured(
    (stream, peer): (Stream, ConnectionPeer),
    traits: &ListenerTraits,
    protocol: TlsProtocol,
    patience: Duration,
    mut stage: watch::Receiver<Stage>,
) -> Option<(SecuredStream, ConnectionCaller)> {
    let mut transport = Transport {
        listener: traits.name,
        is_local: traits.is_local,
        address: match peer {
            ConnectionPeer::Ip(address) => Some(address.to_canonical()),
            ConnectionPeer::Unix => None,
        },
        ..Transport::default()
    };
    let stream = match (stream, &traits.tls) {
        (Stream::Unix(stream), _) => {
            let user = stream.peer_cred().ok();
            transport.user = user.map(|user| (user.uid(), user.gid()));
            SecuredStream::Unix(stream)
        }
        (Stream::Tcp(stream), None) => SecuredStream::Tcp(stream),
        (Stream::Tcp(stream), Some(tls)) => {
            let shaken = tokio::select! {
                shaken = tls.accept(stream, protocol, patience) => shaken,
                () = ends(&mut stage) => return None,
            };
            match shaken {
                Ok((stream, certificate)) => {
                    transport.certificate = certificate;
                    SecuredStream::Tls(Box::new(stream))
                }
                Err(error) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    return None;
                }
            }
        }
    };
    Some((
        stream,
        ConnectionCaller(Arc::new(Connected::new(Arc::new(Caller::of(transport))))),
    ))
}
