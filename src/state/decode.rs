//! Reads a state line by line, within limits, and believes nothing before the digest at its end was compared.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use super::attention::{self, Attention, Matter};
use super::codes::intern;
use super::history;
use super::lines::{At, End, FAMILY, FORMAT, Format, Header, Line, Marks, Trouble, Version};
use super::memory::Chart;
use super::{Known, LONGEST_NAME, Origin, Placed, State};
use crate::report::Action;
use crate::types::{ChartName, Reason, Sha256Stream, Tag};

/// Bytes of a file: an index has at most 2 million entries, and one at four targets takes less than 900 bytes.
const FILE: u64 = 2 << 30;
/// Bytes of a line: a version at a thousand targets.
const LINE: u64 = 512 << 10;
const BUFFER: usize = 64 << 10;

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Content {
    /// A state.
    Sound(Box<State>),
    /// Whole, but of a format to come.
    Newer(Box<str>),
}

/// Why a file is no state.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it ends before its time")]
    Short,
    #[error("it is longer than any state")]
    Long,
    #[error("its bytes are not those that were written")]
    Digest,
    #[error("line {line}: {why}")]
    Line { line: u64, why: String },
}

pub(super) fn read(file: impl Read) -> Result<Content, Broken> {
    let mut lines = Lines {
        file: BufReader::with_capacity(BUFFER, file).take(FILE),
        hash: Sha256Stream::default(),
        line: Vec::new(),
        number: 0,
    };
    lines.next()?;
    let format: Format = lines.parse(&lines.line)?;
    if *format.format != *FORMAT {
        let number = format.format.strip_prefix(FAMILY).map(str::parse::<u32>);
        if !matches!(number, Some(Ok(_))) {
            return Err(lines.wrong("it names no format of a state"));
        }
        // Whether it is one or a flipped bit shows at the end.
        lines.take();
        while !lines.next()? {
            lines.take();
        }
        lines.end()?;
        return Ok(Content::Newer(format.format));
    }
    let header: Header<'_> = lines.parse(&lines.line)?;
    let mut reader = Reader {
        state: State::new(header.identity.into_owned()),
        chart: None,
        versions: Vec::new(),
    };
    lines.take();
    while !lines.next()? {
        let line: Line<'_> = lines.parse(&lines.line)?;
        reader.enter(line).map_err(|why| lines.wrong(why))?;
        lines.take();
    }
    reader.close().map_err(|why| lines.wrong(why))?;
    lines.end()?;
    Ok(Content::Sound(Box::new(reader.state)))
}

