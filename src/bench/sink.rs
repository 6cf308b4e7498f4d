//! Where packets go when nobody is to hear them: a device that drops what it is given.
//!
//! On loopback the system does the receiver's work in the sender's time and charges it to him. A network card takes
//! a packet and is done; so does this device. Everything happens in a network of our own, into which the program
//! starts itself once more and which ends with the last process in it: nothing of the machine's network is touched,
//! and nothing is left behind. In it all people come in over loopback and begin to talk; then the way to those who
//! only listen is turned into the device, which counts. They soon count as silent, so the measured time is short.
//! Start at [`run`].

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::booth::Window;
use super::cpu::CpuTime;
use super::flags::Media;
use super::media::{WARM_UP, WORKER, measure_floor, own_cpu_time, start};
use super::people::People;
use super::plan::Plan;
use super::progress::Progress;
use super::report::{Cost, Joins, Report, Sunk};
use super::server::{Server, Setup};
use super::{Error, client::Http};

/// Seconds that may be measured: a listener is missed 8 s after his last packet, which may have been 3 s before he
/// was cut off. From then on the server tells everybody about everybody.
pub const SECONDS_MAX: u16 = 4;

/// Where voice is. Not 127.0.0.1: from there no packet leaves by another device.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 76, 0, 1));

/// The network of those who talk, and of those who only listen.
const TALKERS: [u8; 2] = [10, 78];
const LISTENERS: [u8; 2] = [10, 77];

/// The device.
const DEVICE: &str = "sink";

/// Bytes of the headers that the device counts: Ethernet (IEEE 802.3), IPv4 without options (RFC 791), UDP (RFC 768).
const HEADERS: u64 = 14 + 20 + 8;

/// What the device has dropped. Several datagrams in one call are one packet to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dropped {
    packets: u64,
    bytes: u64,
}

/// Where somebody's voice is: each listener has an address of his own, as people have.
pub fn address_of(plan: Plan, number: usize) -> IpAddr {
    let talks = plan.place(number) < usize::from(plan.talkers);
    let [one, two] = if talks { TALKERS } else { LISTENERS };
    // No address ends in 0 or 255. With more people than addresses two have the same, and ports of their own.
    let (net, host) = ((number / 250) % 256, number % 250 + 1);
    Ipv4Addr::new(one, two, net as u8, host as u8).into()
}

/// Measures in a network of one's own. Outside of it, starts the program again inside and does not come back.
pub async fn run(media: &Media, plan: Plan) -> Result<Report, Error> {
    if !media.inside_sink {
        return Err(enter());
    }
    prepare()?;
    let own = start(media, Setup { voice: SERVER, ..Setup::default() }).await?;
    let server = Server::Own(Box::new(own));
    let empty = server.resident();
    let mut progress = Progress::default();
    let arrived = |count| progress.say(&format!("{count} of {} people are in", plan.all()));
    let people = People::gather(Http(server.address()), plan, arrived).await?;

    // Twice: once until everybody has heard something, and once more until the change is forgotten.
    let from = Instant::now() + 2 * WARM_UP;
    let window = Window { from, until: from + Duration::from_secs(media.seconds.into()) };
    people.talk(window);
    tokio::time::sleep_until((from - WARM_UP).into()).await;
    if people.datagram_len() == 0 {
        return Err(Error::Unheard);
    }
    cut_off()?;
    progress.say("those who only listen are cut off");
    tokio::time::sleep_until(window.from.into()).await;
    let before = (dropped()?, server.cpu_time()?, own_cpu_time());
    tokio::time::sleep_until(window.until.into()).await;
    let after = (dropped()?, server.cpu_time()?, own_cpu_time());
    let full = server.resident();
    let workers = server.workers();
    // Before it notices that nobody is there: that would be measured as well.
    if let Server::Own(server) = server {
        server.stop().await;
    }

    progress.say("the floor is measured");
    let until_floor = dropped()?;
    let floor = measure_floor(&people, plan, media).await?;
    let for_floor = until_floor.until(dropped()?);

    let len = people.datagram_len() as u64;
    let spent =
        |after: &Option<CpuTime>, before: &Option<CpuTime>| Some(after.as_ref()?.since(before.as_ref()?));
    let (server_spent, client_spent) = (spent(&after.1, &before.1), spent(&after.2, &before.2));
    let each_worker = after.1.zip(before.1).map(|(after, before)| after.of_each_since(&before, WORKER));
    let cost = Cost {
        workers,
        slots: people.slots,
        server: server_spent,
        each_worker,
        client: client_spent,
        floor: Some(floor),
        resident: full.zip(empty).map(|(full, empty)| full.saturating_sub(empty)),
        sunk: Some(Sunk {
            measured: before.0.until(after.0).datagrams(len),
            floor: for_floor.datagrams(len),
        }),
        srtp_profile: people.srtp_profile,
    };
    let joins = people.joins.clone();
    let mut counted = people.go_home().await?;
    // It was we who cut them off, and ended the server.
    counted.sockets_lost = 0;
    counted.tallies.iter_mut().for_each(|tally| tally.lost = false);
    Ok(Report::new(plan, media.seconds, cost, Joins { early: &joins, late: &[] }, &counted))
}

