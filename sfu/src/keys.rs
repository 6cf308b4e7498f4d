//! The keys two sides have agreed on, as they pass from the handshake to the session.
//!
//! The session library makes and uses the SRTP keys itself; to seal and open voice ourselves we need them
//! too. It
//! lets its user bring the crypto provider, so ours hands everything on to the stock one and, when a
//! handshake yields keys, leaves a copy in the [`KeyBox`] of that very session. What is in the box are
//! master keys; [`SessionKeys::derive`] makes of them what packets are sealed with. Knows no packets.
//! Start at [`watch`].

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};
use zeroize::Zeroizing;

/// Length of a GCM salt (RFC 7714 section 12).
pub(crate) const SALT_LEN: usize = 12;

/// Key derivation labels (RFC 3711 section 4.3.2).
const LABEL_RTP_KEY: u8 = 0;
const LABEL_RTP_SALT: u8 = 2;
const LABEL_RTCP_KEY: u8 = 3;
const LABEL_RTCP_SALT: u8 = 5;

/// Where the keys of one session are put, and taken from.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyBox(Arc<Mutex<Option<MasterKeys>>>);

/// What a handshake has yielded. Wiped when dropped.
pub(crate) struct MasterKeys {
    profile: SrtpProfile,
    /// Client key, server key, client salt, server salt (RFC 5764 section 4.2).
    material: Zeroizing<Vec<u8>>,
    /// We were the client.
    active: bool,
}

/// The keys of both directions of a session.
#[derive(Debug)]
pub(crate) struct SessionKeys {
    pub(crate) rtp_out: Key,
    pub(crate) rtcp_out: Key,
    pub(crate) rtp_in: Key,
    pub(crate) rtcp_in: Key,
}

/// A key with its salt; wiped when dropped.
pub(crate) struct Key {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) salt: [u8; SALT_LEN],
}

/// What the next handshake is to be done with, and where its keys go.
struct Watch {
    stock: &'static dyn DtlsProvider,
    keys: KeyBox,
}

thread_local! {
    /// Set only while [`watch`] builds a session: the library offers no other way to tell a provider for
    /// whom it works.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// The provider for sessions that are built under [`watch`]. Apart from that it is the given one.
pub(crate) fn watchful(stock: CryptoProvider) -> CryptoProvider {
    static PROVIDER: Watchful = Watchful;
    CryptoProvider { dtls_provider: &PROVIDER, ..stock }
}

/// Builds a session whose provider is [`watchful`]; its keys, once there are any, will be in the box. No
/// two sessions share a box, so keys cannot end up with the wrong one.
pub(crate) fn watch<T>(stock: &'static dyn DtlsProvider, build: impl FnOnce() -> T) -> (T, KeyBox) {
    /// Taken back however `build` ends, so that it cannot be found by another session.
    struct Unwatch;
    impl Drop for Unwatch {
        fn drop(&mut self) {
            WATCH.take();
        }
    }
    let keys = KeyBox::default();
    WATCH.set(Some(Watch { stock, keys: keys.clone() }));
    let _unwatch = Unwatch;
    (build(), keys)
}

impl KeyBox {
    /// Takes the keys out, so that this is the only copy.
    pub(crate) fn take(&self) -> Option<MasterKeys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, keys: MasterKeys) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }
}

#[derive(Debug)]
struct Watchful;

impl DtlsProvider for Watchful {
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
        let Some(Watch { stock, keys }) = WATCH.take() else {
            // Nobody wants its keys.
            let stock = str0m::crypto::from_feature_flags().dtls_provider;
            return stock.new_dtls(certificate, now, version, mtu);
        };
        let handshake = stock.new_dtls(certificate, now, version, mtu)?;
        Ok(Box::new(Watched { handshake, keys }))
    }
}

/// One session's DTLS.
#[derive(Debug)]
struct Watched {
    handshake: Box<dyn DtlsInstance>,
    keys: KeyBox,
}

impl DtlsInstance for Watched {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.handshake.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.keys.put(MasterKeys {
                profile: *profile,
                material: Zeroizing::new(material.to_vec()),
                active: self.handshake.is_active(),
            });
        }
        output
    }

    fn set_active(&mut self, active: bool) {
        self.handshake.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.handshake.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.handshake.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.handshake.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.handshake.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.handshake.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.handshake.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.handshake.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.handshake.close()
    }
}

impl SessionKeys {
    /// The keys to seal and open with; `None` unless an AEAD profile was agreed (RFC 7714).
    pub(crate) fn derive(master: &MasterKeys) -> Option<SessionKeys> {
        let key_len = if master.profile == SrtpProfile::AEAD_AES_128_GCM {
            16
        } else if master.profile == SrtpProfile::AEAD_AES_256_GCM {
            32
        } else {
            return None;
        };
        let (client_key, rest) = master.material.split_at_checked(key_len)?;
        let (server_key, rest) = rest.split_at_checked(key_len)?;
        let (client_salt, rest) = rest.split_at_checked(SALT_LEN)?;
        let server_salt = rest.get(..SALT_LEN)?;
        let (client, server) = ((client_key, client_salt), (server_key, server_salt));
        let (ours, theirs) = if master.active { (client, server) } else { (server, client) };
        Some(SessionKeys {
            rtp_out: Key::derive(ours, LABEL_RTP_KEY, LABEL_RTP_SALT)?,
            rtcp_out: Key::derive(ours, LABEL_RTCP_KEY, LABEL_RTCP_SALT)?,
            rtp_in: Key::derive(theirs, LABEL_RTP_KEY, LABEL_RTP_SALT)?,
            rtcp_in: Key::derive(theirs, LABEL_RTCP_KEY, LABEL_RTCP_SALT)?,
        })
    }
}

