//! Stories about order in voice rooms: who may speak, who keeps others quiet, who goes where. What counts is what is heard:
//! the packets of whoever may not speak go on coming, and nobody gets them.

use std::time::Duration;

use cromulent::id::{ChannelId, GroupId, UserId};
use cromulent::protocol::client::{ChannelSetting, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::AuditPage;
use cromulent::protocol::server::{Answer, ServerEvent, VoiceEnd};
use cromulent::protocol::types::{ChannelKind, ParticipantNumber};
use cromulent::protocol::voice::{Grant, Moderation, VoiceRight};
use hyper::Method;
use serde_json::Value;

use crate::support::channels::{PRIVATE, ana_the_admin_and};
use crate::support::{TestServer, TestUser, answer};

impl TestUser {
    async fn does(&mut self, to: ParticipantNumber, what: Moderation) -> Result<(), ErrorCode> {
        self.asks(&Request::ModerateVoice { participant: to, moderation: what }).await.map(drop)
    }

    async fn grants(&mut self, channel: ChannelId, right: VoiceRight, grant: Grant) {
        self.changes(channel, vec![ChannelSetting::VoiceRight { right, grant }]).await.unwrap();
    }

    async fn raises(&mut self, raised: bool) {
        self.asks(&Request::RaiseHand { raised }).await.unwrap();
    }

    async fn makes_a_group_of(&mut self, name: &str, user: UserId) -> GroupId {
        let request = Request::CreateGroup { name: name.to_owned(), color: None };
        let Answer::GroupChanged { group } = self.asks(&request).await.unwrap() else { panic!("no group") };
        self.takes_into_group(group.id, user, true).await;
        group.id
    }

    async fn takes_into_group(&mut self, group: GroupId, user: UserId, member: bool) {
        self.asks(&Request::SetGroupMember { group, user, member }).await.unwrap();
    }

    /// Why the stay in a room ended.
    async fn is_out(&mut self, stay: ParticipantNumber) -> VoiceEnd {
        self.waits_for(|event| match event {
            ServerEvent::VoiceEnded { participant, reason, .. } if *participant == stay => Some(*reason),
            _ => None,
        })
        .await
    }

    /// The hands that are up, in order.
    async fn sees_hands(&mut self, channel: ChannelId, expected: &[ParticipantNumber]) {
        self.sees(|view| {
            let mut hands: Vec<_> = view
                .people_in(channel)
                .iter()
                .filter_map(|seen| Some((seen.hand?, seen.participant)))
                .collect();
            hands.sort_unstable();
            hands.into_iter().map(|(_, who)| who).eq(expected.iter().copied())
        })
        .await;
    }
}

/// Actions of the log with their details, oldest first.
async fn written_down(server: &TestServer, admin: &TestUser) -> Vec<(String, Option<UserId>, String)> {
    let page: AuditPage = answer(&server.send(Method::GET, "/api/audit", &admin.cookie, Value::Null).await);
    let voice = |action: &str| action.starts_with("voice_");
    let told = page.entries.iter().rev().filter(|entry| voice(entry.action.text()));
    told.map(|entry| (entry.action.text().to_owned(), entry.subject, entry.detail.clone())).collect()
}

#[tokio::test]
async fn whoever_loses_the_right_to_speak_is_silent_and_whoever_loses_the_right_to_listen_is_out() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let lounge = ana.lounge();
    let mut anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    bens.talks();
    anas.hears(bens.participant, 10).await;

    // Ben's client goes on sending.
    ana.grants(lounge, VoiceRight::Speak, Grant::Admins).await;
    anas.stops_hearing(bens.participant).await;
    ana.sees(|view| view.stay(bens.participant).is_some_and(|seen| seen.only_listens)).await;
    anas.talks();
    bens.hears(anas.participant, 10).await;

    let bens_id = ana.id_of("ben");
    let speakers = ana.makes_a_group_of("Speakers", bens_id).await;
    ana.grants(lounge, VoiceRight::Speak, Grant::Groups(vec![speakers])).await;
    anas.hears(bens.participant, 10).await;
    ana.takes_into_group(speakers, bens_id, false).await;
    anas.stops_hearing(bens.participant).await;
    ana.takes_into_group(speakers, bens_id, true).await;
    anas.hears(bens.participant, 10).await;
    ana.asks(&Request::DeleteGroup { group: speakers }).await.unwrap();
    anas.stops_hearing(bens.participant).await;

    ana.grants(lounge, VoiceRight::Listen, Grant::Admins).await;
    assert_eq!(ben.is_out(bens.participant).await, VoiceEnd::Removed);
    bens.is_over().await;
    assert_eq!(ben.asks_to_join(lounge).await, Err(ErrorCode::NotAllowed));
    ana.grants(lounge, VoiceRight::Listen, Grant::Everybody).await;
    ben.asks_to_join(lounge).await.unwrap();
}

