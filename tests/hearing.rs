use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::hearing::{Sound, Transmit, VoicePreferences, Volume};
use cromulent::protocol::server::ServerEvent;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestServer, TestUser, answer, refused};

const VOICE: &str = "/api/account/voice";

fn wanted() -> Value {
    json!({
        "transmit": "voice_activity", "talk_key": "ControlRight", "release_tail_ms": 350, "threshold_db": -44,
        "sound": "music", "echo_cancellation": false, "noise_removal": false, "gain_control": true,
        "cues": false, "attenuation": true,
    })
}

impl TestUser {
    async fn hears_of_preferences(&mut self) -> VoicePreferences {
        self.waits_for(|event| match event {
            ServerEvent::VoicePreferencesChanged { preferences } => Some(preferences.clone()),
            _ => None,
        })
        .await
    }

    async fn hears_of_volume(&mut self) -> Volume {
        self.waits_for(|event| match event {
            ServerEvent::VolumeChanged { volume } => Some(*volume),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn how_one_wants_to_be_heard_is_the_same_on_every_device_and_nobody_elses_affair() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    assert_eq!(ana.snapshot.hearing.preferences.transmit, Transmit::PushToTalk);
    let mut phone = TestUser::connect(&server, "ana", ana.cookie.clone()).await;

    let set: VoicePreferences = answer(&server.send(Method::PUT, VOICE, &ana.cookie, wanted()).await);
    assert_eq!((set.sound, set.threshold_db, &*set.talk_key), (Sound::Music, Some(-44), "ControlRight"));
    assert_eq!(ana.hears_of_preferences().await, set);
    assert_eq!(phone.hears_of_preferences().await, set);
    let later = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    assert_eq!(later.snapshot.hearing.preferences, set);
    let read = server.send(Method::GET, VOICE, &ana.cookie, Value::Null).await;
    assert_eq!(answer::<VoicePreferences>(&read), set);

    // Chosen again, with a threshold that finds itself.
    let mut again = wanted();
    again["threshold_db"] = Value::Null;
    let again: VoicePreferences = answer(&server.send(Method::PUT, VOICE, &ana.cookie, again).await);
    assert_eq!(again.threshold_db, None);

    // Ben heard of nothing: what he hears next is his own.
    let his: VoicePreferences = answer(&server.send(Method::PUT, VOICE, &ben.cookie, wanted()).await);
    assert_eq!(ben.hears_of_preferences().await, his);
    assert_eq!(server.user("late").await.snapshot.hearing.preferences.transmit, Transmit::PushToTalk);
}

#[tokio::test]
async fn preferences_out_of_range_are_refused_and_change_nothing() {
    let server = TestServer::start().await;
    let ana = server.user("ana").await;
    for (field, value) in [
        ("talk_key", json!("")),
        ("talk_key", json!("Key\u{0}V")),
        ("talk_key", json!("K".repeat(25))),
        ("release_tail_ms", json!(2_001)),
        ("threshold_db", json!(-61)),
        ("threshold_db", json!(0)),
    ] {
        let mut bad = wanted();
        bad[field] = value;
        assert_eq!(refused(&server.send(Method::PUT, VOICE, &ana.cookie, bad).await), ErrorCode::Invalid);
    }
    for (field, value) in
        [("transmit", json!("shout")), ("cues", json!("yes")), ("release_tail_ms", json!(-1))]
    {
        let mut bad = wanted();
        bad[field] = value;
        assert_eq!(refused(&server.send(Method::PUT, VOICE, &ana.cookie, bad).await), ErrorCode::Malformed);
    }
    let read = server.send(Method::GET, VOICE, &ana.cookie, Value::Null).await;
    assert_eq!(answer::<VoicePreferences>(&read).transmit, Transmit::PushToTalk);
    let stranger = server.send(Method::GET, VOICE, "", Value::Null).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn how_loud_one_hears_somebody_is_kept_until_it_is_as_it_comes() {
    let server = TestServer::start().await;
    let [mut ana, ben] = server.users(["ana", "ben"]).await;
    let of_ben = format!("/api/account/volumes/{}", ana.id_of("ben"));
    let cookie = ana.cookie.clone();
    let set = async |path: &str, percent: Value| {
        server.send(Method::PUT, path, &cookie, json!({ "percent": percent })).await
    };
    let soft: Volume = answer(&set(&of_ben, json!(40)).await);
    assert_eq!(soft.percent, 40);
    assert!(set(&of_ben, json!(150)).await.status.is_success());
    let heard = [ana.hears_of_volume().await, ana.hears_of_volume().await];
    assert_eq!(heard.map(|volume| volume.percent), [40, 150]);
    let later = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    assert_eq!(later.snapshot.hearing.volumes, [Volume { user: soft.user, percent: 150 }]);
    // Nobody learns how loud they are.
    let bens = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    assert!(bens.snapshot.hearing.volumes.is_empty());

    assert!(set(&of_ben, json!(100)).await.status.is_success());
    let last = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
    assert!(last.snapshot.hearing.volumes.is_empty());

    assert_eq!(refused(&set(&of_ben, json!(201)).await), ErrorCode::Invalid);
    assert_eq!(refused(&set(&of_ben, json!(-1)).await), ErrorCode::Malformed);
    let nobody = format!("/api/account/volumes/{}", uuid::Uuid::now_v7());
    assert_eq!(refused(&set(&nobody, json!(50)).await), ErrorCode::NotFound);
}
