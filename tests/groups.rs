//! Stories about groups: sets of people with one name after an `@`.

use cromulent::id::{GroupId, UserId};
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Group, Mention};

use crate::support::channels::ana_the_admin_and;
use crate::support::{TestServer, TestUser, account};

impl TestUser {
    async fn makes_group(&mut self, name: &str, color: Option<&str>) -> Result<Group, ErrorCode> {
        let request = Request::CreateGroup { name: name.to_owned(), color: color.map(str::to_owned) };
        match self.asks(&request).await? {
            Answer::GroupChanged { group } => Ok(group),
            other => panic!("{other:?}"),
        }
    }

    async fn takes_into(&mut self, group: GroupId, user: UserId, member: bool) -> Result<(), ErrorCode> {
        self.asks(&Request::SetGroupMember { group, user, member }).await.map(drop)
    }

    async fn lists_members(&mut self, group: GroupId) -> Vec<UserId> {
        match self.asks(&Request::LoadGroupMembers { group, after: None }).await.unwrap() {
            Answer::GroupMembers { members, more: false } => members,
            other => panic!("{other:?}"),
        }
    }

    async fn sees_a_group(&mut self) -> Group {
        self.waits_for(|event| match event {
            ServerEvent::GroupChanged { group } => Some(group.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_group_is_made_changed_and_deleted_before_everybodys_eyes() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let devs = ana.makes_group(" Dev Team ", Some("#12ABcd")).await.unwrap();
    assert_eq!((devs.name.as_str(), devs.slug.as_str()), ("Dev Team", "dev-team"));
    assert_eq!(devs.color.as_deref(), Some("#12abcd"));
    assert_eq!(ben.sees_a_group().await, devs);

    let request = Request::UpdateGroup { group: devs.id, name: "Makers".to_owned(), color: None };
    ana.asks(&request).await.unwrap();
    let makers = ben.sees_a_group().await;
    assert_eq!((makers.id, makers.slug.as_str(), &makers.color), (devs.id, "makers", &None));
    let other = ana.makes_group("Artists", None).await.unwrap();
    server.restart().await;
    let mut ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.snapshot.groups, [other.clone(), makers.clone()], "by name, and after a restart");

    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    ana.asks(&Request::DeleteGroup { group: makers.id }).await.unwrap();
    let gone = ben
        .waits_for(|event| match event {
            ServerEvent::GroupDeleted { group } => Some(*group),
            _ => None,
        })
        .await;
    assert_eq!(gone, makers.id);
    assert_eq!(ben.elsewhere().await.snapshot.groups, [other]);
    let again = Request::DeleteGroup { group: makers.id };
    assert_eq!(ana.asks(&again).await.unwrap_err(), ErrorCode::NotFound);
}

#[tokio::test]
async fn who_is_in_a_group_is_told_when_it_is_mentioned() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben, mut cleo]) = ana_the_admin_and(&server, ["ben", "cleo"]).await;
    let devs = ana.makes_group("Devs", None).await.unwrap();
    let (ana_id, ben_id) = (ben.id_of("ana"), ben.id_of("ben"));
    for user in [ana_id, ben_id, ben_id] {
        ana.takes_into(devs.id, user, true).await.unwrap();
    }
    let changes = |events: &[ServerEvent]| {
        events.iter().filter(|event| matches!(event, ServerEvent::GroupMemberChanged { .. })).count()
    };
    let posted = ana.posts("now, @Devs").await;
    assert_eq!(posted.mentions, [Mention::Group { group: devs.id }]);
    assert_eq!(changes(&cleo.hears_until("now, @Devs").await), 2, "each is told once");
    assert_eq!(ben.is_notified().await.mention, Mention::Group { group: devs.id });
    assert_eq!(ben.elsewhere().await.snapshot.standing.groups, [devs.id]);
    let mut members = cleo.lists_members(devs.id).await;
    members.sort();
    let mut expected = [ana_id, ben_id];
    expected.sort();
    assert_eq!(members, expected);

    ana.takes_into(devs.id, ben_id, false).await.unwrap();
    ana.posts("@devs again").await;
    ana.posts("end").await;
    for user in [&mut ben, &mut cleo] {
        let heard = user.hears_until("end").await;
        assert!(!heard.iter().any(|event| matches!(event, ServerEvent::Notified { .. })), "{heard:?}");
    }
}

#[tokio::test]
async fn groups_users_and_words_never_share_a_name() {
    let server = TestServer::start().await;
    let (mut ana, [_ben]) = ana_the_admin_and(&server, ["ben"]).await;
    ana.makes_group("Night Shift", None).await.unwrap();
    for taken in ["Ben", "ANA!", "night-shift"] {
        assert_eq!(ana.makes_group(taken, None).await.unwrap_err(), ErrorCode::NameTaken, "{taken}");
    }
    for reserved in ["Everyone", "here", "All", "Channel"] {
        assert_eq!(ana.makes_group(reserved, None).await.unwrap_err(), ErrorCode::Invalid, "{reserved}");
    }
    assert_eq!(ana.makes_group("x", Some("green")).await.unwrap_err(), ErrorCode::Invalid);
    let refused = server.http().register(&account("Night-Shift")).await.unwrap_err();
    assert!(format!("{refused:?}").contains("NameTaken"), "{refused:?}");
    let artists = ana.makes_group("Artists", None).await.unwrap();
    let rename = Request::UpdateGroup { group: artists.id, name: "Night shift".to_owned(), color: None };
    assert_eq!(ana.asks(&rename).await.unwrap_err(), ErrorCode::NameTaken);
    // A group keeps its own name.
    let same = Request::UpdateGroup { group: artists.id, name: "ARTISTS".to_owned(), color: None };
    ana.asks(&same).await.unwrap();
}

#[tokio::test]
async fn only_admins_change_groups() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let devs = ana.makes_group("Devs", None).await.unwrap();
    let ben_id = ben.id_of("ben");
    assert_eq!(ben.makes_group("Mine", None).await.unwrap_err(), ErrorCode::NotAllowed);
    assert_eq!(ben.takes_into(devs.id, ben_id, true).await.unwrap_err(), ErrorCode::NotAllowed);
    for request in [
        Request::UpdateGroup { group: devs.id, name: "Mine".to_owned(), color: None },
        Request::DeleteGroup { group: devs.id },
    ] {
        assert_eq!(ben.asks(&request).await.unwrap_err(), ErrorCode::NotAllowed);
    }
    let nobody = UserId::from(uuid::Uuid::nil());
    assert_eq!(ana.takes_into(devs.id, nobody, true).await.unwrap_err(), ErrorCode::NotFound);
    let nothing = Request::LoadGroupMembers { group: uuid::Uuid::nil().into(), after: None };
    assert_eq!(ben.asks(&nothing).await.unwrap_err(), ErrorCode::NotFound);
    assert!(ben.lists_members(devs.id).await.is_empty());
}
