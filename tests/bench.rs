use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use cromulent::bench::server::{OwnServer, Setup};
use serde_json::Value;

fn bench_media(flags: &[&str]) -> Result<Value, String> {
    bench("media", flags)
}

fn bench(what: &str, flags: &[&str]) -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_cromulent"))
        .args(["bench", what, "--json"])
        .args(flags)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[test]
fn five_people_and_one_talker_lose_nothing_worth_naming() {
    let report = bench_media(&["--people", "5", "--talkers", "1", "--seconds", "2"]).unwrap();
    // One talker, four listeners, 50 packets a second; the edges of the window may take a few.
    let expected = report["packets_expected"].as_u64().unwrap();
    assert!((300..=500).contains(&expected), "{report}");
    assert!(report["loss"].as_f64().unwrap() < 0.05, "{report}");
    let delivered = report["packets_delivered"].as_u64().unwrap();
    assert!(delivered > 0, "{report}");
    assert!(report["server_cpu_ns_per_packet"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["join_ms_p99"].as_f64().unwrap() > 0.0, "{report}");

    assert!(report["rss_bytes_per_participant"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["srtp_profile"], "AEAD_AES_256_GCM", "{report}");
    // As many as in two seconds: nothing in a machine's speed changes how many are sent.
    assert!((380..=400).contains(&report["floor_packets"].as_u64().unwrap()), "{report}");
    assert!(report["floor_ns_per_packet"].as_u64().unwrap() > 0, "{report}");
    assert!(report["times_floor"].as_f64().unwrap() > 0.0, "{report}");
    let rows = report["latency_us_histogram"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), delivered, "{report}");
    assert_eq!(report["people_lost"], 0, "{report}");
    assert_eq!(report["heard_self"], 0, "{report}");
    assert_eq!(report["talkers_heard_min"], 1, "{report}");
    let workers = report["worker_cpu_ns"].as_array().unwrap();
    assert_eq!(Some(workers.len() as u64), report["workers"].as_u64(), "{report}");
    assert!(workers.iter().any(|nanos| nanos.as_u64() > Some(0)), "{report}");
}

#[test]
fn all_that_is_wanted_of_a_report_is_in_it() {
    let flags = ["--people", "4", "--talkers", "2", "--open-microphones", "--seconds", "1", "--runs", "2"];
    let runs = bench_media(&flags).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2, "{runs}");
    for name in [
        "rooms",
        "people",
        "talkers",
        "packets_expected",
        "packets_delivered",
        "loss",
        "server_cpu_ns_per_packet",
        "packets_per_core_second",
        "latency_us_p50",
        "latency_us_p99",
        "rss_bytes_per_participant",
        "join_ms_p99",
        "workers",
        "floor_ns_per_packet",
    ] {
        assert!(runs["median"][name].is_number(), "{name} in {runs}");
    }
    let run = &runs["runs"][1];
    assert!(run["srtp_profile"].is_string(), "{run}");
    // Two silent microphones, three listeners each, and one that talks heard by three; slots for all four.
    assert!(run["silence_delivered"].as_u64().unwrap() > 0, "{run}");
    assert_eq!((&run["heard_self"], &run["talkers_heard_min"]), (&0.into(), &2.into()), "{run}");
}

