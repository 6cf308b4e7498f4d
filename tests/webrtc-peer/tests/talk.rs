//! Two strangers to the server's WebRTC stack talk through a real server: what each sends, the other hears.

// A test that meets something unexpected should stop right there; its helpers too.
#![allow(clippy::unwrap_used)]

use webrtc_peer::{Call, Heard, PACKET_SAMPLES, Person, Server, until};

/// What makes a conversation: four seconds, in which the sequence numbers start again at zero.
const GOOD_NUMBER: usize = 200;

/// Packets that may still be on their way when the server has answered: half a second of them.
const IN_FLIGHT: u32 = 25;

/// How long silence is listened to, in packets that another voice has sent meanwhile: a second.
const SILENCE: u32 = 50;

/// Somebody in the room.
struct Talker {
    person: Person,
    call: Call,
    number: u64,
    voice: u8,
}

impl Talker {
    async fn comes_in(server: &Server, name: &str, voice: u8) -> Self {
        let mut person = Person::arrive(&server.host, name).await.unwrap();
        let mut call = Call::offering(person.slots().unwrap(), 1_000 + u32::from(voice)).await.unwrap();
        let number = person.join("Lounge", &mut call).await.unwrap();
        Self { person, call, number, voice }
    }

    fn heard_of(&self, other: &Talker) -> Vec<Heard> {
        self.call.heard().into_iter().filter(|heard| heard.voice == other.voice).collect()
    }

    async fn hears(&self, other: &Talker, packets: usize) {
        let what = format!("{packets} packets of voice {} at voice {}", other.voice, self.voice);
        until(&what, || self.heard_of(other).len() >= packets).await.unwrap();
    }

    /// Everything so far is `other`, whole, in order, in time and in the right place; said in so many breaths.
    async fn heard_well(&self, other: &Talker, breaths: usize) {
        until("a slot for the other", || self.person.slot_of(other.number).is_some()).await.unwrap();
        let slot = self.person.slot_of(other.number);
        let heard = self.call.heard();
        for packet in &heard {
            assert_ne!(packet.voice, self.voice, "nobody hears himself: {packet:?}");
            assert_eq!(packet.voice, other.voice, "{packet:?}");
            assert!(packet.count.is_some(), "the payload is as it was sent: {packet:?}");
            assert_eq!(packet.slot, slot, "on the line the server named: {packet:?}");
            let contributors: Vec<u64> = packet.contributors.iter().copied().map(u64::from).collect();
            assert_eq!(contributors, [other.number], "and it says so itself: {packet:?}");
        }
        for pair in heard.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let step = after.sequence.wrapping_sub(before.sequence);
            assert!((1..0x8000).contains(&step), "sequence numbers only grow: {before:?}, {after:?}");
            let samples = after.timestamp.wrapping_sub(before.timestamp);
            if after.starts {
                // The pause between two breaths is the server's to measure.
                assert!((1..0x8000_0000).contains(&samples), "time goes on: {before:?}, {after:?}");
                continue;
            }
            let packets = after.count.unwrap() - before.count.unwrap();
            assert_eq!(
                samples,
                packets * PACKET_SAMPLES,
                "time passes as it was sent: {before:?}, {after:?}"
            );
        }
        assert_eq!(
            heard.iter().filter(|packet| packet.starts).count(),
            breaths,
            "each breath is marked once"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_strangers_talk() {
    // The sentence says what to do about it.
    let server = Server::start().await.unwrap_or_else(|error| panic!("{error}"));
    let mut ana = Talker::comes_in(&server, "ana", 1).await;
    let mut ben = Talker::comes_in(&server, "ben", 2).await;
    assert_ne!(ana.number, ben.number);
    let anas_voice = ana.call.talk(ana.voice).unwrap();
    let bens_voice = ben.call.talk(ben.voice).unwrap();

    ana.hears(&ben, GOOD_NUMBER).await;
    ben.hears(&ana, GOOD_NUMBER).await;
    ana.heard_well(&ben, 1).await;
    ben.heard_well(&ana, 1).await;

    // Muted, whatever the client still sends.
    ana.person.set_muted(true).await.unwrap();
    let last = anas_voice.sent() + IN_FLIGHT;
    let benefit = ana.heard_of(&ben).len() + GOOD_NUMBER / 4;
    until("a muted voice goes on unheard", || anas_voice.sent() > last + SILENCE).await.unwrap();
    let heard = ben.heard_of(&ana);
    assert!(heard.iter().all(|packet| packet.count.is_some_and(|count| count <= last)), "{:?}", heard.last());
    // Who is muted still hears.
    ana.hears(&ben, benefit).await;
    ana.heard_well(&ben, 1).await;

    // And again, on the same line and with numbers that go on.
    ana.person.set_muted(false).await.unwrap();
    ben.hears(&ana, heard.len() + GOOD_NUMBER / 4).await;
    ben.heard_well(&ana, 2).await;

    // Gone for the other, in word and in sound.
    ben.person.leave().await.unwrap();
    until("ben left", || ana.person.saw_leave(ben.number)).await.unwrap();
    let last = bens_voice.sent() + IN_FLIGHT;
    until("ben talks to nobody", || bens_voice.sent() > last + SILENCE).await.unwrap();
    let heard = ana.heard_of(&ben);
    assert!(heard.iter().all(|packet| packet.count.is_some_and(|count| count <= last)), "{:?}", heard.last());

    drop((anas_voice, bens_voice));
    ana.call.hang_up().await.unwrap();
    ben.call.hang_up().await.unwrap();
}
