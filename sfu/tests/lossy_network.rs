use crate::support::{Conditions, LOUD, Setup, SimCall, millis, secs};

stories! {
    a_call_connects_and_is_heard_on_a_bad_network,
    what_is_missing_is_what_was_lost,
    disorder_alone_loses_nothing,
    a_long_speech_crosses_the_rollover,
    what_is_lost_on_the_way_to_a_listener_is_repeated_to_him,
    what_is_lost_on_the_way_here_is_found_in_what_comes_after,
}

fn on(conditions: Conditions, seed: u64) -> SimCall {
    SimCall::new(Setup { conditions, seed, ..Setup::default() }).joined_by(["ana", "ben", "cleo"])
}

fn a_call_connects_and_is_heard_on_a_bad_network() {
    for seed in 1..=5 {
        let mut call = on(Conditions::BAD, seed);
        call.speaks("ana", secs(10));
        for listener in ["ben", "cleo"] {
            let heard = call.packets_heard(listener, "ana");
            // A tenth is lost on the way in, and a tenth of the rest on the way out.
            assert!((350..470).contains(&heard), "{}{heard} of 500 heard", call.context());
        }
    }
}

fn what_is_missing_is_what_was_lost() {
    for seed in 1..=5 {
        let mut call = on(Conditions::BAD, seed);
        call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(10));
        let late = call.sfu.stats().dropped.out_of_order;
        for listener in ["ana", "ben", "cleo"] {
            let missing = call.ear(listener).missing();
            assert!(missing <= call.net.lost + late, "{}{missing} missing", call.context());
            assert!(missing > 0, "{}the network was bad after all", call.context());
        }
    }
}

fn disorder_alone_loses_nothing() {
    let conditions = Conditions { loss_per_mille: 0, burst: 1, delay: millis(50), jitter: millis(100) };
    for seed in 1..=5 {
        let mut call = on(conditions, seed);
        call.speak(&[("ana", LOUD), ("ben", LOUD)], secs(10));
        // The first packets of a line may be overtaken by later ones, and then have no place on it.
        let heard = call.packets_heard("cleo", "ana");
        assert!((495..=500).contains(&heard), "{}{heard} of 500 heard", call.context());
    }
}

fn a_long_speech_crosses_the_rollover() {
    let mut call = SimCall::with(["ana", "ben"]);
    // 65,536 packets of 20 ms, and some.
    call.speaks("ana", secs(22 * 60));
    assert_eq!(call.packets_heard("ben", "ana"), 66_000);
    assert_eq!(call.ear("ben").missing(), 0);
}

/// One talks for two minutes, the other listens: how many packets in ten thousand were neither heard nor repeated, once
/// the server has learned of it.
fn concealed(call: &mut SimCall, speaker: &str, listener: &str) -> usize {
    call.goes_on_speaking(&[(speaker, LOUD)], secs(15));
    let from = call.spoken(speaker);
    call.goes_on_speaking(&[(speaker, LOUD)], secs(120));
    let to = call.spoken(speaker);
    call.goes_on_speaking(&[(speaker, LOUD)], secs(1));
    let understood = call.ear(listener).understood(call.id(speaker).0);
    let missing = (from..to).filter(|number| !understood.contains(number)).count();
    missing * 10_000 / (to - from) as usize
}

fn what_is_lost_on_the_way_to_a_listener_is_repeated_to_him() {
    // Of a thousand lost, in a row, and how much of ten thousand may stay lost.
    for (loss_per_mille, burst, most) in
        [(20, 1, 20), (50, 1, 60), (100, 1, 100), (100, 3, 300), (200, 1, 250)]
    {
        for seed in 1..=3 {
            let mut call = SimCall::new(Setup { seed, ..Setup::default() });
            call.joins_with("ana", true, false);
            call.joins_with("ben", true, false);
            call.connects();
            call.net.conditions = Conditions { loss_per_mille, burst, ..Conditions::PERFECT };
            call.net.only_to = Some(call.address("ben"));
            let concealed = concealed(&mut call, "ana", "ben");
            assert!(concealed <= most, "{}{loss_per_mille}, {burst}: {concealed}", call.context());
        }
    }
}

fn what_is_lost_on_the_way_here_is_found_in_what_comes_after() {
    for (loss_per_mille, most) in [(50, 60), (100, 150), (200, 500)] {
        for seed in 1..=3 {
            let mut call = SimCall::new(Setup { seed, ..Setup::default() });
            call.joins_with("ana", true, false);
            // Who cannot take RED has as much of it.
            call.joins_with("ben", false, false);
            call.connects();
            call.net.conditions = Conditions { loss_per_mille, ..Conditions::PERFECT };
            call.net.only_to = Some(call.sfu.address_of(call.id("ana")));
            let concealed = concealed(&mut call, "ana", "ben");
            assert!(concealed <= most, "{}{loss_per_mille}: {concealed}", call.context());
        }
    }
}
