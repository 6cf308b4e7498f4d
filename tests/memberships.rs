//! Stories about who is in a channel: private ones, coming and going, and what those outside never learn.

use cromulent::id::{ChannelId, IdSource};
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent, VoiceEnd};
use cromulent::protocol::types::ChannelKind;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::support::channels::{OPEN, PRIVATE, ana_the_admin_and, history, post};
use crate::support::{PASSWORD, TestServer, TestUser};

#[tokio::test]
async fn a_private_channel_is_between_its_members() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await;
    ana.adds(den.id, ana.id_of("ben")).await;
    assert_eq!(ben.sees_a_new_channel().await, den);
    ben.writes(den.id, "psst").await;
    ana.hears_that("psst").await;
    ben.asks(&Request::SetTyping { channel: den.id, active: true }).await.unwrap();
    ana.posts("fence").await;
    for event in cai.hears_on_the_wire_until("fence").await {
        assert!(!event.contains(&den.id.to_string()) && !event.contains("psst"), "cai hears {event}");
    }
    assert_eq!(cai.finds_on_a_fresh_page().await, ["general", "Lounge"]);
    assert!(cai.browses().await.is_empty());
    server.restart().await;
    let ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.finds_on_a_fresh_page().await, ["general", "Lounge", "Den"]);
    let cai = TestUser::connect(&server, "cai", cai.cookie).await;
    assert_eq!(cai.finds_on_a_fresh_page().await, ["general", "Lounge"]);
}

#[tokio::test]
async fn an_admin_learns_how_many_are_in_each_channel_and_nobody_else_does() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await;
    let club = ana.makes("Club", ChannelKind::Text, vec![OPEN]).await;
    ana.adds(den.id, ana.id_of("ben")).await;
    ana.asks(&Request::LeaveChannel { channel: den.id }).await.unwrap();
    let Answer::MemberCounts { counts } = ana.asks(&Request::CountMembers).await.unwrap() else { panic!() };
    let of = |id| counts.iter().find(|one| one.channel == id).map(|one| one.members);
    let general = ana.general();
    assert_eq!((of(den.id), of(club.id), of(general)), (Some(1), Some(1), Some(3)));
    assert_eq!(counts.len(), 4, "of each channel once: {counts:?}");
    assert_eq!(ben.asks(&Request::CountMembers).await.unwrap_err(), ErrorCode::NotAllowed);
    drop(cai);
}

#[tokio::test]
async fn nobody_outside_can_tell_a_private_channel_from_one_that_never_was() {
    let server = TestServer::start().await;
    let (mut ana, [mut cai]) = ana_the_admin_and(&server, ["cai"]).await;
    let me = cai.id_of("cai");
    let never: ChannelId = IdSource::default().next(cromulent::clock::Clock::System.now());
    for kind in [ChannelKind::Text, ChannelKind::Voice] {
        let den = ana.makes(&format!("{kind:?} den"), kind, vec![PRIVATE]).await.id;
        let requests = |channel| {
            [
                post(channel, "hello?"),
                history(channel),
                Request::SetTyping { channel, active: true },
                Request::UpdateChannel { channel, settings: vec![] },
                Request::DeleteChannel { channel },
                Request::JoinChannel { channel },
                Request::LeaveChannel { channel },
                Request::ListMembers { channel },
                Request::AddMember { channel, user: me },
                Request::RemoveMember { channel, user: me },
                Request::JoinVoice { channel, offer: "v=0".to_owned(), muted: false, deafened: false },
            ]
        };
        for (den, never) in requests(den).iter().zip(&requests(never)) {
            let (closed, absent) = (cai.asks(den).await.unwrap_err(), cai.asks(never).await.unwrap_err());
            assert_eq!((closed, absent), (ErrorCode::NotFound, ErrorCode::NotFound), "{den:?}");
        }
    }
}

