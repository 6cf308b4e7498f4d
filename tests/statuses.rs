//! Stories about what people chose to be seen as: what others see, on every device, and what of it nobody sees.

use cromulent::id::UserId;
use cromulent::protocol::client::Request;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::types::{Mention, Status};

use crate::support::{TestServer, TestUser};

/// All there are.
const ALL: [Status; 4] = [Status::Online, Status::Away, Status::DoNotDisturb, Status::Invisible];

impl TestUser {
    async fn chooses(&mut self, status: Status) {
        self.asks(&Request::SetStatus { status }).await.unwrap();
    }

    async fn goes_idle(&mut self, idle: bool) {
        self.asks(&Request::SetIdle { idle }).await.unwrap();
    }

    /// Waits until somebody is seen so.
    async fn sees_as(&mut self, user: UserId, how: &str) {
        self.sees(|view| view.how(user) == how).await;
    }

    /// How a page opened now shows somebody.
    async fn finds(&self, user: UserId) -> &'static str {
        let page = self.elsewhere().await;
        let how = page.view.how(user);
        page.socket.close(1000).await.unwrap();
        how
    }
}

#[tokio::test]
async fn what_somebody_chose_is_seen_by_others_and_holds_on_every_device_and_after_a_restart() {
    let mut server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let (anas, bens) = (ana.id_of("ana"), ana.id_of("ben"));
    let mut phone = ana.elsewhere().await;
    for (status, how) in [
        (Status::Away, "away"),
        (Status::Away, "away"),
        (Status::DoNotDisturb, "undisturbed"),
        (Status::Invisible, "offline"),
        (Status::Online, "online"),
        (Status::DoNotDisturb, "undisturbed"),
    ] {
        ana.chooses(status).await;
        let told = phone
            .waits_for(|event| match event {
                ServerEvent::StatusChanged { status } => Some(*status),
                _ => None,
            })
            .await;
        assert_eq!(told, status);
        ben.sees_as(anas, how).await;
        assert_eq!(ben.finds(anas).await, how);
        assert_eq!(ana.elsewhere().await.snapshot.standing.status, status);
    }
    server.restart().await;
    let ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.view.how(anas), "offline");
    let ana = TestUser::connect(&server, "ana", ana.cookie).await;
    assert_eq!(ana.snapshot.standing.status, Status::DoNotDisturb);
    assert_eq!(ana.view.how(anas), "undisturbed", "one sees oneself from the beginning");
    assert_eq!((ana.view.how(bens), ben.snapshot.standing.status), ("online", Status::Online));
    assert_eq!(ben.finds(anas).await, "undisturbed");
}

#[tokio::test]
async fn who_is_idle_on_every_device_is_away() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let anas = ana.id_of("ana");
    let mut phone = ana.elsewhere().await;
    ben.sees_as(anas, "online").await;
    ana.goes_idle(true).await;
    assert_eq!(ben.finds(anas).await, "online", "the phone is in use");
    phone.goes_idle(true).await;
    ben.sees_as(anas, "away").await;
    // A connection that goes on is as idle as it was; a page that is new is in use.
    let (resumed, _) = phone.comes_back().await;
    assert!(resumed);
    assert_eq!(ben.finds(anas).await, "away");
    phone.goes_idle(false).await;
    ben.sees_as(anas, "online").await;
    phone.socket.close(1001).await.unwrap();
    ben.sees_as(anas, "away").await;
    ana.chooses(Status::DoNotDisturb).await;
    ben.sees_as(anas, "undisturbed").await;
}

#[tokio::test]
async fn of_somebody_invisible_nobody_sees_anything_but_what_they_say() {
    let server = TestServer::start().await;
    let [mut ana, mut ben, mut cleo] = server.users(["ana", "ben", "cleo"]).await;
    let (anas, channel) = (ana.id_of("ana"), ana.general());
    ben.sees_as(anas, "online").await;
    ana.asks(&Request::SetTyping { channel, active: true }).await.unwrap();
    ana.chooses(Status::Invisible).await;
    ben.sees_as(anas, "offline").await;
    ana.posts("done").await;
    ben.hears_that("done").await;

    // They come and go, do nothing and something, write, and are meant by nobody's @here.
    let mut phone = ana.elsewhere().await;
    phone.goes_idle(true).await;
    phone.asks(&Request::SetTyping { channel, active: true }).await.unwrap();
    phone.socket.close(1001).await.unwrap();
    tokio::time::sleep(cromulent::live::presence::GRACE + std::time::Duration::from_millis(700)).await;
    cleo.posts("@here").await;
    let heard = ben.hears_until("@here").await;
    let about_ana = heard.iter().filter(|event| match event {
        ServerEvent::PresenceChanged { online, away, do_not_disturb, offline } => {
            [online, away, do_not_disturb, offline].into_iter().flatten().any(|user| *user == anas)
        }
        ServerEvent::TypingChanged { user, .. } => *user == anas,
        _ => false,
    });
    assert_eq!(about_ana.count(), 0);
    assert_eq!(ben.is_notified().await.mention, Mention::Here);
    assert!(ana.elsewhere().await.snapshot.standing.unread.is_empty());
    // Their own name reaches them as always.
    let meant = cleo.posts("@ana").await;
    assert_eq!(ana.is_notified().await.message, meant.id);

    // Whoever talks is seen in the room.
    let call = ana.joins_voice().await;
    let lounge = ben.lounge();
    ben.sees(|view| view.people_in(lounge).iter().any(|seen| seen.user == anas)).await;
    assert_eq!(ben.finds(anas).await, "offline");
    drop(call);
}

#[tokio::test]
async fn here_reaches_who_is_seen_the_undisturbed_too() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let bens = ana.id_of("ben");
    for (number, status) in ALL.into_iter().enumerate() {
        ben.chooses(status).await;
        let how = ["online", "away", "undisturbed", "offline"][number];
        ana.sees_as(bens, how).await;
        // One broadcast a minute: each time somebody else says it.
        let mut caller = server.user(&format!("caller-{number}")).await;
        caller.posts("@here").await;
        ana.is_notified().await;
    }
    assert_eq!(ben.elsewhere().await.snapshot.standing.unread.len(), 3);
}
