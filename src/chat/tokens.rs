//! Secrets that stand for somebody: of a session, a program, a one-time link. Whoever has one is let in, so the database
//! has hashes only, and no log can have one.

use sha2::{Digest, Sha256};

use super::Error;

/// The secret of a session or a link: 32 random bytes in hexadecimal. Not `Debug`, so that no log can hold one.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// As a cookie or header gave it; whether it is one the database says.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// For the cookie.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// A new one.
    pub(super) fn random() -> Result<Self, Error> {
        Ok(Self(random_hex()?))
    }

    /// As stored.
    pub(super) fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// 32 random bytes as 64 hexadecimal digits, for secrets.
pub fn random_hex() -> Result<String, Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Hashing(error.to_string()))?;
    Ok(hex(&bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that were written so, if they were.
pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}
