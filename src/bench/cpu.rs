//! What a process has cost: the CPU time of its threads, from `/proc`.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

/// CPU time of every thread of a process, at one moment.
///
/// By thread, since the kernel tells a whole process's time in steps of 10 ms only, and since the time of a
/// thread that ends goes out of the sum of those that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    nanos_by_thread: HashMap<String, u64>,
}

impl CpuTime {
    /// Of the process with this id, now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut nanos_by_thread = HashMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            // A thread may end while the list is read.
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
            nanos_by_thread.insert(entry.file_name().to_string_lossy().into_owned(), nanos(&text)?);
        }
        if nanos_by_thread.is_empty() {
            return Err(io::Error::other("this kernel keeps no schedstat"));
        }
        Ok(Self { nanos_by_thread })
    }

    /// What was spent since `before`, as far as the threads of today go.
    pub fn since(&self, before: &CpuTime) -> Duration {
        let earlier = |thread| before.nanos_by_thread.get(thread).copied().unwrap_or(0);
        let spent = self.nanos_by_thread.iter().map(|(thread, nanos)| nanos.saturating_sub(earlier(thread)));
        Duration::from_nanos(spent.sum())
    }
}

/// CPU time of the thread that asks.
///
/// As of its last stop: the kernel adds up when a thread stops or a tick comes. Who wants it to the nanosecond
/// sleeps for a moment first.
pub fn of_this_thread() -> io::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    nanos(&text).map(Duration::from_nanos)
}

fn nanos(schedstat: &str) -> io::Result<u64> {
    let first = schedstat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    first.ok_or_else(|| io::Error::other("schedstat has no numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_come_and_go() {
        let time = |threads: &[(&str, u64)]| CpuTime {
            nanos_by_thread: threads.iter().map(|(thread, nanos)| ((*thread).to_owned(), *nanos)).collect(),
        };
        let before = time(&[("1", 100), ("2", 5_000)]);
        let after = time(&[("1", 170), ("3", 30)]);
        assert_eq!(after.since(&before), Duration::from_nanos(100));
    }

    #[test]
    fn work_costs_time() {
        let pid = std::process::id();
        let before = CpuTime::of(pid).unwrap();
        let mut sum = 0_u64;
        while CpuTime::of(pid).unwrap().since(&before) < Duration::from_millis(5) {
            sum = std::hint::black_box((0..100_000).fold(sum, u64::wrapping_add));
        }
    }

    #[test]
    fn only_the_first_number_is_time() {
        assert_eq!(nanos("123 456 7\n").unwrap(), 123);
        assert!(nanos("").is_err());
        let before = of_this_thread().unwrap();
        let mut sum = 0_u64;
        while of_this_thread().unwrap() - before < Duration::from_millis(2) {
            sum = std::hint::black_box((0..100_000).fold(sum, u64::wrapping_add));
        }
    }
}
