use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::quality::VoicePath;
use cromulent::protocol::server::{Answer, ServerEvent, VoiceEnd};
use cromulent::protocol::types::{ChannelKind, MediaState, VoiceLoad};
use sfu::{Pressure, SlotsUsed};

use crate::support::channels::ana_the_admin_and;
use crate::support::view::View;
use crate::support::{PASSWORD, TestServer, TestUser};

#[tokio::test]
async fn two_people_hear_each_other_and_not_themselves() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    assert_eq!(bens.room.participants.len(), 2);
    anas.talks();
    bens.talks();
    anas.hears(bens.participant, 50).await;
    bens.hears(anas.participant, 50).await;
    assert!(!anas.heard().contains_key(&anas.participant), "ana hears herself");
    assert!(!bens.heard().contains_key(&bens.participant), "ben hears himself");
}

#[tokio::test]
async fn somebody_outside_sees_who_is_in_and_who_talks() {
    let server = TestServer::start().await;
    let [mut ana, mut watcher] = server.users(["ana", "watcher"]).await;
    let (who, lounge) = (watcher.id_of("ana"), watcher.lounge());
    let call = ana.joins_voice().await;
    watcher.sees(|view| view.people_in(lounge).iter().any(|seen| seen.user == who)).await;
    let connected = |view: &View| Some(view.stay(call.participant)?.media == MediaState::Connected);
    watcher.sees(|view| connected(view) == Some(true)).await;
    call.talks();
    watcher.sees(|view| view.talking_in(lounge) == [call.participant]).await;
    let late = server.user("late").await;
    assert_eq!(late.snapshot.rooms[0].participants[0].user, who);
    assert_eq!(late.snapshot.rooms[0].speakers, [call.participant]);
    call.falls_silent();
    watcher.sees(|view| view.talking_in(lounge).is_empty()).await;
    ana.asks(&Request::LeaveVoice).await.unwrap();
    watcher.sees(|view| view.people_in(lounge).is_empty()).await;
    assert!(server.user("later").await.snapshot.rooms.is_empty());
}

#[tokio::test]
async fn mute_and_deafen_hold_whatever_the_client_sends() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 20).await;
    // Ana's client goes on sending; the server does not pass it on.
    ana.sets_voice(true, false).await;
    bens.stops_hearing(anas.participant).await;
    ana.sets_voice(false, false).await;
    bens.hears(anas.participant, 20).await;
    ben.sets_voice(false, true).await;
    bens.stops_hearing(anas.participant).await;
    ben.sets_voice(false, false).await;
    bens.hears(anas.participant, 20).await;
}

#[tokio::test]
async fn who_comes_into_another_network_goes_on_talking_within_the_stay() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.talks();
    bens.hears(anas.participant, 20).await;
    let offer = anas.moves().await;
    let Answer::VoiceRestarted { answer } = ana.asks(&Request::RestartVoice { offer }).await.unwrap() else {
        panic!("another answer");
    };
    anas.takes(answer);
    bens.hears(anas.participant, 50).await;
    anas.hears(bens.participant, 50).await;
    let fresh = server.user("cai").await;
    let stays: Vec<_> = fresh.snapshot.rooms[0].participants.iter().map(|seen| seen.participant).collect();
    assert_eq!(stays, [anas.participant, bens.participant], "nobody has joined anew");
    let refused = ana.asks(&Request::RestartVoice { offer: "v=0".to_owned() }).await;
    assert_eq!(refused.unwrap_err(), ErrorCode::BadOffer);
}

#[tokio::test]
async fn how_sound_travels_is_seen_in_one_word_by_all_and_in_figures_by_admins() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let lounge = ana.lounge();
    let anas = ana.joins_voice().await;
    let bens = ben.joins_voice().await;
    anas.talks();
    bens.talks();
    for call in [&anas, &bens] {
        ana.sees(|view| view.stay(call.participant).is_some_and(|seen| seen.signal.is_some())).await;
    }
    let qualities =
        async |user: &mut TestUser| match user.asks(&Request::LoadQualities { channel: lounge }).await {
            Ok(Answer::Qualities { qualities }) => qualities,
            other => panic!("{other:?}"),
        };
    let all = qualities(&mut ana).await;
    assert_eq!(
        all.iter().map(|quality| quality.participant).collect::<Vec<_>>(),
        [anas.participant, bens.participant]
    );
    let bens_own = qualities(&mut ben).await;
    assert_eq!(bens_own.iter().map(|quality| quality.participant).collect::<Vec<_>>(), [bens.participant]);
    assert!(bens_own[0].signal.is_some() && bens_own[0].path == Some(VoicePath::Udp), "{bens_own:?}");
    assert!(bens_own[0].up.lost_per_mille.is_some(), "{bens_own:?}");
}

