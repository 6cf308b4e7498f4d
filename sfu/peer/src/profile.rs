//! Which cipher and keys a client and the server agreed on.
//!
//! The session library keeps both to itself. The one place where they come by is the way out of DTLS, so a thin
//! cover lies over the library's DTLS and notes them for the client that is being driven. It must never print a key.

use std::cell::Cell;
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion, SrtpProfile,
};

thread_local! {
    /// What the client that is being driven on this thread has just agreed on.
    static AGREED: Cell<Option<Agreed>> = const { Cell::new(None) };
}

/// The outcome of a handshake.
pub(crate) struct Agreed {
    pub(crate) profile: SrtpProfile,
    /// Client key, server key, client salt, server salt (RFC 5764 section 4.2).
    pub(crate) material: Vec<u8>,
    /// The client of the handshake is on this side.
    pub(crate) active: bool,
}

/// The library's provider with the cover over its DTLS.
pub(crate) fn provider() -> CryptoProvider {
    let plain = str0m::crypto::from_feature_flags();
    CryptoProvider { dtls_provider: &Covered, ..plain }
}

/// What was agreed on since the last call on this thread. A client asks after each turn of its own, so no other
/// client's answer can lie here.
pub(crate) fn agreed() -> Option<Agreed> {
    AGREED.take()
}

/// The names that browsers' statistics have (`srtpCipher`), so that both can be compared.
pub(crate) fn name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::AEAD_AES_256_GCM => "AEAD_AES_256_GCM",
        SrtpProfile::AEAD_AES_128_GCM => "AEAD_AES_128_GCM",
        SrtpProfile::AES128_CM_SHA1_80 => "AES_CM_128_HMAC_SHA1_80",
        // The library may learn another one.
        _ => "unknown",
    }
}

#[derive(Debug)]
struct Covered;

impl Covered {
    fn plain() -> &'static dyn DtlsProvider {
        str0m::crypto::from_feature_flags().dtls_provider
    }
}

impl DtlsProvider for Covered {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        Self::plain().generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(CoveredInstance(Self::plain().new_dtls(cert, now, version, mtu)?)))
    }

    fn is_test(&self) -> bool {
        Self::plain().is_test()
    }
}

#[derive(Debug)]
struct CoveredInstance(Box<dyn DtlsInstance>);

impl DtlsInstance for CoveredInstance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let active = self.0.is_active();
            AGREED.set(Some(Agreed { profile: *profile, material: material.to_vec(), active }));
        }
        output
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
