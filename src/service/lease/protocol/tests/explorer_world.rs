//! What the explorer goes through: replicas, their calls on the way, and the lease at the server, at one moment.
//!
//! A world is stored in a form in which nothing grows: moments count from now, and of the versions of the lease only those are
//! told apart that can still meet. So worlds that differ only by their past are one, their number is finite, and all of them can be seen.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::super::elector::Known;
use super::super::{Answer, Change, Draft, Elector, Moment, Record, Step, Timing, Version};

/// "Now" in every stored world, in ticks: far enough from the start that all that matters lies behind it.
const NOW: u64 = 100;

/// A process that is gone, under whatever name.
static GHOST: LazyLock<Arc<str>> = LazyLock::new(|| "ghost".into());

const NAMES: [&str; 3] = ["a", "b", "c"];

pub(super) fn ticks(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A way to break the rules, to see that the explorer notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    None,
    /// The holder's time runs from the answer instead of from the request.
    CountsFromTheAnswer,
    /// Others count from the time that the holder wrote, by a clock that is so many ticks off.
    TrustsTheirClock(u64),
    /// The server takes every write, whatever it replaces.
    NoVersions,
    /// A lease that vanished is free at once.
    VanishedIsFree,
}

/// What may happen in a world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) replicas: usize,
    pub(super) timing: Timing,
    pub(super) defect: Defect,
    /// Writes that nobody waits for any more and that may still arrive.
    pub(super) late_writes: usize,
    /// Replicas crash and start again.
    pub(super) crashes: bool,
    /// Replicas give the lease back and start again.
    pub(super) releases: bool,
    /// Somebody changes the lease's labels, which makes another version of it.
    pub(super) touches: bool,
    /// How often somebody deletes the lease.
    pub(super) deletions: u8,
}

/// A call on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Call {
    sent: Moment,
    /// What is to be written; none reads.
    write: Option<Draft>,
    /// The server's answer, on its way back.
    answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Replica {
    elector: Elector,
    up: bool,
    leaving: bool,
    call: Option<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    lease: Option<Record>,
    /// Ticks since the lease was written, for the defect that trusts it.
    age: u64,
    replicas: Vec<Replica>,
    late: Vec<Draft>,
    deletions: u8,
    /// The next version's number, until the world is stored.
    fresh: u64,
}

/// What happened, for the story of a failure.
pub(super) type Event = String;

impl World {
    pub(super) fn start(rules: &Rules) -> Self {
        let replica = |name: &&str| Replica {
            elector: Elector::new(name, rules.timing),
            up: true,
            leaving: false,
            call: None,
        };
        let mut world = Self {
            lease: None,
            age: 0,
            replicas: NAMES[..rules.replicas].iter().map(replica).collect(),
            late: Vec::new(),
            deletions: rules.deletions,
            fresh: 0,
        };
        world.normalise(rules);
        world
    }

    fn now() -> Moment {
        Moment::default().plus(ticks(NOW))
    }

