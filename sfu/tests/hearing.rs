use crate::support::{LOUD, Setup, SimCall, millis, secs};

#[test]
fn one_speaks_the_others_hear() {
    let mut call = SimCall::with(["ana", "ben", "cleo"]);
    call.speaks("ana", secs(2));
    assert_eq!(call.heard_by("ben"), ["ana"]);
    assert_eq!(call.heard_by("cleo"), ["ana"]);
    assert_eq!(call.packets_heard("ben", "ana"), 100);
}
