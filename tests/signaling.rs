use cromulent::bench::client::{Error, Frame, Socket};
use cromulent::live::hub;
use cromulent::protocol::client::{Request, Resume};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;
use cromulent::protocol::{MAX_BAD_FRAMES, close};
use cromulent::telemetry::SLOW_CONNECTIONS;

use crate::support::{PATIENCE, TestServer, TestUser, account};

async fn frame(socket: &mut Socket) -> Result<Frame, Error> {
    tokio::time::timeout(PATIENCE, socket.frame()).await.expect("nothing came")
}

#[tokio::test]
async fn nobody_gets_a_socket_without_signing_in() {
    let server = TestServer::start().await;
    for cookie in ["session=", "session=0000", "other=1"] {
        assert!(Socket::connect(server.http().0, cookie).await.is_err(), "{cookie}");
    }
}

#[tokio::test]
async fn hello_comes_first_and_speaks_our_version() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    for (first, code) in [
        (r#"{"id":1,"type":"ping"}"#, close::NO_HELLO),
        ("nonsense", close::NO_HELLO),
        (r#"{"id":1,"type":"hello","protocol":999,"resume":null}"#, close::WRONG_PROTOCOL),
    ] {
        let mut socket = Socket::connect(server.http().0, &cookie).await.unwrap();
        socket.say(first).await.unwrap();
        assert!(matches!(frame(&mut socket).await, Err(Error::Closed(got)) if got == code), "{first}");
    }
}

#[tokio::test]
async fn a_newcomer_who_says_nothing_is_shown_out() {
    let server = TestServer::start().await;
    let cookie = server.http().register(&account("ana")).await.unwrap();
    let mut socket = Socket::connect(server.http().0, &cookie).await.unwrap();
    assert!(matches!(frame(&mut socket).await, Err(Error::Closed(close::NO_HELLO))));
}

#[tokio::test]
async fn a_page_that_closes_its_old_socket_keeps_the_connection_on_the_new_one() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let (second, resumed) = Socket::open(ana.address, &ana.cookie, ana.socket.resume).await.unwrap();
    assert!(resumed);
    let first = std::mem::replace(&mut ana.socket, second);
    first.close(1000).await.unwrap();
    ana.posts("still connected").await;
    ana.hears_that("still connected").await;
    let (resumed, _) = ana.comes_back().await;
    assert!(resumed, "the connection was forgotten with its old socket");
}

