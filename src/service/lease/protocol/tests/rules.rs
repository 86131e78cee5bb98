//! The rules one by one.

use std::time::Duration;

use super::super::{Answer, Change, Draft, Elector, Moment, Record, Step, Timing, TimingError, Version};

fn at(seconds: u64) -> Moment {
    Moment::after_start(Duration::from_secs(seconds))
}

fn record(version: &str, holder: &str, seconds: u64) -> Record {
    Record {
        version: Version(version.into()),
        holder: (!holder.is_empty()).then(|| holder.into()),
        duration: Some(Duration::from_secs(seconds)),
        transitions: 7,
    }
}

fn me() -> Elector {
    Elector::new("me", Timing::default())
}

fn drafted(step: Step) -> Draft {
    match step {
        Step::Write(draft) => draft,
        other => panic!("{other:?}"),
    }
}

/// A replica that holds version 1 since 0 s.
fn holder() -> Elector {
    let mut elector = me();
    elector.take(at(0), at(0), Answer::Written(record("1", "me", 15)));
    elector
}

#[test]
fn times_that_cannot_work_are_refused() {
    let s = Duration::from_secs;
    assert!(matches!(
        Timing::new(s(10), s(10), s(2)),
        Err(TimingError::Deadline { .. })
    ));
    assert!(matches!(
        Timing::new(s(15), s(10), s(6)),
        Err(TimingError::Retry { .. })
    ));
    assert!(matches!(
        Timing::new(s(15), s(10), s(0)),
        Err(TimingError::Retry { .. })
    ));
    assert_eq!(Timing::new(s(15), s(10), s(2)), Ok(Timing::default()));
}

#[test]
fn a_lease_that_never_was_is_created_at_once_and_one_that_is_given_back_taken_at_once() {
    let mut elector = me();
    assert_eq!(elector.next(at(3)), Step::Look);
    elector.take(at(3), at(3), Answer::Absent);
    let draft = drafted(elector.next(at(3)));
    assert_eq!(
        (draft.base, draft.transitions, draft.change),
        (None, 0, Change::Taken)
    );

    let mut elector = me();
    elector.take(at(3), at(3), Answer::Found(record("5", "", 1)));
    let draft = drafted(elector.next(at(3)));
    assert_eq!((draft.base, draft.transitions), (Some(Version("5".into())), 8));
    assert_eq!(draft.duration, Duration::from_secs(15));
}

#[test]
fn anothers_lease_is_left_alone_until_it_has_not_changed_for_its_time() {
    let mut elector = me();
    elector.take(at(0), at(0), Answer::Found(record("1", "other", 30)));
    assert_eq!(
        (elector.next(at(1)), elector.leader()),
        (Step::Wait(at(2)), Some("other"))
    );
    for now in (2..30).step_by(2) {
        assert_eq!(elector.next(at(now)), Step::Look);
        // An answer that fails neither restarts the count nor ends it
        let answer = if now == 10 {
            Answer::Failed
        } else {
            Answer::Found(record("1", "other", 30))
        };
        elector.take(at(now), at(now), answer);
    }
    assert_eq!(drafted(elector.next(at(30))).change, Change::Taken);
    // Shorter times than our own are not believed
    let mut elector = me();
    elector.take(at(0), at(0), Answer::Found(record("1", "other", 1)));
    elector.take(at(13), at(13), Answer::Found(record("1", "other", 1)));
    assert_eq!(
        (elector.next(at(14)), elector.next(at(15)) != Step::Look),
        (Step::Wait(at(15)), true)
    );
    elector.take(at(14), at(14), Answer::Found(record("2", "other", 1)));
    assert_eq!(elector.next(at(16)), Step::Look, "it changed");
}

#[test]
fn a_holder_counts_from_its_question() {
    let mut elector = me();
    elector.take(at(0), at(3), Answer::Written(record("1", "me", 15)));
    assert!(elector.leads(at(9)) && !elector.leads(at(10)));
    assert_eq!(elector.leads_until(), Some(at(10)));
    // An answer that took too long is none
    elector.take(at(9), at(20), Answer::Written(record("2", "me", 15)));
    assert!(!elector.leads(at(20)));
}

#[test]
fn a_holder_that_meets_another_or_finds_nothing_stops_at_once() {
    for answer in [
        Answer::Found(record("2", "other", 15)),
        Answer::Found(record("2", "", 1)),
        Answer::Absent,
    ] {
        let mut elector = holder();
        elector.take(at(2), at(2), Answer::Conflict);
        assert_eq!(elector.next(at(2)), Step::Look, "at once");
        assert!(elector.leads(at(2)), "that may have been an own write");
        elector.take(at(2), at(2), answer);
        assert!(!elector.leads(at(2)));
    }
}

#[test]
fn a_vanished_lease_counts_as_held_by_whoever_did_not_hold_it() {
    let mut elector = me();
    elector.take(at(0), at(0), Answer::Found(record("1", "other", 15)));
    elector.take(at(10), at(10), Answer::Absent);
    elector.take(at(24), at(24), Answer::Absent);
    assert_eq!(elector.next(at(24)), Step::Wait(at(25)));
    assert_eq!(drafted(elector.next(at(25))).base, None);

    let mut elector = holder();
    elector.take(at(2), at(2), Answer::Absent);
    assert_eq!(
        drafted(elector.next(at(2))).base,
        None,
        "nobody else may lead now"
    );
}

#[test]
fn a_server_that_always_disagrees_is_not_asked_in_a_circle() {
    let mut elector = holder();
    let mut calls = 0;
    for now in 0..20 {
        while let step @ (Step::Look | Step::Write(_)) = elector.next(at(now)) {
            calls += 1;
            let answer = if step == Step::Look {
                Answer::Found(record("9", "", 1))
            } else {
                Answer::Conflict
            };
            elector.take(at(now), at(now), answer);
        }
    }
    assert!(calls <= 30, "{calls} calls in 20 s");
}

#[test]
fn who_leaves_gives_back_what_it_holds_and_nothing_else() {
    let mut elector = holder();
    elector.retire(at(1));
    assert!(!elector.leads(at(1)));
    let draft = drafted(elector.next(at(1)));
    assert_eq!((draft.holder, draft.duration), (None, Duration::from_secs(1)));
    elector.take(at(1), at(1), Answer::Written(record("2", "", 1)));
    assert_eq!(elector.next(at(1)), Step::Done);

    // A write without an answer may have made it a holder
    let mut elector = me();
    elector.take(at(0), at(0), Answer::Failed);
    elector.retire(at(1));
    assert_eq!(elector.next(at(1)), Step::Look);
    elector.take(at(1), at(1), Answer::Found(record("2", "other", 15)));
    assert_eq!(elector.next(at(1)), Step::Done);
}
