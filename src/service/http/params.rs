//! The query of a request for versions, and the reading of a state for it.
//!
//! Programs learn of each mistake; pages forgive, since a link in a chat may be cut (`page::query`).

use url::form_urlencoded;

use super::Context;
use crate::report::plain;
use crate::service::filter::VersionFilter;
use crate::service::view::{Standing, VersionView};

/// Versions in one answer, where none are asked for, and at most. One has about 700 bytes.
const USUAL: usize = 1_000;
const MOST: usize = 10_000;

/// Which of the versions that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// Reads `standing`, `q`, `limit` and `offset`.
pub(super) fn versions(query: &str) -> Result<(VersionFilter, Slice), String> {
    let mut filter = VersionFilter::default();
    let mut slice = Slice {
        limit: USUAL,
        offset: 0,
    };
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "q" => filter.search = value.trim().into(),
            "standing" => {
                let standing = Standing::ALL.into_iter().find(|one| one.as_str() == value);
                filter.standing = Some(standing.ok_or_else(|| {
                    let words = Standing::ALL.map(Standing::as_str).join("`, `");
                    format!("`standing` is one of `{words}`")
                })?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                slice.limit = limit.ok_or_else(|| format!("`limit` is a number from 1 to {MOST}"))?;
            }
            "offset" => {
                let offset = value.parse();
                slice.offset = offset.map_err(|_| "`offset` is a number from 0".to_owned())?;
            }
            _ => {
                let shown: String = key.chars().take(60).collect();
                let shown = plain(&shown);
                return Err(format!(
                    "`{shown}` is no parameter; there are `standing`, `q`, `limit` and `offset`"
                ));
            }
        }
    }
    Ok((filter, slice))
}

impl Context {
    /// All versions of a mirror, read from its state on a thread that may block.
    pub(super) async fn versions(&self, mirror: &str) -> Option<Result<Vec<VersionView>, String>> {
        let failed = || Some(Err("the service is about to end".to_owned()));
        let Ok(permit) = self.readers.clone().acquire_owned().await else {
            return failed();
        };
        let (desk, mirror) = (self.desk.clone(), mirror.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            // Held by the thread: a client that goes away ends the request, not the reading
            let _permit = permit;
            desk.versions(&mirror)
        });
        reading.await.unwrap_or_else(|_| failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_asked_for() {
        let (filter, slice) = versions("standing=not-carried&q=+nginx%2B1+&limit=5&offset=10").unwrap();
        assert_eq!(filter.standing, Some(Standing::NotCarried));
        assert_eq!(&*filter.search, "nginx+1");
        assert_eq!(slice, Slice { limit: 5, offset: 10 });
        let (filter, slice) = versions("").unwrap();
        assert_eq!((filter.standing, &*filter.search), (None, ""));
        assert_eq!((slice.limit, slice.offset), (USUAL, 0));
    }

    #[test]
    fn names_what_it_does_not_understand() {
        for (query, part) in [
            ("standing=good", "`not-carried`"),
            ("limit=0", "from 1 to 10000"),
            ("limit=10001", "from 1 to 10000"),
            ("limit=-1", "from 1 to 10000"),
            ("offset=x", "`offset` is a number"),
            ("%1b[31m=1", "`\\u{1b}[31m` is no parameter"),
        ] {
            let error = versions(query).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
    }
}