#[tokio::test]
async fn another_device_takes_over() {
    let server = TestServer::start().await;
    let mut desk = server.user("ana").await;
    let mut call = desk.joins_voice().await;
    let cookie = server.http().sign_in("ana", PASSWORD).await.unwrap();
    let mut phone = TestUser::connect(&server, "ana", cookie).await;
    let second = phone.joins_voice().await;
    let reason = desk
        .waits_for(|event| match event {
            ServerEvent::VoiceEnded { participant, reason, .. } if *participant == call.participant => {
                Some(*reason)
            }
            _ => None,
        })
        .await;
    assert_eq!(reason, VoiceEnd::TakenOver);
    assert_eq!(second.room.participants.len(), 1, "somebody is in the room twice");
    call.is_over().await;
    assert_eq!(
        desk.asks(&Request::SetVoice { muted: true, deafened: false }).await.unwrap_err(),
        ErrorCode::NotInVoice
    );
}

#[tokio::test]
async fn two_devices_that_join_two_rooms_at_once_end_in_one() {
    let server = TestServer::start().await;
    let (mut desk, []) = ana_the_admin_and(&server, []).await;
    let garden = desk.makes("Garden", ChannelKind::Voice, vec![]).await.id;
    let lounge = desk.lounge();
    let mut phone = desk.elsewhere().await;
    let mut tablet = desk.elsewhere().await;
    for round in 0..10 {
        let joins = tokio::join!(
            desk.asks_to_join(lounge),
            phone.asks_to_join(garden),
            tablet.asks_to_join(if round % 2 == 0 { lounge } else { garden }),
        );
        assert!(joins.0.is_ok() || joins.1.is_ok() || joins.2.is_ok(), "{joins:?}");
        let fresh = desk.elsewhere().await;
        let stays: usize = fresh.snapshot.rooms.iter().map(|room| room.participants.len()).sum();
        assert_eq!(stays, 1, "{joins:?}: {:?}", fresh.snapshot.rooms);
        fresh.socket.close(1000).await.unwrap();
    }
}

#[tokio::test]
async fn mute_puts_out_the_ring() {
    let server = TestServer::start().await;
    let [mut ana, mut watcher] = server.users(["ana", "watcher"]).await;
    let lounge = watcher.lounge();
    let call = ana.joins_voice().await;
    call.talks();
    for (muted, deafened) in [(true, false), (false, true)] {
        watcher.sees(|view| view.talking_in(lounge) == [call.participant]).await;
        // Her client goes on sending.
        ana.sets_voice(muted, deafened).await;
        watcher.sees(|view| view.talking_in(lounge).is_empty()).await;
        ana.sets_voice(false, false).await;
    }
}

#[tokio::test]
async fn whoever_comes_later_is_not_heard_by_the_deafened() {
    let server = TestServer::start().await;
    let [mut ana, mut ben, mut cai] = server.users(["ana", "ben", "cai"]).await;
    let mut bens = ben.joins_voice().await;
    let mut cais = cai.joins_voice().await;
    ben.sets_voice(false, true).await;
    let anas = ana.joins_voice().await;
    anas.talks();
    cais.hears(anas.participant, 50).await;
    assert!(bens.heard().is_empty(), "{:?}", bens.heard());
    ben.sets_voice(false, false).await;
    bens.hears(anas.participant, 20).await;
}

#[tokio::test]
async fn losing_the_socket_does_not_interrupt_voice() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut anas = ana.joins_voice().await;
    let bens = ben.joins_voice().await;
    bens.talks();
    anas.hears(bens.participant, 10).await;
    let (resumed, events) = ana.comes_back().await;
    assert!(resumed);
    let left = |event: &ServerEvent| match event {
        ServerEvent::RoomsChanged { rooms } => rooms.iter().any(|room| room.left.contains(&anas.participant)),
        _ => false,
    };
    assert!(!events.iter().any(left));
    anas.hears(bens.participant, 10).await;
    ana.sets_voice(true, false).await;
}

#[tokio::test]
async fn a_place_without_a_socket_is_given_up_after_the_grace_time() {
    let server = TestServer::with(|settings| settings.voice_grace = 1).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut call = ana.joins_voice().await;
    ben.sees(|view| view.stay(call.participant).is_some()).await;
    // 4000 is a client that wants another socket, and then never takes it.
    ana.socket.close(4000).await.unwrap();
    ben.sees(|view| view.stay(call.participant).is_none()).await;
    call.is_over().await;
}

#[tokio::test]
async fn closing_the_page_leaves_the_room_at_once() {
    let server = TestServer::with(|settings| settings.voice_grace = 600).await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let call = ana.joins_voice().await;
    ben.sees(|view| view.stay(call.participant).is_some()).await;
    ana.socket.close(1001).await.unwrap();
    ben.sees(|view| view.stay(call.participant).is_none()).await;
}

