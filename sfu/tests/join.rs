use std::net::SocketAddr;

use sfu::{
    EgressPath, Identity, Join, JoinError, Limits, OfferFault, ParticipantId, RoomId, Timeouts, Worker,
    WorkerConfig,
};
use sfu_peer::{Identity as PeerIdentity, Options, Peer};

use crate::support::{Setup, SimCall, secs};

stories! {
    who_never_connects_is_let_go,
}

const SLOTS: u8 = 4;

/// A worker with UDP and TCP at two addresses.
fn worker() -> Worker {
    let addresses: [SocketAddr; 2] =
        ["192.0.2.1:5000".parse().unwrap(), "[2001:db8::1]:5000".parse().unwrap()];
    let config = WorkerConfig {
        number: 0,
        slots: SLOTS,
        addresses: addresses.to_vec(),
        udp: true,
        tcp: true,
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        egress: EgressPath::default(),
        identity: Identity::generate([3; 32]).unwrap(),
    };
    Worker::new(std::time::Instant::now(), config)
}

fn offer(slots: usize, red: bool) -> String {
    let options = Options { red, ..Options::new(PeerIdentity::generate().unwrap()) };
    let address = "198.51.100.7:4000".parse().unwrap();
    Peer::new(std::time::Instant::now(), address, slots, options).unwrap().1
}

fn join(offer: String) -> Join {
    Join { room: RoomId(1), participant: ParticipantId(1), offer, muted: false, deafened: false }
}

fn answer(offer: String) -> Result<String, JoinError> {
    worker().join(std::time::Instant::now(), &join(offer))
}

/// What Firefox calls things: other payload types.
fn as_firefox(offer: &str) -> String {
    let codec_line = |line: &&str| {
        ["m=", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|start| line.starts_with(start))
    };
    let renamed = |line: &str| match Some(line).filter(codec_line) {
        Some(line) => line.replace("111", "109").replace("63", "121") + "\r\n",
        None => line.to_owned() + "\r\n",
    };
    offer.lines().map(renamed).collect()
}

#[test]
fn the_answer_is_complete_and_lite() {
    let answer = answer(offer(4, true)).unwrap();
    assert!(answer.contains("a=ice-lite"));
    assert!(answer.contains("a=setup:passive"));
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates.len(), 4, "two addresses, two ways each: {candidates:?}");
    assert_eq!(candidates.iter().filter(|line| line.contains("tcptype passive")).count(), 2);
    assert_eq!(answer.matches("a=sendonly").count(), 4);
    assert_eq!(answer.matches("a=recvonly").count(), 1);
    assert_eq!(answer.matches("m=audio").count(), 5);
}

#[test]
fn the_answer_speaks_opus_and_nothing_else() {
    let with_red = answer(offer(1, true)).unwrap();
    let codecs: Vec<&str> = with_red.lines().filter(|line| line.starts_with("a=rtpmap:")).collect();
    assert!(
        codecs.iter().all(|line| line.contains("opus/48000/2") || line.contains("red/48000/2")),
        "{codecs:?}"
    );
    assert!(codecs.iter().any(|line| line.contains("red/")));
    assert!(!answer(offer(1, false)).unwrap().contains("red/"), "RED only if it was offered");
}

#[test]
fn payload_types_are_the_offerers() {
    let answer = answer(as_firefox(&offer(1, true))).unwrap();
    assert!(answer.contains("a=rtpmap:109 opus/48000/2"), "{answer}");
}

#[test]
fn levels_and_mids_are_agreed_and_congestion_control_is_not() {
    let answer = answer(offer(1, false)).unwrap();
    assert!(answer.contains("urn:ietf:params:rtp-hdrext:ssrc-audio-level"));
    assert!(answer.contains("urn:ietf:params:rtp-hdrext:sdes:mid"));
    assert!(!answer.contains("transport-wide-cc"));
}

#[test]
fn fewer_slots_than_the_room_has_is_fine_more_is_not() {
    assert!(answer(offer(0, false)).is_ok());
    assert!(answer(offer(usize::from(SLOTS), false)).is_ok());
    let refusal = answer(offer(usize::from(SLOTS) + 1, false));
    assert_eq!(refusal, Err(JoinError::OfferMalformed(OfferFault::TooManyLines)));
}

#[test]
fn a_huge_offer_is_refused_unread() {
    assert_eq!(answer("v=0\r\n".repeat(1 << 18)), Err(JoinError::OfferTooLarge));
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let mut worker = worker();
    let good = offer(2, false);
    for bad in [String::new(), good.replace("fingerprint", "x"), good.replace("m=audio", "m=video")] {
        assert!(worker.join(std::time::Instant::now(), &join(bad)).is_err());
        assert_eq!(worker.footprint(), [0; 4]);
    }
}

#[test]
fn nobody_joins_twice() {
    let mut worker = worker();
    let now = std::time::Instant::now();
    assert!(worker.join(now, &join(offer(2, false))).is_ok());
    assert_eq!(worker.join(now, &join(offer(2, false))), Err(JoinError::AlreadyJoined));
}

#[test]
fn a_full_server_says_so() {
    let limits = Limits { participants_per_worker: 3, ..Limits::default() };
    let mut call = SimCall::new(Setup { limits, ..Setup::default() });
    call.tries_to_join("ana", 1, false, false).unwrap();
    call.tries_to_join("ben", 1, false, false).unwrap();
    call.tries_to_join("dan", 2, false, false).unwrap();
    assert_eq!(call.tries_to_join("eve", 3, false, false), Err(JoinError::ServerFull));
    call.leaves("ana");
    call.tries_to_join("finn", 1, false, false).unwrap();
}

fn who_never_connects_is_let_go() {
    let mut call = SimCall::new(Setup::default());
    let ana = call.joins("ana");
    call.is_plugged_in("ana", false);
    call.passes(secs(14));
    assert_eq!(call.left(ana), None);
    call.passes(secs(2));
    assert_eq!(call.left(ana), Some(sfu::LeaveReason::TimedOut));
    assert_eq!(call.sfu.footprint(), [0; 4]);
}

#[test]
fn an_offer_with_a_hole_is_refused_and_never_panics() {
    let good = offer(3, true);
    let mut worker = worker();
    let now = std::time::Instant::now();
    for cut in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad.replace_range(cut..(cut + 5).min(good.len()), "");
        if worker.join(now, &join(bad)).is_ok() {
            worker.leave(now, ParticipantId(1));
        }
    }
    assert_eq!(worker.stats().panics_contained, 0);
    assert_eq!(worker.footprint(), [0; 4]);
}
