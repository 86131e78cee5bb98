//! The service: every mirror on its schedule, for months.
//!
//! ```text
//!  ServiceSpec ──► serve ──► Supervisor ── one per mirror ──► Worker ── Clockwork, Backoff ──► one run ──► run::run
//!                     │          │ file changed, SIGHUP          │ place among those who begin
//!                     │          ▼                               ▼
//!                     │       new plans                        Post ◄── RunWatch, Facts
//!                     ▼                                          │
//!                 HTTP, metrics ◄──────────── Desk ◄────────── Board
//! ```
//!
//! It knows no configuration file and owns no signals: who starts it turns the file into a [`ServiceSpec`] and pulls the cords
//! of a [`Stop`]. Nothing at the start depends on a source or a registry being up, and nothing that a run meets ends the
//! service. What is kept between runs is bounded: the last runs, pushes and troubles of each mirror.
//!
//! `view` is what it knows, `desk` the seam between those who work and those who answer over HTTP. `http` answers, with the
//! pages of `page` and the JSON of `api`, which are renderings of the view and know nothing of HTTP. `lease` says which of
//! several replicas works.

pub mod api;
mod backoff;
mod board;
mod clock;
pub mod desk;
mod facts;
pub mod filter;
pub mod http;
pub mod lease;
pub mod metrics;
pub mod notify;
mod one_run;
pub mod page;
mod post;
mod reload;
mod spec;
mod starts;
mod supervisor;
mod traffic;
mod versions;
pub mod view;
mod watch;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch as channel};
use tokio_util::sync::CancellationToken;

use self::board::Board;
use self::desk::Desk;
use self::lease::Leadership;
use self::starts::Starts;
use self::supervisor::Supervisor;
use self::view::{ConfigView, Role};
use self::worker::Floor;
use crate::run::Stop;

pub use self::clock::Clock;
pub use self::reload::{Fingerprint, fingerprint};
pub use self::spec::{ConfigFile, MirrorPlan, Plan, Recipe, Remembered, ServiceSpec};

/// States that are read at once at the start.
const READERS: usize = 4;

/// Tells those who wait for several things what this replica is.
async fn announce(leadership: Leadership, roles: channel::Sender<Role>) {
    let mut news = leadership.watch();
    loop {
        let role = leadership.role();
        roles.send_if_modified(|before| {
            let changed = *before != role;
            before.clone_from(&role);
            changed
        });
        let ends = async {
            if leadership.leads() {
                leadership.lost().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            told = news.changed() => if told.is_err() { return },
            () = ends => {}
        }
    }
}

/// For notifications and answers that are under way when all runs have ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves until the first cord of `stop` is pulled, and then until the runs that go on have ended, at most for its grace time.
/// The second cord ends it at once.
pub async fn serve(spec: ServiceSpec, stop: Stop) {
    let clock = spec.clock;
    let leadership = spec.leadership;
    let (announced, role) = channel::channel(leadership.role());
    let announcing = tokio::spawn(announce(leadership.clone(), announced));
    let config = ConfigView {
        path: spec.config.path.display().to_string().into(),
        loaded: clock.now(),
        refused: None,
    };
    let board = Arc::new(Board::new(
        clock.clone(),
        config,
        (spec.plan.engine, spec.plan.notify),
        role.clone(),
    ));
    let floor = Floor {
        clock,
        board: Arc::clone(&board),
        starts: Starts::new(),
        stop,
        role,
        leadership: leadership.clone(),
        readers: Arc::new(Semaphore::new(READERS)),
    };
    let listens = spec.listener.local_addr().map(|address| address.to_string());
    tracing::info!(
        mirrors = spec.plan.mirrors.len(),
        listens = listens.unwrap_or_default(),
        "the service works"
    );
    // It answers to the end, so that whoever asks sees what is still waited for
    let quiet = CancellationToken::new();
    let closed = quiet.clone().cancelled_owned();
    let desk = Arc::clone(&board) as Arc<dyn Desk>;
    let http = tokio::spawn(http::serve(spec.listener, desk, spec.http, closed));
    let killed = floor.stop.clone();
    Supervisor::new(floor, spec.config, spec.state, spec.plan.mirrors)
        .supervise()
        .await;
    quiet.cancel();
    let words = async {
        tokio::join!(
            leadership.release(),
            board.last_letters(LAST_WORDS),
            tokio::time::timeout(LAST_WORDS, http)
        )
    };
    tokio::select! {
        _ = words => {}
        () = killed.killed() => {}
    }
    tracing::info!("the service has ended");
    announcing.abort();
}
