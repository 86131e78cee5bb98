//! The service in process, on a clock that runs fast and can be set: schedules over a long time, and a machine that slept
//! (reliability F53).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chartferry::net::NetOptions;
use chartferry::report::Problem;
use chartferry::run::{Engine, MirrorSpec, Stop, TargetSpec};
use chartferry::schedule::{Jitter, Schedule, Zone};
use chartferry::service::desk::Wish;
use chartferry::service::http::HttpOptions;
use chartferry::service::lease::Leadership;
use chartferry::service::notify::NotifyOptions;
use chartferry::service::{Clock, ConfigFile, MirrorPlan, Plan, Recipe, ServiceSpec, serve};
use chartferry::source::SourceSpec;
use chartferry::state::{Claim, StateFolder};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::charts::write_repository;

/// Two simulated minutes a second: a machine that is busy for two seconds is still within five minutes.
const SPEED: u32 = 120;

/// A mirror that writes down when its runs begin.
struct Diary {
    spec: MirrorSpec,
    begun: Arc<Mutex<Vec<DateTime<Utc>>>>,
}

impl Recipe for Diary {
    fn prepare(&self, now: DateTime<Utc>, _: Wish) -> BoxFuture<'_, Result<MirrorSpec, Problem>> {
        self.begun.lock().unwrap().push(now);
        std::future::ready(Ok(self.spec.clone())).boxed()
    }
}

/// A service with one mirror between two folders.
struct Life {
    folder: TempDir,
    clock: Clock,
    begun: Arc<Mutex<Vec<DateTime<Utc>>>>,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Life {
    fn new(start: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let charts = folder.path().join("charts");
        std::fs::create_dir(&charts).unwrap();
        write_repository(&charts, &super::stage::charts(&["1.0.0"]));
        Self {
            folder,
            clock: Clock::own(at(start), SPEED),
            begun: Arc::default(),
        }
    }

    async fn spec(&self, schedule: Schedule) -> ServiceSpec {
        let (charts, out) = (self.folder.path().join("charts"), self.folder.path().join("out"));
        let spec = MirrorSpec::new(SourceSpec::Folder(charts), vec![TargetSpec::Layout(out)]);
        let begun = Arc::clone(&self.begun);
        let plan = MirrorPlan {
            name: "a".into(),
            source: "charts".into(),
            targets: vec!["oci-layout:out".into()],
            schedule,
            jitter: Jitter::none(),
            memory: None,
            recipe: Arc::new(Diary { spec, begun }),
        };
        let state = StateFolder::open(&self.folder.path().join("state")).unwrap();
        ServiceSpec {
            state: Claim::new(&state).unwrap(),
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            http: HttpOptions::default(),
            plan: Plan {
                engine: Engine::new(NetOptions::default()).unwrap(),
                mirrors: vec![plan],
                notify: NotifyOptions::default(),
            },
            config: ConfigFile {
                path: "nowhere".into(),
                fingerprint: None,
                load: Arc::new(|_| Err("nobody changes it".to_owned())),
                hangup: Arc::new(Notify::new()),
            },
            leadership: Leadership::always(),
            clock: self.clock.clone(),
        }
    }

    /// Lives until `until` by its own clock; what the test does meanwhile comes first.
    async fn live(&self, schedule: Schedule, until: &str, meanwhile: impl Future<Output = ()>) {
        let stop = Stop::new(Duration::from_secs(5));
        let service = tokio::spawn(serve(self.spec(schedule).await, stop.clone()));
        meanwhile.await;
        let left = (at(until) - self.clock.now()).to_std().unwrap();
        self.clock.sleep(left).await;
        stop.soft();
        service.await.unwrap();
    }

    fn begun(&self) -> Vec<DateTime<Utc>> {
        self.begun.lock().unwrap().clone()
    }

    async fn runs(&self, number: usize) {
        while self.begun().len() < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn half_an_hour_of_a_schedule_misses_nothing_and_doubles_nothing() {
    let life = Life::new("2026-03-01T10:01:00Z");
    let schedule = Schedule::cron("*/5 * * * *", Zone::UTC).unwrap();
    life.live(schedule, "2026-03-01T10:32:00Z", async {}).await;
    let begun = life.begun();
    let slots: Vec<_> = begun.iter().map(|at| minutes(*at) / 5).collect();
    assert_eq!(slots, [0, 1, 2, 3, 4, 5, 6], "{begun:?}");
}

/// Since ten o'clock.
fn minutes(moment: DateTime<Utc>) -> i64 {
    (moment - at("2026-03-01T10:00:00Z")).num_minutes()
}

#[tokio::test]
async fn a_machine_that_slept_makes_up_with_one_run() {
    let life = Life::new("2026-03-01T10:01:00Z");
    let schedule = Schedule::cron("*/5 * * * *", Zone::UTC).unwrap();
    let sleeps = async {
        life.runs(2).await;
        life.clock.set(TimeDelta::minutes(61));
    };
    life.live(schedule, "2026-03-01T11:12:00Z", sleeps).await;
    let begun = life.begun();
    // It woke at about 11:06; one run makes up for all that was missed, and from there it goes by the schedule
    let slots: Vec<_> = begun[2..].iter().map(|at| minutes(*at) / 5).collect();
    assert_eq!(slots, [13, 14], "{begun:?}");
}
