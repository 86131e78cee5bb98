//! What is told and when, and how it arrives at a server on loopback.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::news::news;
use super::*;
use crate::net::testing::{Answer, Server, answer, net};
use crate::notice::{Event, Template, WebhookUrl};
use crate::report::{Action, ExitStatus, Problem, ProblemKind, Totals};
use crate::service::view::{ConfigView, LastRun, Role, ServiceView, Trouble};
use crate::state::RunSummary;
use crate::types::Reason;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::hours(hour)
}

/// A mirror that has never run.
fn fresh() -> MirrorView {
    MirrorView {
        name: "ingress".into(),
        source: "https://charts.acme.io".into(),
        targets: vec!["oci://r.io/c".into()],
        schedule: "every 1h".into(),
        next_run: None,
        running: None,
        last: None,
        history: Vec::new(),
        last_success: None,
        failing_since: None,
        failures_in_a_row: 0,
        backing_off_until: None,
        versions: Totals::default(),
        trouble: Vec::new(),
        recent: Vec::new(),
    }
}

/// A version in trouble since the run of that hour.
fn trouble(version: &str, action: Action, since: i64) -> Trouble {
    Trouble {
        chart: "app".into(),
        version: version.into(),
        target: "oci://r.io/c".into(),
        action,
        reason: Reason::new(action.as_str(), format!("because of <{version}> & more")),
        since: at(since),
        runs: 1,
    }
}

/// The view after one more run, which began at that hour.
fn then(before: &MirrorView, hour: i64, status: ExitStatus, trouble: Vec<Trouble>) -> MirrorView {
    let mut after = before.clone();
    let times = (at(hour), at(hour) + TimeDelta::minutes(1));
    let problem = (status == ExitStatus::SourceUnusable).then(|| Problem {
        kind: ProblemKind::Source,
        reason: Reason::new("unreachable", "`charts.acme.io` cannot be reached"),
    });
    after.history.insert(
        0,
        RunSummary::new(
            times,
            status,
            &Totals {
                pushed: 2,
                ..Totals::default()
            },
            None,
        ),
    );
    after.last = Some(LastRun {
        started: times.0,
        finished: times.1,
        status,
        problem,
        target_problems: Vec::new(),
        safety_limits: Vec::new(),
        warnings: Vec::new(),
    });
    match status {
        _ if status.is_success() => (after.failures_in_a_row, after.failing_since) = (0, None),
        ExitStatus::Interrupted | ExitStatus::Terminated => {}
        _ => {
            after.failures_in_a_row += 1;
            after.failing_since.get_or_insert(times.1);
        }
    }
    after.trouble = trouble;
    after
}

/// What each of these runs brings, one after the other.
fn told(runs: Vec<(ExitStatus, Vec<Trouble>)>) -> Vec<Vec<Event>> {
    let mut before = fresh();
    let mut told = Vec::new();
    for (hour, (status, trouble)) in (1..).zip(runs) {
        let after = then(&before, hour, status, trouble);
        told.push(news(&before, &after).map_or_else(Vec::new, |news| news.events));
        before = after;
    }
    told
}

#[test]
fn a_failure_is_told_when_it_begins_and_when_it_changes() {
    use Event::{Failure, Recovery};
    use ExitStatus::{Failed, SourceUnusable, Success, TargetUnusable, Terminated};
    let failed = |version: &str| trouble(version, Action::Failed, if version == "1" { 6 } else { 10 });
    assert_eq!(
        told(vec![
            (Success, vec![]),
            (SourceUnusable, vec![]),
            (SourceUnusable, vec![]),
            (TargetUnusable, vec![]),
            (Success, vec![]),
            (Failed, vec![failed("1")]),
            (Failed, vec![failed("1")]),
            (Terminated, vec![failed("1")]),
            (Failed, vec![failed("1")]),
            (Failed, vec![failed("1"), failed("2")]),
            (Failed, vec![failed("2")]),
            (Success, vec![]),
            (Success, vec![]),
        ]),
        [
            vec![],
            vec![Failure],
            vec![],
            vec![Failure],
            vec![Recovery],
            vec![Failure],
            vec![],
            vec![],
            vec![],
            vec![Failure],
            vec![],
            vec![Recovery],
            vec![],
        ]
    );
}