#[tokio::test]
async fn rights_are_still_there_after_a_restart_and_an_admin_who_is_none_any_more_loses_theirs() {
    let mut server = TestServer::start().await;
    let (mut ana, [ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let lounge = ana.lounge();
    ana.grants(lounge, VoiceRight::Speak, Grant::Admins).await;
    let limit = vec![ChannelSetting::PeopleMax(Some(7))];
    let before = ana.changes(lounge, limit).await.unwrap();
    assert_eq!((before.people_max, &before.voice_rights.speak), (Some(7), &Grant::Admins));
    server.restart().await;
    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert!(ana.snapshot.channels.contains(&before));
    let (bens_id, cookie) = (ana.id_of("ben"), ana.cookie.clone());
    let role = async |role: &str| {
        let path = format!("/api/users/{bens_id}/role");
        let body = serde_json::json!({ "role": role });
        assert!(server.send(Method::PUT, &path, &cookie, body).await.status.is_success());
    };
    role("admin").await;
    let mut anas = ana.joins_voice().await;
    let bens = ben.joins_voice().await;
    bens.talks();
    anas.hears(bens.participant, 10).await;
    role("member").await;
    anas.stops_hearing(bens.participant).await;
}

#[tokio::test]
async fn who_is_muted_by_others_stays_so_whatever_they_do_until_it_is_lifted() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (anas_id, bens_id) = (ana.id_of("ana"), ana.id_of("ben"));
    let mut anas = ana.joins_voice().await;
    let bens = ben.joins_voice().await;
    bens.talks();
    anas.hears(bens.participant, 10).await;
    ana.does(bens.participant, Moderation::Mute(true)).await.unwrap();
    anas.stops_hearing(bens.participant).await;
    let by = |stay: ParticipantNumber| {
        move |seen: &crate::support::view::View| seen.stay(stay).and_then(|seen| seen.muted_by)
    };
    ben.sees(|view| by(bens.participant)(view) == Some(anas_id)).await;

    // To say that one's own microphone is open changes nothing, nor does it to go and come again.
    ben.sets_voice(true, false).await;
    ben.sets_voice(false, false).await;
    anas.stops_hearing(bens.participant).await;
    assert_eq!(ben.does(bens.participant, Moderation::Mute(false)).await, Err(ErrorCode::NotAllowed));
    ben.asks(&Request::LeaveVoice).await.unwrap();
    let bens = ben.joins_voice().await;
    bens.talks();
    anas.stops_hearing(bens.participant).await;
    ana.sees(|view| by(bens.participant)(view) == Some(anas_id)).await;

    ana.does(bens.participant, Moderation::Mute(false)).await.unwrap();
    anas.hears(bens.participant, 10).await;
    ana.sees(|view| view.stay(bens.participant).is_some_and(|seen| seen.muted_by.is_none())).await;
    let muted = |on: &str| ("voice_muted".to_owned(), Some(bens_id), format!("muted: {on}"));
    assert_eq!(written_down(&server, &ana).await, [muted("on"), muted("off")]);
}

#[tokio::test]
async fn who_is_deafened_by_others_hears_nobody() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 10).await;
    ana.does(bens.participant, Moderation::Deafen(true)).await.unwrap();
    bens.stops_hearing(anas.participant).await;
    ben.sets_voice(false, false).await;
    bens.stops_hearing(anas.participant).await;
    ana.does(bens.participant, Moderation::Deafen(false)).await.unwrap();
    bens.hears(anas.participant, 10).await;
}

