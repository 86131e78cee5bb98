//! The four steps: a cold migration, one that finds everything in place, one new version, and one that is interrupted and goes on.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::content;
use super::requests::{Leave, forbidden};
use super::stage::{Stage, Subject};
use super::table::Row;
use crate::profiles::{Cold, Profile};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Outcome;
use crate::support::registry::{Cookie, ErrorBody, Link, SessionLoss};
use crate::support::server::Kind;

/// All steps; `stage` builds a fresh one each time it is asked.
pub(super) fn all<'a>(mut stage: impl FnMut() -> Stage<'a>, profile: &Profile) -> Row {
    let mut row = Row::new(profile.name);
    let mut first = stage();
    row.cell(cold(&first));
    if profile.cold != Cold::Passes {
        return row;
    }
    row.cell(again(&first));
    if profile.brief {
        return row;
    }
    row.cell(new_version(&mut first));
    row.cell(interrupted(&stage()));
    row
}

/// What holds after every run.
fn check(stage: &Stage<'_>, outcome: &Outcome) -> usize {
    let behaviour = stage.profile.behaviour();
    let leave = Leave {
        look_at_tags: behaviour.no_tag_list
            || behaviour.null_tags
            // A 404 of the tag list that says nothing may mean that there is no such list
            || behaviour.error_body != ErrorBody::Oci
            || matches!(behaviour.link, Link::Loop | Link::OtherHost),
        lose_uploads: behaviour.session_loss != SessionLoss::Never
            || behaviour.cookie == Cookie::Required
            || stage.profile.cold != Cold::Passes,
    };
    let log = stage.subject.whole_log();
    let wrong = forbidden(&log, leave);
    assert!(wrong.is_empty(), "{wrong:#?}\n{log}\n{}", outcome.stderr);
    log.0.len()
}

/// Everything that was said, for people and for machines.
fn said(outcome: &Outcome) -> String {
    let report = outcome
        .report
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let words = format!("{} {} {report}", outcome.stdout, outcome.stderr);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The exit code and how many versions were pushed and found.
fn expect(stage: &Stage<'_>, outcome: Outcome, pushed: usize, present: usize) -> usize {
    let outcome = outcome.expect(0);
    let counted = (outcome.count("pushed"), outcome.count("present"));
    assert_eq!(
        counted,
        (pushed, present),
        "{}\n{}",
        outcome.stdout,
        stage.subject.log()
    );
    assert_eq!(outcome.items().len(), stage.charts.len(), "{}", outcome.stdout);
    check(stage, &outcome)
}

fn assert_complete(stage: &Stage<'_>) {
    let kept = stage.charts.len() - lost(stage);
    assert_eq!(content::in_place(stage), kept, "{}", stage.subject.log());
}

/// Tags that the registry itself took away again: of one chart alone there are more versions than it may keep.
fn lost(stage: &Stage<'_>) -> usize {
    let Some(most) = stage.profile.behaviour().max_unique_tags else {
        return 0;
    };
    stage.charts.iter().filter(|chart| chart.name == "alpha").count() - most
}

fn cold(stage: &Stage<'_>) -> String {
    let outcome = stage.run();
    match stage.profile.cold {
        Cold::Passes => {
            let requests = expect(stage, outcome, stage.charts.len(), 0);
            assert_complete(stage);
            format!("ok ({requests} requests)")
        }
        Cold::Fails { exit, arrived, says } => {
            let outcome = outcome.expect(exit);
            let words = said(&outcome);
            for part in says {
                assert!(words.contains(part), "`{part}` is not in {words}");
            }
            check(stage, &outcome);
            let told = outcome.report.as_ref().map_or(0, |_| outcome.count("pushed"));
            assert_eq!(told, arrived, "{words}");
            if !stage.profile.behaviour().rewrite && stage.profile.behaviour().cut_bodies.is_none() {
                assert_eq!(content::in_place(stage), arrived, "{words}");
            }
            format!("fails ({exit}, {arrived} in)")
        }
    }
}

fn again(stage: &Stage<'_>) -> String {
    let outcome = stage.run();
    let (all, lost) = (stage.charts.len(), lost(stage));
    let requests = expect(stage, outcome, lost, all - lost);
    if lost == 0 {
        assert_eq!(stage.subject.log().writes(), 0, "{}", stage.subject.log());
    }
    format!("ok ({requests})")
}

fn new_version(stage: &mut Stage<'_>) -> String {
    let before = content::in_place(stage);
    stage.publish_another();
    let outcome = stage.run();
    let all = stage.charts.len();
    let requests = expect(stage, outcome, all - before, before);
    assert_complete(stage);
    format!("ok ({requests})")
}

/// Stopped while the second manifest is under way: by SIGTERM where the registry's name has an even length, else by SIGKILL.
fn interrupted(stage: &Stage<'_>) -> String {
    let softly = stage.profile.name.len().is_multiple_of(2);
    stage
        .subject
        .fault(Fault::on(Kind::ManifestPut, Effect::Stall).turns(2..=usize::MAX));
    let mut child = stage.start(|log| log.count(Kind::ManifestPut) >= 2);
    if softly {
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    } else {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), softly.then_some(143), "{status}");
    stage.subject.heal();
    if let Subject::Fake(registry) = &stage.subject {
        // Long enough for tokens, sessions and blobs without a manifest to run out
        registry.skip(Duration::from_secs(2 * 3600));
    }
    let before = content::in_place(stage);
    assert!(before < stage.charts.len(), "nothing was left to do");
    let outcome = stage.run();
    // A request that was on its way when its sender was killed may have arrived since
    let present = outcome.count("present");
    assert!(before <= present, "{before} were in place, {present} were found");
    expect(stage, outcome, stage.charts.len() - present, present);
    assert_complete(stage);
    format!("ok ({})", if softly { "TERM" } else { "KILL" })
}
