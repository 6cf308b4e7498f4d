//! Seals: how a secret that must be read again is stored, so that whoever has the database alone cannot read it.
//!
//! The key is not in the database; the operator keeps it beside the data. Secrets that need not be read again are stored
//! as hashes instead ([`super::tokens`]).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use super::Error;
use super::tokens::{bytes, hex};

/// Bytes of the key.
pub const KEY: usize = 32;

/// Bytes of a nonce. A random one for each seal: a few are made in a server's life, and 2^32 would be too many
/// (NIST SP 800-38D section 8.3).
const NONCE: usize = 12;

/// Seals and opens with one key. Not `Debug`, so that no log can hold the key.
pub struct Seals(RandomizedNonceKey);

impl Seals {
    /// With this key.
    pub fn new(key: &[u8; KEY]) -> Result<Self, Error> {
        RandomizedNonceKey::new(&AES_256_GCM, key)
            .map(Self)
            .map_err(|error| Error::Sealing(error.to_string()))
    }

    /// What is stored in place of `text`; opens only as `what` it was sealed as.
    pub(super) fn seal(&self, what: &'static str, text: &str) -> Result<String, Error> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(what.as_bytes()), &mut sealed)
            .map_err(|error| Error::Sealing(error.to_string()))?;
        Ok(hex(nonce.as_ref()) + &hex(&sealed))
    }

    /// What was sealed, if it was with this key and as this.
    pub(super) fn open(&self, what: &'static str, stored: &str) -> Option<String> {
        let mut stored = bytes(stored)?;
        if stored.len() < NONCE {
            return None;
        }
        let mut sealed = stored.split_off(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(&stored).ok()?;
        let text = self.0.open_in_place(nonce, Aad::from(what.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_as_what_it_is_alone() {
        let seals = Seals::new(&[7; KEY]).unwrap();
        let sealed = seals.seal("relay", "a secret").unwrap();
        assert!(!sealed.contains("secret") && sealed != seals.seal("relay", "a secret").unwrap());
        assert_eq!(seals.open("relay", &sealed).unwrap(), "a secret");
        assert!(seals.open("mail", &sealed).is_none());
        assert!(Seals::new(&[8; KEY]).unwrap().open("relay", &sealed).is_none());
        for bad in ["", "0", "zz", "é0", &sealed[2..], &sealed[..sealed.len() - 2], &sealed.replace('a', "b")]
        {
            assert!(bad == sealed || seals.open("relay", bad).is_none(), "{bad}");
        }
    }
}
