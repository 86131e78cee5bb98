//! Version ranges as Helm understands them: the constraints of Masterminds/semver v3.5.0.
//!
//! The rules differ from Cargo's and npm's in many small ways (`=` with a missing number is `~`, `~0.0.0` is
//! everything, a hyphen range is rewritten as text before anything else is read), so this follows the Go source
//! (`constraints.go`) function by function and is held to a table of that library's own answers.

use std::fmt;

use super::version::Version;

/// Longer texts are refused (`MaxConstraintLen`, in bytes).
const MAX_LENGTH: usize = 512;
/// More alternatives are refused (`MaxConstraintGroups`).
const MAX_GROUPS: usize = 32;

/// A version range such as `>=1.2, <3 || ^4.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: Box<str>,
    groups: Vec<Group>,
}

/// The text is no version range to Helm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The text is too long.
    #[error("a version range has at most {MAX_LENGTH} bytes")]
    TooLong,
    /// The text has too many alternatives.
    #[error("a version range has at most {MAX_GROUPS} alternatives joined by `||`")]
    TooManyGroups,
    /// The text breaks the grammar.
    #[error("`{}` is not a version range as Helm takes it (for example `>=1.2.0, <2` or `~1.4 || ^3`)", .0.escape_debug())]
    Syntax(String),
    /// A number in it is too large, or a prerelease number has leading zeros.
    #[error("`{}` in the version range is not a version", .0.escape_debug())]
    Version(String),
}

/// Comparators that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    comparators: Vec<Comparator>,
    /// One comparator names a prerelease: then prereleases may match in this group.
    names_prerelease: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// No operator, or `=`.
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: Version,
    /// A number is missing or `x`.
    dirty: bool,
    /// It is the minor number.
    minor_dirty: bool,
    /// It is the patch number.
    patch_dirty: bool,
}

impl Range {
    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        if text.len() > MAX_LENGTH {
            return Err(RangeError::TooLong);
        }
        let rewritten = rewrite_hyphens(text);
        if rewritten.split("||").count() > MAX_GROUPS {
            return Err(RangeError::TooManyGroups);
        }
        let groups = rewritten
            .split("||")
            .map(|group| Group::parse(group).map_err(|error| error.unwrap_or_else(|| syntax(text))))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.into(),
            groups,
        })
    }

    /// True if `version` lies in the range. A prerelease lies in it only by a group that names a prerelease.
    pub fn matches(&self, version: &Version) -> bool {
        self.check(version, false)
    }

    /// The same with prereleases compared like any other version (Helm's `IncludePrerelease`).
    pub fn matches_with_prereleases(&self, version: &Version) -> bool {
        self.check(version, true)
    }

    fn check(&self, version: &Version, prereleases: bool) -> bool {
        self.groups.iter().any(|group| {
            (prereleases || group.names_prerelease || !version.is_prerelease())
                && group
                    .comparators
                    .iter()
                    .all(|comparator| comparator.check(version))
        })
    }
}

fn syntax(text: &str) -> RangeError {
    RangeError::Syntax(text.trim().chars().take(100).collect())
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim())
    }
}

impl std::str::FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Group {
    /// `None` as error stands for the grammar, which is reported with the whole text.
    fn parse(text: &str) -> Result<Self, Option<RangeError>> {
        let mut comparators = Vec::new();
        let mut rest = skip_blanks(text);
        loop {
            let operator = rest.bytes().take_while(|b| b"=!<>~^".contains(b)).count();
            let (operator, after) = rest.split_at(operator);
            let operator = Operator::parse(operator).ok_or(None)?;
            let operand = skip_blanks(after);
            let end = operand_end(operand.as_bytes()).ok_or(None)?;
            let (operand, after) = operand.split_at(end);
            comparators.push(Comparator::parse(operator, operand)?);
            let next = skip_blanks(after);
            if next.is_empty() {
                break;
            }
            rest = match next.strip_prefix(',') {
                Some(next) => skip_blanks(next),
                None if next.len() < after.len() => next,
                None => return Err(None),
            };
        }
        let names_prerelease = comparators.iter().any(|c| c.version.is_prerelease());
        Ok(Self {
            comparators,
            names_prerelease,
        })
    }
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "=" => Self::TildeOrEqual,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" | "=>" => Self::GreaterEqual,
            "<=" | "=<" => Self::LessEqual,
            "~" | "~>" => Self::Tilde,
            "^" => Self::Caret,
            _ => return None,
        })
    }
}

