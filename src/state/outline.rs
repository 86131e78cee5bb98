//! What others ask of a state without knowing what it is made of: the memoir of a run, the rows of a page, the repositories
//! that a mirror fills.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Known, Matter, Origin, State};
use crate::report::{Action, Memoir, Trouble};
use crate::types::{ChartName, Digest, Reason};

/// Exit codes after which a run counts as a success, and those of runs that were told to stop or found another process at
/// work (reliability 2).
const SUCCESS: [u8; 2] = [0, 3];
const NEITHER: [u8; 3] = [75, 130, 143];

/// One version at one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The chart's key in the index.
    pub chart: Arc<str>,
    /// The version as it is written there.
    pub version: Box<str>,
    /// Which target, by its name.
    pub target: Box<str>,
    /// In the last index.
    pub listed: bool,
    /// Who put it there, where it is there.
    pub origin: Option<Origin>,
    /// `oci://…/name:tag`, where it is there.
    pub reference: Option<Box<str>>,
    /// Of its manifest, where it is there.
    pub manifest: Option<Digest>,
    /// sha256 of its package, where it is there.
    pub package: Option<Digest>,
    /// When it was first seen in an index.
    pub first_seen: DateTime<Utc>,
    /// What is wrong with it.
    pub trouble: Option<(Action, Reason)>,
}

impl State {
    /// What the state knows, in short.
    pub fn memoir(&self) -> Memoir {
        let history = self.history();
        let (mut in_place, mut vanished) = (0, 0);
        for (_, _, known) in self.versions() {
            let places = known.places.len() as u64;
            in_place += places;
            vanished += if known.current { 0 } else { places };
        }
        Memoir {
            runs: history.runs().cloned().collect(),
            last_success: history.last_success,
            failures_in_a_row: history.failures_in_a_row,
            failing_since: self.failing_since(),
            trouble: self.trouble().collect(),
            in_place,
            vanished,
            reconciled: self.reconciled,
        }
    }

    /// The end of the first failure since the last success, among the runs that are remembered.
    fn failing_since(&self) -> Option<DateTime<Utc>> {
        let since = self
            .history()
            .runs()
            .take_while(|run| !SUCCESS.contains(&run.exit));
        let failures = since.filter(|run| !NEITHER.contains(&run.exit));
        failures.last().map(|run| run.finished)
    }

    /// What somebody should look at. What was accepted, or left alone on purpose, is remembered but no trouble.
    fn trouble(&self) -> impl Iterator<Item = Trouble> + '_ {
        self.attention()
            .filter(|(_, attention)| is_trouble(attention.action))
            .map(|(matter, attention)| Trouble {
                chart: Arc::clone(&matter.chart),
                version: matter.version.clone(),
                target: self.target_name(matter.target),
                action: attention.action,
                reason: attention.reason.clone(),
                since: attention.since,
                runs: attention.runs,
                is_new: !attention.notified,
            })
    }

    fn target_name(&self, target: u16) -> Box<str> {
        let name = self.identity.targets.get(usize::from(target));
        name.cloned().unwrap_or_default()
    }

    /// Every version at every target, by chart and text of the version, as far as it is in the last index or in place.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.versions()
            .filter(|(_, _, known)| known.current || !known.places.is_empty())
            .flat_map(move |(chart, version, known)| {
                let targets = 0..u16::try_from(self.identity.targets.len()).unwrap_or(u16::MAX);
                targets
                    .filter(|target| known.current || known.at(usize::from(*target)).is_some())
                    .map(move |target| self.row(target, chart, version, known))
            })
    }

    fn row(&self, target: u16, chart: &Arc<str>, version: &str, known: &Known) -> Row {
        let placed = known.at(usize::from(target));
        let name = self.target_name(target);
        let reference = placed
            .and_then(|placed| placed.place((chart, version)))
            .map(|(repository, tag)| match name.strip_prefix("oci://") {
                Some(_) => format!("{name}/{repository}:{tag}").into(),
                None => format!("{name}:{repository}:{tag}").into(),
            });
        let matter = Matter {
            chart: Arc::clone(chart),
            version: version.into(),
            target,
        };
        let trouble = self
            .matter(&matter)
            .filter(|attention| is_trouble(attention.action));
        Row {
            chart: Arc::clone(chart),
            version: version.into(),
            target: name,
            listed: known.current,
            origin: placed.map(|placed| placed.origin),
            reference,
            manifest: placed.map(|placed| placed.manifest),
            package: placed.and_then(|placed| placed.package),
            first_seen: known.first_seen,
            trouble: trouble.map(|attention| (attention.action, attention.reason.clone())),
        }
    }

    /// The repositories at a target in which something of the last index is.
    pub fn repositories(&self, target: usize) -> BTreeSet<ChartName> {
        self.versions()
            .filter(|(_, _, known)| known.current)
            .filter_map(|(chart, version, known)| known.at(target)?.place((chart, version)))
            .map(|(repository, _)| repository)
            .collect()
    }
}

