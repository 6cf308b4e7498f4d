//! What the SFU may be told at start: addresses, workers, slots, limits, timeouts.
//!
//! Plain values with a default and a reason each; who reads them from a file or the environment is not
//! known here. Start at [`Config`]; [`WorkerConfig`] is the part of it that one worker needs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use thiserror::Error;

use crate::identity::Identity;

/// The most slots a room can have. Sixteen voices at once is already more than anyone can follow, and
/// every slot is an audio line each browser must keep.
pub const SLOTS_MAX: u8 = 16;

/// All of a core.
const BUDGET_MAX: Duration = Duration::from_secs(1);

/// Everything a running SFU was told at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to bind and to tell the browsers. At least one.
    pub addresses: Vec<Address>,
    /// The port of worker 0; worker `n` uses `base_port + n`. Zero lets the system choose each (tests).
    pub base_port: u16,
    /// How many threads forward media. More than the number of cores only costs.
    pub workers: NonZeroUsize,
    /// How many voices a listener can hear at once, 1 to [`SLOTS_MAX`].
    pub slots: u8,
    /// Offer media over UDP.
    pub udp: bool,
    /// Offer media over TCP (ICE-TCP, RFC 6544) on the same port number, for networks that block UDP.
    pub tcp: bool,
    /// Bounds on what one process will hold.
    pub limits: Limits,
    /// How long the SFU waits before it draws a conclusion.
    pub timeouts: Timeouts,
    /// How voice is sealed.
    pub egress: EgressPath,
    /// Whether several datagrams may go out in one call of the system.
    pub gso: Gso,
    /// Whether each worker stays on one core.
    pub pinning: Pinning,
    /// CPU time a worker may use of each second before it sheds load, up to the whole second. Less leaves some of
    /// the core to others.
    pub budget: Duration,
}

/// Sending several datagrams to one place in one call, which the kernel or the network card takes apart
/// (UDP generic segmentation offload).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gso {
    /// Where the system can, until a device cannot.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Whether a worker's thread stays on one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Worker `n` on the `n`-th core this process may use; with more workers than cores they go round.
    #[default]
    On,
    /// Where the system likes.
    Off,
}

/// How voice is sealed for a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EgressPath {
    /// By ourselves, for everyone whose cipher allows it; it costs a tenth.
    #[default]
    Fast,
    /// By the listener's session, always. For comparing.
    Reference,
}

/// Where media is received, and the address others must use to reach it. They differ behind NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The local address to bind.
    pub bind: IpAddr,
    /// The address written into the answer.
    pub advertise: IpAddr,
    /// The port written into the answer for worker 0, where a NAT maps ports to other numbers; worker `n` is at `n`
    /// more. `None`: the worker's own.
    pub advertise_port: Option<u16>,
}

/// Bounds on what one process will hold. At a bound a join is refused or a packet dropped, and counted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// People in one room. Cost is linear in it, so this is about surprise, not about capacity.
    pub participants_per_room: usize,
    /// People on one worker. About 100 kB each, so 5,000 are half a gigabyte.
    pub participants_per_worker: usize,
    /// Open ICE-TCP connections on one worker; half-open ones included.
    pub tcp_connections_per_worker: usize,
    /// Open ICE-TCP connections from one address. Many people may sit behind one NAT, an attacker too.
    pub tcp_connections_per_address: usize,
    /// Unsent bytes one ICE-TCP connection may hold; at 20 kB/s of audio this is seconds of backlog
    /// nobody wants to hear any more. When full, audio for that listener is dropped.
    pub tcp_backlog_bytes: usize,
    /// Size of an offer in bytes. A browser with 16 audio lines writes about 12 kB.
    pub offer_bytes: usize,
    /// Commands waiting for one worker. When full a join is refused.
    pub commands_queued: usize,
    /// Events waiting for the caller. When full, what describes a state is coalesced to its newest value.
    pub events_queued: usize,
}

/// How long the SFU waits before it draws a conclusion.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the answer until media must be connected. ICE-TCP on a slow network needs some seconds.
    pub connect: Duration,
    /// Silence on the wire after which a participant counts as interrupted. Browsers check consent
    /// about every 5 s at the slowest (RFC 7675 section 5.1), and send audio far more often.
    pub interrupted: Duration,
    /// Silence on the wire after which a participant has left. RFC 7675 allows 30 s.
    pub silence: Duration,
    /// From accepting a TCP connection until it must have brought an authenticated STUN request.
    pub tcp_handshake: Duration,
}

/// A [`Config`] that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No address to bind.
    #[error("at least one media address is needed")]
    NoAddress,
    /// Neither UDP nor TCP.
    #[error("media needs UDP, TCP or both")]
    NoTransport,
    /// `slots` outside 1 to [`SLOTS_MAX`].
    #[error("slots must be between 1 and {SLOTS_MAX}, not {0}")]
    Slots(u8),
    /// A budget of nothing, or of more than a core has.
    #[error("a worker's budget must be more than nothing and at most a second of each second, not {0:?}")]
    Budget(Duration),
    /// `base_port + workers` runs past 65535.
    #[error("port {base} plus {workers} workers runs past 65535")]
    Ports {
        /// The configured base port.
        base: u16,
        /// The configured number of workers.
        workers: usize,
    },
    /// A wildcard such as 0.0.0.0 cannot be dialled.
    #[error("{0} cannot be told to browsers; give the address they can reach")]
    Advertise(IpAddr),
}

