//! The matrix: who may do what in which channel, every command, cell by cell.
//!
//! The table says what is expected; each cell is tried on a channel of its own, so that no cell spoils another.

use cromulent::bench::client::{Error, Frame, Socket};
use cromulent::id::{ChannelId, MessageId, UserId};
use cromulent::protocol::client::{ChannelSetting, Request};
use cromulent::protocol::close;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Admission, ChannelKind, Involvement, ParticipantNumber, Status, Writers};
use cromulent::protocol::voice::{Grant, Moderation, VoiceRight};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::channels::{ana_the_admin_and, history, post};
use crate::support::{PASSWORD, PATIENCE, TestServer, TestUser, refused};

/// Of each channel: an admin who is in it, an admin who is not, a member, somebody who is not in it.
const WHO: [&str; 4] = ["admin", "outside", "member", "stranger"];

/// `enter`: go into a voice room whose right to listen is for admins; `mute` and `put-out`: do that to somebody in the room,
/// as its rights are at first, and `lift`: take a mute back where the right is everybody's; the member of the table does it
/// to an admin, whom nobody but another one may do it to.
///
/// `take-back`: delete one's own message, `take-away`: delete somebody else's; `inbox`: a mention from before is found in
/// it, `told`: of a mention from now one is notified.
///
/// `ok`; `no`: not allowed; `join`: not a member; `none`: not found; `arch`: archived.
const TABLE: &str = "
               public                   private                  announcement             archived
               admin out   memb  stran  admin out   memb  stran  admin out   memb  stran  admin out   memb  stran
post           ok    join  ok    join   ok    join  ok    none   ok    join  no    join   arch  join  arch  join
history        ok    join  ok    join   ok    join  ok    none   ok    join  ok    join   ok    join  ok    join
typing         ok    join  ok    join   ok    join  ok    none   ok    join  no    join   arch  join  arch  join
edit           ok    join  ok    join   ok    join  ok    none   ok    join  no    join   arch  join  arch  join
edit-others    no    join  no    join   no    join  no    none   no    join  no    join   no    join  no    join
take-back      ok    join  ok    join   ok    join  ok    none   ok    join  ok    join   ok    join  ok    join
take-away      ok    join  no    join   ok    join  no    none   ok    join  no    join   ok    join  no    join
mark-read      ok    join  ok    join   ok    join  ok    none   ok    join  ok    join   ok    join  ok    join
involve        ok    join  ok    join   ok    join  ok    none   ok    join  ok    join   ok    join  ok    join
inbox          ok    none  ok    none   ok    none  ok    none   ok    none  ok    none   ok    none  ok    none
told           ok    none  ok    none   ok    none  ok    none   -     -     -     -      -     -     -     -
update         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
delete         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
join           ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
leave          ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
members        ok    ok    ok    ok     ok    ok    ok    none   ok    ok    ok    ok     ok    ok    ok    ok
add            ok    ok    no    no     ok    ok    ok    none   ok    ok    no    no     ok    ok    no    no
remove         ok    ok    no    no     ok    ok    no    none   ok    ok    no    no     ok    ok    no    no
talk           none  none  none  none   none  none  none  none   none  none  none  none   none  none  none  none
voice-talk     ok    join  ok    join   ok    join  ok    none   -     -     -     -      arch  join  arch  join
voice-quality  ok    join  ok    join   ok    join  ok    none   -     -     -     -      arch  join  arch  join
voice-enter    ok    join  no    join   ok    join  no    none   -     -     -     -      arch  join  arch  join
voice-mute     ok    join  no    join   ok    join  no    none   -     -     -     -      none  none  none  none
voice-put-out  ok    join  no    join   ok    join  no    none   -     -     -     -      none  none  none  none
voice-lift     ok    join  no    join   ok    join  no    none   -     -     -     -      none  none  none  none
voice-post     none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-history  none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-typing   none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-mark     none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-involve  none  none  none  none   none  none  none  none   -     -     -     -      none  none  none  none
voice-update   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
voice-delete   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
voice-join     ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-leave    ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-members  ok    ok    ok    ok     ok    ok    ok    none   -     -     -     -      ok    ok    ok    ok
voice-add      ok    ok    no    no     ok    ok    ok    none   -     -     -     -      ok    ok    no    no
voice-remove   ok    ok    no    no     ok    ok    no    none   -     -     -     -      ok    ok    no    no
";

