//! What is remembered of one mirror between its runs, for whoever looks. Bounded in each direction, since the service lives
//! for months.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::view::{LastRun, Push, Trouble};
use crate::report::{
    self, Action, ExitStatus, Memoir, MirrorReport, Problem, ProblemKind, RunSummary, Totals,
};
use crate::types::Reason;

/// Runs that are shown.
const RUNS: usize = 50;
/// Pushes that are shown.
const PUSHES: usize = 50;
/// Versions in trouble that are shown; the counts have them all.
const TROUBLES: usize = 500;

/// A run that ended.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    pub(super) started: DateTime<Utc>,
    pub(super) finished: DateTime<Utc>,
    pub(super) status: ExitStatus,
    pub(super) report: &'a MirrorReport,
}

/// What is known of a mirror after its runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) last: Option<LastRun>,
    /// Newest first.
    pub(super) history: VecDeque<RunSummary>,
    pub(super) last_success: Option<DateTime<Utc>>,
    pub(super) failing_since: Option<DateTime<Utc>>,
    pub(super) failures_in_a_row: u32,
    pub(super) versions: Totals,
    pub(super) trouble: Vec<Trouble>,
    /// Newest first.
    pub(super) recent: VecDeque<Push>,
}

impl Facts {
    /// Takes note of a run.
    pub(super) fn ended(&mut self, run: &Ended<'_>) {
        let mut totals = Totals::default();
        for target in &run.report.targets {
            totals.merge(&target.totals());
        }
        let problem = run
            .report
            .error
            .as_ref()
            .map(|problem| problem.reason.text.as_str());
        let times = (run.started, run.finished);
        self.history
            .push_front(RunSummary::new(times, run.status, &totals, problem));
        self.history.truncate(RUNS);
        match run.status {
            status if status.is_success() => {
                self.last_success = Some(run.finished);
                self.failing_since = None;
                self.failures_in_a_row = 0;
            }
            // Told to stop, or somebody else runs it at this moment: neither one nor the other
            ExitStatus::Terminated | ExitStatus::Interrupted | ExitStatus::AlreadyRunning => {}
            _ => {
                self.failing_since.get_or_insert(run.finished);
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
            }
        }
        self.last = Some(last_run(run));
        self.note_versions(run, &totals);
        self.note_pushes(run);
    }

    /// Where nothing was looked at, what was known before still holds.
    fn note_versions(&mut self, run: &Ended<'_>, totals: &Totals) {
        let report = run.report;
        let looked = report.targets.iter().any(|target| !target.items.is_empty());
        if report.source_unchanged {
            // Only what needs attention is listed; the rest is in place as it was
            let before = self.versions;
            self.versions = Totals {
                present: before.present + before.pushed,
                pushed: 0,
                bytes: 0,
                drifted: totals.drifted,
                failed: totals.failed,
                refused: totals.refused,
                accepted: totals.accepted,
                vanished: totals.vanished,
                ..before
            };
        } else if looked {
            self.versions = *totals;
        }
        match &report.memoir {
            Some(memoir) => {
                self.trouble = troubles(&memoir.trouble);
                self.take_counts(memoir);
            }
            None if looked => self.trouble = trouble(run, &self.trouble),
            None => {}
        }
    }

    /// How many are in place, where a state knows it better than one run.
    fn take_counts(&mut self, memoir: &Memoir) {
        let versions = &mut self.versions;
        versions.vanished = memoir.vanished;
        let other = memoir.vanished + versions.drifted + versions.pushed;
        versions.present = memoir.in_place.saturating_sub(other);
        versions.versions = Action::ALL.into_iter().map(|action| versions.of(action)).sum();
        versions.selected = versions.versions - versions.filtered - versions.vanished;
    }

