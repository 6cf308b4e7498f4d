//! A token bucket: so many per second, so many at once.
//!
//! Start at [`Bucket::take`].

use std::time::Instant;

/// Fills with time, empties with use.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f32,
    per_second: f32,
    burst: f32,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(now: Instant, per_second: f32, burst: f32) -> Bucket {
        Bucket { tokens: burst, per_second, burst, at: now }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let yields = self.would_yield(now);
        if yields {
            self.tokens -= 1.0;
        }
        yields
    }

    /// Whether there is one.
    pub(crate) fn would_yield(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f32();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        self.at = self.at.max(now);
        self.tokens >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_a_trickle() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(now, 10.0, 3.0);
        let taken = (0..5).filter(|_| bucket.take(now)).count();
        assert_eq!(taken, 3);
        now += Duration::from_secs(1);
        let taken = (0..5).filter(|_| bucket.take(now)).count();
        assert_eq!(taken, 3, "never more than the burst");
        let taken = (0..100).filter(|n| bucket.take(now + Duration::from_millis(n * 50))).count();
        assert!((49..=51).contains(&taken), "ten a second for five seconds: {taken}");
    }
}
