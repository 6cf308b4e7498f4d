//! Draws what `benches/measure` has measured, and writes its figures into a page.
//!
//! `cargo run --release --example plot -- FOLDER [PAGE]` reads the JSON files of the folder, writes two pictures (SVG)
//! beside the page (docs/performance.md when none is named) and, between its two marks, the table. The pictures need
//! nothing else to be seen, and follow the reader's choice of light or dark. What was not measured is left out.
//! Start at [`main`].

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where `benches/measure` leaves what it measured.
const FOLDER: &str = "target/measure";

const PAGE: &str = "docs/performance.md";
const MARKS: [&str; 2] = ["<!-- figures -->", "<!-- end of figures -->"];

/// Of the pictures, in their own units.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 60.0;

/// Colours that can be told apart by those who see few, on white and on black.
const COLOURS: [(&str, &str); 4] =
    [("#0a66c2", "#6cb2ff"), ("#b35900", "#ffb366"), ("#5b6770", "#a9b4bd"), ("#7a3db8", "#c79bff")];

struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

struct Picture {
    title: &'static str,
    across: &'static str,
    up: &'static str,
    lines: Vec<Line>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| FOLDER.to_owned()));
    let page = PathBuf::from(arguments.next().unwrap_or_else(|| PAGE.to_owned()));
    let pictures = page.parent().unwrap_or(Path::new("."));
    for (name, picture) in
        [("cost-per-packet", cost_per_packet(&folder)), ("open-microphones", microphones(&folder))]
    {
        let file = pictures.join(format!("{name}.svg"));
        match picture.lines.iter().all(|line| line.points.is_empty()) {
            true => println!("{}: nothing was measured for it", file.display()),
            false => fs::write(&file, draw(&picture)).unwrap(),
        }
    }
    let table = table(&folder);
    print!("{table}");
    if let Ok(text) = fs::read_to_string(&page) {
        fs::write(&page, between_marks(&text, &table)).unwrap();
    }
}

/// A file of the folder, or null.
fn read(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// A figure of `bench media`, the median when it ran several times.
fn figure(report: &Value, name: &str) -> Option<f64> {
    let one = if report.get("median").is_some() { &report["median"] } else { report };
    one[name].as_f64()
}

fn cost_per_packet(folder: &Path) -> Picture {
    let forward = read(folder, "forward");
    let rows = forward["rows"].as_array().cloned().unwrap_or_default();
    let way = |egress: &str| {
        let of_way = rows.iter().filter(|row| row["egress"] == egress);
        of_way.filter_map(|row| Some((row["listeners"].as_f64()?, row["min_ns"].as_f64()? / 1e3))).collect()
    };
    let sizes = ["10", "50", "103", "310", "1000"].map(|size| (size, read(folder, &format!("room-{size}"))));
    let media = |name: &str| {
        let point = |(size, report): &(&str, Value)| Some((size.parse().ok()?, figure(report, name)? / 1e3));
        sizes.iter().filter_map(point).collect()
    };
    Picture {
        title: "What a forwarded packet costs the server",
        across: "people in the room, three of them talking",
        up: "microseconds of CPU time per packet",
        lines: vec![
            Line { name: "whole server", points: media("server_cpu_ns_per_packet") },
            Line { name: "through the session", points: way("reference") },
            Line { name: "floor: seal and send", points: media("floor_ns_per_packet") },
            Line { name: "forwarding alone", points: way("fast") },
        ],
    }
}

fn microphones(folder: &Path) -> Picture {
    let sizes = ["50", "100", "200", "400", "700", "1000"];
    let cores = |kind: &str| {
        let point = |size: &&str| {
            let report = read(folder, &format!("{kind}-{size}"));
            Some((size.parse().ok()?, figure(&report, "server_cores")? * 100.0))
        };
        sizes.iter().filter_map(point).collect()
    };
    Picture {
        title: "What a room with open microphones costs",
        across: "people in the room, three of them talking",
        up: "CPU time of the whole server, per cent of a core",
        lines: vec![
            Line { name: "microphones open", points: cores("open") },
            Line { name: "others send nothing", points: cores("quiet") },
        ],
    }
}

/// The next of 1, 2, 5, 10, 20... that is not smaller.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= value * 0.999)
        .unwrap_or(value)
}

