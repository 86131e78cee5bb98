//! What is asked of a page by its address, and the address of a page that is asked so.
//!
//! What is not understood is passed over: an address that was cut in a chat still leads somewhere.

use std::borrow::Cow;
use std::fmt::Write as _;

use url::form_urlencoded;

use super::group::Group;
use crate::report::plain;
use crate::service::filter::VersionFilter;
use crate::service::view::Standing;

/// Stops a page from reloading itself.
pub(super) const PAUSE: (&str, &str) = ("live", "off");

/// Characters of a search; more is none.
const SEARCH: usize = 200;

/// The query of the overview.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverviewQuery {
    /// Words to occur in name, source or targets.
    pub search: Box<str>,
    /// Only this group.
    pub group: Option<Group>,
    /// In which order.
    pub sort: Sort,
    /// Pages before this one.
    pub page: usize,
    /// Not to reload itself.
    pub paused: bool,
}

/// The order of mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The worst first, in groups.
    #[default]
    State,
    /// By name.
    Name,
    /// The one first whose last run is the longest ago.
    LastRun,
    /// The one first that runs next.
    NextRun,
    /// The one first that has the most.
    Versions,
}

/// The query of a page of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionsQuery {
    /// Which versions.
    pub filter: VersionFilter,
    /// Pages before this one.
    pub page: usize,
}

/// The parameters of a query.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}

impl Sort {
    pub(super) const ALL: [Self; 5] = [
        Self::State,
        Self::Name,
        Self::LastRun,
        Self::NextRun,
        Self::Versions,
    ];

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Name => "name",
            Self::LastRun => "last",
            Self::NextRun => "next",
            Self::Versions => "versions",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::State => "worst first",
            Self::Name => "name",
            Self::LastRun => "longest since last run",
            Self::NextRun => "next run",
            Self::Versions => "most versions",
        }
    }
}

impl OverviewQuery {
    /// Reads the part of an address after `?`.
    pub fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (key, value) in pairs(query) {
            match &*key {
                "q" => parsed.search = search(&value),
                "state" => parsed.group = Group::ALL.into_iter().find(|group| group.key() == value),
                "sort" => {
                    let sort = Sort::ALL.into_iter().find(|sort| sort.key() == value);
                    parsed.sort = sort.unwrap_or_default();
                }
                "page" => parsed.page = page(&value),
                _ => parsed.paused |= (&*key, &*value) == PAUSE,
            }
        }
        parsed
    }

    /// The address that is read as this.
    pub(super) fn address(&self) -> String {
        let group = self.group.map_or("", Group::key);
        let sort = if self.sort == Sort::State {
            ""
        } else {
            self.sort.key()
        };
        let live = if self.paused { PAUSE.1 } else { "" };
        address(
            "/",
            self.page,
            &[
                ("q", &self.search),
                ("state", group),
                ("sort", sort),
                (PAUSE.0, live),
            ],
        )
    }
}

impl VersionsQuery {
    /// Reads the part of an address after `?`.
    pub fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (key, value) in pairs(query) {
            match &*key {
                "q" => parsed.filter.search = search(&value),
                "standing" => {
                    let standing = Standing::ALL.into_iter().find(|one| one.as_str() == value);
                    parsed.filter.standing = standing;
                }
                "page" => parsed.page = page(&value),
                _ => {}
            }
        }
        parsed
    }

    /// The address that is read as this, for the mirror of this name.
    pub(super) fn address(&self, mirror: &str) -> String {
        let standing = self.filter.standing.map_or("", Standing::as_str);
        address(
            &format!("{}/versions", path(mirror)),
            self.page,
            &[("q", &self.filter.search), ("standing", standing)],
        )
    }
}

/// The path of a mirror's page.
pub(super) fn path(mirror: &str) -> String {
    format!("/mirrors/{}", segment(mirror))
}

/// A name as one segment of a path, with everything encoded that is not plain.
pub(super) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn search(value: &str) -> Box<str> {
    // What cannot be seen cannot be looked for, and would be written into the form as it is
    let seen = |c: &char| matches!(plain(c.encode_utf8(&mut [0; 4])), Cow::Borrowed(_));
    value.trim().chars().filter(seen).take(SEARCH).collect()
}

/// Pages are counted from 1 in addresses.
fn page(value: &str) -> usize {
    value.parse::<usize>().unwrap_or_default().saturating_sub(1)
}

fn address(path: &str, page: usize, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    if page > 0 {
        query.append_pair("page", &(page + 1).to_string());
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_what_it_was_made_of() {
        let query = OverviewQuery {
            search: "a&b=c d é".into(),
            group: Some(Group::Waiting),
            sort: Sort::NextRun,
            page: 3,
            paused: true,
        };
        let address = query.address();
        let (path, rest) = address.split_once('?').unwrap();
        assert_eq!((path, OverviewQuery::parse(rest)), ("/", query));
        assert_eq!(OverviewQuery::default().address(), "/");
        for sort in Sort::ALL {
            assert_eq!(OverviewQuery::parse(&format!("sort={}", sort.key())).sort, sort);
        }

        let query = VersionsQuery {
            filter: VersionFilter {
                standing: Some(Standing::NotCarried),
                search: "1.0.0+x".into(),
            },
            page: 1,
        };
        let address = query.address("a/b");
        let (path, rest) = address.split_once('?').unwrap();
        assert_eq!(
            (path, VersionsQuery::parse(rest)),
            ("/mirrors/a%2Fb/versions", query)
        );
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let odd = "state=x&sort=&page=-1&live=on&q&zzz=%ff&page=99999999999999999999999";
        assert_eq!(OverviewQuery::parse(odd), OverviewQuery::default());
        let hidden = OverviewQuery::parse("q=a%e2%80%aeb%00c%1b");
        assert_eq!(&*hidden.search, "abc");
        assert_eq!(
            VersionsQuery::parse("standing=x&page=0"),
            VersionsQuery::default()
        );
    }

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("ingress-nginx_1.0~"), "ingress-nginx_1.0~");
        assert_eq!(segment("a/b?c#ü\"<"), "a%2Fb%3Fc%23%C3%BC%22%3C");
    }
}
