//! The machine itself: open files, the clock, buffers of sockets, cores.
//!
//! Reading and judging are apart, so that every machine can be judged in a test.

use std::num::NonZeroUsize;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::Finding;
use crate::clock::Timestamp;

/// Open files that a thousand people at a time need, twice over: a socket each, one more where voice goes by TCP, and
/// what the databases and the page need.
const FILES_WANTED: u64 = 8_192;

/// The earliest that it can be: this was written before.
const WRITTEN: Timestamp = Timestamp::from_millis(1_780_000_000_000);

/// Bytes of one socket's buffers that voice asks for. A burst that does not fit is lost.
const BUFFER_WANTED: u64 = 4 << 20;

/// Open files that may be asked for.
pub(super) fn files_allowed() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(_, most)| most)
}

pub(super) fn open_files(allowed: Option<u64>) -> Finding {
    const ABOUT: &str = "open files";
    let advice = || {
        format!(
            "with systemd: `LimitNOFILE=65536` in the unit; in a shell: `ulimit -Hn {FILES_WANTED}` as root before the start"
        )
    };
    match allowed {
        Some(allowed) if allowed >= FILES_WANTED => Finding::good(ABOUT, format!("{allowed} may be open")),
        Some(allowed) => Finding::fault(
            ABOUT,
            format!(
                "only {allowed} may be open: about {} people at a time, then nobody else gets in",
                allowed / 3
            ),
            advice(),
        ),
        None => Finding::note(ABOUT, "the limit cannot be read", advice()),
    }
}

/// What sets the clock of this machine, as far as it shows.
pub(super) fn keeper_of_time() -> Option<&'static str> {
    let there = [
        ("/run/systemd/timesync/synchronized", "systemd-timesyncd"),
        ("/run/chrony", "chrony"),
        ("/run/ntpd.pid", "ntpd"),
        ("/var/run/openntpd.pid", "openntpd"),
    ];
    there.into_iter().find(|(mark, _)| Path::new(mark).exists()).map(|(_, keeper)| keeper)
}

pub(super) fn clock(now: Timestamp, keeper: Option<&'static str>) -> Finding {
    const ABOUT: &str = "clock";
    if now < WRITTEN {
        return Finding::fault(
            ABOUT,
            "it is behind by months: certificates and sign-ins are judged by it",
            "set it and keep it set: `timedatectl set-ntp true`",
        );
    }
    match keeper {
        Some(keeper) => Finding::good(ABOUT, format!("kept right by {keeper}")),
        None => Finding::note(
            ABOUT,
            "nothing shows that anybody keeps it right (in a container the host does)",
            "on a machine of its own: `timedatectl set-ntp true`, or install chrony",
        ),
    }
}

/// The largest buffers that a socket may ask for, receiving and sending, in bytes.
pub(super) fn largest_buffers() -> Option<(u64, u64)> {
    let read = |name: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok()
    };
    Some((read("rmem_max")?, read("wmem_max")?))
}

pub(super) fn buffers(largest: Option<(u64, u64)>) -> Finding {
    const ABOUT: &str = "UDP buffers";
    match largest {
        Some((receive, send)) if receive.min(send) >= BUFFER_WANTED => {
            Finding::good(ABOUT, format!("up to {receive} bytes in, {send} out"))
        }
        Some((receive, send)) => Finding::note(
            ABOUT,
            format!("up to {receive} bytes in, {send} out: rooms of hundreds lose packets in bursts"),
            format!(
                "`sysctl -w net.core.rmem_max={BUFFER_WANTED} net.core.wmem_max={BUFFER_WANTED}`, and a line each in /etc/sysctl.d"
            ),
        ),
        None => {
            Finding::note(ABOUT, "cannot be read here (a container)", "look at net.core.rmem_max on the host")
        }
    }
}

pub(super) fn cores_there() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

pub(super) fn cores(workers: NonZeroUsize, cores: NonZeroUsize) -> Finding {
    const ABOUT: &str = "cores";
    if workers > cores {
        return Finding::note(
            ABOUT,
            format!("{workers} threads forward voice on {cores} cores: packets wait for each other"),
            "leave `voice-workers` at 0, one per core",
        );
    }
    Finding::good(ABOUT, format!("{workers} of {cores} forward voice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn few_open_files_are_a_fault_with_the_number_of_people() {
        let finding = open_files(Some(1_024));
        assert_eq!(finding.verdict, Verdict::Fault);
        assert!(finding.says.contains("about 341 people"), "{}", finding.says);
        assert!(finding.advice.unwrap().contains("LimitNOFILE"));
        assert_eq!(open_files(Some(524_288)).verdict, Verdict::Good);
        assert_eq!(open_files(None).verdict, Verdict::Note);
    }

    #[test]
    fn a_clock_of_years_ago_is_a_fault_whoever_keeps_it() {
        assert_eq!(clock(Timestamp::from_millis(0), Some("chrony")).verdict, Verdict::Fault);
        assert_eq!(clock(WRITTEN, Some("chrony")).verdict, Verdict::Good);
        assert_eq!(clock(WRITTEN, None).verdict, Verdict::Note);
    }

    #[test]
    fn small_buffers_and_too_many_threads_are_told() {
        assert_eq!(buffers(Some((212_992, 212_992))).verdict, Verdict::Note);
        assert_eq!(buffers(Some((4 << 20, 4 << 20))).verdict, Verdict::Good);
        assert_eq!(buffers(None).verdict, Verdict::Note);
        let n = |n| NonZeroUsize::new(n).unwrap();
        assert_eq!(cores(n(4), n(2)).verdict, Verdict::Note);
        assert_eq!(cores(n(2), n(2)).verdict, Verdict::Good);
    }
}