/// What a worker must know at birth.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Which worker this is, from zero.
    pub number: usize,
    /// Voices a listener can hear at once.
    pub slots: u8,
    /// The addresses that reach this worker, as written into answers.
    pub addresses: Vec<SocketAddr>,
    /// Whether they are reached over UDP.
    pub udp: bool,
    /// Whether they are reached over TCP.
    pub tcp: bool,
    /// Bounds.
    pub limits: Limits,
    /// Patience.
    pub timeouts: Timeouts,
    /// How voice is sealed.
    pub egress: EgressPath,
    /// Who we are.
    pub identity: Identity,
}

impl Config {
    /// Refuses what cannot work, before anything is bound.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.addresses.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        if let Some(address) = self.addresses.iter().find(|a| a.advertise.is_unspecified()) {
            return Err(ConfigError::Advertise(address.advertise));
        }
        if !self.udp && !self.tcp {
            return Err(ConfigError::NoTransport);
        }
        if self.slots == 0 || self.slots > SLOTS_MAX {
            return Err(ConfigError::Slots(self.slots));
        }
        if self.budget.is_zero() || self.budget > BUDGET_MAX {
            return Err(ConfigError::Budget(self.budget));
        }
        let workers = self.workers.get();
        let fits = |base: u16| u16::try_from(workers - 1).is_ok_and(|last| base.checked_add(last).is_some());
        let advertised = self.addresses.iter().filter_map(|address| address.advertise_port);
        if let Some(base) = advertised.chain([self.base_port]).find(|base| !fits(*base)) {
            return Err(ConfigError::Ports { base, workers });
        }
        Ok(())
    }

    /// The port worker `index` asks for; zero when the system chooses.
    pub(crate) fn port_of(&self, index: usize) -> u16 {
        match self.base_port {
            0 => 0,
            base => nth_port(base, index),
        }
    }
}

impl Address {
    /// Where others reach worker `index`, which is bound to this port.
    pub(crate) fn advertised(&self, index: usize, bound: u16) -> SocketAddr {
        (self.advertise, self.advertise_port.map_or(bound, |base| nth_port(base, index))).into()
    }
}

/// The port of worker `index`, when worker 0 has `base`; [`Config::validate`] has seen that there are so many.
fn nth_port(base: u16, index: usize) -> u16 {
    base.saturating_add(u16::try_from(index).unwrap_or(u16::MAX))
}

impl Default for Config {
    fn default() -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Config {
            addresses: vec![Address { bind: local, advertise: local, advertise_port: None }],
            base_port: 0,
            workers: NonZeroUsize::MIN,
            slots: 8,
            udp: true,
            tcp: true,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            egress: EgressPath::default(),
            gso: Gso::default(),
            pinning: Pinning::default(),
            budget: BUDGET_MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            participants_per_room: 1_000,
            participants_per_worker: 5_000,
            tcp_connections_per_worker: 1_024,
            tcp_connections_per_address: 128,
            tcp_backlog_bytes: 64 * 1024,
            offer_bytes: 64 * 1024,
            commands_queued: 1_024,
            events_queued: 4_096,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(15),
            interrupted: Duration::from_secs(8),
            silence: Duration::from_secs(25),
            tcp_handshake: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_works() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate()
        };
        assert_eq!(with(|c| c.addresses.clear()), Err(ConfigError::NoAddress));
        assert_eq!(with(|c| c.slots = 0), Err(ConfigError::Slots(0)));
        assert_eq!(with(|c| c.slots = 17), Err(ConfigError::Slots(17)));
        assert_eq!(with(|c| c.budget = Duration::ZERO), Err(ConfigError::Budget(Duration::ZERO)));
        let more = Duration::from_millis(1_001);
        assert_eq!(with(|c| c.budget = Duration::from_millis(1_001)), Err(ConfigError::Budget(more)));
        assert_eq!(
            with(|c| {
                c.udp = false;
                c.tcp = false;
            }),
            Err(ConfigError::NoTransport)
        );
        assert_eq!(
            with(|c| {
                c.base_port = 65_535;
                c.workers = NonZeroUsize::MIN.saturating_add(1);
            }),
            Err(ConfigError::Ports { base: 65_535, workers: 2 })
        );
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut config = Config::default();
        config.addresses[0].advertise = any;
        assert_eq!(config.validate(), Err(ConfigError::Advertise(any)));
    }

    #[test]
    fn ports_count_up_outside_as_they_do_inside() {
        let outside = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
        let mapped = |port| Address { bind: outside, advertise: outside, advertise_port: port };
        assert_eq!(mapped(Some(9_000)).advertised(2, 8_083), (outside, 9_002).into());
        assert_eq!(mapped(None).advertised(2, 8_083), (outside, 8_083).into());
        let workers = NonZeroUsize::MIN.saturating_add(1);
        let config = Config { addresses: vec![mapped(Some(65_535))], workers, ..Config::default() };
        assert_eq!(config.validate(), Err(ConfigError::Ports { base: 65_535, workers: 2 }));
    }

    #[test]
    fn the_last_port_may_be_used() {
        let config = Config { base_port: 65_535, ..Config::default() };
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.port_of(0), 65_535);
    }
}