    /// Who may start new work at this moment.
    pub(super) fn leaders(&self) -> Vec<&'static str> {
        let leading = |(_, replica): &(usize, &Replica)| replica.up && replica.elector.leads(Self::now());
        let all = self.replicas.iter().enumerate().filter(leading);
        all.map(|(at, _)| NAMES[at]).collect()
    }

    /// Whether some replica is there to lead.
    pub(super) fn can_be_led(&self) -> bool {
        self.replicas.iter().any(|replica| replica.up && !replica.leaving)
    }

    /// Every world that may follow this one.
    pub(super) fn successors(&self, rules: &Rules) -> Vec<(Event, Self)> {
        let mut next = Vec::new();
        let mut add = |event: Event, mut world: Self| {
            world.normalise(rules);
            next.push((event, world));
        };
        add("a tick passes".to_owned(), self.ticked());
        for (at, name) in NAMES.iter().enumerate().take(self.replicas.len()) {
            for (event, world) in self.moves(at, rules) {
                add(format!("{name}: {event}"), world);
            }
        }
        for at in 0..self.late.len() {
            let mut world = self.clone();
            let draft = world.late.remove(at);
            world.apply(Some(&draft), rules);
            add("a late write arrives".to_owned(), world);
            let mut world = self.clone();
            world.late.remove(at);
            add("a late write is lost".to_owned(), world);
        }
        if rules.touches && self.lease.is_some() {
            let mut world = self.clone();
            world.touch();
            add("somebody labels the lease".to_owned(), world);
        }
        // A replica that never saw the lease takes its place at once: the one gap that the rules leave
        let all_saw = || {
            self.replicas
                .iter()
                .all(|replica| replica.elector.sight.is_some())
        };
        if self.deletions > 0 && self.lease.is_some() && all_saw() {
            let mut world = self.clone();
            world.lease = None;
            world.deletions -= 1;
            add("somebody deletes the lease".to_owned(), world);
        }
        next
    }

    /// What a replica, or somebody to it, may do.
    fn moves(&self, at: usize, rules: &Rules) -> Vec<(&'static str, Self)> {
        let replica = &self.replicas[at];
        let with = |change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            world
        };
        if !replica.up {
            return vec![("starts", with(&|world| world.restart(at, rules)))];
        }
        let mut moves = Vec::new();
        match &replica.call {
            None => match replica.elector.next(Self::now()) {
                Step::Wait(_) => {}
                Step::Done => moves.push(("has left", with(&|world| world.crash(at, rules)))),
                Step::Look | Step::Write(_) => moves.push(("sends", with(&|world| world.send(at)))),
            },
            Some(Call { answer: None, .. }) => {
                moves.push(("is heard", with(&|world| world.serve(at, rules))));
                moves.push(("gives up", with(&|world| world.give_up(at, rules))));
            }
            Some(Call { answer: Some(_), .. }) => {
                moves.push(("is answered", with(&|world| world.hear(at, rules))));
                moves.push(("misses the answer", with(&|world| world.give_up(at, rules))));
            }
        }
        if rules.crashes {
            moves.push(("crashes", with(&|world| world.crash(at, rules))));
        }
        if rules.releases && !replica.leaving && replica.call.is_none() {
            moves.push(("leaves", with(&|world| world.leave(at))));
        }
        moves
    }

    fn ticked(&self) -> Self {
        let mut world = self.clone();
        world.age += 1;
        let older = |moment: Moment| Moment::after_start(moment.since_start().saturating_sub(ticks(1)));
        for replica in &mut world.replicas {
            let elector = &mut replica.elector;
            elector.due = older(elector.due);
            elector.until = elector.until.map(older);
            if let Some(sight) = &mut elector.sight {
                sight.since = older(sight.since);
            }
            if let Some(call) = &mut replica.call {
                call.sent = older(call.sent);
            }
        }
        world
    }

    fn send(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        let write = match replica.elector.next(Self::now()) {
            Step::Write(draft) => Some(draft),
            Step::Look => None,
            Step::Wait(_) | Step::Done => return,
        };
        replica.call = Some(Call {
            sent: Self::now(),
            write,
            answer: None,
        });
    }

    fn serve(&mut self, at: usize, rules: &Rules) {
        let Some(call) = self.replicas[at].call.clone() else {
            return;
        };
        let answer = self.apply(call.write.as_ref(), rules);
        self.replicas[at].call = Some(Call {
            answer: Some(answer),
            ..call
        });
    }

    fn hear(&mut self, at: usize, rules: &Rules) {
        let age = self.age;
        let replica = &mut self.replicas[at];
        let Some(Call {
            sent,
            answer: Some(answer),
            ..
        }) = replica.call.take()
        else {
            return;
        };
        let now = Self::now();
        let elector = &mut replica.elector;
        match (rules.defect, &answer) {
            (Defect::CountsFromTheAnswer, Answer::Written(_)) => elector.take(now, now, answer),
            (Defect::TrustsTheirClock(off), Answer::Found(_)) => {
                elector.take(sent, now, answer);
                if let Some(sight) = &mut elector.sight {
                    sight.since = Moment::after_start(ticks(NOW.saturating_sub(age + off)));
                }
            }
            (Defect::VanishedIsFree, Answer::Absent) => {
                elector.take(sent, now, answer);
                elector.sight = None;
                elector.due = now;
            }
            _ => elector.take(sent, now, answer),
        }
    }

    fn give_up(&mut self, at: usize, rules: &Rules) {
        let replica = &mut self.replicas[at];
        if let Some(call) = replica.call.take() {
            replica.elector.take(call.sent, Self::now(), Answer::Failed);
            self.linger(call, rules);
        }
    }

    /// What was not heard yet may still be.
    fn linger(&mut self, call: Call, rules: &Rules) {
        if let (Some(draft), None) = (call.write, call.answer) {
            self.late.push(draft);
            while self.late.len() > rules.late_writes {
                self.late.remove(0);
            }
        }
    }

    fn leave(&mut self, at: usize) {
        self.replicas[at].leaving = true;
        self.replicas[at].elector.retire(Self::now());
    }

    fn crash(&mut self, at: usize, rules: &Rules) {
        if let Some(call) = self.replicas[at].call.take() {
            self.linger(call, rules);
        }
        let name = self.replicas[at].elector.me.clone();
        self.replicas[at] = Replica {
            elector: Elector::new(&name, rules.timing),
            up: false,
            leaving: false,
            call: None,
        };
        // Names are unique per process: what carries this one belongs to nobody any more
        self.each_holder(|holder| {
            if *holder == name {
                *holder = GHOST.clone();
            }
        });
    }

    fn restart(&mut self, at: usize, rules: &Rules) {
        self.replicas[at].elector = Elector::new(NAMES[at], rules.timing);
        self.replicas[at].elector.due = Self::now();
        self.replicas[at].up = true;
    }

    /// The server's part.
    fn apply(&mut self, write: Option<&Draft>, rules: &Rules) -> Answer {
        let Some(draft) = write else {
            return self.lease.clone().map_or(Answer::Absent, Answer::Found);
        };
        let current = self.lease.as_ref().map(|lease| &lease.version);
        match (&draft.base, current) {
            (base, current) if base.as_ref() == current || rules.defect == Defect::NoVersions => {}
            (Some(_), None) => return Answer::Absent,
            _ => return Answer::Conflict,
        }
        let record = Record {
            version: self.version(),
            holder: draft.holder.clone(),
            duration: Some(draft.duration),
            // Counts up for ever, and nothing is decided by it
            transitions: 0,
        };
        self.age = 0;
        self.lease = Some(record.clone());
        Answer::Written(record)
    }

    fn touch(&mut self) {
        let version = self.version();
        if let Some(lease) = &mut self.lease {
            lease.version = version;
        }
    }

    fn version(&mut self) -> Version {
        self.fresh += 1;
        label(self.fresh)
    }

    /// A world in good weather: nothing is lost, everything is answered within the tick in which it was sent. Says from
    /// which tick on somebody leads without a break, as far as `ticks` reach.
    pub(super) fn calm(&self, rules: &Rules, arrive: bool, ticks: u64) -> u64 {
        let mut world = self.clone();
        for draft in std::mem::take(&mut world.late) {
            if arrive {
                world.apply(Some(&draft), rules);
            }
        }
        for at in 0..world.replicas.len() {
            match &world.replicas[at].call {
                Some(Call { answer: None, .. }) if arrive => {
                    world.serve(at, rules);
                    world.hear(at, rules);
                }
                Some(Call { answer: None, .. }) => {
                    world.give_up(at, rules);
                    world.late.clear();
                }
                Some(_) => world.hear(at, rules),
                None => {}
            }
        }
        let mut since = 0;
        for tick in 0..ticks {
            world.settle(rules);
            if world.leaders().is_empty() {
                since = tick + 1;
            }
            world = world.ticked();
        }
        since
    }

    /// All that is due is done.
    fn settle(&mut self, rules: &Rules) {
        for at in 0..self.replicas.len() {
            // A machine that never comes to rest would be a defect of its own
            for _ in 0..10 {
                let replica = &self.replicas[at];
                let step = replica.elector.next(Self::now());
                if !replica.up || !matches!(step, Step::Look | Step::Write(_)) {
                    break;
                }
                self.send(at);
                self.serve(at, rules);
                self.hear(at, rules);
            }
        }
    }

    fn each_holder(&mut self, mut change: impl FnMut(&mut Arc<str>)) {
        let drafts = self.late.iter_mut().map(|draft| &mut draft.holder);
        let mut holders: Vec<_> = drafts.collect();
        holders.extend(self.lease.as_mut().map(|lease| &mut lease.holder));
        for replica in &mut self.replicas {
            holders.extend(replica.elector.sight.as_mut().map(|sight| &mut sight.holder));
            if let Known::Record(record) = &mut replica.elector.known {
                holders.push(&mut record.holder);
            }
            if let Some(call) = &mut replica.call {
                holders.extend(call.write.as_mut().map(|draft| &mut draft.holder));
                if let Some(Answer::Found(record) | Answer::Written(record)) = &mut call.answer {
                    holders.push(&mut record.holder);
                }
            }
        }
        holders.into_iter().flatten().for_each(&mut change);
    }

    /// Forgets all that makes no difference any more.
    fn normalise(&mut self, rules: &Rules) {
        let past = |span: Duration| Moment::after_start(Self::now().since_start().saturating_sub(span));
        let (lease, deadline) = (rules.timing.lease(), rules.timing.deadline());
        let trusting = matches!(rules.defect, Defect::TrustsTheirClock(_));
        self.age = if trusting {
            self.age.min(lease.as_secs())
        } else {
            0
        };
        let current = self.lease.as_ref().map(|lease| lease.version.clone());
        for replica in &mut self.replicas {
            replica.normalise(Self::now(), past(lease), past(deadline), current.as_ref(), lease);
        }
        if let Some(record) = &mut self.lease {
            record.version = label(CURRENT);
            record.duration = Some(lease);
        }
        // What replaces another state than this one changes nothing, now or later: no version comes twice
        let (gone, more) = (self.lease.is_none(), self.deletions > 0);
        self.late.retain_mut(|draft| {
            let alike = draft.base == current || rules.defect == Defect::NoVersions;
            let keep = alike || (draft.base.is_none() && (gone || more));
            simplify(draft, lease, |version| {
                if Some(version) == current.as_ref() {
                    CURRENT
                } else {
                    DEAD
                }
            });
            keep
        });
        self.late.sort_by(|one, other| one.holder.cmp(&other.holder));
        self.fresh = FRESH;
    }
}

