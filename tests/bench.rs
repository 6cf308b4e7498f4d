use std::path::Path;
use std::process::Command;

use cromulent::bench::server::{OwnServer, Setup};
use serde_json::Value;

fn bench_media(flags: &[&str]) -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_cromulent"))
        .args(["bench", "media", "--json"])
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
fn more_rooms_than_channels_is_one_clear_sentence() {
    let error = bench_media(&["--rooms", "2", "--people", "2", "--seconds", "1"]).unwrap_err();
    assert!(error.contains("2 rooms need 2 voice channels"), "{error}");
}