    /// What earlier processes knew.
    pub(super) fn recall(&mut self, memoir: Memoir) {
        self.last = memoir.runs.first().and_then(recalled);
        // It may be the second time: a replica that did not lead for a while
        self.versions = Totals::default();
        self.trouble = troubles(&memoir.trouble);
        for one in &memoir.trouble {
            match one.action {
                Action::Drifted => self.versions.drifted += 1,
                Action::Failed => self.versions.failed += 1,
                Action::Refused => self.versions.refused += 1,
                _ => {}
            }
        }
        self.take_counts(&memoir);
        self.last_success = memoir.last_success;
        self.failing_since = memoir.failing_since;
        self.failures_in_a_row = memoir.failures_in_a_row;
        self.history = memoir.runs.into();
        self.history.truncate(RUNS);
    }

    fn note_pushes(&mut self, run: &Ended<'_>) {
        for target in &run.report.targets {
            let pushed = target.items.iter().filter(|item| item.action == Action::Pushed);
            for item in pushed.take(PUSHES) {
                self.recent.push_front(Push {
                    at: run.finished,
                    chart: Arc::clone(&item.chart),
                    version: item.version.clone(),
                    reference: item.reference(&target.target).unwrap_or_default().into(),
                    digest: item.details().manifest_digest,
                    bytes: item.details().bytes,
                });
            }
        }
        self.recent.truncate(PUSHES);
    }
}

/// The last run of an earlier process, as far as it is remembered.
fn recalled(run: &RunSummary) -> Option<LastRun> {
    let status = ExitStatus::from_code(run.exit)?;
    let kind = match status {
        ExitStatus::SourceUnusable => ProblemKind::Source,
        ExitStatus::TargetUnusable => ProblemKind::Target,
        ExitStatus::AlreadyRunning => ProblemKind::AlreadyRunning,
        ExitStatus::SafetyLimit => ProblemKind::SafetyLimit,
        ExitStatus::Config => ProblemKind::Config,
        _ => ProblemKind::Defect,
    };
    let problem = run.problem.as_ref().map(|text| Problem {
        kind,
        reason: Reason::new("earlier-run", text.to_string()),
    });
    Some(LastRun {
        started: run.started,
        finished: run.finished,
        status,
        problem,
        target_problems: Vec::new(),
        safety_limits: Vec::new(),
        warnings: Vec::new(),
    })
}

fn troubles(found: &[report::Trouble]) -> Vec<Trouble> {
    let shown = found.iter().take(TROUBLES);
    let trouble = shown.map(|one| Trouble {
        chart: Arc::clone(&one.chart),
        version: one.version.clone(),
        target: one.target.clone(),
        action: one.action,
        reason: one.reason.clone(),
        since: one.since,
        runs: one.runs,
    });
    trouble.collect()
}

fn last_run(run: &Ended<'_>) -> LastRun {
    let targets = &run.report.targets;
    LastRun {
        started: run.started,
        finished: run.finished,
        status: run.status,
        problem: run.report.error.clone(),
        target_problems: targets
            .iter()
            .filter_map(|target| Some((target.target.clone(), target.error.clone()?)))
            .collect(),
        safety_limits: run.report.safety_limits.clone(),
        warnings: targets
            .iter()
            .flat_map(|target| &target.warnings)
            .chain(&run.report.warnings)
            .cloned()
            .collect(),
    }
}