#[test]
fn a_drift_is_told_once_and_again_when_it_is_another() {
    use Event::{Drift, Failure, Recovery};
    use ExitStatus::{Conflict, Failed, Success};
    let drift = |version, since| trouble(version, Action::Drifted, since);
    assert_eq!(
        told(vec![
            (Conflict, vec![drift("1", 1)]),
            (Conflict, vec![drift("1", 1)]),
            (Conflict, vec![drift("1", 1), drift("2", 3)]),
            // Other bytes once more: the state gives it a new date.
            (Conflict, vec![drift("1", 4), drift("2", 3)]),
            (Success, vec![]),
            // One notification for both.
            (Failed, vec![trouble("3", Action::Refused, 6), drift("1", 6)]),
            (Conflict, vec![drift("1", 6), drift("4", 7)]),
            // Two mirrors claim one version: refused, and no failure.
            (Conflict, vec![drift("1", 6), trouble("5", Action::Refused, 8)]),
        ]),
        [
            vec![Drift],
            vec![],
            vec![Drift],
            vec![Drift],
            vec![],
            vec![Failure, Drift],
            vec![Drift, Recovery],
            vec![Drift],
        ]
    );
}

#[test]
fn what_was_beyond_the_end_of_a_list_is_not_new() {
    let drift = |version, since| trouble(version, Action::Drifted, since);
    let before = then(&fresh(), 5, ExitStatus::Conflict, vec![drift("1", 2)]);
    let after = then(
        &before,
        6,
        ExitStatus::Conflict,
        vec![drift("1", 2), drift("2", 3)],
    );
    assert_eq!(news(&before, &after), None);
}

#[test]
fn without_a_run_between_there_is_no_news() {
    let failed = then(&fresh(), 1, ExitStatus::Failed, vec![]);
    let mut settled = failed.clone();
    settled.failures_in_a_row = 0;
    assert_eq!(news(&failed, &settled), None);
    assert_eq!(news(&fresh(), &fresh()), None);
}

#[test]
fn a_notification_has_sentences_and_fields() {
    let before = then(&fresh(), 1, ExitStatus::Success, vec![]);
    let after = then(&before, 2, ExitStatus::SourceUnusable, vec![]);
    let fields = message::fields(&news(&before, &after).unwrap(), &before, &after);
    assert_eq!(
        fields["message"],
        "mirror `ingress`: the run failed, source unusable (exit code 4)\n`charts.acme.io` cannot be reached"
    );
    let after = then(
        &after,
        3,
        ExitStatus::Conflict,
        vec![trouble("1", Action::Drifted, 3)],
    );
    let before = then(&before, 2, ExitStatus::SourceUnusable, vec![]);
    let fields = message::fields(&news(&before, &after).unwrap(), &before, &after);
    assert_eq!(
        fields["text"],
        "mirror `ingress`: 1 version has other bytes at the source than in the registry; \
         works again after 1 failed run since 2027-01-15T10:01:00Z, 2 versions pushed\n\
         • app 1 drifted: because of &lt;1&gt; &amp; more"
    );
    assert_eq!(
        fields["versions"],
        json!([{
            "chart": "app", "version": "1", "target": "oci://r.io/c", "action": "drifted", "code": "drifted",
            "reason": "because of <1> & more", "since": "2027-01-15T11:00:00Z",
        }])
    );
    for (key, wanted) in [
        ("schema", json!("chartferry.notification/v1")),
        ("event", json!("drift")),
        ("events", json!(["drift", "recovery"])),
        ("exit_code", json!(3)),
        ("status", json!("conflicts or drift only")),
        ("failing_since", json!(null)),
        ("pushed", json!(2)),
    ] {
        assert_eq!(fields[key], wanted, "{key}");
    }
    // What the templates may name is what there is.
    let mut keys: Vec<_> = fields
        .keys()
        .map(String::as_str)
        .filter(|k| *k != "schema")
        .collect();
    let mut names = crate::notice::PLACEHOLDERS.to_vec();
    keys.sort_unstable();
    names.sort_unstable();
    assert_eq!(keys, names);
}

