use std::hash::{BuildHasher, RandomState};

use cromulent::protocol::client::Request;
use cromulent::protocol::types::MediaState;

use crate::support::call::Call;
use crate::support::view::View;
use crate::support::{TestServer, TestUser};

/// Chance that can be had again (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Comes, goes, mutes, talks, reloads and loses the socket; is there in the end, and silent.
async fn storms(mut user: TestUser, mut dice: Dice) -> (TestUser, Option<Call>) {
    let mut call: Option<Call> = None;
    for _ in 0..6 {
        match dice.roll(8) {
            0..=2 => call = Some(user.joins_voice().await),
            3 => {
                user.asks(&Request::LeaveVoice).await.unwrap();
                call = None;
            }
            4 if call.is_some() => user.sets_voice(dice.roll(2) == 0, dice.roll(2) == 0).await,
            5 => {
                user.socket.close(1001).await.unwrap();
                user = TestUser::connect_at(user.address, &user.name, user.cookie).await;
                call = None;
            }
            6 => drop(user.comes_back().await),
            _ => call.iter().for_each(Call::talks),
        }
    }
    call.iter().for_each(Call::falls_silent);
    (user, call)
}

/// `STORM_SEED=n` has a storm again.
#[tokio::test]
async fn after_a_storm_everybody_sees_the_same() {
    let named = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = named.unwrap_or_else(|| RandomState::new().hash_one(0) >> 32);
    println!("STORM_SEED={seed}");
    let server = TestServer::start().await;
    let mut quiet = server.user("quiet").await;
    let mut storming = Vec::new();
    for number in 0..12 {
        let user = server.user(&format!("user{number}")).await;
        storming.push(tokio::spawn(storms(user, Dice(seed.wrapping_add(number << 32)))));
    }
    let mut everybody = Vec::new();
    for one in storming {
        everybody.push(one.await.unwrap());
    }
    let lounge = quiet.lounge();
    let inside = everybody.iter().filter(|(_, call)| call.is_some()).count();
    let is_calm = |view: &View| {
        let people = view.people_in(lounge);
        people.len() == inside
            && people.iter().all(|seen| seen.media == MediaState::Connected)
            && view.talking_in(lounge).is_empty()
    };
    quiet.sees(is_calm).await;
    let truth = View::of(&TestUser::connect(&server, "quiet", quiet.cookie.clone()).await.snapshot);
    assert!(is_calm(&truth) && truth.online.len() == 13, "{truth:?}");
    quiet.sees(|view| *view == truth).await;
    for (user, _) in &mut everybody {
        user.sees(|view| *view == truth).await;
    }
}
