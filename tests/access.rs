//! The matrix: who may do what in which channel, every command, cell by cell.
//!
//! The table says what is expected; each cell is tried on a channel of its own, so that no cell spoils another.

use cromulent::bench::client::{Error, Frame, Socket};
use cromulent::id::{ChannelId, UserId};
use cromulent::protocol::client::{ChannelSetting, Request};
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::types::{Admission, ChannelKind, Writers};
use hyper::Method;
use serde_json::json;

use crate::support::channels::{ana_the_admin_and, history, post};
use crate::support::{PASSWORD, PATIENCE, TestServer, TestUser};

/// Of each channel: an admin who is in it, an admin who is not, a member, somebody who is not in it.
const WHO: [&str; 4] = ["admin", "outside", "member", "stranger"];

/// `ok`; `no`: not allowed; `join`: not a member; `none`: not found; `arch`: archived.
const TABLE: &str = "
               public                   private                  announcement             archived
               admin out   memb  stran  admin out   memb  stran  admin out   memb  stran  admin out   memb  stran
post           ok    join  ok    join   ok    join  ok    none   ok    join  no    join   arch  join  arch  join
history        ok    join  ok    join   ok    join  ok    none   ok    join  ok    join   ok    join  ok    join
typing         ok    join  ok    join   ok    join  ok    none   ok    join  no    join   arch  join  arch  join
update         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
delete         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
join           ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
leave          ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
members        ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
add            ok    ok    no    no     ok    ok    ok    none   ok    ok    no    no     ok    ok    no    no
remove         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
talk           none  none  none  none   none  none  none  none   none  none  none  none   none  none  none  none
voice-talk     ok    join  ok    join   ok    join  ok    none   -     -     -     -      arch  join  arch  join
voice-post     none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-history  none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-typing   none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-update   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
voice-delete   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
voice-join     ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-leave    ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-members  ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-add      ok    ok    no    no     ok    ok    ok    none   -     -     -     -      ok    ok    no    no
voice-remove   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
";

/// What has nothing to do with one channel: admin, member.
const WHOLE: [(&str, &str, &str); 6] = [
    ("create", "ok", "no"),
    ("browse", "ok", "ok"),
    ("create-category", "ok", "no"),
    ("update-category", "ok", "no"),
    ("delete-category", "ok", "no"),
    ("ping", "ok", "ok"),
];

fn expected(cell: &str) -> Result<(), ErrorCode> {
    match cell {
        "ok" => Ok(()),
        "no" => Err(ErrorCode::NotAllowed),
        "join" => Err(ErrorCode::NotAMember),
        "none" => Err(ErrorCode::NotFound),
        "arch" => Err(ErrorCode::Archived),
        other => panic!("the table says {other}"),
    }
}

fn settings(channel: &str, kind: ChannelKind) -> Vec<ChannelSetting> {
    match channel {
        "public" | "archived" => vec![ChannelSetting::Admission(Admission::Open)],
        "private" => vec![ChannelSetting::Admission(Admission::Private)],
        "announcement" => {
            assert_eq!(kind, ChannelKind::Text);
            vec![ChannelSetting::Admission(Admission::Open), ChannelSetting::Writers(Writers::Admins)]
        }
        other => panic!("the table says {other}"),
    }
}

/// Tries one cell on a channel made for it; what came of it.
async fn tries(
    [admin, member, stranger]: [&mut TestUser; 3],
    (number, command, kind): (usize, &str, ChannelKind),
    (channel, who): (&str, &str),
    guest: UserId,
) -> Result<(), ErrorCode> {
    let id = admin.makes(&format!("{channel} {number}"), kind, settings(channel, kind)).await.id;
    let members = admin.id_of(&member.name);
    admin.adds(id, members).await;
    if channel == "archived" {
        admin.changes(id, vec![ChannelSetting::Archived(true)]).await.unwrap();
    }
    if who == "outside" {
        admin.leaves(id).await;
    }
    let actor = match who {
        "admin" | "outside" => admin,
        "member" => member,
        _ => stranger,
    };
    if command == "talk" {
        return actor.asks_to_join(id).await;
    }
    actor.asks(&request(command, id, guest, members)).await.map(drop)
}

/// What a word of the table asks for.
fn request(command: &str, id: ChannelId, guest: UserId, members: UserId) -> Request {
    match command {
        "post" => post(id, "hi"),
        "history" => history(id),
        "typing" => Request::SetTyping { channel: id, active: true },
        "update" => Request::UpdateChannel {
            channel: id,
            settings: vec![ChannelSetting::Topic("about nothing".to_owned())],
        },
        "delete" => Request::DeleteChannel { channel: id },
        "join" => Request::JoinChannel { channel: id },
        "leave" => Request::LeaveChannel { channel: id },
        "members" => Request::ListMembers { channel: id },
        "add" => Request::AddMember { channel: id, user: guest },
        "remove" => Request::RemoveMember { channel: id, user: members },
        // Nobody looks at the offer before it is known whether one may.
        "talk" => Request::JoinVoice { channel: id, offer: String::new(), muted: false, deafened: false },
        other => panic!("the table says {other}"),
    }
}

