//! The client's address of a request: the peer of the connection, or the address that a trusted proxy forwarded.

mod hops;
#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

/// The maximum number of hops that are followed, from this server on. A chain of proxies has two or three.
pub(crate) const HOPS_MAX: usize = 16;

/// The peer of the request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The addresses of proxies: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

/// The text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network of trusted proxies: expected one such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7")]
pub struct InvalidNetwork(String);

/// How many characters of an invalid network an error message repeats.
const TEXT_SHOWN_MAX_CHARS: usize = 60;

/// Written in the form of IPv6 or not, an IPv4 network is one of IPv4: addresses are compared like that.
impl FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse().ok().or_else(alone);
        let network = network.ok_or_else(|| InvalidNetwork(text.chars().take(TEXT_SHOWN_MAX_CHARS).collect()))?;
        Ok(Self(as_ipv4(network).map_or(network, IpNet::V4)))
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;
    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bits of an IPv4 address in the form of IPv6 that say that it is one.
const MAPPED_BITS: u8 = 96;

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn as_ipv4(network: IpNet) -> Option<Ipv4Net> {
    let IpNet::V6(network) = network else { return None };
    let length = network.prefix_len().checked_sub(MAPPED_BITS)?;
    Ipv4Net::new(network.addr().to_ipv4_mapped()?, length).ok()
}

/// The proxies that may say where a request came from. With none, every request comes from the other end of its
/// connection, whatever its headers say. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    /// Trusts proxies with addresses in these networks.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks.into())
    }

    /// The client's address of a request; IPv4-mapped addresses as IPv4. `None` if it is unknown or cannot be trusted, which does not
    /// stop the request.
    ///
    /// Hops are followed from this server back to the first that is not a trusted proxy: the client may have forged everything before
    /// it. For the same reason, two headers must agree: a proxy that sets one passes on the other from the client.
    #[must_use]
    pub fn client(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?.0.to_canonical();
        if !self.trusts(peer) {
            return Some(peer);
        }
        match (hops::of_x_forwarded_for(headers), hops::of_forwarded(headers)) {
            (None, None) => Some(peer),
            (Some(hops), None) | (None, Some(hops)) => self.first_stranger(&hops),
            (Some(some), Some(others)) => {
                self.first_stranger(&some).filter(|one| self.first_stranger(&others) == Some(*one))
            }
        }
    }

    /// The newest hop that is not a trusted proxy, or the oldest if all are trusted.
    fn first_stranger(&self, hops: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut last = None;
        for (count, hop) in hops.iter().rev().enumerate() {
            let address = hop.filter(|_| count < HOPS_MAX)?;
            last = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        last
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.0.contains(&address))
    }
}