/// What has nothing to do with one channel: admin, member; `away`: in no voice room.
const WHOLE: [(&str, &str, &str); 28] = [
    ("create", "ok", "no"),
    ("count-members", "ok", "no"),
    ("browse", "ok", "ok"),
    ("create-category", "ok", "no"),
    ("update-category", "ok", "no"),
    ("delete-category", "ok", "no"),
    ("ping", "ok", "ok"),
    ("create-group", "ok", "no"),
    ("mark-inbox", "ok", "ok"),
    ("set-status", "ok", "ok"),
    ("set-idle", "ok", "ok"),
    // Whose it may be and whose not, `previews` tells.
    ("dismiss-preview", "none", "none"),
    ("load-notifications", "ok", "ok"),
    ("mark-notification", "ok", "ok"),
    ("set-voice", "away", "away"),
    ("restart-voice", "away", "away"),
    ("raise-hand", "away", "away"),
    ("leave-voice", "ok", "ok"),
    ("load-group-members", "ok", "ok"),
    ("update-group", "ok", "no"),
    ("set-group-member", "ok", "no"),
    ("people", "ok", "no"),
    ("audit", "ok", "no"),
    ("delete-user", "ok", "no"),
    ("settings", "ok", "no"),
    ("change-settings", "ok", "no"),
    ("relay-test", "ok", "no"),
    // Last, since it is gone then.
    ("delete-group", "ok", "no"),
];

/// In which row of the tables each request is tried.
const ROWS: [(&str, &str); 39] = [
    ("ping", "ping"),
    ("post_message", "post"),
    ("load_messages", "history"),
    ("set_typing", "typing"),
    ("create_channel", "create"),
    ("update_channel", "update"),
    ("join_voice", "talk"),
    ("set_voice", "set-voice"),
    ("restart_voice", "restart-voice"),
    ("load_qualities", "voice-quality"),
    ("leave_voice", "leave-voice"),
    ("raise_hand", "raise-hand"),
    ("moderate_voice", "voice-mute"),
    ("delete_channel", "delete"),
    ("browse_channels", "browse"),
    ("join_channel", "join"),
    ("leave_channel", "leave"),
    ("list_members", "members"),
    ("count_members", "count-members"),
    ("add_member", "add"),
    ("remove_member", "remove"),
    ("create_category", "create-category"),
    ("update_category", "update-category"),
    ("delete_category", "delete-category"),
    ("edit_message", "edit"),
    ("delete_message", "take-away"),
    ("mark_read", "mark-read"),
    ("load_notifications", "load-notifications"),
    ("mark_notification", "mark-notification"),
    ("mark_inbox", "mark-inbox"),
    ("set_involvement", "involve"),
    ("dismiss_preview", "dismiss-preview"),
    ("set_status", "set-status"),
    ("set_idle", "set-idle"),
    ("create_group", "create-group"),
    ("update_group", "update-group"),
    ("delete_group", "delete-group"),
    ("set_group_member", "set-group-member"),
    ("load_group_members", "load-group-members"),
];

/// What was written before everything became as the table says, by those who were members then.
struct Written {
    own: MessageId,
    by_another: MessageId,
}

fn expected(cell: &str) -> Result<(), ErrorCode> {
    match cell {
        "ok" => Ok(()),
        "no" => Err(ErrorCode::NotAllowed),
        "join" => Err(ErrorCode::NotAMember),
        "none" => Err(ErrorCode::NotFound),
        "arch" => Err(ErrorCode::Archived),
        "away" => Err(ErrorCode::NotInVoice),
        other => panic!("the table says {other}"),
    }
}

