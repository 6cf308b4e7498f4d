//! `docs/parity.md` holds: every row is there, every test and path it names is in the tree, and what is still to be
//! built is counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every row there is: a letter, the first and the last number of each run without holes.
const ROWS: [(char, u32, u32); 13] = [
    ('S', 1, 96),
    ('R', 1, 6),
    ('R', 10, 15),
    ('R', 20, 25),
    ('R', 28, 36),
    ('R', 38, 41),
    ('R', 45, 57),
    ('R', 60, 64),
    ('R', 85, 91),
    ('B', 1, 57),
    ('B', 60, 70),
    ('X', 1, 26),
    // Two more were found while the others had their numbers.
    ('b', 1, 2),
];

struct Row {
    id: String,
    here: String,
    held_by: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/parity.md")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows =
        lines.filter(|line| line.starts_with(['S', 'R', 'B', 'X']) && line.as_bytes()[1].is_ascii_digit());
    rows.map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [id, was, here, held_by] = cells[..] else { panic!("not four cells: {line}") };
        assert!(!was.trim().is_empty(), "{id} says nothing");
        Row { id: id.to_owned(), here: here.to_owned(), held_by: held_by.to_owned() }
    })
    .collect()
}

/// What stands between back ticks.
fn ticked(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn files(folder: &str, suffix: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(suffix)) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// Whether a test of this name is where it is said to be.
fn is_there(test: &str, pages: &[(PathBuf, String)]) -> bool {
    if let Some((file, name)) = test.split_once(": ")
        && (file.ends_with(".test.ts") || file.ends_with(".test.mjs"))
    {
        let called = ["\"", "'", "`"].map(|quote| format!("({quote}{name}{quote},"));
        return pages.iter().any(|(path, text)| {
            path.file_name().is_some_and(|own| own == file) && called.iter().any(|name| text.contains(name))
        });
    }
    let Some((place, name)) = test.split_once("::") else { return false };
    let file = if place.ends_with(".rs") { place.to_owned() } else { format!("tests/{place}.rs") };
    let Ok(text) = std::fs::read_to_string(root().join(file)) else { return false };
    // A test, and not what only helps one.
    text.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let before = &text[..at];
        let own = &before[before.rfind("\n\n").unwrap_or(0)..];
        own.contains("#[test]") || own.contains("#[tokio::test") || own.contains("#[rstest")
    })
}

#[test]
fn every_row_has_its_line_once_and_in_no_other_number() {
    let mut expected: Vec<String> = Vec::new();
    for (letter, first, last) in ROWS {
        match letter {
            'b' => expected.extend(["B19a".to_owned(), "B19b".to_owned()]),
            letter => expected.extend((first..=last).map(|number| format!("{letter}{number:02}"))),
        }
    }
    let mut found: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_test_that_is_named_exists() {
    let pages = [files("static/src", ".test.ts"), files("tests/browser", ".test.mjs")].concat();
    let mut missing = Vec::new();
    for row in rows() {
        let tests: Vec<&str> = ticked(&row.held_by).collect();
        missing.extend(
            tests.iter().filter(|test| !is_there(test, &pages)).map(|test| format!("{} {test}", row.id)),
        );
        let waits = row.held_by.contains("**not yet: ");
        if tests.is_empty() != waits {
            missing.push(format!("{} is held by nothing, or both held and awaited", row.id));
        }
    }
    assert!(missing.is_empty(), "not in the tree:\n{}", missing.join("\n"));
    assert!(!is_there("parity::rows", &pages) && !is_there("house.test.ts: is met", &pages), "anything goes");
}

#[test]
fn every_place_that_is_named_exists_and_every_row_has_one_or_a_reason() {
    for row in rows() {
        let places: Vec<&str> = ticked(&row.here).filter(|place| place.contains('/')).collect();
        for place in &places {
            assert!(root().join(place).exists(), "{}: there is no {place}", row.id);
        }
        let reasoned = row.here.split_once("**differs**: ").is_some_and(|(_, why)| why.len() > 10);
        let waits = row.held_by.contains("**not yet: ");
        assert!(!places.is_empty() || reasoned || waits, "{} is nowhere, and nobody says why", row.id);
    }
}

#[test]
fn what_is_still_to_be_built_is_counted() {
    let mut waiting: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows() {
        if let Some((_, piece)) = row.held_by.split_once("**not yet: ") {
            let piece = piece.trim_end_matches("**").to_owned();
            *waiting.entry(piece).or_default() += 1;
        }
    }
    let text = std::fs::read_to_string(root().join("docs/parity.md")).unwrap();
    let told = text.lines().find_map(|line| line.strip_prefix("- Still to be built: ")?.strip_suffix('.'));
    let told = told.expect("nobody says what is still to be built");
    let expected: BTreeMap<String, usize> = match told {
        "nothing" => BTreeMap::new(),
        pieces => {
            let pairs = pieces.split(", ").map(|piece| piece.rsplit_once(' ').unwrap());
            pairs.map(|(piece, rows)| (piece.to_owned(), rows.parse().unwrap())).collect()
        }
    };
    assert_eq!(waiting, expected);
}
