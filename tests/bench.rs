use std::process::Command;

#[test]
fn five_people_and_one_talker_lose_nothing_worth_naming() {
    let output = Command::new(env!("CARGO_BIN_EXE_cromulent"))
        .args(["bench", "media", "--json", "--people", "5", "--talkers", "1", "--seconds", "2"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // One talker, four listeners, 50 packets a second; the edges of the window may take a few.
    let expected = report["packets_expected"].as_u64().unwrap();
    assert!((300..=500).contains(&expected), "{report}");
    assert!(report["loss"].as_f64().unwrap() < 0.05, "{report}");
    assert!(report["packets_delivered"].as_u64().unwrap() > 0, "{report}");
    assert!(report["server_cpu_ns_per_packet"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["join_ms_p99"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn more_rooms_than_channels_is_one_clear_sentence() {
    let output = Command::new(env!("CARGO_BIN_EXE_cromulent"))
        .args(["bench", "media", "--rooms", "2", "--people", "2", "--seconds", "1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("2 rooms need 2 voice channels"), "{error}");
}
