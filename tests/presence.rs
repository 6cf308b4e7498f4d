use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;

use crate::support::{TestServer, TestUser};

#[tokio::test]
async fn people_come_and_go() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    assert_eq!(ana.snapshot.online, [ana.id_of("ana")]);
    let cookie = server.http().register(&crate::support::account("ben")).await.unwrap();
    let ben_id = ana
        .waits_for(|event| match event {
            ServerEvent::UserChanged { user } if user.username == "ben" => Some(user.id),
            _ => None,
        })
        .await;
    let ben = TestUser::connect(&server, "ben", cookie).await;
    ana.sees(|view| view.online.contains(&ben_id)).await;
    ben.socket.close(1001).await.unwrap();
    ana.sees(|view| !view.online.contains(&ben_id)).await;
}

#[tokio::test]
async fn whoever_has_just_registered_is_known_to_the_next_who_comes_and_after_a_restart() {
    let mut server = TestServer::start().await;
    let ana = server.user("ana").await;
    for name in ["Zoe", "ben"] {
        server.http().register(&crate::support::account(name)).await.unwrap();
        // A second try is refused, and must not be in any list.
        server.http().register(&crate::support::account(name)).await.unwrap_err();
        let again = TestUser::connect(&server, "ana", ana.cookie.clone()).await;
        assert!(again.snapshot.users.iter().any(|user| user.username == name), "{name} is missing");
    }
    let before = TestUser::connect(&server, "ana", ana.cookie.clone()).await.snapshot.users;
    let names: Vec<_> = before.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["ana", "ben", "Zoe"]);
    server.restart().await;
    let after = TestUser::connect(&server, "ana", ana.cookie.clone()).await.snapshot.users;
    assert_eq!(after.to_vec(), before.to_vec(), "the database remembers something else");
}

#[tokio::test]
async fn a_second_tab_keeps_somebody_online() {
    let server = TestServer::start().await;
    let [mut ana, ben] = server.users(["ana", "ben"]).await;
    let second = TestUser::connect(&server, "ben", ben.cookie.clone()).await;
    let ben_id = ana.id_of("ben");
    ana.sees(|view| view.online.contains(&ben_id)).await;
    ben.socket.close(1001).await.unwrap();
    // Longer than the grace: had ben been counted out, ana would have heard of it before this.
    tokio::time::sleep(cromulent::live::presence::GRACE + std::time::Duration::from_millis(700)).await;
    let watcher = server.user("watcher").await;
    assert!(watcher.snapshot.online.contains(&ana.id_of("ben")));
    second.socket.close(1001).await.unwrap();
    ana.sees(|view| !view.online.contains(&ben_id)).await;
}

#[tokio::test]
async fn ana_sees_that_ben_writes_and_ben_does_not_see_himself() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let channel = ben.general();
    ben.asks(&Request::SetTyping { channel, active: true }).await.unwrap();
    let typing = |event: &ServerEvent| match event {
        ServerEvent::TypingChanged { user, active, .. } => Some((*user, *active)),
        _ => None,
    };
    assert_eq!(ana.waits_for(typing).await, (ana.id_of("ben"), true));
    ben.posts("done").await;
    assert_eq!(ana.waits_for(typing).await, (ana.id_of("ben"), false), "posting ends writing");
    ben.asks(&Request::SetTyping { channel, active: true }).await.unwrap();
    assert_eq!(ana.waits_for(typing).await, (ana.id_of("ben"), true));
    assert_eq!(ana.waits_for(typing).await, (ana.id_of("ben"), false), "writing ends by itself");

    // Everything ben heard in all this: nothing about himself.
    ben.posts("last").await;
    loop {
        match ben.next_event().await {
            ServerEvent::TypingChanged { .. } => panic!("ben is told that he writes"),
            ServerEvent::MessagePosted { message } if message.body == "last" => break,
            _ => {}
        }
    }
    let nowhere = Request::SetTyping { channel: uuid::Uuid::now_v7().into(), active: true };
    assert_eq!(ben.asks(&nowhere).await.unwrap_err(), ErrorCode::NotFound);
}
