//! Chart versions as Helm's lenient parser reads them (helm-oci-format 1.6 and 4).

use std::cmp::Ordering;
use std::fmt;

/// A version that `helm push` accepts: optional `v`, one to three numbers (leading zeros allowed), optional
/// `-prerelease` and `+metadata`. The text is kept as it is; order and equality of *precedence* are those of
/// semver, in which missing numbers are 0 and metadata does not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: Box<str>,
    numbers: [u64; 3],
    pre: Box<str>,
}

/// The text is no version to Helm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a chart version (`1.2.3`, with optional `-prerelease` and `+build`)", .0.escape_debug())]
pub struct VersionError(String);

/// Longer texts are no versions (Masterminds/semver `MaxVersionLen`, in bytes).
const MAX_LENGTH: usize = 256;

impl Version {
    /// Reads `text` with the lenient rules.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        Self::read(text).ok_or_else(|| VersionError(text.chars().take(300).collect()))
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let body = text.strip_prefix('v').unwrap_or(text);
        let (body, meta) = match body.split_once('+') {
            Some((body, meta)) => (body, Some(meta)),
            None => (body, None),
        };
        let (core, pre) = match body.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (body, None),
        };
        let mut numbers = [0; 3];
        for (position, part) in core.split('.').enumerate() {
            let slot = numbers.get_mut(position)?;
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            *slot = part.parse().ok()?;
        }
        let identifiers = |text: &str, numeric_strict: bool| {
            text.split('.').all(|id| {
                !id.is_empty()
                    && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !(numeric_strict
                        && id.len() > 1
                        && id.starts_with('0')
                        && id.bytes().all(|b| b.is_ascii_digit()))
            })
        };
        if pre.is_some_and(|pre| !identifiers(pre, true))
            || meta.is_some_and(|meta| !identifiers(meta, false))
        {
            return None;
        }
        Some(Self {
            text: text.into(),
            numbers,
            pre: pre.unwrap_or_default().into(),
        })
    }

    /// The text as the source wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Major, minor and patch number; missing ones are 0.
    pub fn numbers(&self) -> [u64; 3] {
        self.numbers
    }

    /// The prerelease identifiers without the `-`; empty for a release.
    pub fn pre(&self) -> &str {
        &self.pre
    }

    /// True for a version with a prerelease part.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }

    /// True if Helm's own tag listing keeps the version: strict semver, so three numbers without leading zeros and
    /// no `v` (helm-oci-format 4).
    pub fn is_strict(&self) -> bool {
        semver::Version::parse(&self.text).is_ok()
    }

    /// Precedence of semver 2.0, section 11.
    pub fn cmp_precedence(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

/// Prerelease precedence: none is highest; numbers below words; numbers by value whatever their length.
fn compare_pre(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => (a, b),
        };
        let number = |id: &str| id.bytes().all(|b| b.is_ascii_digit());
        let order = match (number(a), number(b)) {
            // No leading zeros, so the longer number is the larger one.
            (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_helm_accepts() {
        for text in [
            "1",
            "1.2",
            "1.2.3",
            "v1.2.3",
            "01.002.3",
            "1.2.3-rc.1",
            "1.2.3+build.7",
            "1.0.0-0a",
            "1.0.0+001",
            "1.0.0-99999999999999999999999",
            "104.2.0+up1.6.4",
            "2.2-4.6",
        ] {
            assert!(Version::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_helm_refuses() {
        for text in [
            "",
            "v",
            "V1.0.0",
            "1.2.3.4",
            "1.x",
            " 1.0.0",
            "1.0.0\n",
            "1.0.0+a+b",
            "1.0.0_a",
            "1.0.0-01",
            "1.0.0-",
            "1.0.0+",
            "1..2",
            "99999999999999999999.0.0",
            "not-semver",
            "1.0.0-é",
        ] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
        assert!(Version::parse(&format!("1.0.0-{}", "a".repeat(251))).is_err());
    }

    #[test]
    fn orders_as_semver() {
        let order = [
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-a",
            "1.0.0-a.1",
            "1.0.0-b",
            "1.0.0",
            "1.1",
            "v2",
        ];
        for pair in order.windows(2) {
            let (low, high) = (Version::parse(pair[0]).unwrap(), Version::parse(pair[1]).unwrap());
            assert_eq!(low.cmp_precedence(&high), Ordering::Less, "{pair:?}");
        }
        let (a, b) = (
            Version::parse("v1.2").unwrap(),
            Version::parse("1.2.0+x").unwrap(),
        );
        assert_eq!(a.cmp_precedence(&b), Ordering::Equal);
    }

    #[test]
    fn knows_what_helm_lists() {
        assert!(Version::parse("1.2.3-rc.1+b").unwrap().is_strict());
        for text in ["v1.2.3", "1.2", "1.02.3"] {
            assert!(!Version::parse(text).unwrap().is_strict(), "{text}");
        }
    }
}
