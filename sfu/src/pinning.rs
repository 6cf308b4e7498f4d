//! One core for each worker, and how much of it a worker has used.
//!
//! A thread that stays where it is finds its sessions in that core's cache. Costs nothing where it cannot be had.
//! Start at [`pin`].

use std::time::Duration;

/// The CPU time of this thread since it began; `None` where it cannot be told.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// Elsewhere it is not asked for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time() -> Option<Duration> {
    None
}

/// Keeps this thread, that of worker `number`, on one of the cores the process may use.
#[cfg(target_os = "linux")]
pub(crate) fn pin(number: usize) {
    use std::sync::Once;
    static TOLD: Once = Once::new();
    match try_pin(number) {
        Ok(core) => tracing::debug!(worker = number, core, "pinned"),
        Err(error) => TOLD.call_once(|| {
            tracing::warn!(%error, "voice threads cannot be kept on a core each; they go where the system likes");
        }),
    }
}

#[cfg(target_os = "linux")]
fn try_pin(number: usize) -> nix::Result<usize> {
    use nix::errno::Errno;
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    // Zero is the thread that asks.
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true)).collect();
    let core = number.checked_rem(cores.len()).and_then(|index| cores.get(index)).ok_or(Errno::EINVAL)?;
    let mut one = CpuSet::new();
    one.set(*core)?;
    sched_setaffinity(this, &one)?;
    Ok(*core)
}

/// Elsewhere there is no way to ask for it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The cores this thread may use, as the system says.
    fn allowed() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        line.trim().to_owned()
    }

    #[test]
    fn who_works_has_worked_and_who_sleeps_has_not() {
        let before = cpu_time().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let slept = cpu_time().unwrap();
        while cpu_time().unwrap() < slept + Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        assert!(slept - before < Duration::from_millis(100));
    }

    #[test]
    fn workers_go_round_the_cores() {
        let cores = std::thread::available_parallelism().unwrap().get();
        let pinned =
            |number| std::thread::spawn(move || (try_pin(number).unwrap(), allowed())).join().unwrap();
        let mut seen: Vec<usize> = (0..cores).map(|number| pinned(number).0).collect();
        assert_eq!(pinned(cores), (seen[0], seen[0].to_string()));
        seen.dedup();
        assert_eq!(seen.len(), cores, "each has one of its own");
    }
}