#[tokio::test]
async fn who_is_moved_is_told_where_to_go_on_and_who_is_put_out_by_whom() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (anas_id, bens_id) = (ana.id_of("ana"), ana.id_of("ben"));
    let garden = ana.makes("Garden", ChannelKind::Voice, vec![]).await.id;
    let cellar = ana.makes("Cellar", ChannelKind::Voice, vec![PRIVATE]).await.id;
    let text = ana.general();
    let mut bens = ben.joins_voice().await;
    ana.sees(|view| view.stay(bens.participant).is_some()).await;
    // Where Ben may not go he is not moved, nor to where nobody talks.
    for nowhere in [cellar, text] {
        let refused = ana.does(bens.participant, Moderation::MoveTo(nowhere)).await;
        assert!(matches!(refused, Err(ErrorCode::NotFound | ErrorCode::NotAMember)), "{refused:?}");
    }
    ana.does(bens.participant, Moderation::MoveTo(garden)).await.unwrap();
    assert_eq!(ben.is_out(bens.participant).await, VoiceEnd::Moved { to: garden, by: Some(anas_id) });
    bens.is_over().await;
    let bens = ben.tries_to_join(garden).await.unwrap();
    ana.sees(|view| view.people_in(garden).len() == 1).await;

    ana.does(bens.participant, Moderation::Disconnect).await.unwrap();
    assert_eq!(ben.is_out(bens.participant).await, VoiceEnd::PutOut { by: anas_id });
    assert_eq!(ana.does(bens.participant, Moderation::Disconnect).await, Err(ErrorCode::NotFound));
    ben.asks_to_join(garden).await.unwrap();
    let bens_id = Some(bens_id);
    assert_eq!(
        written_down(&server, &ana).await,
        [
            ("voice_moved".to_owned(), bens_id, "to: Garden".to_owned()),
            ("voice_put_out".to_owned(), bens_id, String::new()),
        ]
    );
}

#[tokio::test]
async fn whoever_keeps_order_by_a_group_does_so_over_everybody_but_admins() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let lounge = ana.lounge();
    let bens_id = ana.id_of("ben");
    let stewards = ana.makes_a_group_of("Stewards", bens_id).await;
    for right in [VoiceRight::MuteOthers, VoiceRight::MoveOthers] {
        ana.grants(lounge, right, Grant::Groups(vec![stewards])).await;
    }
    let anas = ana.joins_voice().await;
    let cais = cai.joins_voice().await;
    for (to, what, may) in [
        (cais.participant, Moderation::Mute(true), Ok(())),
        (anas.participant, Moderation::Mute(true), Err(ErrorCode::NotAllowed)),
        (anas.participant, Moderation::Disconnect, Err(ErrorCode::NotAllowed)),
        (cais.participant, Moderation::Disconnect, Ok(())),
    ] {
        assert_eq!(cai.does(to, what).await, Err(ErrorCode::NotAllowed), "{what:?} by somebody else");
        assert_eq!(ben.does(to, what).await, may, "{what:?}");
    }
}

