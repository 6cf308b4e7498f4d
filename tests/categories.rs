//! Stories about headings: who makes them, and in which order they and their channels stand.

use cromulent::id::CategoryId;
use cromulent::protocol::client::{CategorySetting, Request};
use cromulent::protocol::error::ErrorCode;
use cromulent::protocol::server::{Answer, ServerEvent};
use cromulent::protocol::types::{Category, ChannelKind};

use crate::support::channels::ana_the_admin_and;
use crate::support::{TestServer, TestUser};

impl TestUser {
    async fn changes_category(
        &mut self,
        category: CategoryId,
        setting: CategorySetting,
    ) -> Result<Category, ErrorCode> {
        match self.asks(&Request::UpdateCategory { category, settings: vec![setting] }).await? {
            Answer::CategorySaved { category } => Ok(category),
            other => panic!("{other:?}"),
        }
    }

    async fn sees_a_changed_category(&mut self) -> Category {
        self.waits_for(|event| match event {
            ServerEvent::CategoryChanged { category } => Some(category.clone()),
            _ => None,
        })
        .await
    }

    async fn finds_headings_on_a_fresh_page(&self) -> Vec<String> {
        let page = TestUser::connect_at(self.address, &self.name, self.cookie.clone()).await;
        page.snapshot.categories.iter().map(|category| category.name.clone()).collect()
    }
}

#[tokio::test]
async fn headings_are_made_renamed_moved_and_taken_away() {
    let mut server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let work = ana.makes_category(" Work ").await.unwrap();
    assert_eq!(ben.sees_a_changed_category().await, work);
    let play = ana.makes_category("Play").await.unwrap();
    let rest = ana.makes_category("Rest").await.unwrap();
    assert_eq!(ben.finds_headings_on_a_fresh_page().await, ["Work", "Play", "Rest"]);
    ana.changes_category(rest.id, CategorySetting::Before(Some(work.id))).await.unwrap();
    ana.changes_category(work.id, CategorySetting::Before(None)).await.unwrap();
    ana.changes_category(play.id, CategorySetting::Name("Games".to_owned())).await.unwrap();
    assert_eq!(ben.finds_headings_on_a_fresh_page().await, ["Rest", "Games", "Work"]);

    let general = ana.general();
    ana.moves(general, Some(play.id), None).await;
    ana.asks(&Request::DeleteCategory { category: play.id }).await.unwrap();
    ben.waits_for(|event| match event {
        ServerEvent::CategoryRemoved { category } if *category == play.id => Some(()),
        _ => None,
    })
    .await;
    let again = Request::DeleteCategory { category: play.id };
    assert_eq!(ana.asks(&again).await.unwrap_err(), ErrorCode::NotFound);
    server.restart().await;
    let ben = TestUser::connect(&server, "ben", ben.cookie).await;
    assert_eq!(ben.finds_headings_on_a_fresh_page().await, ["Rest", "Work"]);
    let general = ben.snapshot.channels.iter().find(|channel| channel.id == general).unwrap();
    assert_eq!(general.category, None, "the heading is gone and the channel with it");
}

#[tokio::test]
async fn a_channel_stands_where_the_admin_put_it() {
    let server = TestServer::start().await;
    let (mut ana, [ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (general, lounge) = (ana.general(), ana.lounge());
    let attic = ana.makes("Attic", ChannelKind::Text, vec![]).await.id;
    let work = ana.makes_category("Work").await.unwrap().id;
    assert_eq!(ben.finds_on_a_fresh_page().await, ["general", "Lounge", "Attic"]);
    let moved = ana.moves(attic, Some(work), Some(general)).await;
    assert_eq!(moved.category, Some(work));
    assert_eq!(ben.finds_on_a_fresh_page().await, ["Attic", "general", "Lounge"]);
    ana.moves(general, None, None).await;
    assert_eq!(ben.finds_on_a_fresh_page().await, ["Attic", "Lounge", "general"]);
    // Before itself is where it is; before one that is gone is at the end.
    ana.moves(lounge, None, Some(lounge)).await;
    assert_eq!(ben.finds_on_a_fresh_page().await, ["Attic", "Lounge", "general"]);
    ana.moves(attic, None, Some(uuid::Uuid::nil().into())).await;
    assert_eq!(ben.finds_on_a_fresh_page().await, ["Lounge", "general", "Attic"]);
}

#[tokio::test]
async fn the_order_holds_when_there_is_no_room_between_two_any_more() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let (general, lounge) = (ana.general(), ana.lounge());
    let garden = ana.makes("Garden", ChannelKind::Text, vec![]).await.id;
    // The two change places again and again before a third, and the gap halves each time.
    for _ in 0..20 {
        for channel in [general, lounge] {
            ana.moves(channel, None, Some(garden)).await;
        }
    }
    assert_eq!(ben.finds_on_a_fresh_page().await, ["general", "Lounge", "Garden"]);
    // When all had to move, all were told.
    ben.waits_for(|event| match event {
        ServerEvent::ChannelUpdated { channel } if channel.id == garden => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_makes_headings_and_not_without_end() {
    let server = TestServer::start().await;
    let (mut ana, [mut ben]) = ana_the_admin_and(&server, ["ben"]).await;
    let work = ana.makes_category("Work").await.unwrap().id;
    for request in [
        Request::CreateCategory { name: "Mine".to_owned() },
        Request::UpdateCategory { category: work, settings: vec![] },
        Request::DeleteCategory { category: work },
    ] {
        assert_eq!(ben.asks(&request).await.unwrap_err(), ErrorCode::NotAllowed, "{request:?}");
    }
    for bad in ["", "  ", "two\nlines", "x\u{2066}y", &"c".repeat(61)] {
        assert_eq!(ana.makes_category(bad).await.unwrap_err(), ErrorCode::Invalid, "{bad:?}");
    }
    assert_eq!(ana.makes_category("WORK").await.unwrap_err(), ErrorCode::NameTaken);
    let nowhere = Request::UpdateCategory { category: uuid::Uuid::nil().into(), settings: vec![] };
    assert_eq!(ana.asks(&nowhere).await.unwrap_err(), ErrorCode::NotFound);
    let general = ana.general();
    let place = cromulent::protocol::client::ChannelSetting::Place {
        category: Some(uuid::Uuid::nil().into()),
        before: None,
    };
    assert_eq!(ana.changes(general, vec![place]).await.unwrap_err(), ErrorCode::NotFound);
    for number in 1..100 {
        ana.makes_category(&format!("Heading {number}")).await.unwrap();
    }
    assert_eq!(ana.makes_category("One more").await.unwrap_err(), ErrorCode::TooManyCategories);
}
