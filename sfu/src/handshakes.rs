//! DTLS handshakes that share their settings.
//!
//! The stock provider makes new settings for every session, and the DTLS library tries out all its cryptography
//! whenever settings are made: ten times the work of a handshake's own share, and the largest part of a join. Here
//! they are made once for the process. Everything else is the library's. Knows no sessions and no keys. Start at
//! [`Handshakes`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};

/// The provider of handshakes.
#[derive(Debug)]
pub(crate) struct Handshakes {
    /// By the size of datagrams, which the session library always asks for alike.
    settings: Mutex<BTreeMap<Option<usize>, Arc<Config>>>,
}

/// Sizes of datagrams for which settings are kept; for others they are made anew.
const SIZES_MAX: usize = 4;

impl Handshakes {
    pub(crate) const fn new() -> Handshakes {
        Handshakes { settings: Mutex::new(BTreeMap::new()) }
    }

    /// Asked when someone joins, never on the way of a packet.
    fn settings(&self, mtu: Option<usize>) -> Result<Arc<Config>, CryptoError> {
        // Nothing in here can panic half way, so what a poisoned lock guards is whole.
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = known.get(&mtu) {
            return Ok(Arc::clone(settings));
        }
        // ICE has shown that the other side can be reached where it says, which is what a cookie is for.
        let mut builder = Config::builder().use_server_cookie(false);
        if let Some(mtu) = mtu {
            builder = builder.mtu(mtu);
        }
        let made = builder.build().map_err(|error| CryptoError::Other(error.to_string()))?;
        let settings = Arc::new(made);
        if known.len() < SIZES_MAX {
            known.insert(mtu, Arc::clone(&settings));
        }
        Ok(settings)
    }
}

impl DtlsProvider for Handshakes {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let DtlsCert { certificate, private_key } = certificate.clone();
        let certificate = DtlsCertificate { certificate, private_key };
        let settings = self.settings(mtu)?;
        let handshake = match version {
            DtlsVersion::Dtls12 => Dtls::new_12(settings, certificate, now),
            DtlsVersion::Dtls13 => Dtls::new_13(settings, certificate, now),
            DtlsVersion::Auto => Dtls::new_auto(settings, certificate, now),
            other => return Err(CryptoError::Other(format!("DTLS version {other} is not known here"))),
        };
        Ok(Box::new(Handshake(handshake)))
    }
}

/// One session's DTLS.
struct Handshake(Dtls);

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it holds must not find its way into a log.
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl DtlsInstance for Handshake {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_are_made_once_and_not_without_end() {
        let handshakes = Handshakes::new();
        let first = handshakes.settings(Some(1_200)).unwrap();
        assert!(Arc::ptr_eq(&first, &handshakes.settings(Some(1_200)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &handshakes.settings(None).unwrap()));
        for mtu in 1_000..1_010 {
            handshakes.settings(Some(mtu)).unwrap();
        }
        assert_eq!(handshakes.settings.lock().unwrap().len(), SIZES_MAX);
    }
}