fn settings(channel: &str, kind: ChannelKind) -> Vec<ChannelSetting> {
    match channel {
        "public" | "archived" => vec![ChannelSetting::Admission(Admission::Open)],
        "private" => vec![ChannelSetting::Admission(Admission::Private)],
        "announcement" => {
            assert_eq!(kind, ChannelKind::Text);
            vec![ChannelSetting::Admission(Admission::Open)]
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
    let written = match (command, kind) {
        ("edit" | "edit-others" | "take-back" | "take-away" | "mark-read" | "inbox", ChannelKind::Text) => {
            Some(writes_before([admin, member, stranger], id, who).await)
        }
        _ => None,
    };
    let stay = match command {
        "mute" | "put-out" | "lift" if who == "member" => Some(is_in_the_room(admin, id).await),
        "mute" | "put-out" | "lift" => Some(is_in_the_room(member, id).await),
        _ => None,
    };
    if let Some((right, grant)) = match command {
        "enter" => Some((VoiceRight::Listen, Grant::Admins)),
        "lift" => Some((VoiceRight::MuteOthers, Grant::Everybody)),
        _ => None,
    } {
        admin.changes(id, vec![ChannelSetting::VoiceRight { right, grant }]).await.unwrap();
    }
    if channel == "announcement" {
        admin.changes(id, vec![ChannelSetting::Writers(Writers::Admins)]).await.unwrap();
    }
    if channel == "archived" {
        admin.changes(id, vec![ChannelSetting::Archived(true)]).await.unwrap();
    }
    if who == "outside" {
        admin.leaves(id).await;
    }
    let (actor, another) = match who {
        "admin" | "outside" => (admin, member),
        "member" => (member, admin),
        _ => (stranger, admin),
    };
    if command == "told" {
        return is_told(actor, another, id).await;
    }
    if command == "inbox" {
        return finds_in_the_inbox(actor, id).await;
    }
    if command == "talk" || command == "enter" {
        return actor.asks_to_join(id).await;
    }
    if let Some(participant) = stay {
        let moderation = match command {
            "mute" => Moderation::Mute(true),
            "put-out" => Moderation::Disconnect,
            _ => Moderation::Mute(false),
        };
        return actor.asks(&Request::ModerateVoice { participant, moderation }).await.map(drop);
    }
    actor.asks(&request(command, id, (guest, members), written)).await.map(drop)
}

/// Somebody asks for a place in a room and gets it; its number.
async fn is_in_the_room(user: &mut TestUser, id: ChannelId) -> ParticipantNumber {
    match user.asks_for_a_place(id).await.unwrap() {
        Answer::VoiceJoined { participant, .. } => participant,
        other => panic!("{other:?}"),
    }
}

/// What a word of the table asks for.
fn request(
    command: &str,
    id: ChannelId,
    (guest, members): (UserId, UserId),
    written: Option<Written>,
) -> Request {
    // Any message will do where nobody reads.
    let none: MessageId = uuid::Uuid::from(guest).into();
    let Written { own, by_another } = written.unwrap_or(Written { own: none, by_another: none });
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
        "quality" => Request::LoadQualities { channel: id },
        "edit" => edit(own),
        "edit-others" => edit(by_another),
        "take-back" => Request::DeleteMessage { message: own },
        "take-away" => Request::DeleteMessage { message: by_another },
        "mark-read" => Request::MarkRead { channel: id, message: by_another },
        "mark" => Request::MarkRead { channel: id, message: none },
        "involve" => Request::SetInvolvement { channel: id, involvement: Involvement::Everything },
        other => panic!("the table says {other}"),
    }
}

/// Another member, and whoever the cell is about, write, each to the other; then a stranger is one again.
async fn writes_before(
    [admin, member, stranger]: [&mut TestUser; 3],
    channel: ChannelId,
    who: &str,
) -> Written {
    if who == "stranger" {
        admin.adds(channel, admin.id_of(&stranger.name)).await;
    }
    let (author, other) = match who {
        "admin" | "outside" => (&mut *admin, member),
        "member" => (member, &mut *admin),
        _ => (&mut *stranger, &mut *admin),
    };
    let own = author.writes(channel, "mine").await.id;
    let by_another = other.writes(channel, &format!("for @{}", author.name)).await.id;
    if who == "stranger" {
        stranger.leaves(channel).await;
    }
    Written { own, by_another }
}

fn edit(message: MessageId) -> Request {
    Request::EditMessage { message, body: "otherwise".to_owned() }
}

/// Whether anything in the inbox leads to a channel.
async fn finds_in_the_inbox(actor: &mut TestUser, id: ChannelId) -> Result<(), ErrorCode> {
    match actor.asks(&Request::LoadNotifications { before: None, unread: false }).await? {
        Answer::Notifications { notifications, .. } => {
            let there = notifications.iter().any(|notification| notification.channel == id);
            let page = actor.elsewhere().await;
            assert_eq!(there, page.snapshot.standing.unread.iter().any(|unread| unread.channel == id));
            page.socket.close(1000).await.unwrap();
            if there { Ok(()) } else { Err(ErrorCode::NotFound) }
        }
        other => panic!("{other:?}"),
    }
}

/// Whether a mention in a channel by somebody who writes there is heard of.
async fn is_told(actor: &mut TestUser, author: &mut TestUser, channel: ChannelId) -> Result<(), ErrorCode> {
    author.writes(channel, &format!("you, @{}", actor.name)).await;
    let fence = format!("fence of {channel}");
    author.posts(&fence).await;
    let heard = actor.hears_until(&fence).await;
    let told = |event: &ServerEvent| matches!(event, ServerEvent::Notified { notification } if notification.channel == channel);
    if heard.iter().any(told) { Ok(()) } else { Err(ErrorCode::NotFound) }
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
            for command in commands
                .iter()
                .filter(|command| !command.starts_with("voice-") && !["told", "inbox"].contains(*command))
            {
                for (name, user) in [("dora", doras), ("ben", bens)] {
                    let cookie = server.http().sign_in(name, PASSWORD).await.unwrap();
                    let mut page = TestUser::connect(&server, name, cookie.clone()).await;
                    sets(user, "access", json!({ "disabled": true })).await;
                    // It may be gone before it can ask.
                    let _ = page.socket.ask(&request(command, id, (guest, bens), None)).await;
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

#[test]
fn every_request_there_is_has_its_row() {
    let named: Vec<&str> = ROWS.iter().map(|(request, _)| *request).collect();
    let mut all = crate::junk::all_requests();
    // By which a socket begins.
    all.remove("hello");
    assert_eq!(named.iter().map(|name| (*name).to_owned()).collect::<std::collections::BTreeSet<_>>(), all);
    let in_tables = |row: &str| {
        let first = |line: &&str| line.split_whitespace().next() == Some(row);
        TABLE.lines().any(|line| first(&line)) || WHOLE.iter().any(|(name, ..)| *name == row)
    };
    let missing: Vec<_> = ROWS.iter().filter(|(_, row)| !in_tables(row)).collect();
    assert!(missing.is_empty(), "in no table: {missing:?}");
}

#[tokio::test]
async fn what_concerns_no_single_channel_is_for_admins_too() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let group = match ana.asks(&Request::CreateGroup { name: "Crew".to_owned(), color: None }).await.unwrap()
    {
        Answer::GroupChanged { group } => group.id,
        other => panic!("{other:?}"),
    };
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
                "count-members" => user.asks(&Request::CountMembers).await.map(drop),
                "ping" => user.asks(&Request::Ping).await.map(drop),
                "create-group" => {
                    user.asks(&Request::CreateGroup { name: "Devs".to_owned(), color: None }).await.map(drop)
                }
                "mark-inbox" => {
                    let up_to = uuid::Uuid::from(work).into();
                    user.asks(&Request::MarkInbox { up_to }).await.map(drop)
                }
                "set-status" => {
                    user.asks(&Request::SetStatus { status: Status::DoNotDisturb }).await.map(drop)
                }
                "set-idle" => user.asks(&Request::SetIdle { idle: true }).await.map(drop),
                "load-notifications" => {
                    user.asks(&Request::LoadNotifications { before: None, unread: false }).await.map(drop)
                }
                "mark-notification" => {
                    let message = uuid::Uuid::from(work).into();
                    user.asks(&Request::MarkNotification { message }).await.map(drop)
                }
                "set-voice" => user.asks(&Request::SetVoice { muted: true, deafened: false }).await.map(drop),
                "restart-voice" => user.asks(&Request::RestartVoice { offer: String::new() }).await.map(drop),
                "raise-hand" => user.asks(&Request::RaiseHand { raised: true }).await.map(drop),
                "leave-voice" => user.asks(&Request::LeaveVoice).await.map(drop),
                "load-group-members" => {
                    user.asks(&Request::LoadGroupMembers { group, after: None }).await.map(drop)
                }
                "update-group" => {
                    let request = Request::UpdateGroup { group, name: "Crew".to_owned(), color: None };
                    user.asks(&request).await.map(drop)
                }
                "set-group-member" => {
                    let request = Request::SetGroupMember { group, user: work, member: true };
                    user.asks(&request).await.map(drop)
                }
                "delete-group" => user.asks(&Request::DeleteGroup { group }).await.map(drop),
                "dismiss-preview" => {
                    let message = uuid::Uuid::from(work).into();
                    user.asks(&Request::DismissPreview { message }).await.map(drop)
                }
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
                "people" => asks_plainly(&server, user, Method::GET, "/api/users", Value::Null).await,
                "audit" => asks_plainly(&server, user, Method::GET, "/api/audit", Value::Null).await,
                "delete-user" => {
                    let path = format!("/api/users/{}", uuid::Uuid::nil());
                    asks_plainly(&server, user, Method::DELETE, &path, Value::Null).await.or_else(found_none)
                }
                "settings" => asks_plainly(&server, user, Method::GET, "/api/settings", Value::Null).await,
                "change-settings" => {
                    let change = json!({ "settings": [{ "voice": true }] });
                    asks_plainly(&server, user, Method::PUT, "/api/settings", change).await
                }
                "relay-test" => {
                    asks_plainly(&server, user, Method::POST, "/api/settings/relay-test", Value::Null).await
                }
                other => panic!("the table says {other}"),
            };
            assert_eq!(came, expected(cell), "{command} by {}", user.name);
        }
    }
}

/// The same over a plain request.
async fn asks_plainly(
    server: &TestServer,
    user: &TestUser,
    method: Method,
    path: &str,
    body: Value,
) -> Result<(), ErrorCode> {
    let reply = server.send(method, path, &user.cookie, body).await;
    if reply.status.is_success() { Ok(()) } else { Err(refused(&reply)) }
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