/// The version that the server has, one that only an answer on its way has, and any that nobody will see again. Replicas compare
/// versions only with those of answers, so no other distinction matters.
const CURRENT: u64 = 0;
const ANSWERED: u64 = 1;
const DEAD: u64 = 2;
/// The first that none of these is.
const FRESH: u64 = 3;

fn label(number: u64) -> Version {
    static LABELS: LazyLock<Vec<Arc<str>>> =
        LazyLock::new(|| (0..40).map(|at: u8| at.to_string().into()).collect());
    Version(LABELS[usize::try_from(number).unwrap()].clone())
}

fn simplify(draft: &mut Draft, duration: Duration, number: impl Fn(&Version) -> u64) {
    draft.transitions = 0;
    draft.duration = duration;
    draft.change = Change::Taken;
    draft.base = draft.base.as_ref().map(|base| label(number(base)));
}

impl Replica {
    fn normalise(
        &mut self,
        now: Moment,
        oldest_sight: Moment,
        oldest_call: Moment,
        current: Option<&Version>,
        duration: Duration,
    ) {
        let answered = match self.call.as_ref().and_then(|call| call.answer.as_ref()) {
            Some(Answer::Found(record) | Answer::Written(record)) => Some(record.version.clone()),
            _ => None,
        };
        let number = |version: &Version| {
            if Some(version) == current {
                CURRENT
            } else if Some(version) == answered.as_ref() {
                ANSWERED
            } else {
                DEAD
            }
        };
        let me = self.elector.me.clone();
        let reduce = |record: &mut Record| {
            record.version = label(number(&record.version));
            record.duration = Some(duration);
            if record.holder.as_ref().is_some_and(|holder| *holder != me) {
                record.holder = Some(GHOST.clone());
            }
        };
        let elector = &mut self.elector;
        elector.due = elector.due.max(now);
        elector.until = elector.until.filter(|until| *until > now);
        if let Some(sight) = &mut elector.sight {
            sight.since = sight.since.max(oldest_sight);
            sight.version = sight.version.as_ref().map(|version| label(number(version)));
            sight.holder = None;
        }
        if let Some(call) = &mut self.call {
            // Each answer replaces these
            elector.known = Known::Nothing;
            elector.due = now;
            call.sent = call.sent.max(oldest_call);
            if let Some(draft) = &mut call.write {
                simplify(draft, duration, number);
            }
            if let Some(Answer::Found(record) | Answer::Written(record)) = &mut call.answer {
                reduce(record);
            }
        }
        if let Known::Record(record) = &mut elector.known {
            reduce(record);
        }
    }
}
