//! One field of a crontab expression: which numbers it may hold, and which it holds.

use std::fmt;

/// A field of a crontab expression.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Names of the numbers from `low` on.
    names: &'static [&'static str],
    /// Whether `?` may stand for `*`.
    day: bool,
}

/// Why an item of a field cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `1,,2`
    Empty,
    /// Neither a number nor a name.
    Word,
    /// A number that the field does not have.
    Range,
    /// `22-2`; what to write instead.
    Backwards(String),
    /// A step of zero or without a number.
    Step,
    /// More than one `-` or `/`.
    Shape,
    /// `L`, `W`, `#` and `H`, which some other programs know.
    Extension(char),
    /// `?` in a field that is no day.
    Question,
}

/// The numbers of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set {
    /// Bit 0 for the number 0.
    pub(super) bits: u64,
    /// Whether an item is `*`: only a day field without one is a restriction (as robfig/cron has it, `*/2` is none).
    pub(super) star: bool,
    /// Whether an item is `*`, `*/n` or `m/n`, which mean "again and again".
    pub(super) open: bool,
}

pub(super) static SECOND: Field = Field::plain("second", 0, 59);
pub(super) static MINUTE: Field = Field::plain("minute", 0, 59);
pub(super) static HOUR: Field = Field::plain("hour", 0, 23);
pub(super) static DAY: Field = Field {
    day: true,
    ..Field::plain("day of month", 1, 31)
};
pub(super) static MONTH: Field = Field {
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
    ..Field::plain("month", 1, 12)
};
pub(super) static WEEKDAY: Field = Field {
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    day: true,
    ..Field::plain("day of week", 0, 7)
};

/// `*` in the day of week is 0 to 6: with 7, `*/7` would be every Sunday twice, and `1/2` would reach it.
const SATURDAY: u32 = 6;

impl Field {
    const fn plain(name: &'static str, low: u32, high: u32) -> Self {
        Self {
            name,
            low,
            high,
            names: &[],
            day: false,
        }
    }

    /// What the field is about: `day of month`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn is_weekday(&self) -> bool {
        self.high == 7
    }

    /// The highest number that `*` stands for.
    fn last(&self) -> u32 {
        if self.is_weekday() { SATURDAY } else { self.high }
    }

    /// Reads one item of the list: `*`, `5`, `mon`, `10-20`, each with or without `/step`.
    pub(super) fn item(&self, item: &str) -> Result<Set, Fault> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(Self::step(step)?)),
            None => (item, None),
        };
        let stride = step.unwrap_or(1);
        if range == "*" || range == "?" {
            if range == "?" && !self.day {
                return Err(Fault::Question);
            }
            return Ok(Set {
                bits: self.bits(self.low, self.last(), stride),
                star: stride == 1,
                open: true,
            });
        }
        let (from, to) = match range.split_once('-') {
            Some((_, to)) if to.contains('-') => return Err(Fault::Shape),
            Some((from, to)) => (self.number(from)?, Some(self.number(to)?)),
            None => (self.number(range)?, None),
        };
        let end = match (to, step) {
            (Some(to), _) if to < from => return Err(Fault::Backwards(self.forwards(from, to))),
            (Some(to), _) => to,
            (None, Some(_)) => self.last().max(from),
            (None, None) => from,
        };
        Ok(Set {
            bits: self.bits(from, end, stride),
            star: false,
            open: to.is_none() && step.is_some(),
        })
    }

    fn step(text: &str) -> Result<u32, Fault> {
        match digits(text) {
            _ if text.contains('/') => Err(Fault::Shape),
            Some(step) if step > 0 => Ok(step),
            _ => Err(Fault::Step),
        }
    }

    fn number(&self, text: &str) -> Result<u32, Fault> {
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.low + u32::try_from(at).unwrap_or(0));
        }
        match digits(text) {
            Some(number) if (self.low..=self.high).contains(&number) => Ok(number),
            Some(_) => Err(Fault::Range),
            None => Err(extension(text).map_or(Fault::Word, Fault::Extension)),
        }
    }

    /// The range over the end of the field, in two parts.
    fn forwards(&self, from: u32, to: u32) -> String {
        let part = |from: u32, to: u32| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            }
        };
        match to {
            0 if self.is_weekday() => part(from, 7),
            _ => format!("{},{}", part(from, self.last()), part(self.low, to)),
        }
    }

    fn bits(&self, from: u32, to: u32, step: u32) -> u64 {
        let numbers = (from..=to).step_by(step as usize);
        // 7 is Sunday as well
        let fold = |number: u32| if self.is_weekday() { number % 7 } else { number };
        numbers.fold(0, |bits, number| bits | 1 << fold(number))
    }

    /// The set as numbers in a list, or as `*` if it holds all.
    pub(super) fn list(&self, set: Set) -> String {
        if set.bits == self.bits(self.low, self.last(), 1) {
            return "*".to_owned();
        }
        // The `cron` crate's week begins with Sunday as 1
        let base = u32::from(self.is_weekday());
        let numbers = (0..64).filter(|number| set.bits & (1 << number) != 0);
        let texts: Vec<_> = numbers.map(|number| (number + base).to_string()).collect();
        texts.join(",")
    }
}

/// What the field may hold: `0 to 59`, `1 to 12 or jan to dec`.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.low, self.high)?;
        if let (Some(first), Some(last)) = (self.names.first(), self.names.last()) {
            write!(f, " or `{first}` to `{last}`")?;
        }
        if self.is_weekday() {
            f.write_str(", where 0 and 7 are Sunday")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("something is missing"),
            Self::Word => f.write_str("it is neither a number nor a name"),
            Self::Range => f.write_str("there is no such number"),
            Self::Backwards(instead) => write!(f, "it runs over the end; write `{instead}`"),
            Self::Step => f.write_str("a step is a number from 1 on"),
            Self::Shape => f.write_str("an item has at most one `-` and one `/`"),
            Self::Extension(letter) => write!(
                f,
                "`{letter}` is an extension that neither crontab nor Kubernetes knows; name the days or times"
            ),
            Self::Question => f.write_str("`?` may only stand in a day field; write `*`"),
        }
    }
}

/// A number in plain digits. Longer ones are beyond every field, and as a step the same as this.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}

/// The letter of Quartz or Jenkins in `L`, `5L`, `LW`, `15W`, `5#2`, `H`.
fn extension(text: &str) -> Option<char> {
    let letters = text
        .trim_matches(|c: char| c.is_ascii_digit())
        .to_ascii_uppercase();
    match letters.as_str() {
        "L" | "LW" => Some('L'),
        "W" => Some('W'),
        "H" => Some('H'),
        _ => letters.contains('#').then_some('#'),
    }
}
