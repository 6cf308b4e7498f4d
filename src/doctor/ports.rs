//! The ports of voice, and whether what it offers can be reached from elsewhere.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::Finding;

/// Each port of each worker at each address, as the server would take it.
pub(super) fn voice(config: &sfu::Config, running: bool) -> Vec<Finding> {
    const ABOUT: &str = "voice ports";
    let workers = config.workers.get();
    let Some(last) = usize::from(config.base_port).checked_add(workers - 1).filter(|last| *last <= 65_535)
    else {
        return vec![Finding::fault(
            ABOUT,
            format!("there are no {workers} ports from {} on", config.base_port),
            "set `voice-port` lower",
        )];
    };
    if config.base_port == 0 {
        return vec![Finding::note(
            ABOUT,
            "taken at random at each start",
            "behind a firewall or a NAT set `voice-port`, and let it and the next ones through",
        )];
    }
    let mut findings = Vec::new();
    for port in usize::from(config.base_port)..=last {
        for address in &config.addresses {
            // It is at most 65,535.
            let at = SocketAddr::new(address.bind, u16::try_from(port).unwrap_or(u16::MAX));
            let udp = config.udp.then(|| UdpSocket::bind(at).err().map(|error| ("UDP", error)));
            let tcp = config.tcp.then(|| TcpListener::bind(at).err().map(|error| ("TCP", error)));
            findings.extend(
                [udp, tcp]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(|(way, error)| taken(at, way, &error, running)),
            );
        }
    }
    if findings.is_empty() {
        let ways = match (config.udp, config.tcp) {
            (true, true) => "UDP and TCP",
            (true, false) => "UDP",
            (false, _) => "TCP",
        };
        let by = if running { "taken by the server that runs" } else { "free" };
        findings.push(Finding::good(ABOUT, format!("{ways} {} to {last} are {by}", config.base_port)));
    }
    findings
}

fn taken(at: SocketAddr, way: &str, error: &std::io::Error, running: bool) -> Option<Finding> {
    let kind = error.kind();
    if kind == ErrorKind::AddrInUse && running {
        return None;
    }
    let (says, advice) = if kind == ErrorKind::AddrInUse {
        (
            format!("{way} {at} is taken by another program"),
            format!("find it (`ss -lunpt 'sport = {}'`) and end it, or set `voice-port`", at.port()),
        )
    } else if kind == ErrorKind::AddrNotAvailable {
        (
            format!("{} is no address of this machine", at.ip()),
            "name one of its own in `voice-addresses`; the one outside a NAT belongs into `voice-public-address`"
                .to_owned(),
        )
    } else if kind == ErrorKind::PermissionDenied {
        (format!("{way} {at} may not be taken by this user"), "set `voice-port` to 1024 or more".to_owned())
    } else {
        (format!("{way} {at}: {error}"), "set `voice-port` or `voice-addresses`".to_owned())
    };
    Some(Finding::fault("voice ports", says, advice))
}

/// Whether others than this machine can reach any of the addresses that voice offers.
pub(super) fn reach(config: &sfu::Config) -> Finding {
    const ABOUT: &str = "voice reach";
    let offered = || config.addresses.iter().map(|address| address.advertise);
    let told = offered().map(|ip| ip.to_string()).collect::<Vec<_>>().join(", ");
    let last = usize::from(config.base_port) + config.workers.get() - 1;
    let through = config.addresses.iter().any(|address| address.advertise != address.bind);
    if let Some(public) = offered().find(|ip| scope(*ip) == Scope::Internet) {
        if !through {
            return Finding::good(ABOUT, format!("people reach {public} directly"));
        }
        return Finding::note(
            ABOUT,
            format!("people are sent to {public}, which is not this machine's own"),
            {
                let outside = config.addresses.iter().find_map(|address| address.advertise_port);
                let first = outside.unwrap_or(config.base_port);
                let count = config.workers.get();
                format!(
                    "the NAT must send {count} ports from {first} on, UDP and TCP, to {} to {last} here; from here it cannot \
                     be seen whether it does: join a room from outside",
                    config.base_port
                )
            },
        );
    }
    if offered().any(|ip| scope(ip) == Scope::Network) {
        return Finding::note(
            ABOUT,
            format!("only people in this network reach {told}"),
            "for people elsewhere set `voice-public-address` to the address outside the NAT, or set a relay (`turn-url`)",
        );
    }
    Finding::fault(
        ABOUT,
        format!("only this machine reaches {told}"),
        "name an address that others reach in `voice-addresses`, or set `voice-public-address`",
    )
}

/// From where an address is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    Machine,
    Network,
    Internet,
}

/// By the registries of special addresses (RFC 6890), as far as a machine has them.
fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_unspecified() => Scope::Machine,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unspecified() => Scope::Machine,
        // Of a provider's own NAT too (RFC 6598).
        IpAddr::V4(v4)
            if v4.is_private()
                || v4.is_link_local()
                || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64) =>
        {
            Scope::Network
        }
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Scope::Network,
        IpAddr::V4(_) | IpAddr::V6(_) => Scope::Internet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn config(addresses: &[(&str, &str)]) -> sfu::Config {
        let address = |(bind, advertise): &(&str, &str)| sfu::Address {
            bind: bind.parse().unwrap(),
            advertise: advertise.parse().unwrap(),
            advertise_port: None,
        };
        sfu::Config {
            addresses: addresses.iter().map(address).collect(),
            base_port: 8081,
            ..sfu::Config::default()
        }
    }

    #[test]
    fn who_can_reach_it_follows_from_what_is_offered() {
        let verdict = |addresses| reach(&config(addresses)).verdict;
        assert_eq!(verdict(&[("127.0.0.1", "127.0.0.1")]), Verdict::Fault);
        assert_eq!(verdict(&[("127.0.0.1", "127.0.0.1"), ("10.0.0.1", "10.0.0.1")]), Verdict::Note);
        assert_eq!(verdict(&[("100.64.0.9", "100.64.0.9")]), Verdict::Note);
        assert_eq!(verdict(&[("fd00::1", "fd00::1")]), Verdict::Note);
        assert_eq!(verdict(&[("198.51.100.7", "198.51.100.7")]), Verdict::Good);
        let behind = reach(&config(&[("10.0.0.1", "198.51.100.7")]));
        assert_eq!(behind.verdict, Verdict::Note);
        assert!(behind.advice.unwrap().contains("ports from 8081 on, UDP and TCP"));
    }

    #[test]
    fn a_port_that_somebody_has_is_named_unless_it_is_the_server_itself() {
        let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let one = sfu::Config {
            base_port: port,
            workers: std::num::NonZeroUsize::MIN,
            tcp: false,
            ..config(&[("127.0.0.1", "127.0.0.1")])
        };
        let found = voice(&one, false);
        assert_eq!((found.len(), found[0].verdict), (1, Verdict::Fault));
        assert!(found[0].says.contains(&format!("UDP 127.0.0.1:{port}")), "{}", found[0].says);
        assert_eq!(voice(&one, true)[0].verdict, Verdict::Good);
        let elsewhere = sfu::Config { tcp: false, ..config(&[("198.51.100.7", "198.51.100.7")]) };
        assert!(voice(&elsewhere, false)[0].says.contains("no address of this machine"));
        let beyond = sfu::Config {
            base_port: 65_535,
            workers: std::num::NonZeroUsize::new(2).unwrap(),
            ..config(&[("127.0.0.1", "127.0.0.1")])
        };
        assert_eq!(voice(&beyond, false)[0].verdict, Verdict::Fault);
    }
}
