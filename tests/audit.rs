use cromulent::id::UserId;
use cromulent::protocol::client::{CategorySetting, ChannelSetting, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::rest::{AuditAction, AuditEntry, AuditPage};
use cromulent::protocol::server::Answer;
use cromulent::protocol::types::{Admission, ChannelKind};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::channels::ana_the_admin_and;
use crate::support::{TestServer, TestUser, answer, refused};

impl TestServer {
    async fn audit(&self, who: &TestUser, query: &str) -> AuditPage {
        answer(&self.send(Method::GET, &format!("/api/audit{query}"), &who.cookie, Value::Null).await)
    }
}

/// An entry in short: what, to whom, to what, and what more.
fn told(entry: &AuditEntry) -> (&'static str, Option<UserId>, &str, &str) {
    (entry.action.text(), entry.subject, &entry.object, &entry.detail)
}

#[tokio::test]
async fn whatever_an_admin_does_is_written_down_and_what_people_do_for_themselves_is_not() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let bens = ana.id_of("ben");
    let before = server.audit(&ana, "").await.entries.len();
    assert_eq!(before, 0, "a registration is no act of administration");

    let open = vec![ChannelSetting::Admission(Admission::Open)];
    let work = ana.makes("Work", ChannelKind::Text, open).await.id;
    let changes = vec![ChannelSetting::Name("Labour".to_owned()), ChannelSetting::Archived(true)];
    ana.changes(work, changes).await.unwrap();
    ana.changes(work, vec![ChannelSetting::Archived(false)]).await.unwrap();
    // What changes nothing is nothing.
    ana.changes(work, vec![ChannelSetting::Archived(false)]).await.unwrap();
    ana.adds(work, bens).await;
    ana.adds(work, bens).await;
    let message = ben.writes(work, "something").await.id;
    let own = ben.writes(work, "something else").await.id;
    ben.deletes(own).await.unwrap();
    ana.deletes(message).await.unwrap();
    ana.deletes(message).await.unwrap();
    ana.asks(&Request::RemoveMember { channel: work, user: bens }).await.unwrap();
    ben.asks(&Request::JoinChannel { channel: work }).await.unwrap();
    ben.leaves(work).await;
    ana.asks(&Request::DeleteChannel { channel: work }).await.unwrap();

    let heading = ana.makes_category("House").await.unwrap().id;
    let renamed = vec![CategorySetting::Name("Home".to_owned())];
    ana.asks(&Request::UpdateCategory { category: heading, settings: renamed }).await.unwrap();
    ana.asks(&Request::DeleteCategory { category: heading }).await.unwrap();

    let devs = Request::CreateGroup { name: "Devs".to_owned(), color: None };
    let Answer::GroupChanged { group } = ana.asks(&devs).await.unwrap() else { panic!("another answer") };
    let color = Some("#0077aa".to_owned());
    let changed = Request::UpdateGroup { group: group.id, name: "Dev Team".to_owned(), color };
    ana.asks(&changed).await.unwrap();
    ana.asks(&changed).await.unwrap();
    for member in [true, true, false] {
        ana.asks(&Request::SetGroupMember { group: group.id, user: bens, member }).await.unwrap();
    }
    ana.asks(&Request::DeleteGroup { group: group.id }).await.unwrap();
    // What was refused did not happen.
    assert_eq!(ben.asks(&devs).await.unwrap_err(), ErrorCode::NotAllowed);

    let page = server.audit(&ana, "").await;
    assert!(page.entries.iter().all(|entry| entry.actor == Some(ana.snapshot.me)) && !page.more);
    let all: Vec<_> = page.entries.iter().rev().map(told).collect();
    let ben = Some(bens);
    assert_eq!(
        all,
        [
            ("channel_created", None, "Work", ""),
            ("channel_changed", None, "Work", "name: Labour; archived: on"),
            ("channel_changed", None, "Labour", "archived: off"),
            ("member_added", ben, "Labour", ""),
            ("message_deleted", ben, "Labour", ""),
            ("member_removed", ben, "Labour", ""),
            ("channel_deleted", None, "Labour", ""),
            ("category_created", None, "House", ""),
            ("category_changed", None, "House", "name: Home"),
            ("category_deleted", None, "Home", ""),
            ("group_created", None, "Devs", ""),
            ("group_changed", None, "Devs", "name: Dev Team; color: #0077aa"),
            ("group_member_added", ben, "Dev Team", ""),
            ("group_member_removed", ben, "Dev Team", ""),
            ("group_deleted", None, "Dev Team", ""),
        ]
    );
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_by_who_and_what() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let bens = ana.id_of("ben");
    let path = format!("/api/users/{bens}/role");
    assert!(
        server.send(Method::PUT, &path, &ana.cookie, json!({ "role": "admin" })).await.status.is_success()
    );
    for number in 0..30 {
        for (user, name) in [(&mut ana, "a"), (&mut ben, "b")] {
            let group = Request::CreateGroup { name: format!("{name} {number}"), color: None };
            user.asks(&group).await.unwrap();
        }
    }
    let first = server.audit(&ana, "").await;
    assert_eq!((first.entries.len(), first.more), (50, true));
    let last = first.entries.last().unwrap().id;
    let second = server.audit(&ana, &format!("?before={last}")).await;
    assert_eq!((second.entries.len(), second.more), (11, false));
    assert_eq!(second.entries.last().unwrap().action, AuditAction::RoleChanged);

    let bens_own = server.audit(&ana, &format!("?actor={bens}")).await.entries;
    assert_eq!(bens_own.len(), 30);
    assert!(bens_own.iter().all(|entry| entry.actor == Some(bens)));
    let roles = server.audit(&ana, "?action=role_changed").await.entries;
    assert_eq!(roles.iter().map(told).collect::<Vec<_>>(), [("role_changed", Some(bens), "", "role: admin")]);
    let both = server.audit(&ana, &format!("?action=group_created&actor={bens}&before={last}")).await;
    assert!(both.entries.iter().all(|entry| entry.actor == Some(bens) && entry.id < last));
    assert_eq!(both.entries.len(), 5);
    for nonsense in ["?before=x", "?actor=ben", "?action=everything"] {
        let reply =
            server.send(Method::GET, &format!("/api/audit{nonsense}"), &ana.cookie, Value::Null).await;
        assert_eq!(refused(&reply), ErrorCode::Malformed, "{nonsense}");
    }
}
