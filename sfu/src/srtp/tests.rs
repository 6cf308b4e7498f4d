//! Known answers from RFC 7714, and storms in which no nonce may appear twice.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;
use str0m::crypto::{AeadAes128Gcm, AeadAes256Gcm};
use zeroize::Zeroizing;

use super::*;

/// RFC 7714 section 16: the keys are the numbers from zero, the salt is the same everywhere.
const SALT: &str = "517569642070726f2071756f";

/// Sections 16.1.1 and 16.2.1.
const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976697361\
                   20696e207061727465732074726573";
const RTP_128: &str = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d29\
                       4e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce";
const RTP_256: &str = "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58\
                       e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13";

/// Sections 17.1 and 17.3; the index is 0x5d4.
const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
                    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
const RTCP_128: &str = "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32d\
                        c676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade\
                        800005d4";
const RTCP_256: &str = "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50\
                        a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be\
                        800005d4";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn cipher(key_len: u8) -> Cipher {
    let key = Key { bytes: Zeroizing::new((0..key_len).collect()), salt: bytes(SALT).try_into().unwrap() };
    Cipher::new(&key).unwrap()
}

#[test]
fn rtp_is_sealed_as_the_rfc_says() {
    for (key_len, expected) in [(16, RTP_128), (32, RTP_256)] {
        let mut buffer = b"before".to_vec();
        buffer.extend(bytes(RTP));
        let mut stream = Stream::new(0x5501_a0b2);
        cipher(key_len).seal_rtp(&mut stream, 0xf17b, &mut buffer, 6, 12).unwrap();
        assert_eq!(buffer[6..], bytes(expected));
        assert_eq!(&buffer[..6], b"before");
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_the_rfc_says() {
    for (key_len, expected) in [(16, RTCP_128), (32, RTCP_256)] {
        let mut buffer = bytes(RTCP);
        let mut stream = ReportStream { next: 0x5d4, ..ReportStream::new(0x4d61_7273) };
        cipher(key_len).seal_rtcp(&mut stream, &mut buffer, 0).unwrap();
        assert_eq!(buffer, bytes(expected));
        assert_eq!(cipher(key_len).open_rtcp(&mut buffer).unwrap(), bytes(RTCP));
    }
}

#[test]
fn what_is_not_genuine_is_not_opened() {
    for at in 0..bytes(RTCP_128).len() {
        let mut forged = bytes(RTCP_128);
        forged[at] ^= 0x80;
        assert_eq!(cipher(16).open_rtcp(&mut forged), None, "byte {at}");
    }
    for len in 0..bytes(RTCP_128).len() {
        assert_eq!(cipher(16).open_rtcp(&mut bytes(RTCP_128)[..len]), None, "length {len}");
    }
}

#[test]
fn an_index_is_sealed_once() {
    let cipher = cipher(16);
    let mut stream = Stream::new(1);
    let mut seal = |index| {
        let mut buffer = bytes(RTP);
        cipher.seal_rtp(&mut stream, index, &mut buffer, 0, 12).is_some()
    };
    assert!(seal(100));
    assert!(!seal(100), "twice");
    assert!(seal(99));
    assert!(!seal(99), "twice, behind");
    assert!(seal(163));
    assert!(!seal(99), "too far behind to remember");
    assert!(!seal(100), "remembered");
    assert!(!seal(1 << 48), "no such index");
    assert!(seal((1 << 48) - 1));
    assert!(!seal((1 << 48) - 1));
}

#[test]
fn rtp_is_opened_as_the_rfc_says_and_only_that() {
    for (key_len, sealed) in [(16, RTP_128), (32, RTP_256)] {
        let (packet, mut plain) = (bytes(sealed), [0; 100]);
        let (header, body) = packet.split_at(12);
        let cipher = cipher(key_len);
        let mut open = |index, header: &[u8], body: &[u8]| {
            cipher.open_rtp(0x5501_a0b2, index, header, body, &mut plain).map(<[u8]>::to_vec)
        };
        assert_eq!(open(0xf17b, header, body).unwrap(), bytes(RTP)[12..]);
        assert_eq!(open(0x1_f17b, header, body), None, "another rollover");
        for at in 0..packet.len() {
            let mut forged = packet.clone();
            forged[at] ^= 1;
            assert_eq!(open(0xf17b, &forged[..12], &forged[12..]), None, "byte {at}");
        }
        for len in 0..body.len() {
            assert_eq!(open(0xf17b, header, &body[..len]), None, "length {len}");
        }
    }
    let mut short = [0; 9];
    let packet = bytes(RTP_128);
    let (header, body) = packet.split_at(12);
    assert_eq!(cipher(16).open_rtp(0x5501_a0b2, 0xf17b, header, body, &mut short), None, "no room for it");
}

#[test]
fn a_sequence_number_stands_for_the_nearest_index() {
    let mut indexes = Indexes::default();
    assert_eq!(indexes.estimate(65_535), Some(65_535), "no rollover at the beginning");
    assert!(indexes.take(10));
    assert_eq!(indexes.estimate(11), Some(11));
    assert_eq!(indexes.estimate(9), Some(9));
    assert_eq!(indexes.estimate(65_535), None, "before the beginning");
    assert!(indexes.take(65_530));
    assert_eq!(indexes.estimate(3), Some(65_539), "rolled over");
    assert!(indexes.take(65_539));
    assert_eq!(indexes.estimate(65_531), Some(65_531), "and back");
    assert_eq!(indexes.estimate(3 + 32_767), Some(65_539 + 32_767));
    assert_eq!(indexes.estimate(3 + 32_769), Some(65_539 - 32_767));
    assert!(indexes.take(INDEX_END - 1));
    assert_eq!(indexes.estimate(0), None, "no index is left");
}

#[test]
fn reports_end_with_their_index_space() {
    let mut stream = ReportStream { next: RTCP_ENCRYPTED - 1, ..ReportStream::new(1) };
    assert!(cipher(16).seal_rtcp(&mut stream, &mut bytes(RTCP), 0).is_some());
    assert!(cipher(16).seal_rtcp(&mut stream, &mut bytes(RTCP), 0).is_none());
}

#[test]
fn a_packet_shorter_than_its_header_is_not_sealed() {
    let mut stream = Stream::new(1);
    assert!(cipher(16).seal_rtp(&mut stream, 0, &mut vec![0; 11], 0, 12).is_none());
    assert!(cipher(16).seal_rtp(&mut stream, 0, &mut vec![0; 11], 12, 0).is_none());
    assert!(cipher(16).seal_rtcp(&mut ReportStream::new(1), &mut vec![0; 7], 0).is_none());
}

/// Opens a packet with the session library's cipher and nonce, which are not ours.
fn opened(key_len: usize, header_len: usize, index: u64, packet: &[u8]) -> Option<Vec<u8>> {
    let provider = str0m::crypto::from_feature_flags().srtp_provider;
    let (header, body) = packet.split_at(header_len);
    let ssrc = u32::from_be_bytes(header[8..12].try_into().unwrap());
    let sequence = u16::from_be_bytes(header[2..4].try_into().unwrap());
    let (salt, rollover) = (bytes(SALT).try_into().unwrap(), (index >> 16) as u32);
    let mut plain = vec![0; body.len() - TAG_LEN];
    let key: Vec<u8> = (0..key_len as u8).collect();
    let result = if key_len == 16 {
        let nonce = AeadAes128Gcm::rtp_iv(salt, ssrc, rollover, sequence);
        let mut cipher = provider.aead_aes_128_gcm().create_cipher(key.try_into().unwrap(), false);
        cipher.decrypt(&nonce, &[header], body, &mut plain)
    } else {
        let nonce = AeadAes256Gcm::rtp_iv(salt, ssrc, rollover, sequence);
        let mut cipher = provider.aead_aes_256_gcm().create_cipher(key.try_into().unwrap(), false);
        cipher.decrypt(&nonce, &[header], body, &mut plain)
    };
    result.ok().map(|_| plain)
}

proptest! {
    /// Whatever is asked for, an index is given once; and what should be given, is.
    #[test]
    fn indexes_are_given_once(start in 0u64..70_000, steps in prop::collection::vec((0u64..100, 0u64..140), 1..400)) {
        let mut indexes = Indexes::default();
        let mut given = HashSet::new();
        let mut newest = start;
        for (step, back) in steps {
            newest += step;
            let index = newest.saturating_sub(back);
            let highest = given.iter().copied().max();
            let in_time = highest.is_none_or(|highest| index + 64 > highest);
            prop_assert_eq!(indexes.would_take(index), in_time && !given.contains(&index));
            prop_assert_eq!(indexes.take(index), in_time && !given.contains(&index));
            if in_time {
                given.insert(index);
            }
        }
    }

    /// What is sealed is opened by someone else's code, across the rollover, with any header and body.
    #[test]
    fn others_open_what_we_seal(
        ssrc: u32,
        index in 0u64..1 << 48,
        long_key: bool,
        extra in prop::collection::vec(any::<u8>(), 0..40),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let key_len = if long_key { 32 } else { 16 };
        let mut buffer = vec![0x80, 111];
        buffer.extend((index as u16).to_be_bytes());
        buffer.extend([0; 4]);
        buffer.extend(ssrc.to_be_bytes());
        buffer.extend(&extra);
        let header_len = buffer.len();
        buffer.extend(&body);
        cipher(key_len as u8).seal_rtp(&mut Stream::new(ssrc), index, &mut buffer, 0, header_len).unwrap();
        prop_assert_eq!(opened(key_len, header_len, index, &buffer), Some(body));
        prop_assert_eq!(opened(key_len, header_len, index ^ 1 << 16, &buffer), None);
    }

    /// Any bytes at all: no panic.
    #[test]
    fn any_report(mut packet in prop::collection::vec(any::<u8>(), 0..100)) {
        cipher(16).open_rtcp(&mut packet);
    }
}
