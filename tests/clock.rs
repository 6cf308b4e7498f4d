//! Stories about time: pages that stay open for weeks, clocks that are set, and what is over by itself.

use std::time::Duration;

use cromulent::clock::{Clock, Timestamp};
use cromulent::db::{Db, sql};
use cromulent::live::{presence, typing};
use cromulent::protocol::client::Request;
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::ServerEvent;

use crate::support::channels::ana_the_admin_and;
use crate::support::{PATIENCE, TestServer, TestUser};

const NOON: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn server() -> TestServer {
    TestServer::at(Clock::manual(NOON), |_| {}).await
}

#[tokio::test]
async fn a_page_that_is_open_for_days_still_joins_voice() {
    let server = server().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    server.clock.advance(DAY * 30);
    let anas = ana.joins_voice().await;
    let mut bens = ben.joins_voice().await;
    anas.talks();
    bens.hears(anas.participant, 10).await;
    ana.posts("still here").await;
    ben.hears_that("still here").await;
}

#[tokio::test]
async fn a_clock_that_is_set_changes_the_order_of_nothing() {
    let server = server().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let mut ids = Vec::new();
    for (number, now) in (0i64..).zip([NOON, NOON + HOUR, NOON - HOUR, NOON - DAY, NOON]) {
        server.clock.set(now);
        let posted = ana.posts(&number.to_string()).await;
        assert_eq!((posted.posted_at, i64::from(posted.number)), (now, number + 1));
        ids.push(posted.id);
    }
    assert!(ids.is_sorted(), "an id went back");
    assert_eq!(ben.sees_history().await, ["0", "1", "2", "3", "4"]);
    let reading = Request::MarkRead { channel: ben.general(), message: ids[3] };
    ben.asks(&reading).await.unwrap();
    let late = ben.elsewhere().await.snapshot.standing.readings.remove(0);
    assert_eq!((i64::from(late.read), i64::from(late.newest)), (4, 5));
}

#[tokio::test]
async fn nor_does_it_when_the_server_was_started_anew_meanwhile() {
    let mut server = server().await;
    let mut ana = server.user("ana").await;
    ana.posts("before").await;
    server.clock.set(NOON - DAY);
    server.restart().await;
    let mut ana = TestUser::connect(&server, "ana", ana.cookie).await;
    ana.posts("after").await;
    assert_eq!(ana.sees_history().await, ["before", "after"]);
}

#[tokio::test]
async fn what_lasts_a_moment_lasts_no_hour_when_the_clock_is_set_back() {
    let server = TestServer::at(Clock::manual(NOON), |settings| settings.voice_grace = 300).await;
    let [mut ana, mut ben, cai] = server.users(["ana", "ben", "cai"]).await;
    let lounge = ben.lounge();
    let typing = Request::SetTyping { channel: ana.general(), active: true };
    ana.asks(&typing).await.unwrap();
    let call = ana.joins_voice().await;
    // Cai goes for good; the network of ana goes.
    let cais = ben.id_of("cai");
    cai.socket.close(1001).await.unwrap();
    ana.socket.close(4000).await.unwrap();
    ben.sees(|view| view.stay(call.participant).is_some()).await;
    server.clock.set(NOON - HOUR);
    let clock = server.clock.clone();
    let passing = tokio::spawn(async move {
        for _ in 0..20 {
            clock.advance(typing::LASTS.max(presence::GRACE));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let stops = |event: &ServerEvent| match event {
        ServerEvent::TypingChanged { active: false, .. } => Some(()),
        _ => None,
    };
    ben.waits_for(stops).await;
    ben.sees(|view| !view.online.contains(&cais)).await;
    passing.await.unwrap();
    assert!(ben.view.stay(call.participant).is_some(), "a place in voice is kept for longer");
    server.clock.advance(Duration::from_secs(300));
    ben.sees(|view| view.people_in(lounge).is_empty()).await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_throws_nobody_out() {
    let server = server().await;
    let [mut ana, mut ben] = server.users(["ana", "ben"]).await;
    let _call = ana.joins_voice().await;
    let (resumed, _) = ana.comes_back().await;
    assert!(resumed);
    let resume = ana.socket.resume;
    ana.socket.close(4000).await.unwrap();
    server.clock.set(NOON + HOUR);
    ben.posts("meanwhile").await;
    let (socket, resumed) =
        cromulent::bench::client::Socket::open(ben.address, &ana.cookie, resume).await.unwrap();
    ana.socket = socket;
    assert!(resumed, "the connection was forgotten within a moment");
    ana.hears_that("meanwhile").await;
    ana.sets_voice(true, false).await;
}

#[tokio::test]
async fn who_told_everybody_waits_a_minute_whatever_the_clock_says() {
    let server = server().await;
    let (_ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    ben.posts("@everyone").await;
    assert_eq!(ben.posts_with_nonce("@here", "1").await.unwrap_err(), ErrorCode::BroadcastTooSoon);
    server.clock.set(NOON - DAY);
    ben.posts_with_nonce("@here, it is yesterday", "2").await.unwrap();
    assert_eq!(ben.posts_with_nonce("@here", "3").await.unwrap_err(), ErrorCode::BroadcastTooSoon);
}

/// A started server looks at once.
#[tokio::test]
async fn what_is_over_is_cleared_away() {
    let mut server = server().await;
    let ana = server.user("ana").await;
    server.clock.advance(DAY * 61);
    let here = server.http().sign_in("ana", crate::support::PASSWORD).await.unwrap();
    server.restart().await;
    let db = Db::open(&server.settings.database()).await.unwrap();
    let rows = async || {
        let mut read = db.read().await.unwrap();
        sql("select count(*) as rows from sessions").one(&mut read).await.unwrap().integer("rows").unwrap()
    };
    let one_is_left = async {
        while rows().await != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, one_is_left).await.expect("what is over is still there");
    db.close().await;
    TestUser::connect(&server, "ana", here).await;
    assert!(cromulent::bench::client::Socket::connect(server.http().0, &ana.cookie).await.is_err());
}