impl Comparator {
    /// `text` has passed [`operand_end`].
    fn parse(operator: Operator, text: &str) -> Result<Self, Option<RangeError>> {
        let wild = |part: Option<&str>| matches!(part, None | Some("x" | "X" | "*"));
        let without_meta = text.split('+').next().unwrap_or_default();
        let (core, pre) = match without_meta.find('-') {
            Some(at) => without_meta.split_at(at),
            None => (without_meta, ""),
        };
        let mut parts = core.strip_prefix('v').unwrap_or(core).split('.');
        let (major, minor, patch) = (parts.next(), parts.next(), parts.next());
        let comparator = |version: &str, dirty, minor_dirty, patch_dirty| {
            let version = Version::parse(version)
                .map_err(|_| Some(RangeError::Version(text.chars().take(100).collect())))?;
            Ok(Self {
                operator,
                version,
                dirty,
                minor_dirty,
                patch_dirty,
            })
        };
        match (major, minor) {
            (major, _) if wild(major) => comparator(&format!("0.0.0{pre}"), true, false, false),
            (Some(major), minor) if wild(minor) => {
                comparator(&format!("{major}.0.0{pre}"), true, true, false)
            }
            (Some(major), Some(minor)) if wild(patch) => {
                comparator(&format!("{major}.{minor}.0{pre}"), true, false, true)
            }
            _ => comparator(text, false, false, false),
        }
    }

    /// Prereleases have been let through by the group already.
    fn check(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::TildeOrEqual if self.dirty => self.tilde(version),
            Operator::TildeOrEqual => order.is_eq(),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::Less => order.is_lt(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::LessEqual => self.less_equal(version),
            Operator::Tilde => self.tilde(version),
            Operator::Caret => self.caret(version),
        }
    }

    /// `constraintNotEqual`
    fn not_equal(&self, version: &Version) -> bool {
        let ([major, minor, patch], [own_major, own_minor, own_patch]) =
            (version.numbers(), self.version.numbers());
        if !self.dirty {
            return version.cmp_precedence(&self.version).is_ne();
        }
        if major != own_major || (minor != own_minor && !self.minor_dirty) {
            true
        } else if self.minor_dirty {
            false
        } else if patch != own_patch && !self.patch_dirty {
            true
        } else if self.patch_dirty {
            version.pre() != self.version.pre()
        } else {
            version.cmp_precedence(&self.version).is_ne()
        }
    }

    /// `constraintGreaterThan`: `>11` wants 12 or higher, `>11.1` wants 11.2 or higher.
    fn greater(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        if !self.dirty {
            version.cmp_precedence(&self.version).is_gt()
        } else if major != own_major {
            major > own_major
        } else if self.minor_dirty {
            false
        } else if self.patch_dirty {
            minor > own_minor
        } else {
            version.cmp_precedence(&self.version).is_gt()
        }
    }

    /// `constraintLessThanEqual`: `<=11` takes all of 11.
    fn less_equal(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        if !self.dirty {
            return version.cmp_precedence(&self.version).is_le();
        }
        major < own_major || (major == own_major && (minor <= own_minor || self.minor_dirty))
    }

    /// `constraintTilde`, in which `~0.0.0` and `~*` are everything.
    fn tilde(&self, version: &Version) -> bool {
        let ([major, minor, _], own) = (version.numbers(), self.version.numbers());
        if version.cmp_precedence(&self.version).is_lt() {
            return false;
        }
        if own == [0, 0, 0] && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        major == own[0] && (minor == own[1] || self.minor_dirty)
    }

    /// `constraintCaret`: the leftmost number that is not 0 stays.
    fn caret(&self, version: &Version) -> bool {
        let ([major, minor, patch], own) = (version.numbers(), self.version.numbers());
        if version.cmp_precedence(&self.version).is_lt() {
            return false;
        }
        if own[0] > 0 || self.minor_dirty {
            return major == own[0];
        }
        if major > 0 {
            return false;
        }
        if own[1] > 0 || self.patch_dirty {
            return minor == own[1];
        }
        minor == 0 && patch == own[2]
    }
}

