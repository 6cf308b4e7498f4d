//! The time of day, as a value that is passed in. Only this file and the voice driver read a clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1 January 1970 UTC, as stored and as sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct Timestamp(#[cfg_attr(test, ts(type = "number"))] i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead (clocks are set back).
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub(crate) fn seconds_and_nanos(self) -> (u64, u32) {
        let millis = u64::try_from(self.0).unwrap_or(0);
        // Below 10^9, hence within u32.
        (millis / 1000, u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Stands still until it is set.
    Manual(Arc<Hands>),
}

/// What a manual clock shows.
#[derive(Debug)]
pub struct Hands {
    now: AtomicI64,
    steady: AtomicI64,
}

/// When this process first asked for the time, by both of the machine's clocks.
static START: OnceLock<(Timestamp, Instant)> = OnceLock::new();

impl Clock {
    /// A clock that stands at `now` until [`Clock::advance`] moves it.
    pub fn manual(now: Timestamp) -> Self {
        let millis = now.as_millis();
        Self::Manual(Arc::new(Hands { now: millis.into(), steady: millis.into() }))
    }

    /// The time of day: for what is stored and shown. The machine's clock may be set, and then this leaps.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => time_of_day(),
            Self::Manual(hands) => Timestamp(hands.now.load(Ordering::Relaxed)),
        }
    }

    /// For how long something lasts that is over with this process: never leaps and never goes back. It began as the
    /// time of day, which it is only as long as nobody sets the machine's clock.
    pub fn steady(&self) -> Timestamp {
        match self {
            Self::System => {
                let (start, since) = *START.get_or_init(|| (time_of_day(), Instant::now()));
                start + since.elapsed()
            }
            Self::Manual(hands) => Timestamp(hands.steady.load(Ordering::Relaxed)),
        }
    }

    /// Lets time pass on a manual clock; the system clock is not ours to move.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(hands) = self {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            hands.now.fetch_add(by, Ordering::Relaxed);
            hands.steady.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets a manual clock, as the machine's is set: no time passes by it.
    pub fn set(&self, now: Timestamp) {
        if let Self::Manual(hands) = self {
            hands.now.store(now.as_millis(), Ordering::Relaxed);
        }
    }
}

fn time_of_day() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