#[tokio::test]
async fn a_full_room_lets_in_only_whom_it_must() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai, mut dan]) = ana_the_admin_and(&server, ["ben", "cai", "dan"]).await;
    let lounge = ana.lounge();
    let garden = ana.makes("Garden", ChannelKind::Voice, vec![]).await.id;
    ana.changes(lounge, vec![ChannelSetting::PeopleMax(Some(1))]).await.unwrap();
    ben.asks_to_join(lounge).await.unwrap();
    assert_eq!(cai.asks_to_join(lounge).await, Err(ErrorCode::RoomFull));
    // Whoever is in it may come again, and whoever may move others comes in.
    ben.asks_to_join(lounge).await.unwrap();
    ana.asks_to_join(lounge).await.unwrap();
    // So does whoever is moved there by them, once.
    let Answer::VoiceJoined { participant, .. } = dan.asks_for_a_place(garden).await.unwrap() else {
        panic!("no place")
    };
    ana.does(participant, Moderation::MoveTo(lounge)).await.unwrap();
    dan.asks_to_join(lounge).await.unwrap();
    dan.asks(&Request::LeaveVoice).await.unwrap();
    assert_eq!(dan.asks_to_join(lounge).await, Err(ErrorCode::RoomFull));
    ben.asks(&Request::LeaveVoice).await.unwrap();
    ana.asks(&Request::LeaveVoice).await.unwrap();
    cai.asks_to_join(lounge).await.unwrap();
}

#[tokio::test]
async fn who_moves_others_without_the_right_there_moves_nobody_into_a_full_room() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let lounge = ana.lounge();
    let garden = ana.makes("Garden", ChannelKind::Voice, vec![]).await.id;
    ana.changes(lounge, vec![ChannelSetting::PeopleMax(Some(1))]).await.unwrap();
    ana.grants(garden, VoiceRight::MoveOthers, Grant::Everybody).await;
    ana.asks_to_join(lounge).await.unwrap();
    let Answer::VoiceJoined { participant, .. } = cai.asks_for_a_place(garden).await.unwrap() else {
        panic!("no place")
    };
    assert_eq!(ben.does(participant, Moderation::MoveTo(lounge)).await, Err(ErrorCode::RoomFull));
    ana.asks(&Request::LeaveVoice).await.unwrap();
    ben.does(participant, Moderation::MoveTo(lounge)).await.unwrap();
}

#[tokio::test]
async fn on_a_stage_hands_go_up_in_order_and_whoever_is_let_speak_is_heard() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let lounge = ana.lounge();
    ana.grants(lounge, VoiceRight::Speak, Grant::Admins).await;
    let mut anas = ana.joins_voice().await;
    let bens = ben.joins_voice().await;
    let cais = cai.joins_voice().await;
    bens.talks();
    cai.raises(true).await;
    ben.raises(true).await;
    // Who asks again keeps the place in the line.
    cai.raises(true).await;
    ana.sees_hands(lounge, &[cais.participant, bens.participant]).await;
    assert!(anas.heard().is_empty(), "{:?}", anas.heard());
    assert_eq!(cai.does(cais.participant, Moderation::LetSpeak(true)).await, Err(ErrorCode::NotAllowed));

    ana.does(bens.participant, Moderation::LetSpeak(true)).await.unwrap();
    anas.hears(bens.participant, 10).await;
    ana.sees_hands(lounge, &[cais.participant]).await;
    ana.does(bens.participant, Moderation::LetSpeak(false)).await.unwrap();
    anas.stops_hearing(bens.participant).await;

    ana.does(cais.participant, Moderation::LowerHand).await.unwrap();
    ana.sees_hands(lounge, &[]).await;
    cai.raises(true).await;
    ben.raises(true).await;
    ana.sees_hands(lounge, &[cais.participant, bens.participant]).await;
    cai.raises(false).await;
    ana.sees_hands(lounge, &[bens.participant]).await;
    // Whoever leaves takes the hand and the word along.
    ana.does(bens.participant, Moderation::LetSpeak(true)).await.unwrap();
    ben.raises(true).await;
    ben.asks(&Request::LeaveVoice).await.unwrap();
    let bens = ben.joins_voice().await;
    bens.talks();
    ana.sees_hands(lounge, &[]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!anas.heard().contains_key(&bens.participant), "the word outlived the stay");
    assert!(anas.heard().len() == 1 && cais.participant > 0);
}
