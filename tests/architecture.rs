//! The arrows of ARCHITECTURE.md, read off the `use` lines and paths of the source.

use std::path::{Path, PathBuf};

/// Who may name whom among the modules of `src`. Everything not listed is forbidden.
const MAY_IMPORT: [(&str, &[&str]); 17] = [
    ("clock", &[]),
    ("id", &["clock"]),
    ("config", &["bench", "db", "fetch", "turn"]),
    ("telemetry", &["config"]),
    ("db", &["clock", "id"]),
    ("protocol", &["id", "clock"]),
    ("live", &["protocol", "id", "clock", "telemetry"]),
    ("mail", &["telemetry"]),
    ("fetch", &[]),
    ("turn", &["clock"]),
    ("chat", &["protocol", "live", "db", "mail", "fetch", "turn", "id", "clock", "telemetry"]),
    ("voice", &["chat", "live", "protocol", "id", "clock", "telemetry"]),
    ("web", &["voice", "chat", "live", "fetch", "protocol", "turn", "id", "clock", "telemetry"]),
    ("files", &[]),
    ("doctor", &["db", "fetch", "mail", "turn", "protocol", "clock"]),
    ("bench", &["protocol", "id", "clock", "files"]),
    ("main", &["bench", "clock", "config", "doctor", "files", "telemetry"]),
];

/// Words that belong to some places only.
const BELONGS: [(&str, &[&str]); 10] = [
    ("axum", &["src/web", "src/lib.rs"]),
    ("sqlx::", &["src/db"]),
    ("lettre", &["src/mail.rs"]),
    // Where people point only `fetch` goes; where the relay is, admins say.
    ("lookup_host", &["src/fetch/mod.rs", "src/turn.rs"]),
    ("rustls", &["src/fetch", "src/doctor/page.rs"]),
    ("sql(\"", &["src/chat", "src/db"]),
    ("std::env::var", &["src/config.rs", "src/protocol/typescript.rs", "src/chat/plans.rs"]),
    ("SystemTime", &["src/clock.rs"]),
    ("RoomId", &["src/voice"]),
    ("str0m::", &["sfu"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found.sort();
    found
}

/// The lines that run: without comments and without the tests at the end of a file.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let end = text.find("\n#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The first module after `src/`.
fn room(path: &Path) -> String {
    let second = path.iter().nth(1).unwrap().to_str().unwrap();
    second.trim_end_matches(".rs").to_owned()
}

/// Every `crate::x` and `cromulent::x` of a line, also inside `use crate::{x, y}`.
fn named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for prefix in ["crate::", "cromulent::"] {
        for (at, _) in text.match_indices(prefix) {
            let rest = &text[at + prefix.len()..];
            let list = match rest.strip_prefix('{') {
                Some(list) => list[..list.find('}').unwrap_or(list.len())].to_owned(),
                None => rest.to_owned(),
            };
            let all = if rest.starts_with('{') { list.split(',').collect() } else { vec![list.as_str()] };
            for one in all {
                let name: String = one
                    .trim()
                    .chars()
                    .take_while(|character| character.is_alphanumeric() || *character == '_')
                    .collect();
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn imports_go_one_way() {
    let rooms: Vec<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let room = room(&path);
        if room == "lib" || path.ends_with("typescript.rs") {
            continue;
        }
        let (_, allowed) = MAY_IMPORT.iter().find(|(name, _)| *name == room).expect("a room without arrows");
        let code = code(&text).collect::<Vec<_>>().join("\n");
        for name in named(&code) {
            if name != room && rooms.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the arrows:\n{}", wrong.join("\n"));
}

#[test]
fn words_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("sfu/src")) {
        for (word, places) in BELONGS {
            let here = places.iter().any(|place| path.starts_with(place));
            if !here
                && code(&text).any(|line| line.contains(word))
                && !(word == "RoomId" && path.starts_with("sfu"))
            {
                wrong.push(format!("{} names {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "out of place:\n{}", wrong.join("\n"));
}

#[test]
fn the_sfu_knows_nothing_of_the_server() {
    let manifest = std::fs::read_to_string(root().join("sfu/Cargo.toml")).unwrap();
    for stranger in ["axum", "sqlx", "serde", "cromulent", "hyper"] {
        assert!(!manifest.lines().any(|line| line.starts_with(stranger)), "sfu depends on {stranger}");
    }
}

#[test]
fn every_file_opens_with_a_front_page() {
    let all = ["src", "sfu/src", "sfu/peer/src"].iter().flat_map(|folder| sources(folder));
    let bare: Vec<_> = all
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(bare.is_empty(), "without a front page: {bare:?}");
}

#[test]
fn every_migration_is_part_of_the_binary() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let db = std::fs::read_to_string(root().join("src/db/migrations.rs")).unwrap();
    // In the order of their numbers, of which each is there once.
    let places: Vec<_> = files.iter().map(|file| db.find(&format!("/{file}\""))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "not embedded in order: {files:?}");
    let numbers = |file: &String| file[..5].to_owned();
    assert!(files.windows(2).all(|pair| numbers(&pair[0]) < numbers(&pair[1])), "out of turn: {files:?}");
}