#[tokio::test]
async fn every_bad_frame_is_answered_and_the_connection_lives() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let nested = format!(r#"{{"id":9,"type":"ping","x":{}"#, "[".repeat(20_000));
    for (text, id, code) in [
        ("", None, ErrorCode::Malformed),
        ("null", None, ErrorCode::Malformed),
        (r#"{"id":"7","type":"ping"}"#, None, ErrorCode::Malformed),
        (r#"{"id":7,"type":"dance"}"#, Some(7), ErrorCode::UnknownRequest),
        (
            r#"{"id":8,"type":"post_message","channel":"x","body":"b","nonce":"n"}"#,
            Some(8),
            ErrorCode::Malformed,
        ),
        (
            r#"{"id":11,"type":"create_channel","name":"a","kind":"smell","settings":[]}"#,
            Some(11),
            ErrorCode::Malformed,
        ),
        (nested.as_str(), None, ErrorCode::Malformed),
        (r#"{"id":10,"type":"hello","protocol":2,"resume":null}"#, Some(10), ErrorCode::Malformed),
    ] {
        ana.socket.say(text).await.unwrap();
        loop {
            match frame(&mut ana.socket).await.unwrap() {
                Frame::Event { .. } => {}
                Frame::Refused { id: got, error } => {
                    assert_eq!((got, error.code), (id, code), "{text:.60}");
                    break;
                }
                other => panic!("{text:.60}: {other:?}"),
            }
        }
    }
    ana.posts("still alive").await;
}

#[tokio::test]
async fn after_too_many_bad_frames_it_ends() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    for _ in 0..=MAX_BAD_FRAMES {
        ana.socket.say("{").await.unwrap();
    }
    assert_eq!(ana.is_closed_with().await, close::TOO_MANY_ERRORS);
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_this_connection_and_no_other() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    // The server may close before it has read everything.
    let _ = ana.socket.say(&"x".repeat(10_000_000)).await;
    ana.is_closed_with().await;
    ben.posts("hello").await;
}

#[tokio::test]
async fn asking_too_fast_is_refused_and_forgiven() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let mut last = 0;
    for _ in 0..300 {
        last = ana.socket.ask(&Request::Ping).await.unwrap();
    }
    let (mut served, mut refused) = (0, 0);
    loop {
        match frame(&mut ana.socket).await.unwrap() {
            Frame::Event { .. } => {}
            Frame::Answer { id, .. } => {
                served += 1;
                if id == last {
                    break;
                }
            }
            Frame::Refused { id, error } => {
                assert_eq!(error.code, ErrorCode::RateLimited);
                refused += 1;
                if id == Some(last) {
                    break;
                }
            }
        }
    }
    assert_eq!(served + refused, 300, "a request was lost");
    assert!(served >= 120 && refused > 0, "{served} served, {refused} refused");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    ana.asks(&Request::Ping).await.unwrap();
}

#[tokio::test]
async fn a_lost_socket_misses_nothing() {
    let server = TestServer::start().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    ben.posts("before").await;
    ana.hears_that("before").await;
    // Ana's network goes while ben writes on.
    let resume = ana.socket.resume;
    for number in 0..30 {
        ben.posts(&format!("meanwhile {number}")).await;
    }
    let (resumed, events) = ana.comes_back_as(resume).await;
    assert!(resumed);
    let missed: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event {
            ServerEvent::MessagePosted { message } => Some(message.body),
            ServerEvent::Ready { .. } => panic!("a resumed connection needs no snapshot"),
            _ => None,
        })
        .collect();
    assert_eq!(missed, (0..30).map(|number| format!("meanwhile {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_old_socket_of_a_resumed_connection_is_replaced() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let resume = ana.socket.resume;
    let (second, resumed) = Socket::open(ana.address, &ana.cookie, resume).await.unwrap();
    assert!(resumed);
    assert_eq!(ana.is_closed_with().await, close::REPLACED);
    ana.socket = second;
    ana.posts("by the second").await;
    ana.hears_that("by the second").await;
}

#[tokio::test]
async fn somebody_elses_connection_cannot_be_resumed() {
    let server = TestServer::start().await;
    let [ana, mut eve] = server.users(["ana", "eve"]).await;
    let (resumed, events) = eve.comes_back_as(ana.socket.resume).await;
    assert!(!resumed);
    assert!(matches!(&events[0], ServerEvent::Ready { snapshot } if snapshot.me == eve.id_of("eve")));
    let wild = ana.socket.resume.map(|resume| Resume { seq: u64::MAX, ..resume });
    let (resumed, _) = eve.comes_back_as(wild).await;
    assert!(!resumed);
}

#[tokio::test]
async fn who_missed_too_much_gets_everything_anew() {
    let server = TestServer::start().await;
    let [mut ana, ben] = server.users(["ana", "ben"]).await;
    let resume = ana.socket.resume;
    // Many writers, because one alone would run into the limit on requests.
    let per_writer = 100;
    let mut writers = Vec::new();
    for number in 0..=hub::REPLAY / per_writer {
        let mut writer = server.user(&format!("writer{number}")).await;
        writers.push(tokio::spawn(async move {
            for line in 0..per_writer {
                writer.posts(&line.to_string()).await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    drop(ben);
    let (resumed, events) = ana.comes_back_as(resume).await;
    assert!(!resumed);
    assert!(matches!(&events[0], ServerEvent::Ready { .. }));
    assert_eq!(ana.sees_history().await.len(), 50);
}

#[tokio::test]
async fn somebody_who_does_not_read_is_closed_and_holds_up_nobody() {
    let server = TestServer::start().await;
    let mut stuck = server.user("stuck").await;
    let large = "x".repeat(4000);
    let mut writers = Vec::new();
    // Enough to fill the kernel's buffers on both sides and then the queue, and no more: a server whose write is not
    // taken for long ends the socket without a word.
    for number in 0..40 {
        let mut writer = server.user(&format!("writer{number}")).await;
        let large = large.clone();
        writers.push(tokio::spawn(async move {
            for _ in 0..100 {
                if SLOW_CONNECTIONS.get() > 0 {
                    break;
                }
                writer.posts(&large).await;
                while tokio::time::timeout(std::time::Duration::ZERO, writer.socket.frame()).await.is_ok() {}
            }
        }));
    }
    // Reads on as soon as it is given up, so that the word of goodbye still finds room.
    let ending = tokio::spawn(async move {
        while SLOW_CONNECTIONS.get() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stuck.is_closed_with().await
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let mut ben = server.user("ben").await;
    ben.posts("nobody else noticed").await;
    assert_eq!(ending.await.unwrap(), close::SLOW);
}

#[tokio::test]
async fn a_stopping_server_says_so_and_closes_cleanly() {
    let server = TestServer::start().await;
    let mut ana = server.user("ana").await;
    let stopping = tokio::spawn(server.stop());
    ana.waits_for(|event| matches!(event, ServerEvent::ServerStopping).then_some(())).await;
    assert_eq!(ana.is_closed_with().await, close::GOING_AWAY);
    stopping.await.unwrap();
}

#[tokio::test]
async fn two_connections_of_one_user_are_two() {
    let server = TestServer::start().await;
    let mut tab = server.user("ana").await;
    let mut other = TestUser::connect(&server, "ana", tab.cookie.clone()).await;
    let posted = tab.posts("from the first").await;
    assert_eq!(other.hears_that("from the first").await, posted.id);
    other.posts("from the second").await;
    tab.hears_that("from the second").await;
}
