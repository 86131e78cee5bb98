//! The status page as HTML: what is wrong and since when, before anything else.
//!
//! Plain functions from a view to text; they know no HTTP. Each page is one answer: the style lies in it, its icons are drawn
//! in it, and there is no script, so that the policy can forbid everything else and a page that was saved still looks right.
//!
//! Names, versions and reasons come from indexes and servers. They go through `text` only, where what cannot be seen is made
//! visible; maud escapes the rest, and `PreEscaped` is for constants.
//!
//! | module | draws |
//! |---|---|
//! | `frame` | what is around every page: head, banners, foot |
//! | `overview`, `cards`, `table` | all mirrors: the sentence at the top, those in trouble, the others |
//! | `mirror`, `facts`, `pushes`, `runs` | one mirror |
//! | `versions` | all versions of a mirror |
//! | `group`, `finding`, `words`, `text`, `icon`, `query` | what these are made of |
//!
//! Pages reload themselves by the address they were asked by, so filters and searches stay. What was typed and not sent yet would
//! be lost (Chromium keeps nothing of a page with `no-store`), so a page that reloads has no form: `Find and sort` leads to one that
//! stands still. The page of versions, which is for searching, never reloads.

mod cards;
mod facts;
mod finding;
mod frame;
mod group;
mod icon;
mod mirror;
mod overview;
mod pushes;
mod query;
mod runs;
mod schedule;
mod table;
mod text;
mod versions;
mod words;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use self::frame::Frame;
pub use self::group::Group;
pub use self::mirror::mirror;
pub use self::overview::overview;
use self::query::PAUSE;
pub use self::query::{OverviewQuery, Sort, VersionsQuery};
pub use self::versions::versions;

/// The style of all pages.
const STYLE: &str = include_str!("style.css");

/// The `Content-Security-Policy` under which the pages work: the style that lies in them, their own icon, and forms that lead
/// back here. No script, no frame, no connection.
pub fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        )
    });
    &POLICY
}

/// Whether the query of a page says that it is not to reload itself.
pub fn is_paused(query: &str) -> bool {
    query::pairs(query).any(|(key, value)| (&*key, &*value) == PAUSE)
}

/// A page that says that there is nothing under this address.
pub fn nothing_here(text: &str) -> String {
    let frame = Frame::bare("Not found");
    frame.around(&maud::html! {
        h1 { "Not found" }
        p { (text) }
        p { a href="/" { "All mirrors" } }
    })
}
