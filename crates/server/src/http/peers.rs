//! The places that each peer may have: nobody takes those of all others.
//!
//! A peer is an address; of IPv6 it is a network of 64 bits, as a host has all addresses in one. Who may
//! open the file of a Unix socket is trusted, and has no limit of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;

use super::connection_peer::ConnectionPeer;

/// Peers that are known before those without a connection are forgotten.
const FIRST_SWEEP: usize = 64;

/// The places of each peer that has a connection.
#[derive(Debug)]
pub(super) struct Peers {
    each: usize,
    places: HashMap<IpAddr, Weak<Semaphore>>,
    sweep_at: usize,
}

impl Peers {
    pub(super) fn new(each: usize) -> Self {
        Self {
            each: each.min(Semaphore::MAX_PERMITS),
            places: HashMap::new(),
            sweep_at: FIRST_SWEEP,
        }
    }

    /// The places that the peer has which has most, and how many it may have.
    pub(super) fn most_used(&self) -> (usize, usize) {
        let free = |places: Arc<Semaphore>| places.available_permits();
        let known = self.places.values().filter_map(Weak::upgrade);
        let least = known.map(free).min().unwrap_or(self.each);
        (self.each.saturating_sub(least), self.each)
    }

    /// The places of a peer, `None` where it has no limit.
    pub(super) fn of(&mut self, peer: ConnectionPeer) -> Option<Arc<Semaphore>> {
        let ConnectionPeer::Ip(address) = peer else {
            return None;
        };
        let key = network(address);
        if let Some(known) = self.places.get(&key).and_then(Weak::upgrade) {
            return Some(known);
        }
        if self.places.len() >= self.sweep_at {
            self.places.retain(|_, places| places.strong_count() > 0);
            self.sweep_at = FIRST_SWEEP.max(self.places.len() * 2);
        }
        let places = Arc::new(Semaphore::new(self.each));
        self.places.insert(key, Arc::downgrade(&places));
        Some(places)
    }
}

/// The lowest address of a peer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            // The loopback address is no other network's.
            match address.is_loopback() {
                true => address.into(),
                false => Ipv6Addr::from(bits).into(),
            }
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peers: &mut Peers, address: &str) -> Arc<Semaphore> {
        peers
            .of(ConnectionPeer::Ip(address.parse().unwrap()))
            .unwrap()
    }

    #[test]
    fn a_peer_is_an_address_or_a_network_of_ipv6() {
        let mut peers = Peers::new(2);
        let first = of(&mut peers, "10.0.0.1");
        for (address, is_same) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("10.0.0.2", false),
        ] {
            let other = of(&mut peers, address);
            assert_eq!(Arc::ptr_eq(&first, &other), is_same, "{address}");
        }
        let first = of(&mut peers, "2001:db8:0:1::1");
        assert!(Arc::ptr_eq(&first, &of(&mut peers, "2001:db8:0:1:ffff::2")));
        assert!(!Arc::ptr_eq(&first, &of(&mut peers, "2001:db8:0:2::1")));
        assert!(peers.of(ConnectionPeer::Unix).is_none());
    }

    #[test]
    fn who_has_no_connection_is_forgotten_and_who_has_one_is_not() {
        let mut peers = Peers::new(2);
        let held = of(&mut peers, "192.0.2.1").try_acquire_owned().unwrap();
        for number in 0..10_000_u32 {
            of(&mut peers, &std::net::Ipv4Addr::from(number).to_string());
        }
        assert!(peers.places.len() <= FIRST_SWEEP);
        assert_eq!(of(&mut peers, "192.0.2.1").available_permits(), 1);
        assert_eq!(peers.most_used(), (1, 2));
        drop(held);
        assert_eq!(of(&mut peers, "192.0.2.1").available_permits(), 2);
        assert_eq!(peers.most_used(), (0, 2));
    }
}
