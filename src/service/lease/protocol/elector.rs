//! One replica's part in the election, as a machine: [`Elector::next`] says what to do, [`Elector::take`] hears what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Change, Draft, Moment, Record, Timing, Version};

/// What a lease that was given back says about its duration: the shortest that Kubernetes takes, as client-go writes it.
const RELEASED: Duration = Duration::from_secs(1);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the lease.
    Look,
    /// Write it.
    Write(Draft),
    /// Nothing before this moment.
    Wait(Moment),
    /// Nothing any more: the lease was given back, or there was none to give.
    Done,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Read: this is the lease.
    Found(Record),
    /// There is no lease, or none any more.
    Absent,
    /// Written: this is the lease now.
    Written(Record),
    /// The lease is not in the state that the write was to replace.
    Conflict,
    /// Anything else, no answer included: a write may or may not have happened, or still be on its way.
    Failed,
}

/// What this replica has of the lease to build a write on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// It must look first.
    Nothing,
    /// There is none.
    Absent,
    /// This.
    Record(Record),
}

/// The state that the lease was last seen in, and since when. It outlives failed calls: only a change restarts the count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sight {
    /// None: it had vanished.
    pub(super) version: Option<Version>,
    pub(super) holder: Option<Arc<str>>,
    pub(super) since: Moment,
    pub(super) duration: Duration,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Elector {
    pub(super) me: Arc<str>,
    pub(super) timing: Timing,
    pub(super) known: Known,
    /// None as long as this replica never saw a lease.
    pub(super) sight: Option<Sight>,
    /// This replica leads before this moment.
    pub(super) until: Option<Moment>,
    /// When the next step is due.
    pub(super) due: Moment,
    /// The last write met a conflict: another one waits, so that a server that always says so is not asked in a circle.
    pub(super) contested: bool,
    pub(super) retiring: bool,
}

impl Elector {
    /// A replica that knows nothing yet. `me` must be the only process of that name, ever.
    pub fn new(me: &str, timing: Timing) -> Self {
        Self {
            me: me.into(),
            timing,
            known: Known::Nothing,
            sight: None,
            until: None,
            due: Moment::default(),
            contested: false,
            retiring: false,
        }
    }

    /// Whether this replica may begin something at this moment.
    pub fn leads(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Until when it leads without a further renewal; none if it does not.
    pub fn leads_until(&self) -> Option<Moment> {
        self.until
    }

    /// Another replica that held the lease when it was last seen.
    pub fn leader(&self) -> Option<&str> {
        let holder = self.sight.as_ref()?.holder.as_deref()?;
        (holder != &*self.me).then_some(holder)
    }

    /// Stops to lead, and from here on only gives the lease back.
    pub fn retire(&mut self, now: Moment) {
        self.until = None;
        self.retiring = true;
        self.due = now;
    }

    /// What to do at this moment. The same until an answer is taken.
    pub fn next(&self, now: Moment) -> Step {
        if self.retiring && matches!(self.known, Known::Absent | Known::Record(_)) && !self.mine() {
            return Step::Done;
        }
        if now < self.due {
            return Step::Wait(self.due);
        }
        if self.retiring && self.mine() {
            return Step::Write(self.draft(Change::Released));
        }
        match &self.known {
            Known::Nothing => Step::Look,
            _ if self.mine() => Step::Write(self.draft(Change::Renewed)),
            _ if self.free_at().is_some_and(|free| free <= now) => Step::Write(self.draft(Change::Taken)),
            Known::Absent | Known::Record(_) => Step::Look,
        }
    }

    /// Hears the answer to the step that was sent at `sent`, at the moment `now`.
    pub fn take(&mut self, sent: Moment, now: Moment, answer: Answer) {
        let later = sent.plus(self.timing.retry()).max(now);
        match answer {
            Answer::Found(record) => self.found(record, now, later),
            Answer::Absent => self.absent(now, later),
            Answer::Written(record) => {
                let mine = record.holder.as_deref() == Some(&*self.me);
                self.see(&record, now);
                self.known = Known::Record(record);
                self.contested = false;
                self.due = later;
                // From before the request: how long the answer took is not known to those who wait
                self.until = (mine && !self.retiring).then(|| sent.plus(self.timing.deadline()));
            }
            Answer::Conflict => {
                self.known = Known::Nothing;
                self.due = if self.contested { later } else { now };
                self.contested = true;
            }
            Answer::Failed => {
                self.known = Known::Nothing;
                self.due = later;
            }
        }
    }

    fn found(&mut self, record: Record, now: Moment, later: Moment) {
        self.see(&record, now);
        self.known = Known::Record(record);
        if !self.mine() {
            self.until = None;
        }
        self.due = self.when(now, later);
    }

    fn absent(&mut self, now: Moment, later: Moment) {
        if self.leads(now) {
            // Nobody else may lead now, so it can be created again without waiting
            self.sight = None;
        } else if let Some(sight) = &mut self.sight
            && sight.version.is_some()
        {
            *sight = Sight {
                version: None,
                holder: None,
                since: now,
                duration: sight.duration,
            };
        }
        // Until that is done, somebody who starts just now may create it as well
        self.until = None;
        self.known = Known::Absent;
        self.due = self.when(now, later);
    }

    /// When to act on what was just read: a lease that is ours or free at once, another's when it may be free, or later to
    /// look again.
    fn when(&self, now: Moment, later: Moment) -> Moment {
        if self.mine() {
            return now;
        }
        self.free_at().map_or(later, |free| free.max(now).min(later))
    }

    fn see(&mut self, record: &Record, now: Moment) {
        let seen = self.sight.as_ref().and_then(|sight| sight.version.as_ref());
        if seen == Some(&record.version) {
            return;
        }
        self.sight = Some(Sight {
            version: Some(record.version.clone()),
            holder: record.holder.clone(),
            since: now,
            // What the holder promised itself; never less than what we would
            duration: record.duration.unwrap_or_default().max(self.timing.lease()),
        });
    }

    /// Whether the lease was last seen with our name on it.
    fn mine(&self) -> bool {
        matches!(&self.known, Known::Record(record) if record.holder.as_deref() == Some(&*self.me))
    }

    /// When the lease, as far as it is known, may be taken; none if that is not known.
    fn free_at(&self) -> Option<Moment> {
        match (&self.known, &self.sight) {
            (Known::Nothing, _) => None,
            (Known::Record(record), _) if record.holder.is_none() => Some(Moment::default()),
            (Known::Absent, None) => Some(Moment::default()),
            (_, Some(sight)) => Some(sight.since.plus(sight.duration)),
            (Known::Record(_), None) => None,
        }
    }

    fn draft(&self, change: Change) -> Draft {
        let record = match &self.known {
            Known::Record(record) => Some(record),
            Known::Nothing | Known::Absent => None,
        };
        let before = record.map_or(0, |record| record.transitions);
        let changed = u32::from(change == Change::Taken && record.is_some());
        Draft {
            base: record.map(|record| record.version.clone()),
            holder: (change != Change::Released).then(|| self.me.clone()),
            duration: if change == Change::Released {
                RELEASED
            } else {
                self.timing.lease()
            },
            transitions: before.saturating_add(changed),
            change,
        }
    }
}
