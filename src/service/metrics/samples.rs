//! View and counters into samples: which figure stands under which name.

use chrono::{DateTime, TimeDelta, Utc};

use super::catalogue::{self as names, Metric};
use super::counts::{Counts, RESULTS};
use super::exposition::{Family, Sample, Value};
use super::process;
use crate::report::{Action, HostTraffic};
use crate::service::view::{Health, LastRun, MirrorView, Role, ServiceView};

/// All families, in the order of the catalogue.
pub(super) fn families(view: &ServiceView, counts: &Counts) -> Vec<Family> {
    let mut page = Page::default();
    service(&mut page, view);
    // A replica on standby knows old things of the mirrors, and alerts would believe them.
    if view.role == Role::Leader {
        for mirror in &view.mirrors {
            last_run(&mut page, mirror);
            standing(&mut page, mirror);
            schedule(&mut page, mirror, view);
        }
    }
    counters(&mut page, counts);
    for host in &view.hosts {
        traffic(&mut page, host);
    }
    process(&mut page, view);
    page.in_order()
}

#[derive(Default)]
struct Page(Vec<Family>);

impl Page {
    fn put(&mut self, metric: &'static Metric, labels: &[&str], value: Value) {
        let sample = Sample {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value,
        };
        match self.0.iter_mut().find(|family| family.metric.name == metric.name) {
            Some(family) => family.samples.push(sample),
            None => self.0.push(Family {
                metric,
                samples: vec![sample],
            }),
        }
    }

    fn count(&mut self, metric: &'static Metric, labels: &[&str], count: u64) {
        self.put(metric, labels, Value::Count(count));
    }

    fn number(&mut self, metric: &'static Metric, labels: &[&str], number: f64) {
        self.put(metric, labels, Value::Number(number));
    }

    fn moment(&mut self, metric: &'static Metric, labels: &[&str], moment: Option<DateTime<Utc>>) {
        if let Some(moment) = moment {
            self.number(metric, labels, seconds(moment - DateTime::UNIX_EPOCH));
        }
    }

    fn in_order(mut self) -> Vec<Family> {
        let place = |family: &Family| names::ALL.iter().position(|m| m.name == family.metric.name);
        self.0.sort_by_key(place);
        self.0
    }
}

/// To the millisecond, far from where a float loses them.
fn seconds(time: TimeDelta) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
    let milliseconds = time.num_milliseconds() as f64;
    milliseconds / 1000.0
}

fn service(page: &mut Page, view: &ServiceView) {
    let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    page.count(&names::BUILD, &[view.version], 1);
    page.count(&names::LEADER, &[], u64::from(view.role == Role::Leader));
    page.count(&names::CONFIG_GOOD, &[], u64::from(view.config.refused.is_none()));
    page.moment(&names::CONFIG_LOADED, &[], Some(view.config.loaded));
    page.count(&names::IN_FLIGHT, &[], size(view.in_flight.0));
    page.count(&names::IN_FLIGHT_LIMIT, &[], size(view.in_flight.1));
}

fn last_run(page: &mut Page, mirror: &MirrorView) {
    let name = [&*mirror.name];
    page.moment(&names::LAST_SUCCESS, &name, mirror.last_success);
    let Some(last) = &mirror.last else { return };
    page.moment(&names::LAST_RUN, &name, Some(last.finished));
    page.number(
        &names::LAST_DURATION,
        &name,
        // A clock that was set back makes no negative time.
        seconds(last.finished - last.started).max(0.0),
    );
    page.count(&names::LAST_EXIT, &name, last.status.code().into());
    page.count(&names::LAST_WARNINGS, &name, last.warnings.len() as u64);
    page.count(&names::SAFETY_LIMITS, &name, last.safety_limits.len() as u64);
}

fn standing(page: &mut Page, mirror: &MirrorView) {
    let name = &*mirror.name;
    page.count(&names::FAILURES, &[name], mirror.failures_in_a_row.into());
    let health = match mirror.health() {
        Health::Good => 0,
        Health::Unknown => 1,
        Health::Trouble => 2,
        Health::Failing => 3,
    };
    page.count(&names::HEALTH, &[name], health);
    // `push` is a word of plans.
    for action in Action::ALL.into_iter().filter(|action| *action != Action::Push) {
        let count = mirror.versions.of(action);
        page.count(&names::VERSIONS, &[name, action.as_str()], count);
    }
}

fn schedule(page: &mut Page, mirror: &MirrorView, view: &ServiceView) {
    let name = [&*mirror.name];
    page.moment(&names::NEXT_RUN, &name, mirror.next_run);
    let backing_off = mirror.backing_off_until.is_some_and(|until| until > view.now);
    page.count(&names::BACKING_OFF, &name, u64::from(backing_off));
    if let Some(next) = mirror.next_run {
        let late = match mirror.running {
            None => seconds(view.now - next).max(0.0),
            Some(_) => 0.0,
        };
        page.number(&names::LATENESS, &name, late);
        // Neither the time in which no process ran nor a stretched pause says how often the mirror is meant to run.
        let of_this_process = |last: &&LastRun| last.started >= view.started && !backing_off;
        if let Some(last) = mirror.last.as_ref().filter(of_this_process) {
            page.number(&names::INTERVAL, &name, seconds(next - last.started).max(0.0));
        }
    }
    let running = mirror.running.as_ref().map(|run| run.since);
    page.moment(&names::RUNNING_SINCE, &name, running);
}

fn counters(page: &mut Page, counts: &Counts) {
    for (name, mirror) in &counts.mirrors {
        for ((_, word), count) in RESULTS.iter().zip(mirror.runs) {
            page.count(&names::RUNS, &[name, word], count);
        }
        page.count(&names::PUSHED, &[name], mirror.pushed);
        page.count(&names::PUSHED_BYTES, &[name], mirror.bytes);
    }
    page.put(&names::DURATION, &[], Value::Durations(counts.durations.clone()));
    for (name, receiver) in &counts.receivers {
        page.count(&names::NOTIFICATIONS, &[name, "sent"], receiver.sent);
        page.count(&names::NOTIFICATIONS, &[name, "failed"], receiver.failed);
    }
}

fn traffic(page: &mut Page, traffic: &HostTraffic) {
    let host = &*traffic.host;
    for (request, count) in &traffic.by_status {
        let (method, status) = request.split_once(' ').unwrap_or((request, ""));
        page.count(&names::REQUESTS, &[host, method, status], *count);
    }
    page.count(&names::RETRIES, &[host], traffic.retries);
    let throttled = i64::try_from(traffic.throttled_ms).unwrap_or(i64::MAX);
    let throttled = TimeDelta::try_milliseconds(throttled).unwrap_or(TimeDelta::MAX);
    page.number(&names::THROTTLED, &[host], seconds(throttled));
    page.count(&names::SENT_BYTES, &[host], traffic.bytes_sent);
    page.count(&names::RECEIVED_BYTES, &[host], traffic.bytes_received);
}

fn process(page: &mut Page, view: &ServiceView) {
    page.moment(&names::PROCESS_START, &[], Some(view.started));
    let Some(process) = process::look() else { return };
    page.number(&names::PROCESS_CPU, &[], process.cpu_seconds);
    page.count(&names::PROCESS_MEMORY, &[], process.memory_bytes);
    page.count(&names::PROCESS_FDS, &[], process.open_fds);
    if let Some(most) = process.max_fds {
        page.count(&names::PROCESS_MAX_FDS, &[], most);
    }
}
