//! How long a takeover takes with the real times, in simulated milliseconds: whatever the moment of the kill and whatever the standby's
//! step, with a server that takes half a second for each answer.

use std::time::Duration;

use super::super::{Answer, Draft, Elector, Moment, Record, Step, Timing, Version};

const LATENCY: u64 = 500;

fn at(millis: u64) -> Moment {
    Moment::after_start(Duration::from_millis(millis))
}

/// The lease at the server.
#[derive(Default)]
struct Server {
    lease: Option<Record>,
    writes: u32,
}

impl Server {
    fn answer(&mut self, step: &Step) -> Answer {
        let Step::Write(draft) = step else {
            return self.lease.clone().map_or(Answer::Absent, Answer::Found);
        };
        if draft.base.as_ref() != self.lease.as_ref().map(|lease| &lease.version) {
            return Answer::Conflict;
        }
        Answer::Written(self.put(draft))
    }

    fn put(&mut self, draft: &Draft) -> Record {
        self.writes += 1;
        let record = Record {
            version: Version(self.writes.to_string().into()),
            holder: draft.holder.clone(),
            duration: Some(draft.duration),
            transitions: draft.transitions,
        };
        self.lease = Some(record.clone());
        record
    }
}

/// A replica and the call that it waits for: when it was sent, and the answer.
struct Replica {
    elector: Elector,
    call: Option<(u64, Answer)>,
}

impl Replica {
    fn new(name: &str) -> Self {
        Self {
            elector: Elector::new(name, Timing::default()),
            call: None,
        }
    }

    /// One millisecond. The server does its part when it hears of it.
    fn turn(&mut self, now: u64, server: &mut Server) {
        match self.call.take_if(|(sent, _)| *sent + LATENCY <= now) {
            Some((sent, answer)) => self.elector.take(at(sent), at(now), answer),
            None if self.call.is_some() => return,
            None => {}
        }
        let step = self.elector.next(at(now));
        if matches!(step, Step::Look | Step::Write(_)) {
            self.call = Some((now, server.answer(&step)));
        }
    }
}

/// Milliseconds from the end of the leader, which comes at `end` and is clean or not, until the standby leads.
fn takeover(start: u64, end: u64, clean: bool) -> u64 {
    let mut server = Server::default();
    let (mut a, mut b) = (Replica::new("a"), Replica::new("b"));
    let mut ended = None;
    for now in 0..60_000 {
        if now == end {
            assert!(a.elector.leads(at(now)) && !b.elector.leads(at(now)));
            if clean {
                a.elector.retire(at(now));
            } else {
                ended = Some(now);
            }
        }
        if ended.is_none() {
            a.turn(now, &mut server);
            if now >= end && a.call.is_none() && a.elector.next(at(now)) == Step::Done {
                ended = Some(now);
            }
        }
        if now >= start {
            b.turn(now, &mut server);
        }
        if b.elector.leads(at(now)) {
            return now - ended.expect("the other has ended");
        }
    }
    panic!("nobody took over");
}

#[test]
fn at_most_twenty_seconds_after_a_kill_and_three_after_a_clean_stop() {
    let (mut killed, mut stopped) = (0, 0);
    for start in (2000..4500).step_by(130) {
        for end in (10_000..12_500).step_by(170) {
            killed = killed.max(takeover(start, end, false));
            stopped = stopped.max(takeover(start, end, true));
        }
    }
    assert!(killed <= 20_000, "{killed}");
    assert!(stopped <= 3_000, "{stopped}");
    // It did take the lease's time: nobody led before it was over
    assert!(killed >= 15_000, "{killed}");
}

#[test]
fn the_longest_stop_of_a_process_ends_the_leadership_before_anything_runs() {
    let mut server = Server::default();
    let (mut a, mut b) = (Replica::new("a"), Replica::new("b"));
    (0..5000).for_each(|now| a.turn(now, &mut server));
    assert!(a.elector.leads(at(5000)));
    // Only b goes on
    (5000..65_000).for_each(|now| b.turn(now, &mut server));
    assert!(!a.elector.leads(at(65_000)) && b.elector.leads(at(65_000)));
    (65_000..70_000).for_each(|now| {
        a.turn(now, &mut server);
        b.turn(now, &mut server);
        assert!(!a.elector.leads(at(now)) && b.elector.leads(at(now)));
    });
    assert_eq!(a.elector.leader(), Some("b"));
}