#[test]
fn many_versions_and_nasty_ones_make_no_large_message() {
    let nasty: Vec<_> = (0..3000)
        .map(|n| {
            let mut trouble = trouble(&format!("{n}\u{202e}\u{1b}[31m"), Action::Failed, 1);
            trouble.reason.text = "<!channel>".repeat(1000);
            trouble
        })
        .collect();
    let after = then(&fresh(), 1, ExitStatus::Failed, nasty);
    let fields = message::fields(&news(&fresh(), &after).unwrap(), &fresh(), &after);
    let text = fields["text"].as_str().unwrap();
    assert!(text.ends_with("• and 2995 more versions"), "{text}");
    assert!(!text.contains(['<', '\u{202e}', '\u{1b}']), "{text}");
    assert_eq!(fields["versions"].as_array().unwrap().len(), 20);
    assert_eq!(fields["versions_more"], 2980);
    assert!(Value::Object(fields).to_string().len() < 40_000);
}

fn receiver(server: &Server) -> Receiver {
    Receiver {
        name: "ops".into(),
        url: UrlPlace::Plain(WebhookUrl::new(server.at("/T0/s3cr3t").as_str()).unwrap()),
        events: Event::ALL.to_vec(),
        mirrors: None,
        header: None,
        template: None,
    }
}

fn options(receivers: Vec<Receiver>) -> NotifyOptions {
    NotifyOptions {
        receivers,
        patience: Duration::from_secs(30),
        pause: Duration::from_millis(1),
    }
}

/// Tells of one failure and waits until that is over; the counts are those of the receiver `ops`.
async fn tell(options: NotifyOptions) -> (String, String) {
    let metrics = Arc::new(Metrics::new());
    let notifier = Notifier::new(options, &net(), Arc::clone(&metrics));
    let after = then(&fresh(), 1, ExitStatus::SourceUnusable, vec![]);
    notifier.run_ended(&fresh(), &after);
    notifier.run_ended(&after, &then(&after, 2, ExitStatus::SourceUnusable, vec![]));
    notifier.close(Duration::from_secs(60)).await;
    counted(&metrics, "ops")
}

