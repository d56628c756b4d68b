//! The protocols that listeners speak.

/// HTTP/2, as clients ask for it by ALPN.
pub(crate) const HTTP2: &[u8] = b"h2";

/// The protocols that a listener speaks, of which clients choose one by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsProtocol {
    /// HTTP/2, and HTTP/1.1 for those who do not ask for it.
    Http,
    /// HTTP/2 alone, for gRPC.
    Http2,
}

impl TlsProtocol {
    /// Their names in ALPN, the first choice first.
    pub(super) fn names(self) -> &'static [&'static [u8]] {
        match self {
            Self::Http => &[HTTP2, b"http/1.1"],
            Self::Http2 => &[HTTP2],
        }
    }
}