impl Key {
    fn derive((master, master_salt): (&[u8], &[u8]), key: u8, salt: u8) -> Option<Key> {
        let mut derived = Key { bytes: Zeroizing::new(vec![0; master.len()]), salt: [0; SALT_LEN] };
        derive(master, master_salt, key, &mut derived.bytes)?;
        derive(master, master_salt, salt, &mut derived.salt)?;
        Some(derived)
    }
}

/// Key derivation (RFC 3711 section 4.3, RFC 6188 section 3 for long keys) with a derivation rate of zero:
/// AES in counter mode over nothing, starting at the salt with the label in it.
fn derive(master: &[u8], salt: &[u8], label: u8, derived: &mut [u8]) -> Option<()> {
    /// A key derivation key is 112 bits of salt, of which the label changes the seventh byte.
    const LABEL_AT: usize = 7;
    let algorithm = if master.len() == 16 { &AES_128 } else { &AES_256 };
    let mut start = [0; 16];
    start.get_mut(..salt.len())?.copy_from_slice(salt);
    start[LABEL_AT] ^= label;
    derived.fill(0);
    let key = UnboundCipherKey::new(algorithm, master).and_then(EncryptingKey::ctr).ok()?;
    key.less_safe_encrypt(derived, EncryptionContext::Iv128(FixedLength::from(start))).ok()?;
    Some(())
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys must not find their way into a log.
        f.debug_struct("MasterKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn derived(master: &str, salt: &str, label: u8, len: usize) -> Vec<u8> {
        let mut out = vec![0xff; len];
        derive(&bytes(master), &bytes(salt), label, &mut out).unwrap();
        out
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn derivation_with_a_short_key() {
        let (master, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
        assert_eq!(derived(master, salt, LABEL_RTP_KEY, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(master, salt, LABEL_RTP_SALT, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    }

    /// RFC 6188 section 7.2.
    #[test]
    fn derivation_with_a_long_key() {
        let master = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6";
        let salt = "3b04803de51ee7c96423ab5b78d2";
        let key = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4";
        assert_eq!(derived(master, salt, LABEL_RTP_KEY, 32), bytes(key));
        assert_eq!(derived(master, salt, LABEL_RTP_SALT, 14), bytes("fa31791685ca444a9e07c6c64e93"));
    }

    fn master(profile: SrtpProfile, len: u8, active: bool) -> MasterKeys {
        MasterKeys { profile, material: Zeroizing::new((0..len).collect()), active }
    }

    #[test]
    fn each_side_seals_with_its_own_half() {
        let server = SessionKeys::derive(&master(SrtpProfile::AEAD_AES_256_GCM, 88, false)).unwrap();
        let client = SessionKeys::derive(&master(SrtpProfile::AEAD_AES_256_GCM, 88, true)).unwrap();
        assert_eq!(server.rtcp_in.bytes, client.rtcp_out.bytes);
        assert_eq!(server.rtp_in.bytes, client.rtp_out.bytes);
        assert_ne!(server.rtp_in.bytes, server.rtp_out.bytes);
        assert_eq!(server.rtcp_out.salt, client.rtcp_in.salt);
        assert_ne!(server.rtp_out.bytes, client.rtp_out.bytes);
        assert_ne!(server.rtp_out.bytes, server.rtcp_out.bytes);
    }

    #[test]
    fn only_whole_keys_of_an_aead_profile_are_taken() {
        assert!(SessionKeys::derive(&master(SrtpProfile::AEAD_AES_128_GCM, 56, false)).is_some());
        assert!(SessionKeys::derive(&master(SrtpProfile::AEAD_AES_128_GCM, 55, false)).is_none());
        assert!(SessionKeys::derive(&master(SrtpProfile::AES128_CM_SHA1_80, 60, false)).is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let master = master(SrtpProfile::AEAD_AES_128_GCM, 56, false);
        let keys = SessionKeys::derive(&master).unwrap();
        let printed = format!("{master:?} {keys:?}");
        assert!(!printed.contains('['), "{printed}");
    }

    #[test]
    fn whoever_is_built_unwatched_gets_no_box() {
        let provider = watchful(str0m::crypto::from_feature_flags());
        let certificate = provider.dtls_provider.generate_certificate().unwrap();
        let dtls = |_: ()| {
            provider.dtls_provider.new_dtls(&certificate, Instant::now(), DtlsVersion::Dtls12, None).unwrap()
        };
        let stock = str0m::crypto::from_feature_flags().dtls_provider;
        let (first, keys) = watch(stock, || dtls(()));
        assert_eq!(Arc::strong_count(&keys.0), 2);
        let second = dtls(());
        assert_eq!(Arc::strong_count(&keys.0), 2);
        drop((first, second));
        let (_, unused) = watch(stock, || ());
        dtls(());
        assert_eq!(Arc::strong_count(&unused.0), 1, "a watch ends with what it was for");
    }
}