#[tokio::test]
async fn signing_out_ends_voice() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let mut call = ana.joins_voice().await;
    let sign_out =
        server.http().send(hyper::Method::DELETE, "/api/session", Some(&ana.cookie), String::new());
    sign_out.await.unwrap();
    call.is_over().await;
}

#[tokio::test]
async fn joining_again_is_a_new_stay() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let first = ana.joins_voice().await;
    let second = ana.joins_voice().await;
    assert_ne!(first.participant, second.participant);
    assert_eq!(second.room.participants.len(), 1);
}

#[tokio::test]
async fn offers_that_are_none_are_refused_and_leave_nothing_behind() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let lounge = ana.lounge();
    let video = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    for offer in ["", "nonsense", "v=0\r\n", video, &"a=x\r\n".repeat(6_000)] {
        let join =
            Request::JoinVoice { channel: lounge, offer: offer.to_owned(), muted: false, deafened: false };
        assert_eq!(ana.asks(&join).await.unwrap_err(), ErrorCode::BadOffer, "{offer:.40}");
    }
    let text = ana.general();
    assert_eq!(ana.tries_to_join(text).await.err(), Some(ErrorCode::NotFound));
    assert!(server.user("ben").await.snapshot.rooms.is_empty());
    ana.joins_voice().await;
}

#[tokio::test]
async fn a_rush_on_one_room_lets_everybody_in_once() {
    let server = TestServer::start().await;
    let mut rush = Vec::new();
    for number in 0..12 {
        let mut user = server.user(&format!("user{number}")).await;
        rush.push(tokio::spawn(async move {
            let call = user.joins_voice().await;
            (user, call)
        }));
    }
    let mut inside = Vec::new();
    for one in rush {
        inside.push(one.await.unwrap());
    }
    let watcher = server.user("watcher").await;
    assert_eq!(watcher.snapshot.rooms[0].participants.len(), 12);
    let (_, speaker) = &inside[0];
    speaker.talks();
    let speaking = speaker.participant;
    for (_, call) in &mut inside[1..] {
        call.hears(speaking, 5).await;
    }
}

#[tokio::test]
async fn leaving_outside_a_room_is_fine_and_muting_is_not() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    assert!(matches!(ana.asks(&Request::LeaveVoice).await, Ok(Answer::Done)));
    let mute = Request::SetVoice { muted: true, deafened: false };
    assert_eq!(ana.asks(&mute).await.unwrap_err(), ErrorCode::NotInVoice);
}

#[tokio::test]
async fn a_worker_past_its_budget_lets_nobody_in_and_every_page_learns_of_it_and_of_the_end() {
    // One slot, so that the first step is to refuse; and a thousandth of a core, which two people who talk use up.
    let server = TestServer::with(|settings| {
        settings.voice_budget = 1;
        settings.voice_slots = 1;
    })
    .await;
    let [mut ana, mut ben, mut watcher] = server.users(["ana", "ben", "watcher"]).await;
    let (anas, bens) = (ana.joins_voice().await, ben.joins_voice().await);
    anas.talks();
    bens.talks();
    assert_eq!(watcher.waits_for(voice_load).await, VoiceLoad::Full);
    let lounge = watcher.lounge();
    assert_eq!(watcher.tries_to_join(lounge).await.err(), Some(ErrorCode::VoiceOverloaded));
    assert_eq!(server.user("late").await.snapshot.voice_load, VoiceLoad::Full);

    for user in [&mut ana, &mut ben] {
        user.asks(&Request::LeaveVoice).await.unwrap();
    }
    assert_eq!(watcher.waits_for(voice_load).await, VoiceLoad::Normal);
    watcher.joins_voice().await;
}

fn voice_load(event: &ServerEvent) -> Option<VoiceLoad> {
    match event {
        ServerEvent::VoiceLoadChanged { load } => Some(*load),
        _ => None,
    }
}

#[tokio::test]
async fn everybody_sees_when_voice_has_too_much_to_do_and_when_it_has_room_again() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    assert_eq!(ana.snapshot.voice_load, VoiceLoad::Normal);
    server.says_worker(0, Pressure::FewerSlots(SlotsUsed(4)));
    assert_eq!(ana.waits_for(voice_load).await, VoiceLoad::FewerVoices);
    server.says_worker(0, Pressure::FewerSlots(SlotsUsed(2)));
    server.says_worker(0, Pressure::Refusing);
    assert_eq!(ana.waits_for(voice_load).await, VoiceLoad::Full, "and nothing in between");
    assert_eq!(server.user("late").await.snapshot.voice_load, VoiceLoad::Full);
    server.says_worker(0, Pressure::Normal);
    assert_eq!(ana.waits_for(voice_load).await, VoiceLoad::Normal);
}