fn is_trouble(action: Action) -> bool {
    matches!(action, Action::Failed | Action::Refused | Action::Drifted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ExitStatus, RunSummary, Totals};
    use crate::state::{MaxShrink, Seen, sample};

    fn filled() -> State {
        let mut state = State::new(sample::identity());
        let entries = ["1.0.0", "2.0.0", "3.0.0"].map(|version| Seen {
            chart: "app",
            version,
            created: None,
        });
        state.look(entries, MaxShrink::default(), false, sample::day(1));
        for version in ["0.9.0", "1.0.0", "2.0.0"] {
            let (repository, tag) = sample::place("app", version);
            let wanted = sample::wanted("app", version, (&repository, &tag));
            assert!(state.stored(0, &wanted, &sample::pushed(version), sample::day(2)));
        }
        let all = ["1.0.0", "2.0.0", "3.0.0"].map(|version| Seen {
            chart: "app",
            version,
            created: None,
        });
        state.look(all, MaxShrink::default(), false, sample::day(3));
        state
    }

    fn note(state: &mut State, version: &str, action: Action) {
        let matter = Matter {
            chart: "app".into(),
            version: version.into(),
            target: 0,
        };
        state.note(matter, action, &Reason::new("x", "y"), None, sample::day(3));
    }

    #[test]
    fn a_row_for_each_version_and_target_that_there_is_something_to_say_of() {
        let mut state = filled();
        note(&mut state, "2.0.0", Action::Drifted);
        let rows: Vec<_> = state.rows().collect();
        // Three are listed, at two targets; one is gone from the index and at one of them only.
        assert_eq!(rows.len(), 7);
        let gone = &rows[0];
        assert_eq!(
            (&*gone.version, gone.listed, gone.origin),
            ("0.9.0", false, Some(Origin::Pushed))
        );
        assert_eq!(gone.reference.as_deref(), Some("oci://r.io/charts/app:0.9.0"));
        let drifted: Vec<_> = rows.iter().filter(|row| row.trouble.is_some()).collect();
        assert_eq!((drifted.len(), &*drifted[0].target), (1, "oci://r.io/charts"));
        let waiting = rows.iter().filter(|row| &*row.version == "3.0.0");
        assert!(
            waiting
                .clone()
                .all(|row| row.origin.is_none() && row.reference.is_none())
        );
        assert_eq!(waiting.count(), 2);
        let repositories: Vec<_> = state.repositories(0).into_iter().collect();
        assert_eq!(repositories, [ChartName::new("app").unwrap()]);
        assert!(state.repositories(1).is_empty());
    }

    #[test]
    fn the_memoir_counts_and_dates() {
        let mut state = filled();
        note(&mut state, "2.0.0", Action::Drifted);
        note(&mut state, "1.0.0", Action::Accepted);
        let mut run = |status: ExitStatus, day| {
            let times = (sample::day(day), sample::day(day));
            state.ended(RunSummary::new(times, status, &Totals::default(), None), status);
        };
        run(ExitStatus::Failed, 1);
        run(ExitStatus::Success, 2);
        run(ExitStatus::AlreadyRunning, 3);
        run(ExitStatus::Failed, 4);
        run(ExitStatus::SourceUnusable, 5);
        let memoir = state.memoir();
        assert_eq!((memoir.in_place, memoir.vanished), (3, 1));
        assert_eq!(memoir.failing_since, Some(sample::day(4)));
        assert_eq!((memoir.failures_in_a_row, memoir.runs.len()), (2, 5));
        // What the user accepts is no trouble.
        assert_eq!(memoir.trouble.len(), 1);
        assert!(memoir.trouble[0].is_new);
        state.notified();
        assert!(!state.memoir().trouble[0].is_new);
    }
}