/// Becomes the same program with the same flags in a network of its own; comes back only if that fails.
fn enter() -> Error {
    let tried = Command::new("unshare").args(["--net", "true"]).stdin(Stdio::null()).output();
    match tried {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Error::NoSink(said(&output.stderr)),
        Err(error) => return Error::NoSink(format!("unshare: {error}")),
    }
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return Error::NoSink(error.to_string()),
    };
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(own).args(std::env::args_os().skip(1)).arg("--inside-sink");
    Error::NoSink(command.exec().to_string())
}

/// Loopback with everybody's addresses, and a device that drops; of two kinds that do, the one this system has.
fn prepare() -> Result<(), Error> {
    // What a run before this one has left, if there was one; the ways into the device go with it.
    for leftover in [format!("link delete {DEVICE}"), format!("address delete {SERVER}/32 dev lo")] {
        let _ = ip(&leftover);
    }
    let _ = ip(&format!("route del local {} dev lo", network(TALKERS)));
    ip("link set lo up")?;
    ip(&format!("address add {SERVER}/32 dev lo"))?;
    ip(&format!("route add local {} dev lo", network(TALKERS)))?;
    ip(&format!("route add local {} dev lo", network(LISTENERS)))?;
    ip(&format!("link add {DEVICE} type dummy")).or_else(|_| ip(&format!("link add {DEVICE} type ifb")))?;
    ip(&format!("link set {DEVICE} up"))
}

/// From now on what goes to those who only listen goes into the device.
fn cut_off() -> Result<(), Error> {
    ip(&format!("route del local {} dev lo", network(LISTENERS)))?;
    ip(&format!("route add {} dev {DEVICE}", network(LISTENERS)))
}

fn network([one, two]: [u8; 2]) -> String {
    format!("{one}.{two}.0.0/16")
}

fn ip(words: &str) -> Result<(), Error> {
    let output = Command::new("ip").args(words.split(' ')).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Error::NoSink(format!("ip {words}: {}", said(&output.stderr)))),
        Err(error) => Err(Error::NoSink(format!("ip: {error}"))),
    }
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().to_owned()
}

/// What the device has dropped until now.
fn dropped() -> Result<Dropped, Error> {
    let text =
        std::fs::read_to_string("/proc/self/net/dev").map_err(|error| Error::NoSink(error.to_string()))?;
    counted(&text).ok_or_else(|| Error::NoSink("the device does not count".to_owned()))
}

/// The counts in `/proc/net/dev`. An ifb device counts what it drops as received, a dummy as sent; never both.
fn counted(text: &str) -> Option<Dropped> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(DEVICE)?.strip_prefix(':'))?;
    let figures: Vec<u64> = line.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
    let (received, sent) = (figures.get(..2)?, figures.get(8..10)?);
    let [bytes, packets] = [received.first()? + sent.first()?, received.last()? + sent.last()?];
    Some(Dropped { packets, bytes })
}

impl Dropped {
    fn until(self, later: Dropped) -> Dropped {
        Dropped {
            packets: later.packets.saturating_sub(self.packets),
            bytes: later.bytes.saturating_sub(self.bytes),
        }
    }

    /// How many datagrams of this length that was, whether they came one in a packet or several. The few others
    /// (reports) weigh less than a hundredth.
    fn datagrams(self, len: u64) -> u64 {
        self.bytes.saturating_sub(self.packets * HEADERS).checked_div(len).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { people: 1_000, talkers: 3, sink: true, ..Plan::SMALL };

    #[test]
    fn who_only_listens_has_an_address_of_his_own_in_another_network() {
        let all: Vec<IpAddr> = (0..1_000).map(|number| address_of(PLAN, number)).collect();
        let mut different = all.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 1_000);
        let text = |number: usize| all[number].to_string();
        assert_eq!(
            (text(2), text(3), text(999)),
            ("10.78.0.3".into(), "10.77.0.4".into(), "10.77.3.250".into())
        );
    }

    #[test]
    fn both_kinds_of_device_are_read() {
        let head = "Inter-|   Receive  |  Transmit\n face |bytes packets\n";
        let ifb = format!(
            "{head}    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n  sink: 920 5 0 5 0 0 0 0 0 0 0 0 0 0 0 0\n"
        );
        let dummy = format!("{head}  sink:0 0 0 0 0 0 0 0 920 5 0 0 0 0 0 0\n");
        assert_eq!(counted(&ifb), Some(Dropped { packets: 5, bytes: 920 }));
        assert_eq!(counted(&dummy), counted(&ifb));
        assert_eq!(counted(head), None);
    }

    #[test]
    fn datagrams_are_counted_however_many_came_at_once() {
        let singly = Dropped { packets: 6, bytes: 6 * (HEADERS + 144) };
        let in_runs = Dropped { packets: 2, bytes: 2 * (HEADERS + 3 * 144) };
        assert_eq!((singly.datagrams(144), in_runs.datagrams(144)), (6, 6));
        assert_eq!(singly.datagrams(0), 0, "nobody has heard anything");
    }
}
