//! A crypto library that agrees on the cipher of our choice.
//!
//! The stock one always agrees on the strongest. Keys of another are made of the same keying material, cut
//! to its length; that works as long as both sides do it.

use std::cell::Cell;
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial,
    ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider, from_feature_flags};

/// What both sides agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cipher {
    #[default]
    Gcm256,
    Gcm128,
    /// AES_CM_128_HMAC_SHA1_80.
    Cm,
    /// What [`Cipher::is_next`] last said when a session was opened.
    Own,
}

thread_local! {
    static NEXT: Cell<Cipher> = const { Cell::new(Cipher::Gcm256) };
}

impl Cipher {
    pub fn provider(self) -> CryptoProvider {
        let dtls_provider: &'static dyn DtlsProvider = match self {
            Cipher::Gcm256 => &Agreeing(Cipher::Gcm256),
            Cipher::Gcm128 => &Agreeing(Cipher::Gcm128),
            Cipher::Cm => &Agreeing(Cipher::Cm),
            Cipher::Own => &Agreeing(Cipher::Own),
        };
        CryptoProvider { dtls_provider, ..from_feature_flags() }
    }

    /// Whoever joins now, in a call where everyone has a cipher of his own, has this one.
    pub fn is_next(self) {
        NEXT.set(self);
    }

    /// The profile, and how much keying material it takes.
    fn profile(self) -> (SrtpProfile, usize) {
        match self {
            Cipher::Gcm256 => (SrtpProfile::AEAD_AES_256_GCM, 2 * (32 + 12)),
            Cipher::Gcm128 => (SrtpProfile::AEAD_AES_128_GCM, 2 * (16 + 12)),
            Cipher::Own => NEXT.get().profile(),
            Cipher::Cm => (SrtpProfile::AES128_CM_SHA1_80, 2 * (16 + 14)),
        }
    }
}

#[derive(Debug)]
struct Agreeing(Cipher);

#[derive(Debug)]
struct Agreement(Box<dyn DtlsInstance>, Cipher);

impl DtlsProvider for Agreeing {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let dtls = from_feature_flags().dtls_provider.new_dtls(certificate, now, version, mtu)?;
        let cipher = if self.0 == Cipher::Own { NEXT.get() } else { self.0 };
        Ok(Box::new(Agreement(dtls, cipher)))
    }
}

impl DtlsInstance for Agreement {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        match self.0.poll_output(buffer) {
            DtlsOutput::KeyingMaterial(material, _) => {
                let (profile, len) = self.1.profile();
                DtlsOutput::KeyingMaterial(KeyingMaterial::new(&material[..len]), profile)
            }
            output => output,
        }
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