#[tokio::test]
async fn whoever_is_added_is_in_at_once_and_whoever_is_removed_is_out_on_every_page() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let mut bens_phone = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    let bens = ana.id_of("ben");
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    ana.writes(den, "before").await;
    ana.adds(den, bens).await;
    ana.writes(den, "for ben too").await;
    for page in [&mut ben, &mut bens_phone] {
        assert_eq!(page.sees_a_new_channel().await.id, den);
        page.hears_that("for ben too").await;
    }
    assert_eq!(ben.sees_members(den).await, [ana.id_of("ana"), bens]);
    assert!(ben.asks(&history(den)).await.is_ok());
    ben.asks(&Request::SetTyping { channel: den, active: true }).await.unwrap();

    ana.removes(den, bens).await;
    ana.writes(den, "not for ben").await;
    ana.posts("fence").await;
    for page in [&mut ben, &mut bens_phone] {
        page.sees_that_it_is_gone(den).await;
        let heard = page.hears_on_the_wire_until("fence").await;
        assert!(heard.iter().all(|event| !event.contains(&den.to_string())), "{heard:?}");
    }
    assert_eq!(ben.asks(&history(den)).await.unwrap_err(), ErrorCode::NotFound);
    // Neither the nonce of an old message opens it again...
    assert_eq!(ben.asks(&post(den, "before")).await.unwrap_err(), ErrorCode::NotFound);
    // ...nor does coming back to the connection one had.
    let (_, missed) = ben.comes_back().await;
    assert!(missed.is_empty(), "{missed:?}");
    ana.writes(den, "still not for ben").await;
    ana.posts("second fence").await;
    let heard = ben.hears_on_the_wire_until("second fence").await;
    assert!(heard.iter().all(|event| !event.contains(&den.to_string())), "{heard:?}");
}

