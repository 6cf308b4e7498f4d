//! Many durations in little memory, for percentiles.
//!
//! Every power of two is cut into 32 steps, so a percentile is at most 3 % too high, whatever its size.

use serde::Serialize;

/// Steps per power of two, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;

/// Values up to 2^32: 71 minutes in microseconds. What is larger counts as the largest.
const VALUE_BITS: u32 = 32;
const BUCKETS: usize = (VALUE_BITS - STEP_BITS) as usize * STEPS + STEPS;

/// How often which value came.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u32; BUCKETS]>,
    total: u64,
}

/// How often values of one size came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// They are smaller than this; the row before says how large they are at least.
    pub below: u64,
    /// How many there were.
    pub count: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    /// Takes over all that another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count = count.saturating_add(*more);
        }
        self.total += other.total;
    }

    /// The whole as at most so many rows (12 always do), each ending at a power of two, from the first that has
    /// something to the last.
    pub fn rows(&self, most: usize) -> Vec<Row> {
        let rows = (1..=VALUE_BITS).map(|bits| self.rows_of(bits)).find(|rows| rows.len() <= most);
        rows.unwrap_or_default()
    }

    /// Rows of this many powers of two.
    fn rows_of(&self, bits: u32) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (bucket, count) in self.counts.iter().enumerate() {
            // A bucket never lies on both sides of a power of two, so its largest value tells its row.
            let power = (u64::BITS - largest(bucket).leading_zeros()).max(1).next_multiple_of(bits);
            let below = 1 << power;
            match rows.last_mut() {
                Some(row) if row.below == below => row.count += u64::from(*count),
                _ => rows.push(Row { below, count: u64::from(*count) }),
            }
        }
        let last = rows.iter().rposition(|row| row.count > 0).map_or(0, |last| last + 1);
        rows.truncate(last);
        let first = rows.iter().position(|row| row.count > 0).unwrap_or(0);
        rows.split_off(first)
    }

    /// The value that so many per cent do not exceed; none when nothing was counted.
    pub fn percentile(&self, per_cent: u64) -> Option<u64> {
        let rank = (self.total * per_cent).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen >= rank).then(|| largest(bucket))
        })
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

/// Small values have a bucket each; above, the highest bits of the value are the place in its power of two.
fn bucket(value: u64) -> usize {
    let value = value.min((1 << VALUE_BITS) - 1);
    let shift = value.checked_ilog2().unwrap_or(0).saturating_sub(STEP_BITS);
    // Below 2^32 by the line above.
    shift as usize * STEPS + (value >> shift) as usize
}

fn largest(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let highest_bits = (bucket - shift * STEPS) as u64;
    ((highest_bits + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_at_most_three_per_cent_below_what_is_told() {
        let mut last = 0;
        for value in (0..100_000).chain((0..32).map(|bits| 1 << bits)).chain([u64::from(u32::MAX)]) {
            let told = largest(bucket(value));
            assert!(told >= value && told <= value + value / 32, "{value} told as {told}");
            assert!(bucket(value) < BUCKETS);
            if value == last + 1 {
                assert!(bucket(value) - bucket(last) <= 1, "no hole at {value}");
            }
            last = value;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for value in 1..=60 {
            histogram.record(value);
        }
        assert_eq!(
            [1, 50, 99, 100].map(|per_cent| histogram.percentile(per_cent)),
            [1, 30, 60, 60].map(Some)
        );
    }

    #[test]
    fn rows_hold_everything_and_are_few() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.rows(12), []);
        for value in [0, 5, 100, 127, 128, 129, 500] {
            histogram.record(value);
        }
        let row = |below, count| Row { below, count };
        assert_eq!(histogram.rows(4), [row(8, 2), row(64, 0), row(512, 5)]);
        assert_eq!(histogram.rows(12).first(), Some(&row(2, 1)));
        histogram.record(u64::MAX);
        let rows = histogram.rows(12);
        assert!(rows.len() <= 12 && rows.iter().map(|row| row.count).sum::<u64>() == 8, "{rows:?}");
    }

    #[test]
    fn merged_is_as_if_counted_together() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(10);
        other.record(20);
        other.record(30);
        one.merge(&other);
        assert_eq!([33, 66, 100].map(|per_cent| one.percentile(per_cent)), [10, 20, 30].map(Some));
    }
}