/// What needs attention after a run; what did before is known by then for so long.
fn trouble(run: &Ended<'_>, before: &[Trouble]) -> Vec<Trouble> {
    let known: HashMap<_, _> = before
        .iter()
        .map(|one| ((&*one.chart, &*one.version, &*one.target), (one.since, one.runs)))
        .collect();
    let mut found = Vec::new();
    for target in &run.report.targets {
        for item in &target.items {
            let troubled = matches!(item.action, Action::Failed | Action::Refused | Action::Drifted);
            let Some(reason) = item.reason.as_ref().filter(|_| troubled) else {
                continue;
            };
            let key = (&*item.chart, &*item.version, &*target.target);
            let (since, runs) = known.get(&key).copied().unwrap_or((run.finished, 0));
            found.push(Trouble {
                chart: Arc::clone(&item.chart),
                version: item.version.clone(),
                target: target.target.clone(),
                action: item.action,
                reason: (**reason).clone(),
                since,
                runs: runs.saturating_add(1),
            });
            if found.len() >= TROUBLES {
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Item, TargetReport};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).unwrap()
    }

    fn item(version: &str, action: Action) -> Item {
        let mut item = Item::new("app".into(), version.into(), action);
        item.repository = Some("app".into());
        item.reason = Some(Arc::new(Reason::new("x", "why")));
        item
    }

    fn run(facts: &mut Facts, hour: i64, status: ExitStatus, items: Vec<Item>) {
        let mut report = MirrorReport::new("m", "https://s");
        let mut target = TargetReport::new("oci://r.io/c");
        target.items = items;
        report.targets.push(target);
        facts.ended(&Ended {
            started: at(hour),
            finished: at(hour),
            status,
            report: &report,
        });
    }

    #[test]
    fn trouble_is_known_since_its_first_run() {
        let mut facts = Facts::default();
        run(&mut facts, 1, ExitStatus::Failed, vec![item("1", Action::Failed)]);
        run(
            &mut facts,
            2,
            ExitStatus::Failed,
            vec![item("1", Action::Failed), item("2", Action::Drifted)],
        );
        let known: Vec<_> = facts.trouble.iter().map(|one| (one.since, one.runs)).collect();
        assert_eq!(known, [(at(1), 2), (at(2), 1)]);
        assert_eq!((facts.failing_since, facts.failures_in_a_row), (Some(at(1)), 2));
        // A run that came to nothing settles nothing
        run(&mut facts, 3, ExitStatus::SourceUnusable, vec![]);
        assert_eq!((facts.trouble.len(), facts.versions.failed), (2, 1));
        run(
            &mut facts,
            4,
            ExitStatus::Success,
            vec![item("1", Action::Pushed)],
        );
        assert!(facts.trouble.is_empty() && facts.failing_since.is_none());
        assert_eq!(
            (&*facts.recent[0].reference, facts.last_success),
            ("oci://r.io/c/app:1", Some(at(4)))
        );
    }

    #[test]
    fn nothing_grows_without_bound() {
        let mut facts = Facts::default();
        for hour in 0..200 {
            let many = |action| (0..1000).map(move |n| item(&n.to_string(), action));
            let items = many(Action::Failed).chain(many(Action::Pushed)).collect();
            run(&mut facts, hour, ExitStatus::Failed, items);
        }
        assert_eq!(
            (facts.history.len(), facts.trouble.len(), facts.recent.len()),
            (RUNS, TROUBLES, PUSHES)
        );
        assert_eq!(facts.history[0].finished, at(199));
        assert_eq!(facts.versions.failed, 1000);
    }

    #[test]
    fn what_is_remembered_counts_once_however_often_it_is_read() {
        let trouble = report::Trouble {
            chart: "app".into(),
            version: "1".into(),
            target: "oci://r.io/c".into(),
            action: Action::Drifted,
            reason: Reason::new("drift", "why"),
            since: at(1),
            runs: 1,
            is_new: false,
        };
        let memoir = Memoir {
            in_place: 5,
            vanished: 1,
            trouble: vec![trouble],
            ..Memoir::default()
        };
        let mut facts = Facts::default();
        facts.recall(memoir.clone());
        facts.recall(memoir);
        let versions = facts.versions;
        assert_eq!(
            (
                versions.present,
                versions.drifted,
                versions.vanished,
                versions.versions
            ),
            (3, 1, 1, 5)
        );
    }

    #[test]
    fn an_interrupted_run_is_no_failure() {
        let mut facts = Facts::default();
        run(&mut facts, 1, ExitStatus::Terminated, vec![]);
        assert_eq!((facts.failures_in_a_row, facts.history.len()), (0, 1));
        let mut report = MirrorReport::new("m", "https://s");
        let reason = Reason::new("unreachable", "no route");
        report.error = Some(Problem {
            kind: ProblemKind::Source,
            reason,
        });
        let status = ExitStatus::SourceUnusable;
        facts.ended(&Ended {
            started: at(2),
            finished: at(2),
            status,
            report: &report,
        });
        assert_eq!(facts.history[0].problem.as_deref(), Some("no route"));
        assert_eq!(facts.last.unwrap().problem.unwrap().reason.code, "unreachable");
    }
}