#[tokio::test]
async fn every_cell_of_the_matrix_holds() {
    let server = TestServer::start().await;
    let (ana, [ben, cai, guest]) = ana_the_admin_and(&server, ["ben", "cai", "guest"]).await;
    let guest = ana.id_of(&guest.name);
    let mut lines = TABLE.trim_start_matches('\n').lines();
    let channels: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(lines.next().unwrap().split_whitespace().count(), channels.len() * WHO.len());
    let mut wrong = Vec::new();
    for (number, line) in lines.enumerate() {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap();
        let (kind, verb) = match command.strip_prefix("voice-") {
            Some(verb) => (ChannelKind::Voice, verb),
            None => (ChannelKind::Text, command),
        };
        for (column, cell) in words.enumerate() {
            if cell == "-" {
                continue;
            }
            let (channel, who) = (channels[column / WHO.len()], WHO[column % WHO.len()]);
            // New sockets each time: the limit on requests is not what is tried here.
            let mut people = Vec::new();
            for user in [&ana, &ben, &cai] {
                people.push(TestUser::connect(&server, &user.name, user.cookie.clone()).await);
            }
            let [admin, member, stranger] = &mut people[..] else { unreachable!("three were put in") };
            let on = (number * 100 + column, verb, kind);
            let came = tries([admin, member, stranger], on, (channel, who), guest).await;
            if came != expected(cell) {
                wrong.push(format!("{command} in {channel} by {who}: {came:?} in place of {cell}"));
            }
            for user in people {
                user.socket.close(1000).await.unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One more column for every channel: `disabled`, and all its cells say no. An admin and a member of the channel are
/// shut out while their pages are open.
#[tokio::test]
async fn whoever_is_disabled_may_do_nothing_anywhere() {
    let server = TestServer::start().await;
    let (ana, [dora, ben, guest]) = ana_the_admin_and(&server, ["dora", "ben", "guest"]).await;
    let [doras, bens, guest] = [&dora, &ben, &guest].map(|user| ana.id_of(&user.name));
    let sets = async |user: UserId, what: &str, body: serde_json::Value| {
        let path = format!("/api/users/{user}/{what}");
        let reply = server.send(Method::PUT, &path, &ana.cookie, body).await;
        assert!(reply.status.is_success(), "{reply:?}");
    };
    sets(doras, "role", json!({ "role": "admin" })).await;
    let mut lines = TABLE.trim_start_matches('\n').lines();
    let channels: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    lines.next();
    let commands: Vec<&str> = lines.map(|line| line.split_whitespace().next().unwrap()).collect();
    for (number, channel) in channels.into_iter().enumerate() {
        for kind in [ChannelKind::Text, ChannelKind::Voice] {
            if (channel, kind) == ("announcement", ChannelKind::Voice) {
                continue;
            }
            let name = format!("{channel} {number} {kind:?}");
            let mut setter = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
            let id = setter.makes(&name, kind, settings(channel, kind)).await.id;
            setter.adds(id, doras).await;
            setter.adds(id, bens).await;
            if channel == "archived" {
                setter.changes(id, vec![ChannelSetting::Archived(true)]).await.unwrap();
            }
            for command in commands.iter().filter(|command| !command.starts_with("voice-")) {
                for (name, user) in [("dora", doras), ("ben", bens)] {
                    let cookie = server.http().sign_in(name, PASSWORD).await.unwrap();
                    let mut page = TestUser::connect(&server, name, cookie.clone()).await;
                    sets(user, "access", json!({ "disabled": true })).await;
                    // It may be gone before it can ask.
                    let _ = page.socket.ask(&request(command, id, guest, bens)).await;
                    let end = loop {
                        match tokio::time::timeout(PATIENCE, page.socket.frame()).await.unwrap() {
                            Ok(Frame::Answer { result, .. }) => panic!("{name}, {command}: {result:?}"),
                            Ok(Frame::Event { .. } | Frame::Refused { .. }) => {}
                            Err(end) => break end,
                        }
                    };
                    let good = matches!(end, Error::Closed(close::SIGNED_OUT) | Error::Connection(_));
                    assert!(good, "{name}, {command}: {end}");
                    assert!(Socket::open(server.http().0, &cookie, None).await.is_err());
                    sets(user, "access", json!({ "disabled": false })).await;
                }
            }
            let mut ana = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
            let people = ana.sees_members(id).await;
            assert!(people.contains(&bens) && !people.contains(&guest), "{channel} {kind:?} is as it was");
        }
    }
}

#[tokio::test]
async fn what_concerns_no_single_channel_is_for_admins_too() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    for (command, admin, member) in WHOLE {
        // The member first: what the admin does is done.
        for (user, cell) in [(&mut ben, member), (&mut ana, admin)] {
            let work = user.snapshot.me;
            let category = uuid::Uuid::from(work).into();
            let came = match command {
                "create" => user
                    .asks(&crate::support::channels::create("New", ChannelKind::Text, vec![]))
                    .await
                    .map(drop),
                "browse" => user.asks(&Request::BrowseChannels).await.map(drop),
                "ping" => user.asks(&Request::Ping).await.map(drop),
                "create-category" => user.makes_category("Work").await.map(drop),
                // There is none; whoever may not is told so first.
                "update-category" => user
                    .asks(&Request::UpdateCategory { category, settings: vec![] })
                    .await
                    .map(drop)
                    .or_else(found_none),
                "delete-category" => {
                    user.asks(&Request::DeleteCategory { category }).await.map(drop).or_else(found_none)
                }
                other => panic!("the table says {other}"),
            };
            assert_eq!(came, expected(cell), "{command} by {}", user.name);
        }
    }
}

fn found_none(refused: ErrorCode) -> Result<(), ErrorCode> {
    if refused == ErrorCode::NotFound { Ok(()) } else { Err(refused) }
}

#[tokio::test]
async fn whoever_is_signed_out_gets_no_socket_to_ask_on() {
    let server = TestServer::start().await;
    for cookie in ["", "session=", "session=0123456789abcdef"] {
        let opened = Socket::open(server.http().0, cookie, None).await;
        assert!(matches!(opened, Err(Error::Refused(_) | Error::Connection(_))), "{cookie:?} opens a socket");
    }
}
