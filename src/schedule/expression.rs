//! The text of a crontab expression: fields, positions, nicknames, and what is wrong with it.

use std::fmt;
use std::ops::Range;

use super::field::{DAY, Fault, Field, HOUR, MINUTE, MONTH, SECOND, Set, WEEKDAY};

/// Longest expression that is read: all fields written out as lists take less than 600 bytes.
const LONGEST: usize = 1000;

/// The fields, seconds first.
static FIELDS: [&Field; 6] = [&SECOND, &MINUTE, &HOUR, &DAY, &MONTH, &WEEKDAY];

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no schedule: {problem}")]
pub struct CronError {
    /// Cut and escaped.
    text: String,
    problem: Problem,
    span: Range<usize>,
}

/// What is wrong with a crontab expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not five or six fields.
    #[error(
        "it has {0} fields; give five (minute, hour, day of month, month, day of week), or six with seconds first, or `@hourly` and the like"
    )]
    Fields(usize),
    /// Longer than any expression needs to be.
    #[error("it is longer than {LONGEST} bytes")]
    Long,
    /// `TZ=` or `CRON_TZ=` in front.
    #[error("the time zone goes into `timezone`")]
    Zone,
    /// `@every 30m`
    #[error("a plain period goes into `every`, as `every = \"30m\"`")]
    Every,
    /// `@reboot`
    #[error("there is nothing to set, since each mirror runs at the start of the service")]
    Reboot,
    /// Another word with `@`.
    #[error(
        "this nickname is not known; there are `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`"
    )]
    Nickname,
    /// An item of a field.
    #[error(
        "`{item}` in field {position} ({}): {fault}; allowed is {field}, as `*`, `5`, `5,7`, `5-7` or `*/2`",
        field.name()
    )]
    Item {
        /// The item, cut and escaped.
        item: String,
        /// From 1, as the fields were written.
        position: usize,
        /// The field.
        field: &'static Field,
        /// What is wrong with the item.
        fault: Fault,
    },
    /// `0 0 31 2 *`
    #[error("it never comes, since none of its months has such a day")]
    Never,
}

impl CronError {
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Where in the text, in bytes: what a message with line and column points at.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The expression has no moment at all.
    pub(super) fn never(text: &str) -> Self {
        Self::new(text, Problem::Never, 0..text.len())
    }

    fn new(text: &str, problem: Problem, span: Range<usize>) -> Self {
        Self {
            text: shown(text),
            problem,
            span,
        }
    }
}

/// A crontab expression, read field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    /// With single spaces.
    text: Box<str>,
    sets: [Set; 6],
}

impl Expression {
    /// Reads the expression; whether it ever comes is not seen here.
    pub(super) fn parse(text: &str) -> Result<Self, CronError> {
        let refuse = |problem, span| Err(CronError::new(text, problem, span));
        if text.len() > LONGEST {
            return refuse(Problem::Long, 0..text.len());
        }
        let words: Vec<_> = words(text).collect();
        let written = match words.first() {
            Some((at, word)) if word.starts_with("TZ=") || word.starts_with("CRON_TZ=") => {
                return refuse(Problem::Zone, *at..at + word.len());
            }
            Some((at, word)) if word.starts_with('@') => {
                let rest = text[*at..].trim_ascii_end();
                let Some((_, long)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == rest) else {
                    let problem = match *word {
                        "@every" => Problem::Every,
                        "@reboot" => Problem::Reboot,
                        _ => Problem::Nickname,
                    };
                    return refuse(problem, *at..at + rest.len());
                };
                long.split(' ').map(|word| (*at, word)).collect()
            }
            _ => words.clone(),
        };
        if !matches!(written.len(), 5 | 6) {
            return refuse(Problem::Fields(written.len()), 0..text.len());
        }
        // The second 0 if there is none
        let mut sets = [Set {
            bits: 1,
            ..Set::default()
        }; 6];
        let without = FIELDS.len() - written.len();
        for (position, (at, word)) in written.iter().enumerate() {
            let index = position + without;
            sets[index] = field(FIELDS[index], word).map_err(|(span, fault)| {
                let problem = Problem::Item {
                    item: shown(&word[span.clone()]),
                    position: position + 1,
                    field: FIELDS[index],
                    fault,
                };
                CronError::new(text, problem, at + span.start..at + span.end)
            })?;
        }
        let text: Vec<_> = words.iter().map(|(_, word)| *word).collect();
        Ok(Self {
            text: text.join(" ").into(),
            sets,
        })
    }

    /// Whether the hour field means "again and again" rather than certain hours.
    pub(super) fn has_open_hours(&self) -> bool {
        self.sets[2].open
    }

    /// The lines to ask the `cron` crate for: one, or one for each day field if both are restrictions, of which one need
    /// match (POSIX crontab; the crate wants both).
    pub(super) fn calendars(&self) -> Vec<String> {
        let [second, minute, hour, day, month, weekday] =
            std::array::from_fn(|index| FIELDS[index].list(self.sets[index]));
        let line = |day: &str, weekday: &str| format!("{second} {minute} {hour} {day} {month} {weekday}");
        if self.sets[3].star || self.sets[5].star {
            vec![line(&day, &weekday)]
        } else {
            vec![line(&day, "*"), line("*", &weekday)]
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The words between white space, each with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    text.split_ascii_whitespace()
        .map(move |word| (word.as_ptr() as usize - start, word))
}

/// Reads a list; an error with its place in it.
fn field(field: &Field, text: &str) -> Result<Set, (Range<usize>, Fault)> {
    let mut set = Set::default();
    let mut at = 0;
    for item in text.split(',') {
        let span = at..at + item.len();
        if item.is_empty() {
            return Err((0..text.len(), Fault::Empty));
        }
        let one = field.item(item).map_err(|fault| (span, fault))?;
        set.bits |= one.bits;
        set.star |= one.star;
        set.open |= one.open;
        at += item.len() + 1;
    }
    Ok(set)
}

/// Foreign text for a message.
fn shown(text: &str) -> String {
    text.chars()
        .take(60)
        .collect::<String>()
        .escape_debug()
        .to_string()
}
