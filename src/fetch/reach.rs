//! Reach: where this server goes for people, and where it does not, although somebody asks it to.
//!
//! Pure. What is private is read off the registries of special addresses (IANA, RFC 6890) and a few more; of IPv6, what is
//! not global unicast is refused as a whole, and so is every way to write an IPv4 address in IPv6. Start with
//! [`Reach::admits`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses, as in `10.0.0.0/8`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    /// Bits that are fixed, at most 32 or 128.
    prefix: u32,
}

/// Where one may go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Beside the public internet.
    allowed: Vec<Network>,
    ports: Vec<u16>,
}

/// The text is no range of addresses.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no range of addresses; one is `10.0.0.0/8`, or a single address")]
pub struct BadNetwork(String);

impl Reach {
    /// The public internet and these networks, at these ports.
    pub fn new(allowed: Vec<Network>, ports: Vec<u16>) -> Self {
        Self { allowed, ports }
    }

    /// Whether to go to an address.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|network| network.holds(address))
    }

    /// Whether to go to a port.
    pub fn admits_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    const fn v6(a: u16, b: u16, c: u16, prefix: u32) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
    }

    /// Whether an address is one of these. An IPv4 address that is written in IPv6 is not one of IPv4.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differs = ours.to_bits() ^ theirs.to_bits();
                differs.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differs = ours.to_bits() ^ theirs.to_bits();
                differs.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(bad)?,
            None => most,
        };
        Ok(Self { address, prefix })
    }
}

/// What of IPv4 is nobody's on the public internet.
const PRIVATE_V4: [Network; 16] = [
    // This host on this network (RFC 1122 section 3.2.1.3); 0.0.0.0 connects to oneself.
    Network::v4(0, 0, 0, 0, 8),
    // Private networks (RFC 1918).
    Network::v4(10, 0, 0, 0, 8),
    Network::v4(172, 16, 0, 0, 12),
    Network::v4(192, 168, 0, 0, 16),
    // Behind a provider's NAT (RFC 6598); some clouds keep metadata here.
    Network::v4(100, 64, 0, 0, 10),
    // Loopback.
    Network::v4(127, 0, 0, 0, 8),
    // Link-local (RFC 3927), and with it 169.254.169.254, where clouds tell a machine its secrets.
    Network::v4(169, 254, 0, 0, 16),
    // Protocol assignments (RFC 6890).
    Network::v4(192, 0, 0, 0, 24),
    // Documentation (RFC 5737).
    Network::v4(192, 0, 2, 0, 24),
    Network::v4(198, 51, 100, 0, 24),
    Network::v4(203, 0, 113, 0, 24),
    // The way into 6to4 that was given up (RFC 7526).
    Network::v4(192, 88, 99, 0, 24),
    // Benchmarking (RFC 2544).
    Network::v4(198, 18, 0, 0, 15),
    // Multicast; reserved, and broadcast.
    Network::v4(224, 0, 0, 0, 4),
    Network::v4(240, 0, 0, 0, 4),
    // A public address, at which the machines of one cloud find what only they may know.
    Network::v4(168, 63, 129, 16, 32),
];

/// Global unicast (RFC 4291 section 2.4). Outside are loopback, unspecified, unique local, link-local and multicast
/// addresses, and those with an IPv4 address inside: mapped, compatible, NAT64.
const GLOBAL_V6: Network = Network::v6(0x2000, 0, 0, 3);

/// What of that is nobody's, or has an IPv4 address inside.
const PRIVATE_V6: [Network; 4] = [
    // Protocol assignments (RFC 2928), with Teredo, benchmarking and ORCHID.
    Network::v6(0x2001, 0, 0, 23),
    // Documentation (RFC 3849, RFC 9637).
    Network::v6(0x2001, 0xdb8, 0, 32),
    Network::v6(0x3fff, 0, 0, 20),
    // 6to4 (RFC 3056).
    Network::v6(0x2002, 0, 0, 16),
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !PRIVATE_V4.iter().any(|network| network.holds(address)),
        IpAddr::V6(_) => GLOBAL_V6.holds(address) && !PRIVATE_V6.iter().any(|network| network.holds(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_public_internet_is_gone_to() {
        let strict = Reach::new(Vec::new(), vec![80, 443]);
        for private in [
            // This host, loopback, private, shared, link-local.
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.168.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.0.1",
            // What clouds tell their machines.
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            // Assignments, documentation, benchmarking, 6to4, multicast, reserved, broadcast.
            "192.0.0.1",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "198.18.0.1",
            "198.19.255.255",
            "192.88.99.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            // The same of IPv6.
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fdff::1",
            "ff02::1",
            "ff0e::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "4000::1",
            // An IPv4 address inside, private or not.
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::1",
            "2002:808:808::1",
        ] {
            assert!(!strict.admits(address(private)), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.15",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "2001:200::1",
        ] {
            assert!(strict.admits(address(public)), "{public}");
        }
        assert!(strict.admits_port(443) && !strict.admits_port(22) && !strict.admits_port(8080));
    }

    #[test]
    fn the_operator_may_name_more() {
        let reach = Reach::new(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()], vec![8080]);
        for (text, admitted) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fc00::1", false),
            ("127.0.0.1", false),
            ("::ffff:10.1.2.3", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(reach.admits(address(text)), admitted, "{text}");
        }
        assert!(reach.admits_port(8080) && !reach.admits_port(80));
    }

    #[test]
    fn a_network_is_an_address_and_how_much_of_it_counts() {
        let one: Network = "127.0.0.1".parse().unwrap();
        assert!(one.holds(address("127.0.0.1")) && !one.holds(address("127.0.0.2")));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.holds(address("255.255.255.255")) && !all.holds(address("::1")));
        assert!("::/0".parse::<Network>().unwrap().holds(address("ff02::1")));
        for bad in ["", "here", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?}");
        }
    }
}
