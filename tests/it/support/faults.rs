//! The fault script of the fakes: "break the third manifest PUT like this".

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Duration;

use super::server::{Answer, Kind};

/// How a request or its answer is broken.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Answers this, without doing what was asked.
    Instead(Answer),
    /// The same, before the request's body is read.
    Early(Answer),
    /// Does what was asked, then answers this.
    AnswerAs(Answer),
    /// Closes the connection, without doing what was asked.
    Drop,
    /// Does what was asked, then closes the connection.
    LoseAnswer,
    /// Never answers, without doing what was asked.
    Stall,
    /// Does what was asked, then never answers. The log has the status that was held back.
    Hold,
    /// Answers later.
    Delay(Duration),
    /// Declares the whole length, breaks off after so many bytes.
    Cut(usize),
    /// Chunked, breaks off after so many bytes.
    NoLastChunk(usize),
    /// So many bytes, declared as if they were all.
    Short(usize),
    /// So many bytes, chunked and ended properly, so that no length tells.
    ShortChunked(usize),
    /// So many bytes at a time, with a pause before each piece.
    Trickle(usize, Duration),
}

/// An effect and the requests it is for.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// `None`: all kinds.
    kind: Option<Kind>,
    path: Option<String>,
    turns: RangeInclusive<usize>,
    /// Of these turns only some.
    only: Option<BTreeSet<usize>>,
    effect: Effect,
    seen: usize,
}

impl Fault {
    /// On every request of a kind.
    pub(crate) fn on(kind: Kind, effect: Effect) -> Self {
        Self {
            kind: Some(kind),
            ..Self::any(effect)
        }
    }

    /// On every request.
    pub(crate) fn any(effect: Effect) -> Self {
        Self {
            kind: None,
            path: None,
            turns: 1..=usize::MAX,
            only: None,
            effect,
            seen: 0,
        }
    }

    /// A status on every request of a kind.
    pub(crate) fn status(kind: Kind, code: u16) -> Self {
        Self::on(kind, Effect::Instead(Answer::status(code)))
    }

    /// Only on the `turn`-th such request, counted from 1 and from now.
    pub(crate) fn nth(self, turn: usize) -> Self {
        self.turns(turn..=turn)
    }

    /// Only on these.
    pub(crate) fn turns(mut self, turns: RangeInclusive<usize>) -> Self {
        self.turns = turns;
        self
    }

    /// Only on these.
    pub(crate) fn among(mut self, turns: BTreeSet<usize>) -> Self {
        self.only = Some(turns);
        self
    }

    /// Only where the path has this in it.
    pub(crate) fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    fn applies(&mut self, kind: Kind, path: &str) -> Option<Effect> {
        let fits = self.kind.is_none_or(|own| own == kind)
            && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()));
        if !fits {
            return None;
        }
        self.seen += 1;
        let strikes = self.turns.contains(&self.seen)
            && self.only.as_ref().is_none_or(|turns| turns.contains(&self.seen));
        strikes.then(|| self.effect.clone())
    }
}

/// The faults of one server. Every fault counts for itself; the first one added that applies wins.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Fault>>);

impl Script {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// What happens to this request.
    pub(crate) fn next(&self, kind: Kind, path: &str) -> Option<Effect> {
        let mut faults = self.0.lock().unwrap();
        // All are asked, so that each counts every request that it is for
        let effects: Vec<_> = faults.iter_mut().map(|fault| fault.applies(kind, path)).collect();
        effects.into_iter().flatten().next()
    }
}

#[test]
fn a_fault_strikes_on_its_turn_and_its_path_only() {
    let script = Script::default();
    script.add(Fault::status(Kind::Package, 503).path("nginx").nth(2));
    assert!(script.next(Kind::Package, "/nginx-1.tgz").is_none(), "first turn");
    assert!(script.next(Kind::Package, "/redis-1.tgz").is_none(), "other path");
    assert!(script.next(Kind::Index, "/nginx").is_none(), "other kind");
    assert!(
        script.next(Kind::Package, "/nginx-2.tgz").is_some(),
        "second turn"
    );
    assert!(script.next(Kind::Package, "/nginx-3.tgz").is_none(), "third turn");
}