/// What the metrics say was sent to a receiver, and what failed.
fn counted(metrics: &Metrics, receiver: &str) -> (String, String) {
    let text = metrics.render(&ServiceView {
        version: "1",
        now: at(0),
        started: at(0),
        role: Role::Leader,
        config: ConfigView {
            path: "c".into(),
            loaded: at(0),
            refused: None,
        },
        mirrors: Vec::new(),
        hosts: Vec::new(),
        in_flight: (0, 1),
    });
    let count = |result: &str| {
        let series =
            format!("chartferry_notifications_total{{receiver=\"{receiver}\",result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_default().to_owned()
    };
    (count("sent"), count("failed"))
}

fn ok() -> Answer {
    answer(200, &[], "ok")
}

#[tokio::test]
async fn it_arrives_once_with_its_header() {
    let server = Server::start(|_, _| ok()).await;
    let folder = tempfile::tempdir().unwrap();
    let (url, token) = (folder.path().join("url"), folder.path().join("token"));
    std::fs::write(&url, format!("{}\n", server.at("/T0/s3cr3t"))).unwrap();
    std::fs::write(&token, "Bearer t0ken\n").unwrap();
    let receiver = Receiver {
        url: UrlPlace::Secret(SecretPlace::File(url)),
        header: Some(("x-token".parse().unwrap(), SecretPlace::File(token))),
        ..receiver(&server)
    };
    assert_eq!(tell(options(vec![receiver])).await, ("1".into(), "0".into()));
    let asked = server.asked();
    assert_eq!(server.lines(), ["POST /T0/s3cr3t"]);
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!(asked[0].header("x-token"), Some("Bearer t0ken"));
    let body: Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(
        (&body["event"], &body["mirror"]),
        (&json!("failure"), &json!("ingress"))
    );
}

#[tokio::test]
async fn a_template_decides_what_is_posted() {
    let server = Server::start(|_, _| ok()).await;
    let receiver = Receiver {
        template: Some(Template::parse(r#"{"text": "!{mirror}!", "code": "{exit_code}"}"#).unwrap()),
        ..receiver(&server)
    };
    tell(options(vec![receiver])).await;
    let body: Value = serde_json::from_slice(&server.asked()[0].body).unwrap();
    assert_eq!(body, json!({"text": "!ingress!", "code": 4}));
}

#[tokio::test]
async fn who_wants_something_else_hears_nothing() {
    let server = Server::start(|_, _| ok()).await;
    let glob = |text: &str| {
        let mut set = globset::GlobSetBuilder::new();
        set.add(globset::Glob::new(text).unwrap());
        Some(set.build().unwrap())
    };
    let receivers = vec![
        Receiver {
            events: vec![Event::Drift, Event::Recovery],
            ..receiver(&server)
        },
        Receiver {
            mirrors: glob("other*"),
            ..receiver(&server)
        },
        Receiver {
            mirrors: glob("ing*"),
            ..receiver(&server)
        },
    ];
    tell(options(receivers)).await;
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn passing_trouble_is_sat_out() {
    // The transport of the tests tries three times; our own pauses come on top.
    for failures in [1, 4] {
        let server = Server::start(move |_, before| {
            if before < failures {
                answer(503, &[], "s3cr3t")
            } else {
                ok()
            }
        })
        .await;
        assert_eq!(
            tell(options(vec![receiver(&server)])).await,
            ("1".into(), "0".into())
        );
        assert_eq!(server.lines().len(), failures + 1);
    }
}

#[tokio::test]
async fn it_is_given_up_when_patience_ends() {
    let server = Server::start(|_, _| answer(503, &[], "")).await;
    let options = NotifyOptions {
        pause: Duration::from_secs(60),
        ..options(vec![receiver(&server)])
    };
    assert_eq!(tell(options).await, ("0".into(), "1".into()));
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    for status in [400, 403, 404, 410, 307] {
        let server = Server::start(move |_, _| answer(status, &[("location", "/else")], "no_service")).await;
        assert_eq!(
            tell(options(vec![receiver(&server)])).await,
            ("0".into(), "1".into())
        );
        assert_eq!(server.lines(), ["POST /T0/s3cr3t"], "{status}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody() {
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(|_, _| ok()).await;
    let dead = Receiver {
        name: "dead".into(),
        url: UrlPlace::Plain(WebhookUrl::new(&format!("http://{}/", hanging.local_addr().unwrap())).unwrap()),
        ..receiver(&server)
    };
    let metrics = Arc::new(Metrics::new());
    let receivers = vec![dead, receiver(&server)];
    let notifier = Notifier::new(options(receivers), &net(), Arc::clone(&metrics));
    // More than its queue holds: the rest is dropped, and nothing waits.
    for _ in 0..QUEUE * 2 {
        notifier.run_ended(&fresh(), &then(&fresh(), 1, ExitStatus::Failed, vec![]));
        tokio::task::yield_now().await;
    }
    while server.lines().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    notifier.close(Duration::from_millis(50)).await;
    let (sent, failed) = counted(&metrics, "dead");
    assert_eq!(sent, "0");
    assert!(failed.parse::<usize>().unwrap() >= QUEUE - 1, "{failed}");
}

/// Writes all events, also those of the transport at `trace`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The answer repeats the secrets, as some do; neither they nor those of the URL reach the log.
#[tokio::test]
async fn secrets_stay_out_of_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // With one subscriber alone `tracing` asks that of whichever thread comes first, which may be another test's.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "Bearer t0ken").unwrap();
    let repeats = |path: &str| format!("no t0ken for {path}, {}", path.rsplit('/').next().unwrap());
    let server = Server::start(move |asked, _| answer(403, &[], repeats(&asked.path))).await;
    let mut refused = receiver(&server);
    refused.header = Some(("authorization".parse().unwrap(), SecretPlace::File(token)));
    let mut unreachable = receiver(&server);
    unreachable.url = UrlPlace::Plain(WebhookUrl::new("http://127.0.0.1:1/T0/s3cr3t").unwrap());
    let quick = NotifyOptions {
        pause: Duration::from_secs(60),
        ..options(vec![refused, unreachable])
    };
    tell(quick).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in ["403", "could not be delivered", "127.0.0.1:1", "path concealed"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    for secret in ["t0ken", "s3cr3t"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn the_example_of_the_documentation_is_true() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    for name in crate::notice::PLACEHOLDERS {
        assert!(text.contains(&format!("`{{{name}}}`")), "{name} is not explained");
    }
    for template in text.split("template = '").skip(1) {
        let template = template.split('\'').next().unwrap();
        assert!(Template::parse(template).is_ok(), "{template}");
    }
}
