//! What operations may rely on, whatever the engine.
//!
//! Told on the tables of the real schema, of which channels need the least.

use std::hash::{BuildHasher, RandomState};

use cromulent::clock::Timestamp;
use cromulent::db::{Address, Conn, Db, Error, Row, Together, Value, sql, together};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::postgres;

/// A database of one's own, with its tables.
pub async fn fresh() -> (TempDir, Address, Db) {
    let folder = tempfile::tempdir().unwrap();
    let address = match postgres::database_of(folder.path()) {
        Some(address) => address.parse().unwrap(),
        None => Address::File(folder.path().join("test.db")),
    };
    let db = Db::open(&address).await.unwrap();
    (folder, address, db)
}

pub async fn names(db: &Db) -> Vec<String> {
    let mut read = db.read().await.unwrap();
    let rows = sql("select name from channels order by name").all(&mut read).await.unwrap();
    rows.iter().map(|row| row.text("name").unwrap()).collect()
}

pub async fn insert(conn: &mut Conn, name: &str) -> Result<u64, Error> {
    insert_as(conn, Uuid::now_v7(), name).await
}

async fn insert_as(conn: &mut Conn, id: Uuid, name: &str) -> Result<u64, Error> {
    sql("insert into channels (id, name, slug, kind, is_default, position, created_at)
         values ($1, $2, $2, 'text', $3, 0, 0)")
    .bind(id)
    .bind(name)
    .bind(false)
    .execute(conn)
    .await
}

async fn count(conn: &mut Conn) -> i64 {
    let row = sql("select count(*) as channels from channels").one(conn).await.unwrap();
    row.integer("channels").unwrap()
}

#[tokio::test]
async fn what_is_committed_is_read_and_what_is_dropped_is_not() {
    let (_folder, _, db) = fresh().await;
    let mut kept = db.begin().await.unwrap();
    insert(&mut kept, "kept").await.unwrap();
    kept.commit().await.unwrap();
    let mut dropped = db.begin().await.unwrap();
    insert(&mut dropped, "dropped").await.unwrap();
    drop(dropped);
    // In line behind it, so that it is gone.
    drop(db.begin().await.unwrap());
    assert_eq!(names(&db).await, ["kept"]);
}

#[tokio::test]
async fn an_operation_that_fails_leaves_the_others_of_its_time_alone() {
    let (_folder, _, db) = fresh().await;
    let many = (0..200).map(|number| {
        let db = db.clone();
        tokio::spawn(async move {
            // Half of them alone, half of them beside each other.
            let begun = if number % 4 < 2 { db.begin().await } else { db.begin_for(Uuid::now_v7()).await };
            let mut tx = begun.unwrap();
            // Every name comes twice; the second of each pair is refused.
            match insert(&mut tx, &format!("{:03}", number / 2)).await {
                Ok(_) => tx.commit().await.map(|()| true),
                Err(error) if error.is_duplicate() => Ok(false),
                Err(error) => Err(error),
            }
        })
    });
    let mut stored = 0;
    for task in many.collect::<Vec<_>>() {
        stored += usize::from(task.await.unwrap().unwrap());
    }
    assert_eq!(stored, 100);
    assert_eq!(names(&db).await.len(), 100);
}

#[tokio::test]
async fn of_many_who_look_first_one_finds_nothing() {
    let (_folder, address, db) = fresh().await;
    // As two servers would, where there can be two.
    let other =
        if matches!(address, Address::Postgres(_)) { Db::open(&address).await.unwrap() } else { db.clone() };
    let many = (0..40).map(|number| {
        let db = if number % 2 == 0 { db.clone() } else { other.clone() };
        tokio::spawn(async move {
            let mut tx = db.begin().await.unwrap();
            if count(&mut tx).await == 0 {
                insert(&mut tx, &format!("{number}")).await.unwrap();
                tx.commit().await.unwrap();
            }
        })
    });
    for task in many.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(names(&db).await.len(), 1);
}

#[tokio::test]
async fn ids_made_in_turns_are_in_the_order_of_commits() {
    let (_folder, _, db) = fresh().await;
    let id = Uuid::now_v7();
    let ids = std::sync::Arc::new(cromulent::id::IdSource::default());
    let many = (0..60).map(|number| {
        let (db, ids) = (db.clone(), ids.clone());
        tokio::spawn(async move {
            let mut tx = db.begin_for(id).await.unwrap();
            let mine: Uuid = ids.next(Timestamp::from_millis(1_000_000));
            insert_as(&mut tx, mine, &format!("{number}")).await.unwrap();
            // Some take their time, in which others could overtake them.
            for _ in 0..(number % 3) * 5 {
                count(&mut tx).await;
            }
            let last = sql("select id from channels order by id desc limit 1").one(&mut tx).await.unwrap();
            assert_eq!(last.id::<Uuid>("id").unwrap(), mine, "somebody later was before");
            tx.commit().await.unwrap();
        })
    });
    for task in many.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(names(&db).await.len(), 60);
}

/// Operations that share commits are kept, undone, fail with their first statement, do nothing, or begin by reading: in
/// the end those that were kept are stored, and no others.
#[tokio::test]
async fn of_operations_in_any_order_those_are_stored_that_were_kept() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed:#018x}");
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "first").await.unwrap();
    tx.commit().await.unwrap();
    let tasks = (0..400u64).map(|number| {
        let (db, kind) = (db.clone(), seed.wrapping_add(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61);
        tokio::spawn(async move {
            let name = format!("{number:03}");
            let mut tx = db.begin().await.unwrap();
            match kind {
                0 => insert(&mut tx, &name).await.map(drop).unwrap(),
                1 | 2 => {
                    let there =
                        sql("select name from channels where slug = $1").bind("first").all(&mut tx).await;
                    assert_eq!(there.unwrap().len(), 1);
                    insert(&mut tx, &name).await.unwrap();
                }
                3 => {
                    // Its first statement answers rows and fails.
                    let again =
                        sql("insert into channels select * from channels where slug = $1 returning name")
                            .bind("first")
                            .all(&mut tx)
                            .await;
                    assert!(again.err().unwrap().is_duplicate());
                    return None;
                }
                4 => {
                    insert(&mut tx, &name).await.unwrap();
                    return None;
                }
                5 => {
                    let _ = sql("select name from channels where slug = $1")
                        .bind("first")
                        .all(&mut tx)
                        .await
                        .unwrap();
                    return None;
                }
                6 => return None,
                _ => {
                    tx.commit().await.unwrap();
                    return None;
                }
            }
            tx.commit().await.unwrap();
            Some(name)
        })
    });
    let mut kept = vec!["first".to_owned()];
    for task in tasks.collect::<Vec<_>>() {
        kept.extend(task.await.unwrap());
    }
    kept.sort();
    assert_eq!(names(&db).await, kept);
}