/// The blanks of Go's `\s`; Rust's `trim` would take more.
fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// How far an operand reaches at the start of `bytes` (Masterminds' `cvRegex`), if one is there.
///
/// The class for numbers holds `|` there by mistake; it is kept because hyphen ranges are found with it before the
/// text is cut at `||`. What is no number is refused afterwards.
fn operand_end(bytes: &[u8]) -> Option<usize> {
    let run = |from: usize, class: &dyn Fn(&u8) -> bool| {
        bytes
            .get(from..)
            .map_or(0, |rest| rest.iter().take_while(|b| class(b)).count())
    };
    let number = |b: &u8| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|');
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    let mut at = usize::from(bytes.first() == Some(&b'v'));
    match run(at, &number) {
        0 => return None,
        length => at += length,
    }
    for _ in 0..2 {
        if bytes.get(at) == Some(&b'.') && run(at + 1, &number) > 0 {
            at += 1 + run(at + 1, &number);
        } else {
            break;
        }
    }
    for sign in [b'-', b'+'] {
        if bytes.get(at) == Some(&sign) && run(at + 1, &word) > 0 {
            at += 1 + run(at + 1, &word);
            while bytes.get(at) == Some(&b'.') && run(at + 1, &word) > 0 {
                at += 1 + run(at + 1, &word);
            }
        }
    }
    Some(at)
}

/// `rewriteRange`: every `a - b` in the text becomes `>= a, <= b `, by text replacement as in the original.
fn rewrite_hyphens(text: &str) -> String {
    let mut rewritten = text.to_owned();
    let mut from = 0;
    while from < text.len() {
        match hyphen_range(text, from) {
            Some((end, low, high)) => {
                rewritten = rewritten.replacen(&text[from..end], &format!(">= {low}, <= {high} "), 1);
                from = end;
            }
            None => from += text[from..].chars().next().map_or(1, char::len_utf8),
        }
    }
    rewritten
}

/// A hyphen range that begins exactly at `from`: where it ends, and its two operands.
fn hyphen_range(text: &str, from: usize) -> Option<(usize, &str, &str)> {
    let low = skip_blanks(&text[from..]);
    let low_end = operand_end(low.as_bytes())?;
    let (low, rest) = low.split_at(low_end);
    let dash = skip_blanks(rest).strip_prefix('-')?;
    let high = skip_blanks(dash);
    if skip_blanks(rest).len() == rest.len() || high.len() == dash.len() {
        return None;
    }
    let (high, rest) = high.split_at(operand_end(high.as_bytes())?);
    Some((text.len() - skip_blanks(rest).len(), low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table of the Go library's answers, made by calling it.
    #[test]
    fn answers_as_masterminds() {
        let table = include_str!("../../tests/data/ranges.tsv");
        let mut lines = table.lines().filter(|line| !line.starts_with('#'));
        let versions: Vec<_> = lines
            .next()
            .unwrap()
            .split('\t')
            .map(|v| Version::parse(v).unwrap())
            .collect();
        let mut wrong = Vec::new();
        let (mut good, mut refused) = (0, 0);
        for line in lines {
            let mut columns = line.split('\t');
            let text: String = serde_json::from_str(columns.next().unwrap()).unwrap();
            let expected = columns.next().unwrap();
            let with_prereleases = columns
                .next()
                .map(|bits| if bits == "-" { expected } else { bits });
            match (Range::parse(&text), with_prereleases) {
                (Err(_), None) => refused += 1,
                (Ok(range), Some(with_prereleases)) => {
                    good += 1;
                    let found = bits(&versions, |v| range.matches(v));
                    let found_with = bits(&versions, |v| range.matches_with_prereleases(v));
                    if found != expected || found_with != with_prereleases {
                        wrong.push(format!(
                            "{text:?}: {expected} {with_prereleases}, found {found} {found_with}"
                        ));
                    }
                }
                (result, _) => wrong.push(format!("{text:?}: {result:?}, expected {expected}")),
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(good > 500 && refused > 300, "{good} good, {refused} refused");
    }

    fn bits(versions: &[Version], matches: impl Fn(&Version) -> bool) -> String {
        let digit = |four: &[Version]| {
            let bits = (0..4).fold(0, |bits, i| {
                bits * 2 + u32::from(four.get(i).is_some_and(&matches))
            });
            char::from_digit(bits, 16).unwrap()
        };
        versions.chunks(4).map(digit).collect()
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |text: &str| Range::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("latest"),
            "`latest` is not a version range as Helm takes it (for example `>=1.2.0, <2` or `~1.4 || ^3`)"
        );
        assert_eq!(
            message("1.2.3-01"),
            "`1.2.3-01` in the version range is not a version"
        );
        assert_eq!(message(&" ".repeat(513)), "a version range has at most 512 bytes");
        assert_eq!(Range::parse(" >=1 ").unwrap().to_string(), ">=1");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9xX*v.\\-+ ,|<>=~^!a\té]{0,40}", any in ".{0,40}") {
            let _ = (Range::parse(&text), Range::parse(&any));
        }
    }
}
