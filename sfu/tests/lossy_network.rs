use crate::support::{Conditions, LOUD, Setup, SimCall, millis, secs};

stories! {
    a_call_connects_and_is_heard_on_a_bad_network,
    what_is_missing_is_what_was_lost,
    disorder_alone_loses_nothing,
    a_long_speech_crosses_the_rollover,
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
    let conditions = Conditions { loss_per_mille: 0, delay: millis(50), jitter: millis(100) };
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
