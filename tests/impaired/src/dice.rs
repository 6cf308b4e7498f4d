//! Chance that can be had again: the same seed, the same throws.
//!
//! Must not know what is decided by it.

/// One stream of throws (xorshift64*; Vigna, "An experimental exploration of Marsaglia's xorshift generators").
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of this name. Neighbouring names give streams that have nothing to do with each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // Never zero, which would stay zero.
        Dice(mix(mix(seed).wrapping_add(stream)) | 1)
    }

    /// From 0 up to but not including 1.
    pub(crate) fn throw(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

/// The finish of SplitMix64: every bit of the name reaches every bit of the state.
fn mix(name: u64) -> u64 {
    let mut z = name.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_can_be_had_again_and_its_neighbours_are_others() {
        let throws = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..1000).map(|_| dice.throw()).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, 2), throws(1, 2));
        for other in [throws(1, 3), throws(2, 2), throws(2, 1)] {
            let alike = throws(1, 2).iter().zip(&other).filter(|(a, b)| (*a < &0.1) == (*b < &0.1)).count();
            assert!((760..880).contains(&alike), "chance alone makes 820 alike: {alike}");
        }
        let mean = throws(7, 7).iter().sum::<f64>() / 1000.0;
        assert!((0.46..0.54).contains(&mean), "{mean}");
    }
}
