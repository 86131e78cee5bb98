//! What is wrong with a mirror, as sentences, the worst first: the same on the overview and on the mirror's own page.

use chrono::{DateTime, Utc};

use super::words;
use crate::report::{Action, ExitStatus};
use crate::service::view::{Health, LastRun, MirrorView, Trouble};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding<'a> {
    /// What it is about: a target, a version; nothing if it is the whole mirror.
    pub(super) subject: Option<String>,
    /// What is wrong and what to do.
    pub(super) text: &'a str,
    /// Its code, which `docs/report.md` explains.
    pub(super) code: Option<&'a str>,
}

/// Everything that kept the last run from being a good one, without single versions.
pub(super) fn of_run(mirror: &MirrorView) -> Vec<Finding<'_>> {
    let Some(last) = &mirror.last else {
        return Vec::new();
    };
    let mut found: Vec<_> = whole(last).collect();
    // Some statuses come without a problem of their own
    let wrong = !matches!(
        last.status,
        ExitStatus::Success | ExitStatus::Interrupted | ExitStatus::Terminated
    );
    if found.is_empty() && mirror.trouble.is_empty() && wrong {
        found.push(Finding {
            subject: None,
            text: words::result(last.status.code()),
            code: None,
        });
    }
    found
}

fn whole(last: &LastRun) -> impl Iterator<Item = Finding<'_>> {
    let mirror = last.problem.iter().map(|problem| (None, &problem.reason));
    let targets = last
        .target_problems
        .iter()
        .map(|(target, problem)| (Some(target.to_string()), &problem.reason));
    let limits = last.safety_limits.iter().map(|reason| (None, reason));
    mirror
        .chain(targets)
        .chain(limits)
        .map(|(subject, reason)| Finding {
            subject,
            text: &reason.text,
            code: Some(reason.code),
        })
}

/// Versions that need attention, failures first, then as they come.
pub(super) fn troubles(mirror: &MirrorView) -> Vec<&Trouble> {
    let mut troubles: Vec<_> = mirror.trouble.iter().collect();
    troubles.sort_by_key(|trouble| match trouble.action {
        Action::Failed => 0,
        Action::Refused => 1,
        _ => 2,
    });
    troubles
}

/// The first `most` of all, and how many more there are.
pub(super) fn first(mirror: &MirrorView, most: usize) -> (Vec<Finding<'_>>, usize) {
    let mut found = of_run(mirror);
    let all = found.len() + mirror.trouble.len();
    found.truncate(most);
    let room = most - found.len();
    found.extend(troubles(mirror).into_iter().take(room).map(of_version));
    let more = all - found.len();
    (found, more)
}

fn of_version(trouble: &Trouble) -> Finding<'_> {
    Finding {
        subject: Some(format!(
            "{} {} {}",
            trouble.chart, trouble.version, trouble.action
        )),
        text: &trouble.reason.text,
        code: Some(trouble.reason.code),
    }
}

/// Since when it is as it is, if it is not well.
pub(super) fn since(mirror: &MirrorView) -> Option<DateTime<Utc>> {
    match mirror.health() {
        Health::Failing => {
            let ended = mirror.last.as_ref().map(|last| last.finished);
            mirror.failing_since.or(ended)
        }
        Health::Trouble => mirror.trouble.iter().map(|trouble| trouble.since).min(),
        Health::Good | Health::Unknown => None,
    }
}
