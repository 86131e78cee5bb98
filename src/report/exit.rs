//! The exit code, derived from the report (reliability 2). `main` maps it, nothing else ends the process.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Action, Command, DriftPolicy, MirrorReport, Problem, ProblemKind, RunReport, Signal};

/// What a run ended with. The order is that of precedence: the greatest of all that apply counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitStatus {
    /// All in place.
    Success,
    /// Conflicts or drift only.
    Conflict,
    /// Some versions failed.
    Failed,
    /// Stopped by a safety limit.
    SafetyLimit,
    /// A source is unusable.
    SourceUnusable,
    /// A target is unusable.
    TargetUnusable,
    /// Another instance is already running.
    AlreadyRunning,
    /// Usage or configuration error.
    Config,
    /// SIGTERM.
    Terminated,
    /// SIGINT.
    Interrupted,
}

impl ExitStatus {
    pub(super) const ALL: [Self; 10] = [
        Self::Success,
        Self::Conflict,
        Self::Failed,
        Self::SafetyLimit,
        Self::SourceUnusable,
        Self::TargetUnusable,
        Self::AlreadyRunning,
        Self::Config,
        Self::Terminated,
        Self::Interrupted,
    ];

    /// The documented number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Config => 1,
            Self::Failed => 2,
            Self::Conflict => 3,
            Self::SourceUnusable => 4,
            Self::TargetUnusable => 5,
            Self::SafetyLimit => 6,
            Self::AlreadyRunning => 75,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The status of a documented number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// What the number means, for help texts and summaries.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "all in place",
            Self::Config => "usage or configuration error",
            Self::Failed => "some versions failed",
            Self::Conflict => "conflicts or drift only",
            Self::SourceUnusable => "source unusable",
            Self::TargetUnusable => "target unusable",
            Self::SafetyLimit => "stopped by a safety limit",
            Self::AlreadyRunning => "another instance is already running",
            Self::Interrupted => "interrupted (SIGINT)",
            Self::Terminated => "interrupted (SIGTERM)",
        }
    }

    /// The status of a run, the worst of what applies.
    pub fn of(report: &RunReport) -> Self {
        Self::with_exceptions(report, &ExitZeroOn::default())
    }

    /// The status that one mirror alone would have given.
    pub fn of_mirror(command: Command, mirror: &MirrorReport) -> Self {
        let applying = of_one(command, mirror);
        applying.into_iter().max().unwrap_or(Self::Success)
    }

    /// The same, without those that the user wants to count as success. What is excepted is left out
    /// before the worst is chosen: an excepted safety limit must not hide a failed version.
    pub fn with_exceptions(report: &RunReport, zero_on: &ExitZeroOn) -> Self {
        let applying = all(report);
        applying
            .difference(&zero_on.0)
            .max()
            .copied()
            .unwrap_or(Self::Success)
    }

    /// A run of the service with this status counts as a success for `last_success` (product 8).
    pub fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Conflict)
    }
}

/// Everything that applies to a run.
fn all(report: &RunReport) -> BTreeSet<ExitStatus> {
    let mut statuses = BTreeSet::new();
    statuses.extend(report.interrupted.map(|signal| match signal {
        Signal::Int => ExitStatus::Interrupted,
        Signal::Term => ExitStatus::Terminated,
    }));
    for mirror in &report.mirrors {
        statuses.extend(of_one(report.command, mirror));
    }
    statuses
}

fn of_one(command: Command, mirror: &MirrorReport) -> BTreeSet<ExitStatus> {
    let mut statuses = BTreeSet::new();
    statuses.extend(mirror.error.as_ref().map(of_problem));
    if !mirror.safety_limits.is_empty() {
        statuses.insert(ExitStatus::SafetyLimit);
    }
    if mirror.error.is_none() && mirror.targets.is_empty() {
        // Nothing is known to be in place: no success without proof (G2).
        statuses.insert(ExitStatus::Failed);
    }
    for target in &mirror.targets {
        statuses.extend(target.error.as_ref().map(of_problem));
        for item in &target.items {
            statuses.extend(of_item(command, mirror.drift, item));
        }
    }
    statuses
}

fn of_problem(problem: &Problem) -> ExitStatus {
    match problem.kind {
        ProblemKind::Config => ExitStatus::Config,
        ProblemKind::AlreadyRunning => ExitStatus::AlreadyRunning,
        ProblemKind::Target => ExitStatus::TargetUnusable,
        ProblemKind::Source => ExitStatus::SourceUnusable,
        ProblemKind::SafetyLimit => ExitStatus::SafetyLimit,
        // Something is missing in the report, so nothing may be called done (G2).
        ProblemKind::Defect => ExitStatus::Failed,
    }
}

fn of_item(command: Command, drift: DriftPolicy, item: &super::Item) -> Option<ExitStatus> {
    match item.action {
        Action::Pushed
        | Action::Present
        | Action::Filtered
        | Action::Held
        | Action::Accepted
        | Action::Vanished => None,
        // In a plan it waits; after anything else it is a version that is not in place.
        Action::Push => (command != Command::Plan).then_some(ExitStatus::Failed),
        Action::Drifted if drift == DriftPolicy::Fail => Some(ExitStatus::Failed),
        Action::Drifted => Some(ExitStatus::Conflict),
        Action::Failed | Action::Refused if item.is_conflict() => Some(ExitStatus::Conflict),
        Action::Failed | Action::Refused => Some(ExitStatus::Failed),
    }
}

/// Exit codes that shall count as success (`--exit-zero-on 3,6`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitZeroOn(BTreeSet<ExitStatus>);

