//! The peers that a header is believed from: a network of addresses, or the peers on a Unix socket.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};

/// `10.0.0.0/8`, `::1`, or `unix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Network {
    /// Addresses that begin with the same bits.
    Ip {
        /// The lowest of them.
        address: IpAddr,
        /// The number of bits.
        prefix: u8,
    },
    /// Connections over a Unix socket.
    Unix,
}

/// Why a text is no [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither a network nor `unix`.
    #[error("expected a network as `10.0.0.0/8` or `::1/128`, an address, or `unix`, found `{0}`")]
    Neither(String),
    /// An address in the network, which may stand for that address alone.
    #[error("`{0}` has bits beyond its prefix, expected `{1}`")]
    Beyond(String, Box<Network>),
}

// === impl Network ===

impl Network {
    /// Returns true if the network holds an address.
    #[must_use]
    pub fn holds(self, other: IpAddr) -> bool {
        let Self::Ip { address, prefix } = self else {
            return false;
        };
        // `::ffff:127.0.0.1` is how a socket for both families calls 127.0.0.1.
        let other = other.to_canonical();
        other.is_ipv4() == address.is_ipv4() && lowest(other, prefix) == address
    }
}

/// The address with all bits behind the prefix cleared.
fn lowest(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let parsed = match text.split_once('/') {
            None => text.parse().ok().map(|address| (address, None)),
            Some((address, prefix)) => {
                let address = address.parse().ok();
                // `+8` and `08` are numbers to Rust.
                let plain = prefix.bytes().all(|byte| byte.is_ascii_digit())
                    && (prefix == "0" || !prefix.starts_with('0'));
                let prefix = prefix.parse::<u8>().ok().filter(|_| plain);
                address
                    .zip(prefix)
                    .map(|(address, prefix)| (address, Some(prefix)))
            }
        };
        let Some((address, prefix)) = parsed else {
            return Err(NetworkError::Neither(text));
        };
        let longest = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let prefix = prefix.unwrap_or(longest);
        // A network of mapped addresses would never hold an address.
        if prefix > longest || address != address.to_canonical() {
            return Err(NetworkError::Neither(text));
        }
        let lowest = lowest(address, prefix);
        let network = Self::Ip {
            address: lowest,
            prefix,
        };
        if lowest == address {
            Ok(network)
        } else {
            Err(NetworkError::Beyond(text, Box::new(network)))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip { address, prefix } => write!(f, "{address}/{prefix}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
