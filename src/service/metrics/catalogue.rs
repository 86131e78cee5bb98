//! Every metric: its name, type, labels and meaning. The one truth from which the rendered text and `docs/metrics.md` follow.

/// What Prometheus calls the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// One metric. Its labels are bounded: names out of the configuration, words of ours, and hosts, of which the transport
/// counts a limited number. No chart names.
#[derive(Debug)]
pub(super) struct Metric {
    /// As it stands in queries, so with `_total` where it is a counter.
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) labels: &'static [&'static str],
    /// One sentence.
    pub(super) help: &'static str,
}

macro_rules! catalogue {
    ($($ident:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) static $ident: Metric = Metric {
            name: $name,
            kind: Type::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// All of them, in the order in which they are rendered and documented.
        pub(super) static ALL: &[&Metric] = &[$(&$ident),*];
    };
}

catalogue! {
    BUILD = Gauge "chartferry_build_info" ["version"]
        "Always 1, for the version of chartferry.";
    LEADER = Gauge "chartferry_leader" []
        "1 if this replica runs the mirrors, 0 if another one does. Only the one that does renders mirrors.";
    CONFIG_GOOD = Gauge "chartferry_config_last_reload_successful" []
        "0 if the configuration file changed and was refused: then the last good one is in force. Else 1.";
    CONFIG_LOADED = Gauge "chartferry_config_last_reload_success_timestamp_seconds" []
        "Since when the configuration is in force.";
    IN_FLIGHT = Gauge "chartferry_in_flight" []
        "Versions in flight.";
    IN_FLIGHT_LIMIT = Gauge "chartferry_in_flight_limit" []
        "Versions that may be in flight at once.";
    LAST_SUCCESS = Gauge "chartferry_last_success_timestamp_seconds" ["mirror"]
        "When a run last ended with code 0 or 3. Absent until one did.";
    LAST_RUN = Gauge "chartferry_last_run_timestamp_seconds" ["mirror"]
        "When the last run ended, also if that was before a restart. Absent until one did.";
    LAST_DURATION = Gauge "chartferry_last_run_duration_seconds" ["mirror"]
        "How long the last run took.";
    LAST_EXIT = Gauge "chartferry_last_run_exit_code" ["mirror"]
        "How the last run ended, as an exit code of `migrate`.";
    LAST_WARNINGS = Gauge "chartferry_last_run_warnings" ["mirror"]
        "Things that went on all the same in the last run but deserve a look. Those of single versions are not counted.";
    SAFETY_LIMITS = Gauge "chartferry_safety_limits" ["mirror"]
        "Safety limits that held something back in the last run.";
    FAILURES = Gauge "chartferry_failures_in_a_row" ["mirror"]
        "Failed runs since the last success. Those that were told to stop do not count.";
    HEALTH = Gauge "chartferry_health" ["mirror"]
        "What the status page says: 0 all in place, 1 has not run yet, 2 versions need attention, 3 runs fail.";
    VERSIONS = Gauge "chartferry_versions" ["mirror", "action"]
        "Versions by what happened to them, as far as is known after the last run; all targets together.";
    NEXT_RUN = Gauge "chartferry_next_run_timestamp_seconds" ["mirror"]
        "When the next run begins. Absent if there is no further one.";
    LATENESS = Gauge "chartferry_schedule_lateness_seconds" ["mirror"]
        "How long the next run has been due without having begun. 0 while one goes on.";
    INTERVAL = Gauge "chartferry_schedule_interval_seconds" ["mirror"]
        "From the begin of the last run of this process to that of the next one. Absent before the first, and while a failing mirror backs off.";
    RUNNING_SINCE = Gauge "chartferry_run_start_timestamp_seconds" ["mirror"]
        "When the run began that goes on. Absent while none does.";
    BACKING_OFF = Gauge "chartferry_backing_off" ["mirror"]
        "1 while the schedule is stretched after repeated failures, else 0.";
    RUNS = Counter "chartferry_runs_total" ["mirror", "result"]
        "Runs that ended, by what they ended with.";
    DURATION = Histogram "chartferry_run_duration_seconds" []
        "How long runs took, all mirrors together.";
    PUSHED = Counter "chartferry_pushed_versions_total" ["mirror"]
        "Versions pushed, each target counted.";
    PUSHED_BYTES = Counter "chartferry_pushed_bytes_total" ["mirror"]
        "Bytes of blobs and manifests sent to targets for versions that a run reports.";
    REQUESTS = Counter "chartferry_http_requests_total" ["host", "method", "status"]
        "Requests sent, repetitions and redirects included. `status` is `error` where no answer came.";
    RETRIES = Counter "chartferry_http_retries_total" ["host"]
        "Requests that repeated an earlier one.";
    THROTTLED = Counter "chartferry_throttled_seconds_total" ["host"]
        "Time that requests waited because the host asked for it or answered 429 or 503; many may wait at once.";
    SENT_BYTES = Counter "chartferry_http_sent_bytes_total" ["host"]
        "Bytes sent in bodies.";
    RECEIVED_BYTES = Counter "chartferry_http_received_bytes_total" ["host"]
        "Bytes received in bodies, after unpacking.";
    NOTIFICATIONS = Counter "chartferry_notifications_total" ["receiver", "result"]
        "Notifications that were `sent`, or `failed`: given up after all repetitions, or not tried since too many waited.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the process started.";
    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "Processor time of the process, user and system. Linux only.";
    PROCESS_MEMORY = Gauge "process_resident_memory_bytes" []
        "Memory of the process. Linux only.";
    PROCESS_FDS = Gauge "process_open_fds" []
        "Open file descriptors. Linux only.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" []
        "How many file descriptors may be open. Linux only.";
}
