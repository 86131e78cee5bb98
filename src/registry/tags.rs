//! Lists the tags of a repository (registries rule 15). The list is a hint: where it ended oddly it says so.

use std::collections::HashSet;

use http::header::LINK;
use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use super::RegistryError;
use super::scope::Right;
use super::transport::{Call, Transport};
use crate::net::{Response, redact, same_origin};
use crate::types::{Repository, Tag};

/// The largest page (reliability 4.3).
const LARGEST: u64 = 8 << 20;

/// More pages than that are a loop that makes progress (reliability F27).
const MOST_PAGES: usize = 10_000;

/// More tags than that fit no report.
const MOST_TAGS: usize = 2_000_000;

/// The tags of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagList {
    /// The tags.
    pub tags: HashSet<Box<str>>,
    /// The repository is there: the registry showed its list.
    pub found: bool,
    /// True if the registry listed all of them without oddities; else look at a tag before you push it.
    pub trusted: bool,
}

/// One page of the list, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPage {
    /// Its tags, in the registry's order.
    pub tags: Vec<Box<str>>,
    /// How it leads to the next.
    pub next: NextPage,
}

/// How a page tells that there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// Not at all.
    None,
    /// By a `Link` that can be followed.
    Link,
    /// By a `Link` that leads elsewhere.
    Odd,
}

/// Asks for one page.
pub(super) async fn one_page(
    transport: &Transport,
    repository: &Repository,
    right: Right,
    n: usize,
    last: Option<&str>,
) -> Result<TagPage, RegistryError> {
    let mut url = transport.url(&format!("{repository}/tags/list"));
    url.query_pairs_mut().append_pair("n", &n.to_string());
    if let Some(last) = last {
        url.query_pairs_mut().append_pair("last", last);
    }
    let (page, link) = page(transport, url, repository, right).await?;
    Ok(TagPage {
        tags: match page {
            Page::Tags(tags) => tags,
            Page::Null => Vec::new(),
        },
        next: match link {
            Link::None => NextPage::None,
            Link::Next(_) => NextPage::Link,
            Link::Odd => NextPage::Odd,
        },
    })
}

/// What a page says.
enum Page {
    Tags(Vec<Box<str>>),
    /// `null` where a list should be.
    Null,
}

/// Reads all pages. No `n` is sent: without it registries answer with everything or with a `Link`.
pub(super) async fn list(
    transport: &Transport,
    repository: &Repository,
    right: Right,
) -> Result<TagList, RegistryError> {
    let mut found = TagList {
        tags: HashSet::new(),
        found: true,
        trusted: true,
    };
    let mut next = Some(transport.url(&format!("{repository}/tags/list")));
    let mut seen = HashSet::new();
    while let Some(url) = next.take() {
        let first = seen.is_empty();
        if seen.len() >= MOST_PAGES || found.tags.len() >= MOST_TAGS || !seen.insert(url.to_string()) {
            found.trusted = false;
            break;
        }
        let (page, link) = match page(transport, url, repository, right).await {
            Ok(page) => page,
            Err(error) if first => return absent(error),
            Err(error) => return Err(error),
        };
        let before = found.tags.len();
        match page {
            Page::Tags(tags) => {
                let empty = tags.is_empty();
                found.tags.extend(tags);
                next = match link {
                    Link::None => None,
                    Link::Next(url) if found.tags.len() > before => Some(*url),
                    // Pulp's last page may be empty; a page that only repeats is a loop.
                    Link::Next(_) if empty => None,
                    Link::Next(_) | Link::Odd => {
                        found.trusted = false;
                        None
                    }
                };
            }
            Page::Null => found.trusted = false,
        }
    }
    Ok(found)
}

/// One page, asked for again if it breaks off.
async fn page(
    transport: &Transport,
    url: Url,
    repository: &Repository,
    right: Right,
) -> Result<(Page, Link), RegistryError> {
    let mut tries = transport.net.tries();
    loop {
        let call = Call::new(Method::GET, url.clone(), repository, right).repeats(tries.retries() > 0);
        let response = transport.send_within(call, &mut tries).await?;
        let link = following(response.headers(), response.url());
        match read(response).await {
            Err(error) if error.class().is_transient() && tries.again().await => {}
            read => return Ok((read?, link)),
        }
    }
}

/// A 404 means that nothing was pushed yet, unless the registry has no such endpoint at all (ECR Public).
fn absent(error: RegistryError) -> Result<TagList, RegistryError> {
    let RegistryError::Status { status, problems, .. } = &error else {
        return Err(error);
    };
    if status.as_u16() != 404 {
        return Err(error);
    }
    let unknown =
        problems.has_prefix("NAME_") || problems.has("NOT_FOUND") || problems.has("REPOSITORY_UNKNOWN");
    let trusted = unknown && !problems.says("page not found");
    Ok(TagList {
        tags: HashSet::new(),
        found: false,
        trusted,
    })
}

async fn read(response: Response) -> Result<Page, RegistryError> {
    let url = redact(response.url());
    let body = response.bytes(LARGEST).await?;
    let odd = |why: &str| RegistryError::Answer {
        url: url.clone(),
        why: why.to_owned(),
    };
    let json: Value = serde_json::from_slice(&body).map_err(|_| odd("it is no JSON"))?;
    match json.get("tags") {
        Some(Value::Array(tags)) => {
            // Nexus lists nulls, Artifactory digests: what is no tag is left out.
            let texts = tags.iter().filter_map(Value::as_str);
            Ok(Page::Tags(
                texts
                    .filter(|text| Tag::new(text).is_ok())
                    .map(Box::from)
                    .collect(),
            ))
        }
        Some(Value::Null) => Ok(Page::Null),
        None if json.is_object() => Ok(Page::Null),
        _ => Err(odd("`tags` is no list")),
    }
}

enum Link {
    None,
    Next(Box<Url>),
    /// There is one that cannot be followed.
    Odd,
}

/// The `Link` with `rel="next"`, on the same origin only (reliability A30).
fn following(headers: &HeaderMap, base: &Url) -> Link {
    for value in headers.get_all(LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        if let Some(target) = next_target(&text) {
            return match base.join(target) {
                Ok(url) if same_origin(base, &url) => Link::Next(Box::new(url)),
                _ => Link::Odd,
            };
        }
    }
    Link::None
}

/// The target of `rel="next"` in a header that may list several links (RFC 8288).
fn next_target(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        let after = &rest[end + 1..];
        let parameters = &after[..after
            .find(",<")
            .or_else(|| after.find(", <"))
            .unwrap_or(after.len())];
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let words = value.trim().trim_end_matches(',').trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && words.split_whitespace().any(|w| w.eq_ignore_ascii_case("next"))
        });
        // ACR and others of old sent no `rel` where there is only one thing it could be.
        if is_next || parameters.trim().is_empty() {
            return Some(target);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod unit {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn links_are_found() {
        for (text, target) in [
            (
                r#"</v2/a/tags/list?last=b&n=2>; rel="next""#,
                Some("/v2/a/tags/list?last=b&n=2"),
            ),
            (r"<x>;rel=next", Some("x")),
            (r#"<p>; rel="prev", <n>; title="a"; rel="next""#, Some("n")),
            (r#"<n>; rel="last next""#, Some("n")),
            ("<n>", Some("n")),
            (r#"<p>; rel="prev""#, None),
            ("<n", None),
            ("", None),
        ] {
            assert_eq!(next_target(text), target, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([<>;,= \"é]|rel|next|x){0,20}") {
            next_target(&text);
        }
    }
}