struct Lines<R> {
    file: io::Take<BufReader<R>>,
    hash: Sha256Stream,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Reads the next line. True if it is the last one.
    fn next(&mut self) -> Result<bool, Broken> {
        self.line.clear();
        self.number += 1;
        (&mut self.file).take(LINE).read_until(b'\n', &mut self.line)?;
        if self.line.pop() != Some(b'\n') {
            let full = self.line.len() as u64 + 1 >= LINE || self.file.limit() == 0;
            return Err(if full { Broken::Long } else { Broken::Short });
        }
        Ok(self.line.starts_with(br#"{"end":"#))
    }

    /// The line counts for the digest.
    fn take(&mut self) {
        self.hash.update(&self.line);
        self.hash.update(b"\n");
    }

    /// Compares the digest in the last line. Nothing may follow it.
    fn end(mut self) -> Result<(), Broken> {
        let End { end } = self.parse(&self.line)?;
        if self.hash.finish().0 != end || self.file.read(&mut [0])? != 0 {
            return Err(Broken::Digest);
        }
        Ok(())
    }

    fn parse<'a, T: serde::Deserialize<'a>>(&self, line: &'a [u8]) -> Result<T, Broken> {
        serde_json::from_slice(line).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, why: &str) -> Broken {
        Broken::Line {
            line: self.number,
            why: why.to_owned(),
        }
    }
}

struct Reader {
    state: State,
    chart: Option<Arc<str>>,
    /// Of that chart. Made into a map at once: one that grows in order leaves half of its memory unused.
    versions: Vec<(Box<str>, Known)>,
}

/// Of lines that this program never writes.
type Odd = &'static str;

impl Reader {
    fn enter(&mut self, line: Line<'_>) -> Result<(), Odd> {
        match line {
            Line::Marks(marks) => self.marks(*marks),
            Line::Run(run) if self.state.history.runs.len() < history::MOST => {
                self.state.history.runs.push_back(*run);
            }
            Line::Run(_) => return Err("there are too many runs"),
            Line::Trouble(trouble) => self.trouble(*trouble)?,
            Line::Chart(chart) => {
                self.close()?;
                self.chart = Some(name(&chart.0)?.into());
            }
            Line::Version(version) => self.version(version)?,
        }
        Ok(())
    }

    fn marks(&mut self, marks: Marks) {
        let state = &mut self.state;
        state.settled = marks.settled;
        state.newest = marks.newest;
        state.reconciled = marks.reconciled;
        state.history.last_success = marks.last_success;
        state.history.failures_in_a_row = marks.failures_in_a_row;
    }

    fn trouble(&mut self, trouble: Trouble<'_>) -> Result<(), Odd> {
        if self.state.attention.len() >= attention::MOST {
            return Err("there are too many troubles");
        }
        let action = Action::ALL
            .into_iter()
            .find(|action| action.as_str() == trouble.action);
        let matter = Matter {
            chart: name(&trouble.chart)?.into(),
            version: name(&trouble.version)?.into(),
            target: self.target(trouble.target)?,
        };
        let code = intern(&trouble.code).ok_or("the code of a reason is none")?;
        let attention = Attention {
            action: action.ok_or("an action is none")?,
            reason: Reason::new(code, trouble.text),
            subject: trouble.subject,
            since: trouble.since,
            runs: trouble.runs,
            notified: trouble.notified,
        };
        self.state.attention.insert(matter, attention);
        Ok(())
    }

    fn version(&mut self, version: Version<'_>) -> Result<(), Odd> {
        let name = name(&version.name)?;
        let mut known = Known::new(version.seen);
        known.trusted = version.listed.trusted();
        known.current = version.listed.current();
        known.provenance = version.provenance;
        for at in version.at {
            known.place(self.placed(at)?);
        }
        if self.versions.last().is_some_and(|(last, _)| **last >= *name) {
            return Err("versions are not in order");
        }
        self.versions.push((name.into(), known));
        Ok(())
    }

    /// The lines of a chart are over.
    fn close(&mut self) -> Result<(), Odd> {
        let versions: Chart = std::mem::take(&mut self.versions).into_iter().collect();
        match self.chart.take() {
            None if versions.is_empty() => Ok(()),
            None => Err("a version has no chart"),
            Some(chart) => match self.state.charts.insert(chart, versions) {
                None => Ok(()),
                Some(_) => Err("a chart is there twice"),
            },
        }
    }

    fn placed(&self, at: At) -> Result<Placed, Odd> {
        let elsewhere = match at.elsewhere {
            None => None,
            Some((repository, tag)) => {
                let repository = ChartName::new(&repository).map_err(|_| "a repository is none")?;
                let tag = Tag::new(&tag).map_err(|_| "a tag is none")?;
                Some(Box::new((repository, tag)))
            }
        };
        Ok(Placed {
            target: self.target(at.target)?,
            origin: if at.adopted {
                Origin::Adopted
            } else {
                Origin::Pushed
            },
            manifest: at.manifest,
            package: at.package,
            indexed: at.indexed,
            elsewhere,
        })
    }

    fn target(&self, target: u16) -> Result<u16, Odd> {
        if usize::from(target) < self.state.identity.targets.len() {
            Ok(target)
        } else {
            Err("a target is none of the mirror's")
        }
    }
}

fn name(text: &str) -> Result<&str, Odd> {
    if text.len() <= LONGEST_NAME {
        Ok(text)
    } else {
        Err("a name is too long")
    }
}