fn draw(picture: &Picture) -> String {
    let all = || picture.lines.iter().flat_map(|line| &line.points);
    let (widest, highest) =
        all().fold((0.0_f64, 0.0_f64), |most, point| (most.0.max(point.0), most.1.max(point.1)));
    let (step_x, step_y) = (round_up(widest / 6.0), round_up(highest / 6.0));
    let (end_x, end_y) = ((widest / step_x).ceil() * step_x, (highest / step_y).ceil() * step_y);
    let x = |value: f64| LEFT + value / end_x * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / end_y * (HEIGHT - TOP - BOTTOM);
    let mut svg = String::new();
    let mut put = |text: String| writeln!(svg, "{text}").unwrap();
    put(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
        picture.title
    ));
    put(style());
    put(format!(r#"<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>"#));
    put(format!(r#"<text class="title" x="{LEFT}" y="26">{}</text>"#, picture.title));
    let steps = |end: f64, step: f64| (0..=(end / step).round() as u32).map(move |n| f64::from(n) * step);
    for value in steps(end_y, step_y) {
        let at = y(value);
        put(format!(r#"<path class="grid" d="M{LEFT} {at:.1}H{:.1}"/>"#, WIDTH - RIGHT));
        put(format!(
            r#"<text class="end" x="{:.1}" y="{:.1}">{}</text>"#,
            LEFT - 8.0,
            at + 4.0,
            plain(value)
        ));
    }
    for value in steps(end_x, step_x) {
        let at = x(value);
        put(format!(r#"<path class="axis" d="M{at:.1} {:.1}v5"/>"#, HEIGHT - BOTTOM));
        put(format!(
            r#"<text class="middle" x="{at:.1}" y="{:.1}">{}</text>"#,
            HEIGHT - BOTTOM + 20.0,
            plain(value)
        ));
    }
    put(format!(r#"<path class="axis" d="M{LEFT} {:.1}H{:.1}"/>"#, HEIGHT - BOTTOM, WIDTH - RIGHT));
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    put(format!(
        r#"<text class="middle" x="{middle:.1}" y="{:.1}">{}</text>"#,
        HEIGHT - 16.0,
        picture.across
    ));
    let centre = (TOP + HEIGHT - BOTTOM) / 2.0;
    put(format!(
        r#"<text class="middle" transform="translate(18 {centre:.1}) rotate(-90)">{}</text>"#,
        picture.up
    ));
    for (number, line, label) in labelled(picture, &y) {
        let points: Vec<String> =
            line.points.iter().map(|point| format!("{:.1} {:.1}", x(point.0), y(point.1))).collect();
        put(format!(r#"<path class="line c{number}" d="M{}"/>"#, points.join("L")));
        for point in &line.points {
            put(format!(
                r#"<circle class="dot c{number}" cx="{:.1}" cy="{:.1}" r="3.5"/>"#,
                x(point.0),
                y(point.1)
            ));
        }
        let end = line.points.last().map_or(0.0, |point| x(point.0)) + 10.0;
        put(format!(
            r#"<text class="name c{number}" x="{end:.1}" y="{:.1}">{}</text>"#,
            label + 4.0,
            line.name
        ));
    }
    put("</svg>".to_owned());
    svg
}

/// The lines that have points, each with its colour and the height of its name; names keep clear of each other.
fn labelled<'a>(picture: &'a Picture, y: &dyn Fn(f64) -> f64) -> Vec<(usize, &'a Line, f64)> {
    const APART: f64 = 17.0;
    let mut lines: Vec<(usize, &Line, f64)> = picture
        .lines
        .iter()
        .enumerate()
        .filter_map(|(number, line)| Some((number, line, y(line.points.last()?.1))))
        .collect();
    lines.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut free_from = f64::MIN;
    for (_, _, label) in &mut lines {
        *label = label.max(free_from);
        free_from = *label + APART;
    }
    // What was pushed over the axis goes back up, and pushes those above it.
    let mut free_to = HEIGHT - BOTTOM;
    for (_, _, label) in lines.iter_mut().rev() {
        *label = label.min(free_to);
        free_to = *label - APART;
    }
    lines
}

fn style() -> String {
    let mut colours = [String::new(), String::new()];
    for (number, (light, dark)) in COLOURS.iter().enumerate() {
        for (css, colour) in colours.iter_mut().zip([light, dark]) {
            write!(css, ".line.c{number}{{stroke:{colour}}}.dot.c{number},.name.c{number}{{fill:{colour}}}")
                .unwrap();
        }
    }
    let [light, dark] = colours;
    format!(
        "<style>text{{font:13px system-ui,sans-serif;fill:#24292f}}.title{{font-size:16px;font-weight:600}}\
         .end{{text-anchor:end}}.middle{{text-anchor:middle}}.paper{{fill:#fff}}.grid{{stroke:#d8dee4}}\
         .axis{{stroke:#57606a}}.line{{fill:none;stroke-width:2.5;stroke-linejoin:round}}.name{{font-weight:600}}{light}\
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.paper{{fill:#0d1117}}.grid{{stroke:#30363d}}\
         .axis{{stroke:#8b949e}}{dark}}}</style>"
    )
}

fn plain(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// The shapes of `bench media`, in the order in which they are told.
const SHAPES: [(&str, &str); 11] = [
    ("room-103", "1 room x 103, 3 talk"),
    ("room-103-one-worker", "the same, one worker"),
    ("room-310-10", "1 x 310, 10 talk"),
    ("room-1000", "1 x 1,000, 3 talk"),
    ("open-1000", "the same, all microphones open"),
    ("rooms-10-10-10", "10 x 10, all talk"),
    ("rooms-250-10-2", "250 x 10, 2 talk"),
    ("rooms-1000-2-2", "1,000 x 2, both talk"),
    ("sink", "1 x 1,000, 3 talk, into a device that drops, one packet a call"),
    ("sink-gso", "the same, all talk at the same moment, several packets a call"),
    ("storm", "1 x 100, 3 talk, many join meanwhile"),
];

fn table(folder: &Path) -> String {
    let mut text = String::new();
    let machine = read(folder, "machine");
    if let Some(name) = machine["processor"].as_str() {
        let (cores, system) = (&machine["cores"], machine["system"].as_str().unwrap_or("-"));
        let (when, commit) =
            (machine["date"].as_str().unwrap_or("-"), machine["commit"].as_str().unwrap_or("-"));
        writeln!(text, "{name}, {cores} cores, {system}; {when}, commit {commit}.\n").unwrap();
    }
    writeln!(
        text,
        "| shape | packets/s | loss | server CPU per packet, us | floor, us | times the floor | packets per core and \
         second | added latency p50 / p99, us | join p99, ms | memory per person, KiB | each worker, % |\n|{}",
        "---|".repeat(11)
    )
    .unwrap();
    for (name, label) in SHAPES {
        let report = read(folder, name);
        if report.is_null() {
            continue;
        }
        let get = |name: &str| figure(&report, name);
        let per_second =
            get("packets_delivered").zip(get("seconds")).map(|(packets, seconds)| packets / seconds);
        let latency = ["latency_us_p50", "latency_us_p99"].map(|name| cell(get(name), 0)).join(" / ");
        let cells = [
            cell(per_second, 0),
            cell(get("loss").map(|loss| loss * 100.0), 3) + " %",
            cell(get("server_cpu_ns_per_packet").map(|nanos| nanos / 1e3), 2),
            cell(get("floor_ns_per_packet").map(|nanos| nanos / 1e3), 2),
            cell(get("times_floor"), 2),
            cell(get("packets_per_core_second"), 0),
            latency,
            cell(get("join_ms_p99"), 0),
            cell(get("rss_bytes_per_participant").map(|bytes| bytes / 1_024.0), 0),
            workers(&report),
        ];
        writeln!(text, "| {label} | {} |", cells.join(" | ")).unwrap();
    }
    let idle = read(folder, "idle");
    if let Some(micros) = figure(&idle, "server_cpu_us_per_person_second") {
        let memory = cell(figure(&idle, "rss_bytes_per_participant").map(|bytes| bytes / 1_024.0), 0);
        writeln!(
            text,
            "\nWho is connected and silent costs {micros:.1} us of CPU a second and {memory} KiB."
        )
        .unwrap();
    }
    for (name, label) in [
        ("forward", "Forwarding alone"),
        ("intake", "The way in alone"),
        ("speakers", "Choosing who is heard"),
        ("join", "A join"),
    ] {
        rows(&mut text, &read(folder, name), label);
    }
    rows(&mut text, &read(folder, "instructions"), "Instructions");
    text
}

/// A bench's rows as they are.
fn rows(text: &mut String, bench: &Value, label: &str) {
    let Some(rows) = bench["rows"].as_array().filter(|rows| !rows.is_empty()) else { return };
    let names: Vec<&String> = rows[0].as_object().unwrap().keys().filter(|name| *name != "units").collect();
    writeln!(text, "\n{label}:\n").unwrap();
    let head: Vec<String> = names.iter().map(|name| name.replace('_', " ")).collect();
    writeln!(text, "| {} |\n|{}", head.join(" | "), "---|".repeat(names.len())).unwrap();
    for row in rows {
        let values = names.iter().map(|name| match &row[*name] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            number @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                number.to_string()
            }
        });
        writeln!(text, "| {} |", values.collect::<Vec<_>>().join(" | ")).unwrap();
    }
}

fn workers(report: &Value) -> String {
    let run = report["runs"].get(0).unwrap_or(report);
    let parts: Vec<f64> =
        run["worker_cpu_ns"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let whole: f64 = parts.iter().sum();
    if whole == 0.0 {
        return "-".to_owned();
    }
    parts.iter().map(|part| format!("{:.0}", part / whole * 100.0)).collect::<Vec<_>>().join(" ")
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn between_marks(text: &str, table: &str) -> String {
    let [from, to] = MARKS;
    match text.split_once(from).and_then(|(head, rest)| Some((head, rest.split_once(to)?.1))) {
        Some((head, tail)) => format!("{head}{from}\n\n{table}\n{to}{tail}"),
        None => text.to_owned(),
    }
}
