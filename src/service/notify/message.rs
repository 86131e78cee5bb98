//! The notification: sentences for people, and the same as fields for programs.
//!
//! `text` is what Slack, Mattermost and Rocket.Chat show. Charts and servers have a say in it, so `&`, `<` and `>` are
//! escaped as Slack wants it: `<!channel>` in the name of a chart wakes nobody.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::news::News;
use crate::notice::Event;
use crate::report::{Action, count, plain};
use crate::service::view::{LastRun, MirrorView, Trouble};

/// The name of the format.
pub const SCHEMA: &str = "chartferry.notification/v1";

/// Versions in the fields, and in the sentences. A message is for a glance; all of them are on the status page.
const IN_FIELDS: usize = 20;
const IN_TEXT: usize = 5;
/// Characters of a reason.
const REASON: usize = 400;

/// The notification without its template: an object.
pub(super) fn fields(news: &News<'_>, before: &MirrorView, after: &MirrorView) -> Map<String, Value> {
    let Some(last) = &after.last else {
        return Map::new();
    };
    let message = message(news, before, after, last);
    let words: Vec<_> = news.events.iter().map(|event| event.as_str()).collect();
    let problems = problems(last);
    let versions = news.fresh.iter().take(IN_FIELDS);
    // A run is the newest of the history; without one nothing is known of what it pushed.
    let pushed = after.history.first().map_or(0, |run| run.of(Action::Pushed));
    let counts: Map<String, Value> = Action::ALL
        .into_iter()
        .filter(|action| *action != Action::Push)
        .map(|action| (action.to_string(), after.versions.of(action).into()))
        .collect();
    let fields = json!({
        "schema": SCHEMA,
        "text": for_slack(&message),
        "message": message,
        "event": words.first(),
        "events": words,
        "mirror": after.name,
        "source": after.source,
        "targets": after.targets,
        "status": last.status.meaning(),
        "exit_code": last.status.code(),
        "started": time(last.started),
        "finished": time(last.finished),
        "failures_in_a_row": after.failures_in_a_row,
        "failing_since": after.failing_since.map(time),
        "problem": (!problems.is_empty()).then(|| problems.join("; ")),
        "versions": versions.map(|trouble| version(trouble)).collect::<Vec<_>>(),
        "versions_more": news.fresh.len().saturating_sub(IN_FIELDS),
        "pushed": pushed,
        "counts": counts,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn version(trouble: &Trouble) -> Value {
    json!({
        "chart": trouble.chart,
        "version": trouble.version,
        "target": trouble.target,
        "action": trouble.action.as_str(),
        "code": trouble.reason.code,
        "reason": short(&trouble.reason.text),
        "since": time(trouble.since),
    })
}

/// A sentence for each event, then what it is about.
fn message(news: &News<'_>, before: &MirrorView, after: &MirrorView, last: &LastRun) -> String {
    let mut text = format!("mirror `{}`: ", after.name);
    let sentences = news.events.iter().map(|event| match event {
        Event::Failure => failure(after, last),
        Event::Recovery => recovery(before, after),
        Event::Drift => {
            let drifted = news.fresh.iter().filter(|t| t.action == Action::Drifted).count();
            match u64::try_from(drifted).unwrap_or(u64::MAX) {
                0 => "versions are in conflict with another mirror or a tag that is taken".to_owned(),
                1 => "1 version has other bytes at the source than in the registry".to_owned(),
                many => format!("{many} versions have other bytes at the source than in the registry"),
            }
        }
    });
    text.push_str(&sentences.collect::<Vec<_>>().join("; "));
    if news.events.contains(&Event::Failure) {
        for problem in problems(last).iter().take(IN_TEXT) {
            _ = write!(text, "\n{problem}");
        }
    }
    for trouble in news.fresh.iter().take(IN_TEXT) {
        let Trouble {
            chart,
            version,
            action,
            reason,
            ..
        } = trouble;
        let (chart, version) = (plain(chart), plain(version));
        _ = write!(text, "\n• {chart} {version} {action}: {}", short(&reason.text));
    }
    if news.fresh.len() > IN_TEXT {
        let more = count(
            (news.fresh.len() - IN_TEXT).try_into().unwrap_or(u64::MAX),
            "more version",
        );
        _ = write!(text, "\n• and {more}");
    }
    text
}

fn failure(after: &MirrorView, last: &LastRun) -> String {
    let status = last.status;
    let mut text = format!(
        "the run failed, {} (exit code {})",
        status.meaning(),
        status.code()
    );
    if after.failures_in_a_row > 1 {
        _ = write!(text, ", {} in a row", after.failures_in_a_row);
        if let Some(since) = after.failing_since {
            _ = write!(text, " since {}", time(since));
        }
    }
    text
}

fn recovery(before: &MirrorView, after: &MirrorView) -> String {
    let mut text = "works again".to_owned();
    let runs = count(before.failures_in_a_row.into(), "failed run");
    _ = write!(text, " after {runs}");
    if let Some(since) = before.failing_since {
        _ = write!(text, " since {}", time(since));
    }
    let pushed = after.history.first().map_or(0, |run| run.of(Action::Pushed));
    if pushed > 0 {
        _ = write!(text, ", {} pushed", count(pushed, "version"));
    }
    text
}

/// What kept the mirror or its targets from being served, and what a safety limit held back.
fn problems(last: &LastRun) -> Vec<String> {
    let whole = last.problem.iter().map(|problem| short(&problem.reason.text));
    let targets = last
        .target_problems
        .iter()
        .map(|(target, problem)| format!("{}: {}", plain(target), short(&problem.reason.text)));
    let limits = last.safety_limits.iter().map(|reason| short(&reason.text));
    whole.chain(targets).chain(limits).collect()
}

fn time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn short(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// <https://api.slack.com/reference/surfaces/formatting#escaping>
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
