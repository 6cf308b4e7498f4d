//! Who we are to the other side: the process's certificate, and secrets that cannot be guessed.
//!
//! One certificate for the whole process; a session's ICE credentials follow from one secret drawn at
//! start, since the session library would draw them from a generator that is fast but predictable. Knows
//! nothing of rooms. Start at [`Identity`].

use std::fmt;
use std::sync::Arc;

use str0m::IceCreds;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::dtls::DtlsProvider;
use thiserror::Error;

use crate::demux::{Key, user_name_prefix};
use crate::handshakes::Handshakes;
use crate::keys::watchful;

/// The certificate and the secret of a process. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    /// Tells us the keys of sessions built with it; see `keys`.
    pub(crate) crypto: Arc<CryptoProvider>,
    /// Makes the handshakes.
    pub(crate) handshakes: &'static dyn DtlsProvider,
    pub(crate) certificate: DtlsCert,
    secret: [u8; 32],
}

/// No certificate could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a certificate could not be made")]
pub struct CertificateError;

impl Identity {
    /// Makes a fresh certificate. The secret is 32 bytes of the system's randomness; given from outside,
    /// so that the core draws none itself.
    ///
    /// # Errors
    /// When the crypto library has no certificate to give.
    pub fn generate(secret: [u8; 32]) -> Result<Identity, CertificateError> {
        static HANDSHAKES: Handshakes = Handshakes::new();
        let stock = str0m::crypto::from_feature_flags();
        Identity::with_crypto(secret, CryptoProvider { dtls_provider: &HANDSHAKES, ..stock })
    }

    /// For tests: the same with another crypto library.
    ///
    /// # Errors
    /// When it has no certificate to give.
    #[doc(hidden)]
    pub fn with_crypto(secret: [u8; 32], stock: CryptoProvider) -> Result<Identity, CertificateError> {
        let handshakes = stock.dtls_provider;
        let certificate = handshakes.generate_certificate().ok_or(CertificateError)?;
        Ok(Identity { crypto: Arc::new(watchful(stock)), handshakes, certificate, secret })
    }

    /// The ICE credentials of one participant, others after each restart: his key for the demux to read, the rest for
    /// nobody to guess.
    pub(crate) fn credentials(&self, worker: usize, key: Key, restarts: u32) -> IceCreds {
        let derive = |purpose: &[u8]| -> String {
            let mac = self.derive(purpose, worker, key, restarts);
            mac.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let user_name_rest: String = derive(b"ice user name").chars().take(8).collect();
        IceCreds { ufrag: user_name_prefix(key) + &user_name_rest, pass: derive(b"ice password") }
    }

    /// What is known here alone and belongs to one participant.
    pub(crate) fn secret_of(&self, worker: usize, key: Key) -> [u8; 20] {
        self.derive(b"questions", worker, key, 0)
    }

    fn derive(&self, purpose: &[u8], worker: usize, key: Key, restarts: u32) -> [u8; 20] {
        let (prefix, worker) = (user_name_prefix(key), (worker as u64).to_be_bytes());
        let parts: [&[u8]; 4] = [purpose, &worker, prefix.as_bytes(), &restarts.to_be_bytes()];
        self.crypto.sha1_hmac_provider.sha1_hmac(&self.secret, &parts)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret must not find its way into a log.
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn credentials_differ_by_participant_worker_and_process() {
        let key = Key { index: 1, generation: 1 };
        let here = Identity::generate([1; 32]).unwrap();
        let there = Identity::generate([2; 32]).unwrap();
        let all = [
            here.credentials(0, key, 0),
            here.credentials(0, key, 1),
            here.credentials(1, key, 0),
            here.credentials(0, Key { generation: 2, ..key }, 0),
            there.credentials(0, key, 0),
        ];
        for (n, a) in all.iter().enumerate() {
            assert_eq!(a.ufrag.len(), 24);
            assert_eq!(a.pass.len(), 40);
            for b in &all[..n] {
                assert_ne!(a.pass, b.pass);
                assert_ne!(a.ufrag, b.ufrag);
            }
        }
        assert!(!format!("{here:?}").contains('1'));
    }
}
