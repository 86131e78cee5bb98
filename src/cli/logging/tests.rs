//! What reaches the terminal, byte for byte.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

fn options() -> LogOptions {
    LogOptions {
        levels: levels("info", false, 0),
        format: LogFormat::Text,
        timestamps: false,
        colour: false,
    }
}

/// A writer that keeps what it gets.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Memory {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

fn logged(options: LogOptions, log: impl FnOnce()) -> String {
    let memory = Memory::default();
    match options.format {
        LogFormat::Text => {
            tracing::subscriber::with_default(text_subscriber(options, memory.clone()), log);
        }
        LogFormat::Json => {
            tracing::subscriber::with_default(json_subscriber(options, memory.clone()), log);
        }
    }
    String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_line_per_event() {
    let text = logged(options(), || {
        tracing::info!("pushed 3 versions");
        tracing::warn!(
            host = "registry.acme.io",
            retries = 2,
            "answered 429 Too Many Requests"
        );
        tracing::error!("`acme` failed");
        tracing::debug!("not shown");
    });
    let expected = " INFO pushed 3 versions\n WARN answered 429 Too Many Requests host=\"registry.acme.io\" retries=2\nERROR `acme` failed\n";
    assert_eq!(text, expected);
}

#[test]
fn verbosity_decides_about_our_lines_only() {
    let all = || {
        tracing::error!("e");
        tracing::info!("i");
        tracing::debug!("d");
        tracing::trace!("t");
        tracing::info!(target: "hyper", "foreign i");
        tracing::trace!(target: "h2", "foreign t");
        tracing::warn!(target: "rustls", "foreign w");
    };
    let shown = |quiet, verbose| {
        let options = LogOptions {
            levels: levels("info", quiet, verbose),
            ..options()
        };
        logged(options, all).replace('\n', ";")
    };
    assert_eq!(shown(true, 2), "ERROR e;");
    assert_eq!(shown(false, 0), "ERROR e; INFO i; WARN foreign w;");
    assert_eq!(shown(false, 1), "ERROR e; INFO i;DEBUG d; WARN foreign w;");
    assert_eq!(
        shown(false, 9),
        "ERROR e; INFO i;DEBUG d;TRACE t; WARN foreign w;"
    );
}

#[test]
fn the_configuration_may_name_modules_but_not_loosen_those_of_others() {
    let all = || {
        tracing::info!("i");
        tracing::debug!(target: "chartferry::net", "net d");
        tracing::info!(target: "other", "foreign i");
        tracing::trace!(target: "hyper", "foreign t");
        tracing::warn!(target: "hyper", "foreign w");
    };
    let shown = |configured| {
        let options = LogOptions {
            levels: levels(configured, false, 0),
            ..options()
        };
        logged(options, all).replace('\n', ";")
    };
    assert_eq!(
        shown("info,chartferry::net=debug"),
        " INFO i;DEBUG net d; WARN foreign w;"
    );
    assert_eq!(shown("warn,hyper=trace,other=info"), " WARN foreign w;");
    assert_eq!(shown("hyper=off,info"), " INFO i;");
    assert_eq!(shown("chartferry::net=debug"), "DEBUG net d;");
}

#[test]
fn nothing_foreign_steers_the_terminal_or_forges_a_line() {
    let bad = "a\u{1b}[2J\u{7}\r\n INFO forged\u{9b}2J\u{202e}";
    let text = logged(options(), || {
        tracing::warn!(shown = %bad, quoted = bad, debug = ?bad, "chart {bad}");
    });
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.trim_end_matches('\n').chars().all(plain_char), "{text:?}");
    assert!(
        text.starts_with(" WARN chart a\\u{1b}[2J\\u{7}\\r\\n INFO forged\\u{9b}2J\\u{202e} shown=a\\u{1b}")
    );

    let options = LogOptions {
        format: LogFormat::Json,
        ..options()
    };
    let json = logged(options, || tracing::warn!(shown = %bad, "chart {bad}"));
    assert_eq!(json.matches('\n').count(), 1);
    assert!(json.trim_end_matches('\n').chars().all(plain_char), "{json:?}");
    let event: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (event["shown"].as_str(), event["level"].as_str()),
        (Some(bad), Some("WARN"))
    );
    assert_eq!(event["message"], format!("chart {bad}"));
}

fn plain_char(c: char) -> bool {
    !c.is_control() && c != '\u{202e}'
}

#[test]
fn colour_only_on_request() {
    let log = || tracing::warn!("w");
    let options = LogOptions {
        colour: true,
        ..options()
    };
    assert_eq!(logged(options, log), "\u{1b}[33m WARN\u{1b}[0m w\n");
    let (set, empty) = (Some(OsStr::new("1")), Some(OsStr::new("")));
    let (dumb, xterm) = (Some(OsStr::new("dumb")), Some(OsStr::new("xterm")));
    assert!(wants_colour(true, None, xterm) && wants_colour(true, empty, None));
    assert!(!wants_colour(true, set, xterm) && !wants_colour(true, None, dumb));
    assert!(!wants_colour(false, None, xterm));
}

#[test]
fn time_stands_first_where_it_is_wanted() {
    let options = LogOptions {
        timestamps: true,
        ..options()
    };
    let text = logged(options, || tracing::info!("x"));
    let (time, rest) = text.split_once(' ').unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'),
        "{time}"
    );
    assert_eq!(rest, " INFO x\n");
}
