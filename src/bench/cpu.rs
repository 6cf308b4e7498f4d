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
    /// What the threads are called.
    names: HashMap<String, String>,
}

impl CpuTime {
    /// Of the process with this id, now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let (mut nanos_by_thread, mut names) = (HashMap::new(), HashMap::new());
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            // A thread may end while the list is read.
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let thread = entry.file_name().to_string_lossy().into_owned();
            if let Ok(name) = std::fs::read_to_string(entry.path().join("comm")) {
                names.insert(thread.clone(), name.trim_end().to_owned());
            }
            nanos_by_thread.insert(thread, nanos(&text)?);
        }
        if nanos_by_thread.is_empty() {
            return Err(io::Error::other("this kernel keeps no schedstat"));
        }
        Ok(Self { nanos_by_thread, names })
    }

    /// What was spent since `before`, as far as the threads of today go.
    pub fn since(&self, before: &CpuTime) -> Duration {
        let earlier = |thread| before.nanos_by_thread.get(thread).copied().unwrap_or(0);
        let spent = self.nanos_by_thread.iter().map(|(thread, nanos)| nanos.saturating_sub(earlier(thread)));
        Duration::from_nanos(spent.sum())
    }

    /// What the threads called `prefix` and a number spent since `before`, in order of number.
    pub fn of_each_since(&self, before: &CpuTime, prefix: &str) -> Vec<Duration> {
        let numbered = |(thread, name): (&String, &String)| {
            let number: u32 = name.strip_prefix(prefix)?.parse().ok()?;
            let nanos = self.nanos_by_thread.get(thread).copied()?;
            Some((number, nanos.saturating_sub(before.nanos_by_thread.get(thread).copied().unwrap_or(0))))
        };
        let mut each: Vec<(u32, u64)> = self.names.iter().filter_map(numbered).collect();
        each.sort_unstable();
        each.into_iter().map(|(_, nanos)| Duration::from_nanos(nanos)).collect()
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
            names: threads.iter().map(|(thread, _)| ((*thread).to_owned(), format!("t-{thread}"))).collect(),
        };
        let before = time(&[("1", 100), ("2", 5_000)]);
        let after = time(&[("1", 170), ("3", 30), ("20", 4)]);
        assert_eq!(after.since(&before), Duration::from_nanos(104));
        assert_eq!(after.of_each_since(&before, "t-"), [70, 30, 4].map(Duration::from_nanos));
        assert!(after.of_each_since(&before, "u-").is_empty());
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