/// The text names no codes that can be excepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an exit code that may count as success (2, 3, 4, 5, 6, 75)", .0.escape_debug())]
pub struct ExitZeroOnError(String);

/// Codes joined by commas. Usage errors and interruptions cannot be excepted: then nothing is known to be done.
impl FromStr for ExitZeroOn {
    type Err = ExitZeroOnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let excepted = ExitStatus::ALL.into_iter().filter(|status| {
            !matches!(
                status,
                ExitStatus::Success | ExitStatus::Config | ExitStatus::Terminated | ExitStatus::Interrupted
            )
        });
        text.split(',')
            .map(|word| {
                let code = word.trim();
                excepted
                    .clone()
                    .find(|status| status.code().to_string() == code)
                    .ok_or_else(|| ExitZeroOnError(code.chars().take(100).collect()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Item, MirrorReport, TargetReport, sample};

    fn with(command: Command, actions: &[Action]) -> RunReport {
        let mut report = sample::empty(command);
        let mut mirror = MirrorReport::new("m", "https://s");
        let mut target = TargetReport::new("oci://r.io");
        for action in actions {
            target.items.push(Item::new("a".into(), "1".into(), *action));
        }
        mirror.targets.push(target);
        report.mirrors.push(mirror);
        report
    }

    fn problem(kind: ProblemKind) -> Option<Problem> {
        sample::problem().map(|problem| Problem { kind, ..problem })
    }

    #[test]
    fn zero_exactly_when_nothing_failed_drifted_or_is_left() {
        use Action::{Accepted, Drifted, Failed, Filtered, Held, Present, Push, Pushed, Refused, Vanished};
        for (action, migrate, plan) in [
            (Push, 2, 0),
            (Pushed, 0, 0),
            (Present, 0, 0),
            (Filtered, 0, 0),
            (Held, 0, 0),
            (Accepted, 0, 0),
            (Vanished, 0, 0),
            (Drifted, 3, 3),
            (Failed, 2, 2),
            (Refused, 2, 2),
        ] {
            assert_eq!(
                ExitStatus::of(&with(Command::Migrate, &[action])).code(),
                migrate,
                "{action}"
            );
            assert_eq!(
                ExitStatus::of(&with(Command::Plan, &[action])).code(),
                plan,
                "{action}"
            );
        }
        assert_eq!(
            ExitStatus::of(&with(Command::Migrate, &[Drifted, Failed])).code(),
            2
        );
    }

    #[test]
    fn drift_can_be_a_failure_and_two_mirrors_are_a_conflict() {
        let mut report = with(Command::Plan, &[Action::Drifted]);
        report.mirrors[0].drift = DriftPolicy::Fail;
        assert_eq!(ExitStatus::of(&report).code(), 2);

        let mut report = with(Command::Migrate, &[Action::Refused]);
        report.mirrors[0].targets[0].items[0].reason =
            Some(std::sync::Arc::new(crate::types::Reason::new("two-mirrors", "x")));
        report.mirrors[0].drift = DriftPolicy::Fail;
        assert_eq!(ExitStatus::of(&report).code(), 3);
    }

    #[test]
    fn the_worst_of_all_mirrors_counts_in_the_documented_order() {
        let mut report = with(Command::Migrate, &[Action::Drifted]);
        let mut seen = vec![ExitStatus::of(&report).code()];
        report.mirrors[0].targets[0]
            .items
            .push(Item::new("b".into(), "1".into(), Action::Failed));
        seen.push(ExitStatus::of(&report).code());
        report.mirrors[0].safety_limits = vec![crate::types::Reason::new("index-shrunk", "x")];
        seen.push(ExitStatus::of(&report).code());
        for kind in [
            ProblemKind::Source,
            ProblemKind::Target,
            ProblemKind::AlreadyRunning,
            ProblemKind::Config,
        ] {
            let mut mirror = MirrorReport::new("n", "https://t");
            mirror.error = problem(kind);
            report.mirrors.push(mirror);
            seen.push(ExitStatus::of(&report).code());
        }
        report.interrupted = Some(Signal::Term);
        seen.push(ExitStatus::of(&report).code());
        assert_eq!(seen, [3, 2, 6, 4, 5, 75, 1, 143]);
        report.interrupted = Some(Signal::Int);
        assert_eq!(ExitStatus::of(&report).code(), 130);
    }

    #[test]
    fn a_mirror_without_any_result_is_no_success() {
        let mut report = sample::empty(Command::Migrate);
        report.mirrors.push(MirrorReport::new("m", "https://s"));
        assert_eq!(ExitStatus::of(&report).code(), 2);
    }

    #[test]
    fn an_exception_does_not_hide_what_is_beneath_it() {
        let mut report = with(Command::Migrate, &[Action::Drifted]);
        report.mirrors[0].safety_limits = vec![crate::types::Reason::new("index-shrunk", "x")];
        for (text, code) in [("3,6", 0), ("6", 3), ("3", 6), ("2", 6), (" 6 , 3", 0)] {
            let zero_on = text.parse().unwrap();
            assert_eq!(
                ExitStatus::with_exceptions(&report, &zero_on).code(),
                code,
                "{text}"
            );
        }
    }

    #[test]
    fn only_results_can_be_excepted() {
        for text in ["", "0", "1", "130", "143", "7", "3,", "x", "03", "-3"] {
            assert!(text.parse::<ExitZeroOn>().is_err(), "{text}");
        }
        assert_eq!(
            "3,130".parse::<ExitZeroOn>().unwrap_err().to_string(),
            "`130` is not an exit code that may count as success (2, 3, 4, 5, 6, 75)"
        );
        assert!("2,3,4,5,6,75".parse::<ExitZeroOn>().is_ok());
    }
}