#[tokio::test]
async fn a_statement_that_fails_ends_its_operation() {
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "first").await.unwrap();
    assert!(insert(&mut tx, "first").await.unwrap_err().is_duplicate());
    assert!(matches!(insert(&mut tx, "second").await, Err(Error::Failed)));
    assert!(matches!(tx.commit().await, Err(Error::Failed)));
    let mut tx = db.begin().await.unwrap();
    assert!(matches!(sql("select no_such_column from channels").all(&mut tx).await, Err(Error::Engine(_))));
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "third").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names(&db).await, ["third"]);
}

#[tokio::test]
async fn statements_that_go_together_share_their_parameters_and_their_end() {
    // Each needs some of them; the middle one answers nothing.
    static RENAMED: Together = Together::new(&[
        "update channels set name = $2 where id = $1 returning name",
        "update channels set topic = $3 where id = $1",
        "select name, topic from channels where position = $4 order by name",
    ]);
    static TWICE: Together = Together::new(&[
        "update channels set name = $2 where id = $1",
        "insert into channels select * from channels where id = $1",
        "delete from channels where position = 0 and slug <> $2",
    ]);
    let (_folder, _, db) = fresh().await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let mut tx = db.begin().await.unwrap();
    insert_as(&mut tx, first, "b").await.unwrap();
    insert_as(&mut tx, second, "c").await.unwrap();
    let each =
        together(&RENAMED).bind(second).bind("a").bind("of all").bind(0i64).each(&mut tx).await.unwrap();
    let names = |rows: &[Row]| rows.iter().map(|row| row.text("name").unwrap()).collect::<Vec<_>>();
    assert_eq!(each.iter().map(|rows| names(rows)).collect::<Vec<_>>(), [vec!["a"], vec![], vec!["a", "b"]]);
    assert_eq!(each[2][0].text("topic").unwrap(), "of all");
    tx.commit().await.unwrap();

    let mut tx = db.begin().await.unwrap();
    let refused = together(&TWICE).bind(first).bind("z").each(&mut tx).await.err().unwrap();
    assert!(refused.is_duplicate(), "{refused}");
    assert!(matches!(tx.commit().await, Err(Error::Failed)));
    assert_eq!(self::names(&db).await, ["a", "b"]);
}

#[tokio::test]
async fn a_reader_cannot_write_and_goes_on_reading() {
    let (_folder, _, db) = fresh().await;
    let mut read = db.read().await.unwrap();
    assert!(matches!(insert(&mut read, "no").await, Err(Error::Engine(_))));
    assert_eq!(count(&mut read).await, 0);
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was() {
    let (_folder, _, db) = fresh().await;
    let (id, at) = (Uuid::now_v7(), Timestamp::from_millis(1_700_000_000_123));
    let mut tx = db.begin().await.unwrap();
    sql("insert into channels (id, name, slug, kind, is_default, position, created_at, max_speakers)
         values ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(id)
    .bind("Übung 日本 \u{1f600}")
    .bind(String::from("a"))
    .bind("voice")
    .bind(true)
    .bind(i64::MIN)
    .bind(at)
    .bind(Value::Integer(None))
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let mut read = db.read().await.unwrap();
    let row = sql("select id, name, is_default, position, created_at, coalesce(max_speakers, 7) as speakers
                   from channels where id = $1 and is_default = $2 and max_speakers is null")
    .bind(id)
    .bind(true)
    .one(&mut read)
    .await
    .unwrap();
    assert_eq!(row.id::<Uuid>("id").unwrap(), id);
    assert_eq!(row.text("name").unwrap(), "Übung 日本 \u{1f600}");
    assert!(row.boolean("is_default").unwrap());
    assert_eq!(row.integer("position").unwrap(), i64::MIN);
    assert_eq!(row.time("created_at").unwrap(), at);
    assert_eq!(row.integer("speakers").unwrap(), 7);
    assert!(row.text("position").is_err() && row.integer("nothing").is_err());
}

#[tokio::test]
async fn text_is_ordered_by_its_bytes_and_holds_no_nul() {
    let (_folder, _, db) = fresh().await;
    for name in ["b", "B", "a_c", "a-c", "ab", "é", "nul\0"] {
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, name).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(names(&db).await, ["B", "a-c", "a_c", "ab", "b", "nul\u{fffd}", "é"]);
}

#[tokio::test]
async fn closing_finishes_what_is_in_line_and_refuses_the_rest() {
    let (_folder, _, db) = fresh().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, "last").await.unwrap();
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    tx.commit().await.unwrap();
    closing.await.unwrap();
    assert!(matches!(db.begin().await, Err(Error::Closed)));
    assert!(matches!(db.read().await, Err(Error::Closed)));
}
