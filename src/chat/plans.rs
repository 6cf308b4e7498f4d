//! The statements that run all day have an index to run on, however much is stored: none of them looks through a
//! whole table, and none sorts more than a page of it.

use tempfile::tempdir;

use super::{fanouts, mentioned, messages, notifications, previews, readings};
use crate::db::{Db, sql};

/// How SQLite would find the rows.
async fn plan(db: &Db, statement: &str) -> Vec<String> {
    // The few statements of one test.
    let text: &'static str = Box::leak(format!("explain query plan {statement}").into_boxed_str());
    let mut read = db.read().await.unwrap();
    let rows = sql(text).all(&mut read).await.unwrap();
    rows.iter().map(|row| row.text("detail").unwrap()).collect()
}

/// Looks at every row of a table or of an index.
fn scans(step: &str) -> bool {
    step.starts_with("SCAN") && step != "SCAN CONSTANT ROW"
}

#[tokio::test]
async fn what_runs_all_day_never_looks_through_a_table() {
    let folder = tempdir().unwrap();
    let db = Db::open(&crate::db::Address::File(folder.path().join("test.db"))).await.unwrap();
    for (name, statement) in [
        ("message by id", messages::BY_ID),
        ("message by nonce", messages::BY_NONCE),
        ("latest page", messages::LATEST),
        ("page before", messages::BEFORE),
        ("page after", messages::AFTER),
        ("page from", messages::FROM_END),
        ("mentions of a page", mentioned::OF_MESSAGES),
        ("previews of a page", previews::OF_MESSAGES),
        ("preview by address", previews::BY_URL),
        ("messages that wait for a preview", previews::WAITING),
        ("users by name", mentioned::USERS_NAMED),
        ("groups by name", mentioned::GROUPS_NAMED),
        ("readings", readings::OF_USER),
        ("reading at a message", readings::AT_MESSAGE),
        ("unread up to", readings::UNREAD_UP_TO),
        ("read up to", readings::READ_UP_TO),
        ("inbox", notifications::INBOX),
        ("inbox of what is unread", notifications::INBOX_UNREAD),
        ("purge", notifications::PURGE),
        ("unread", notifications::UNREAD),
        ("inbox read", notifications::INBOX_READ),
        ("one read", notifications::ONE_READ),
        ("tell these", fanouts::TELL_THESE),
        ("tell members", fanouts::TELL_MEMBERS),
        ("tell a group", fanouts::TELL_GROUP),
        ("members after", fanouts::MEMBERS_AFTER),
        ("group after", fanouts::GROUP_AFTER),
        ("withdraw", fanouts::WITHDRAW),
    ] {
        let plan = plan(&db, statement).await;
        assert!(!plan.is_empty(), "{name}: no plan");
        assert!(!plan.iter().any(|step| scans(step)), "{name} looks through a table: {plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("ORDER BY")), "{name} sorts: {plan:#?}");
    }
}

#[tokio::test]
async fn badges_are_read_off_the_small_index() {
    let folder = tempdir().unwrap();
    let db = Db::open(&crate::db::Address::File(folder.path().join("test.db"))).await.unwrap();
    for statement in [
        notifications::UNREAD,
        notifications::INBOX_UNREAD,
        notifications::INBOX_READ,
        readings::READ_UP_TO,
        readings::UNREAD_UP_TO,
    ] {
        let plan = plan(&db, statement).await;
        assert!(plan.iter().any(|step| step.contains("notifications_unread")), "{plan:#?}");
    }
}

#[tokio::test]
async fn a_statement_without_an_index_is_found_out() {
    let folder = tempdir().unwrap();
    let db = Db::open(&crate::db::Address::File(folder.path().join("test.db"))).await.unwrap();
    let plan = plan(&db, "select id from messages where body = 'hi'").await;
    assert!(plan.iter().any(|step| scans(step)), "{plan:#?}");
}
