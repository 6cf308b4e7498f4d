//! Values that make no sense, everywhere one can be put: each field of each request and of each form. What comes back
//! is a refusal or, where the value happens to make sense, an answer; never a fault of ours, and nobody else notices.

use std::collections::BTreeSet;

use cromulent::bench::client::Frame;
use cromulent::id::{CategoryId, ChannelId, GroupId, MessageId, UserId};
use cromulent::protocol::client::{CategorySetting, ChannelSetting, Cursor, Request};
use cromulent::protocol::error::{ErrorCode, Refusal};
use cromulent::protocol::server::Answer;
use cromulent::protocol::types::{Admission, ChannelKind, Involvement, Status, Writers};
use cromulent::protocol::voice::{Grant, Moderation, VoiceRight};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::channels::ana_the_admin_and;
use crate::support::{PATIENCE, TestServer, TestUser};

fn junk() -> Vec<Value> {
    let deep = (0..60).fold(Value::Null, |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!(" \n\t"),
        json!("\u{0}"),
        json!("\u{202e}\u{200b}"),
        json!("\u{fdfa}".repeat(5_000)),
        json!("%".repeat(10_000)),
        json!("'; drop table users; --"),
        json!("${jndi:ldap://a}{{7*7}}<script>"),
        json!("../../etc/passwd"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("018f0000-0000-7000-8000-00000000000g"),
        json!([]),
        json!({}),
        json!([null, {}, []]),
        deep,
    ]
}

/// The ways to all values inside, the value itself left out.
fn ways(value: &Value) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (format!("/{name}"), field)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (format!("/{at}"), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let deeper = |(way, value): (String, &Value)| -> Vec<String> {
        std::iter::once(way.clone()).chain(ways(value).into_iter().map(|rest| way.clone() + &rest)).collect()
    };
    inside.into_iter().flat_map(deeper).collect()
}

/// What there is to name.
struct There {
    text: ChannelId,
    voice: ChannelId,
    message: MessageId,
    category: CategoryId,
    group: GroupId,
    user: UserId,
}

async fn make(ana: &mut TestUser) -> There {
    let text = ana.makes("Garden", ChannelKind::Text, vec![]).await.id;
    let message = ana.writes(text, "hello").await.id;
    let category = ana.makes_category("Work").await.unwrap().id;
    let group = match ana.asks(&Request::CreateGroup { name: "Devs".to_owned(), color: None }).await {
        Ok(Answer::GroupChanged { group }) => group.id,
        other => panic!("{other:?}"),
    };
    There { text, voice: ana.lounge(), message, category, group, user: ana.id_of("ben") }
}

/// One of each request, with something in every field, that changes as little as may be.
fn requests(there: &There) -> Vec<Request> {
    let There { text, voice, message, category, group, user } = *there;
    let channel = text;
    let name = || "Name".to_owned();
    vec![
        Request::Ping,
        Request::PostMessage { channel, body: "hi".to_owned(), nonce: "n".to_owned() },
        Request::LoadMessages { channel, page: Cursor::Latest },
        Request::LoadMessages { channel, page: Cursor::Before(message) },
        Request::LoadMessages { channel, page: Cursor::After(message) },
        Request::SetTyping { channel, active: false },
        Request::CreateChannel { name: name(), kind: ChannelKind::Text, settings: vec![] },
        Request::UpdateChannel {
            channel,
            settings: vec![
                ChannelSetting::Name("Garden".to_owned()),
                ChannelSetting::Topic("Beds".to_owned()),
                ChannelSetting::Admission(Admission::Everybody),
                ChannelSetting::Writers(Writers::Everybody),
                ChannelSetting::Place { category: Some(category), before: Some(voice) },
            ],
        },
        Request::UpdateChannel { channel: voice, settings: vec![ChannelSetting::MaxSpeakers(Some(3))] },
        Request::UpdateChannel { channel: voice, settings: vec![ChannelSetting::Archived(false)] },
        Request::UpdateChannel { channel: voice, settings: vec![ChannelSetting::PeopleMax(Some(9))] },
        Request::UpdateChannel {
            channel: voice,
            settings: vec![ChannelSetting::VoiceRight {
                right: VoiceRight::Prioritise,
                grant: Grant::Groups(vec![group]),
            }],
        },
        Request::RaiseHand { raised: true },
        Request::ModerateVoice { participant: 1, moderation: Moderation::Mute(true) },
        Request::ModerateVoice { participant: 1, moderation: Moderation::MoveTo(voice) },
        Request::ModerateVoice { participant: 1, moderation: Moderation::Disconnect },
        Request::JoinVoice { channel: voice, offer: "v=0".to_owned(), muted: false, deafened: false },
        Request::SetVoice { muted: false, deafened: false },
        Request::LeaveVoice,
        Request::RestartVoice { offer: "v=0".to_owned() },
        Request::LoadQualities { channel: voice },
        Request::DeleteChannel { channel },
        Request::BrowseChannels,
        Request::CountMembers,
        Request::JoinChannel { channel },
        Request::LeaveChannel { channel },
        Request::ListMembers { channel },
        Request::AddMember { channel, user },
        Request::RemoveMember { channel, user },
        Request::CreateCategory { name: name() },
        Request::UpdateCategory {
            category,
            settings: vec![CategorySetting::Name("Work".to_owned()), CategorySetting::Before(Some(category))],
        },
        Request::DeleteCategory { category },
        Request::EditMessage { message, body: "hello".to_owned() },
        Request::DeleteMessage { message },
        Request::MarkRead { channel, message },
        Request::LoadNotifications { before: Some(message), unread: false },
        Request::MarkNotification { message },
        Request::MarkInbox { up_to: message },
        Request::SetInvolvement { channel, involvement: Involvement::Mentions },
        Request::DismissPreview { message },
        Request::SetStatus { status: Status::Online },
        Request::SetIdle { idle: false },
        Request::CreateGroup { name: name(), color: Some("#112233".to_owned()) },
        Request::UpdateGroup { group, name: "Devs".to_owned(), color: Some("#112233".to_owned()) },
        Request::DeleteGroup { group },
        Request::SetGroupMember { group, user, member: true },
        Request::LoadGroupMembers { group, after: Some(user) },
    ]
}

/// The names of all requests, read off the source: an enum can tell nobody.
pub fn all_requests() -> BTreeSet<String> {
    let source = include_str!("../src/protocol/client.rs");
    let (_, rest) = source.split_once("pub enum Request {\n").unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    let names = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    let snake = |name: &str| {
        let mut text = String::new();
        for letter in name.chars().take_while(|letter| letter.is_alphanumeric()) {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.extend(letter.to_lowercase());
        }
        text
    };
    let all: BTreeSet<String> = names.map(snake).collect();
    assert!(all.len() > 30, "the requests were not found in the source: {all:?}");
    all
}

/// Asks with this very text, on a page of its own if need be; what is wrong with it, if anything.
async fn says(page: &mut TestUser, request: &Value) -> Option<Refusal> {
    let mut request = request.clone();
    request["id"] = json!(1_000_000);
    page.socket.say(&request.to_string()).await.unwrap();
    loop {
        match tokio::time::timeout(PATIENCE, page.socket.frame()).await.unwrap() {
            Ok(Frame::Event { .. }) => {}
            Ok(Frame::Answer { .. }) => return None,
            Ok(Frame::Refused { error, .. }) => return Some(error),
            Err(error) => panic!("{request:.200} ends the socket: {error}"),
        }
    }
}

#[tokio::test]
async fn every_request_there_is_is_tried() {
    let server = TestServer::start().await;
    let (mut ana, [_ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let there = make(&mut ana).await;
    let name = |request: Request| serde_json::to_value(request).unwrap()["type"].as_str().unwrap().to_owned();
    let mut tried: BTreeSet<String> = requests(&there).into_iter().map(name).collect();
    tried.insert("hello".to_owned());
    assert_eq!(tried, all_requests());
}

#[tokio::test]
async fn junk_in_any_field_of_a_request_is_refused_and_breaks_nothing() {
    let server = TestServer::with(|settings| settings.requests_per_second = 0).await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let there = make(&mut ana).await;
    let mut page = ana.elsewhere().await;
    let (mut said, mut refused, mut misunderstood) = (0, 0, 0);
    for request in requests(&there) {
        let right = serde_json::to_value(&request).unwrap();
        for way in ways(&right).into_iter().filter(|way| way != "/type") {
            for value in junk() {
                let mut wrong = right.clone();
                *wrong.pointer_mut(&way).unwrap() = value;
                said += 1;
                let Some(refusal) = says(&mut page, &wrong).await else { continue };
                refused += 1;
                assert_ne!(refusal.code, ErrorCode::Internal, "{wrong:.300}");
                assert!(refusal.message.chars().count() < 300, "{wrong:.300} is answered at length");
                // So many misunderstandings are forgiven to nobody.
                misunderstood +=
                    usize::from(matches!(refusal.code, ErrorCode::Malformed | ErrorCode::UnknownRequest));
                if misunderstood == 10 {
                    misunderstood = 0;
                    page.socket.close(1000).await.unwrap();
                    page = ana.elsewhere().await;
                }
            }
        }
    }
    assert!(said > 1_000 && refused * 2 > said, "{refused} of {said} were refused");
    ben.posts("nobody else noticed").await;
    assert!(ana.sees_members(there.text).await.len() > 1);
}

/// What does no harm when its id names nothing: marks, places in lists, and the end of what never was.
const HARMLESS: [&str; 10] = [
    "load_messages/page/before",
    "load_messages/page/after",
    "update_channel/settings/4/place/before",
    "update_channel/settings/0/voice_right/grant/groups/0",
    "update_category/settings/1/before",
    "load_notifications/before",
    "mark_notification/message",
    "mark_inbox/up_to",
    "remove_member/user",
    "load_group_members/after",
];

#[tokio::test]
async fn an_id_that_names_nothing_is_not_found_whatever_is_asked() {
    let server = TestServer::with(|settings| settings.requests_per_second = 0).await;
    let (mut ana, [_ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let there = make(&mut ana).await;
    let mut harmless = BTreeSet::new();
    for request in requests(&there) {
        let right = serde_json::to_value(&request).unwrap();
        for way in ways(&right) {
            let is_id = right
                .pointer(&way)
                .and_then(Value::as_str)
                .is_some_and(|text| text.parse::<uuid::Uuid>().is_ok());
            if !is_id {
                continue;
            }
            let mut wrong = right.clone();
            *wrong.pointer_mut(&way).unwrap() = json!(uuid::Uuid::now_v7());
            let name = format!("{}{way}", right["type"].as_str().unwrap());
            match says(&mut ana, &wrong).await.map(|refusal| refusal.code) {
                Some(code) => assert_eq!(code, ErrorCode::NotFound, "{name}"),
                None => drop(harmless.insert(name)),
            }
        }
    }
    assert_eq!(harmless.iter().map(String::as_str).collect::<BTreeSet<_>>(), HARMLESS.into());
}

/// Something that a schema allows, in the part of JSON Schema that the description uses.
fn sample(root: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return sample(root, root.pointer(&name[1..]).unwrap());
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(all) = schema[choice].as_array() {
            return sample(root, all.last().unwrap());
        }
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(several) => several[0].as_str(),
        one => one.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().unwrap();
            fields.iter().map(|(name, field)| (name.clone(), sample(root, field))).collect()
        }
        Some("array") => json!([sample(root, &schema["items"])]),
        Some("integer") => json!(1),
        Some("boolean") => json!(false),
        _ => json!("sample"),
    }
}

#[tokio::test]
async fn junk_in_any_field_of_a_form_is_refused_and_breaks_nothing() {
    let server = TestServer::start().await;
    let mut root = server.admin("root").await;
    let reply = server.send(Method::GET, "/api/openapi.json", "", Value::Null).await;
    let description: Value = serde_json::from_str(&reply.body).unwrap();
    let mut forms = 0;
    for (path, verbs) in description["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let schema = operation["requestBody"].pointer("/content/application~1json/schema");
            let Some(schema) = schema else { continue };
            forms += 1;
            let right = sample(&description, schema);
            let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", &root.snapshot.me.to_string());
            let wholes = junk().into_iter();
            let fields = ways(&right).into_iter().flat_map(|way| {
                let right = &right;
                junk().into_iter().map(move |value| {
                    let mut wrong = right.clone();
                    *wrong.pointer_mut(&way).unwrap() = value;
                    wrong
                })
            });
            for wrong in wholes.chain(fields) {
                let body = wrong.to_string();
                let sent = server.http().send(method.clone(), &path, Some(&root.cookie), body).await;
                let status = sent.unwrap().status;
                let fine = status.is_success() || status.is_client_error();
                assert!(fine, "{verb} {path} answers {status} to {wrong:.300}");
            }
        }
    }
    assert!(forms > 12, "only {forms} forms were found");
    root.posts("still here").await;
}

#[tokio::test]
async fn a_page_of_a_list_that_is_none_is_refused_or_empty() {
    let server = TestServer::start().await;
    let root = server.admin("root").await;
    let percents = "%25".repeat(10_000);
    for value in
        ["-1", "9223372036854775808", "%00", "%ff%fe", "..%2f", "%27%20or%201=1", "NaN", "", &percents]
    {
        for list in ["/api/users?after=", "/api/audit?before=", "/api/users?limit=", "/api/audit?offset="] {
            let reply = server.send(Method::GET, &format!("{list}{value}"), &root.cookie, Value::Null).await;
            let status = reply.status;
            assert!(status == StatusCode::OK || status.is_client_error(), "{list}{value:.40}: {reply:?}");
        }
    }
}