#[tokio::test]
async fn members_bring_others_in_and_only_an_admin_throws_out() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    ana.adds(den, ana.id_of("ben")).await;
    ben.adds(den, ben.id_of("cai")).await;
    assert_eq!(cai.sees_a_new_channel().await.id, den);
    let remove = Request::RemoveMember { channel: den, user: cai.id_of("ben") };
    assert_eq!(cai.asks(&remove).await.unwrap_err(), ErrorCode::NotAllowed);
    let nobody = Request::AddMember { channel: den, user: uuid::Uuid::nil().into() };
    assert_eq!(ana.asks(&nobody).await.unwrap_err(), ErrorCode::NotFound);
    cai.leaves(den).await;
    cai.sees_that_it_is_gone(den).await;
    // An admin who is not in it cannot read it, but may see to it, and come in for all to see.
    ana.leaves(den).await;
    assert_eq!(ana.asks(&history(den)).await.unwrap_err(), ErrorCode::NotAMember);
    assert_eq!(ana.browses().await, ["Den"]);
    assert_eq!(ana.sees_members(den).await, [ana.id_of("ben")]);
    ana.joins(den).await;
    let anas = ana.id_of("ana");
    ben.waits_for(|event| match event {
        ServerEvent::MembershipChanged { user, member: true, .. } if *user == anas => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn who_deletes_an_account_is_in_no_channel_and_comes_into_none() {
    let server = TestServer::start().await;
    let (mut ana, [ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (anas, bens) = (ana.id_of("ana"), ana.id_of("ben"));
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    ana.adds(den, bens).await;
    let body = json!({ "password": PASSWORD });
    let reply = server.send(Method::POST, "/api/account/deletion", &ben.cookie, body).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    ana.waits_for(|event| match event {
        ServerEvent::MembershipChanged { channel, user, member: false } => {
            (*channel == den && *user == bens).then_some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(ana.sees_members(den).await, [anas]);
    let back = Request::AddMember { channel: den, user: bens };
    assert_eq!(ana.asks(&back).await.unwrap_err(), ErrorCode::NotFound);
    let hall = ana.makes("Hall", ChannelKind::Text, vec![]).await.id;
    assert_eq!(ana.sees_members(hall).await, [anas]);
}

#[tokio::test]
async fn who_is_removed_from_a_channel_is_out_of_its_voice_room() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cai]) = ana_the_admin_and(&server, ["ben", "cai"]).await;
    let (bens, cais) = (ana.id_of("ben"), ana.id_of("cai"));
    let den = ana.makes("Den", ChannelKind::Voice, vec![PRIVATE]).await.id;
    ana.adds(den, bens).await;
    ana.adds(den, cais).await;
    let mut anas = ana.tries_to_join(den).await.unwrap();
    let mut bens_call = ben.tries_to_join(den).await.unwrap();
    let mut cais_call = cai.tries_to_join(den).await.unwrap();
    bens_call.talks();
    anas.hears(bens_call.participant, 10).await;
    ana.removes(den, bens).await;
    cai.leaves(den).await;
    for (user, call) in [(&mut ben, &mut bens_call), (&mut cai, &mut cais_call)] {
        let reason = user
            .waits_for(|event| match event {
                ServerEvent::VoiceEnded { participant, reason, .. } => {
                    (*participant == call.participant).then_some(*reason)
                }
                _ => None,
            })
            .await;
        assert_eq!(reason, VoiceEnd::Removed);
        call.is_over().await;
        assert_eq!(user.tries_to_join(den).await.err(), Some(ErrorCode::NotFound));
    }
    for gone in [bens_call.participant, cais_call.participant] {
        ana.sees(|view| view.stay(gone).is_none()).await;
    }
    anas.stops_hearing(bens_call.participant).await;
}

#[tokio::test]
async fn whoever_comes_into_a_channel_sees_who_is_in_its_room() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let club = ana.makes("Club", ChannelKind::Voice, vec![OPEN]).await.id;
    let call = ana.tries_to_join(club).await.unwrap();
    ben.joins(club).await;
    let room = ben
        .waits_for(|event| match event {
            ServerEvent::RoomShown { room } => Some(room.clone()),
            _ => None,
        })
        .await;
    assert_eq!(room.channel, club);
    assert_eq!(room.participants[0].participant, call.participant);
}

#[tokio::test]
async fn joining_and_leaving_in_haste_ends_as_the_last_word_said() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let mut bens_phone = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    let (anas, bens) = (ana.id_of("ana"), ana.id_of("ben"));
    let club = ana.makes("Club", ChannelKind::Text, vec![OPEN]).await.id;
    for _ in 0..15 {
        tokio::join!(ben.joins(club), bens_phone.joins(club));
        tokio::join!(bens_phone.leaves(club), ben.joins(club));
        tokio::join!(ben.leaves(club), bens_phone.leaves(club));
    }
    assert_eq!(ana.sees_members(club).await, [anas]);
    ana.writes(club, "is ben here?").await;
    // Everybody was told of each change and of nothing else: in, out, in, out.
    let mut inside = false;
    for event in ana.hears_on_the_wire_until("is ben here?").await {
        if event.contains("membership_changed") {
            assert!(event.contains(&bens.to_string()));
            inside = !inside;
            assert!(event.contains(&format!("\"member\":{inside}")), "twice the same: {event}");
        }
    }
    assert!(!inside);
    ana.posts("fence").await;
    for page in [&mut ben, &mut bens_phone] {
        let heard = page.hears_on_the_wire_until("fence").await;
        let about = |event: &&String| event.contains(&club.to_string());
        assert!(heard.iter().rfind(about).unwrap().contains("channel_removed"), "{heard:?}");
        assert!(
            heard.iter().all(|event| !event.contains("is ben here?")),
            "ben is out and hears all the same"
        );
    }
    ben.joins(club).await;
    assert_eq!(ana.sees_members(club).await, [anas, bens]);
}

#[tokio::test]
async fn a_page_that_opens_while_somebody_is_removed_hears_nothing_later() {
    let server = TestServer::start().await;
    let (mut ana, [cai]) = ana_the_admin_and(&server, ["cai"]).await;
    let cais = ana.id_of("cai");
    let den = ana.makes("Den", ChannelKind::Text, vec![PRIVATE]).await.id;
    for round in 0..20 {
        ana.adds(den, cais).await;
        let opens = TestUser::connect_at(cai.address, "cai", cai.cookie.clone());
        let (mut page, ()) = tokio::join!(opens, ana.removes(den, cais));
        let (secret, fence) = (format!("secret {round}"), format!("fence {round}"));
        ana.writes(den, &secret).await;
        ana.posts(&fence).await;
        let heard = page.hears_on_the_wire_until(&fence).await;
        assert!(heard.iter().all(|event| !event.contains(&secret)), "round {round}: {heard:?}");
        let knew = page.snapshot.channels.iter().any(|channel| channel.id == den);
        let told = heard.iter().any(|event| event.contains("channel_removed"));
        assert!(!knew || told, "round {round}: the page goes on showing it");
        page.socket.close(1000).await.unwrap();
    }
}

#[tokio::test]
async fn a_join_of_voice_that_meets_a_removal_does_not_last() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let bens = ana.id_of("ben");
    let den = ana.makes("Den", ChannelKind::Voice, vec![PRIVATE]).await.id;
    for round in 0..8 {
        ana.adds(den, bens).await;
        let (joined, ()) = tokio::join!(ben.asks_to_join(den), ana.removes(den, bens));
        let room = TestUser::connect_at(ana.address, "ana", ana.cookie.clone()).await;
        assert!(room.snapshot.rooms.is_empty(), "round {round}: {joined:?} and still there");
        room.socket.close(1000).await.unwrap();
    }
}