#[test]
fn being_there_and_saying_nothing_has_a_price_too() {
    let report = bench_media(&["--people", "3", "--talkers", "0", "--seconds", "1"]).unwrap();
    assert_eq!(
        (&report["packets_expected"], &report["packets_delivered"]),
        (&0.into(), &0.into()),
        "{report}"
    );
    assert!(report["server_cpu_us_per_person_second"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["floor_ns_per_packet"].is_null(), "{report}");
}

#[test]
fn who_comes_while_others_talk_comes_in() {
    let flags = ["--people", "3", "--join-storm", "6", "--over", "1", "--seconds", "2"];
    let report = bench_media(&flags).unwrap();
    assert_eq!((&report["storm"], &report["storm_joined"]), (&6.into(), &6.into()), "{report}");
    assert!(report["loss"].as_f64().unwrap() < 0.05, "{report}");
    assert_eq!(report["people_lost"], 0, "{report}");
}

/// Who may not have a network of his own is told so, in one sentence.
#[test]
fn what_goes_to_listeners_can_be_sent_into_a_device_that_drops() {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    for how in [&["--gso", "off"][..], &["--together"][..]] {
        let flags = ["--sink", "--people", "6", "--talkers", "2", "--seconds", "1"];
        let report = match bench_media(&[&flags[..], how].concat()) {
            Ok(report) => report,
            Err(error) if !root => {
                assert!(error.contains("--sink needs root") && error.lines().count() == 1, "{error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(report["delivery"], "sink", "{report}");
        // Two talk to four who are cut off, and to each other; reports and the edges of a second weigh little.
        let sunk = report["packets_sunk"].as_u64().unwrap();
        assert!((360..=440).contains(&sunk), "{report}");
        let floor = report["floor_packets"].as_u64().unwrap();
        assert!((480..=520).contains(&floor), "{report}");
        assert!(report["server_cpu_ns_per_packet"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(report["people_lost"], 0, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_people_alone_go_to_a_server_that_is_there() {
    let server = OwnServer::start(
        Path::new(env!("CARGO_BIN_EXE_cromulent")),
        Setup { workers: 1, ..Setup::default() },
    )
    .await
    .unwrap();
    let page = format!("http://{}", server.address);
    let flags = ["--peer-only", "--addr", &page, "--people", "3", "--seconds", "1"];
    let report = tokio::task::block_in_place(|| bench_media(&flags)).unwrap();
    assert!(report["packets_delivered"].as_u64().unwrap() > 0, "{report}");
    for unknown in ["server_cpu_ns_per_packet", "rss_bytes_per_participant", "floor_ns_per_packet", "workers"]
    {
        assert!(report[unknown].is_null(), "{unknown} in {report}");
    }
    let pid = server.pid.to_string();
    let report =
        tokio::task::block_in_place(|| bench_media(&[&flags[..], &["--server-pid", &pid]].concat())).unwrap();
    assert!(report["times_floor"].as_f64().unwrap() > 0.0, "{report}");
    server.stop().await;
}

#[test]
fn flags_that_contradict_each_other_are_one_sentence() {
    let error = bench_media(&["--peer-only"]).unwrap_err();
    assert_eq!(error, "cromulent: --peer-only needs --addr, the page of the server to measure\n");
}

#[test]
fn as_many_rooms_as_are_asked_for() {
    let flags = ["--rooms", "3", "--people", "2", "--talkers", "2", "--seconds", "1"];
    let report = bench_media(&flags).unwrap();
    // In each room two hear each other, and nobody hears another room: then more would come than expected.
    assert!((250..=350).contains(&report["packets_expected"].as_u64().unwrap()), "{report}");
    assert!(report["loss"].as_f64().unwrap().abs() < 0.05, "{report}");
    assert_eq!(report["talkers_heard_min"], 2, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rooms_than_channels_is_one_clear_sentence() {
    let binary = Path::new(env!("CARGO_BIN_EXE_cromulent"));
    let server = OwnServer::start(binary, Setup::default()).await.unwrap();
    let page = format!("http://{}", server.address);
    let flags = ["--addr", &page, "--rooms", "2", "--people", "2", "--seconds", "1"];
    let error = tokio::task::block_in_place(|| bench_media(&flags)).unwrap_err();
    assert!(error.contains("2 rooms need 2 voice channels"), "{error}");
    server.stop().await;
}

#[test]
fn posts_are_counted_and_everybody_is_told_of_them() {
    let report = bench("chat", &["--callers", "4", "--listeners", "20", "--seconds", "1"]).unwrap();
    assert!(report["posts"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["deliveries"], 200, "ten events to twenty sockets, {report}");
    assert_eq!(report["listeners_lost"], 0, "{report}");
    for name in ["posts_per_second", "post_ms_p99", "cpu_us_per_delivery", "bytes_per_idle_socket"] {
        assert!(report[name].is_number(), "{name} in {report}");
    }
}
