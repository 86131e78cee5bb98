//! Foreign text on the page, and moments.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::words;
use crate::report::plain;

/// Characters of a text that are shown. The API has it whole.
const MOST: usize = 600;

/// Foreign text: what cannot be seen is spelled out, its reading direction ends with it, and a very long one is cut.
pub(super) fn text(foreign: &str) -> Markup {
    html! { bdi { (clipped(foreign)) } }
}

/// A sentence in which what stands between backticks is code, as in all messages of chartferry.
pub(super) fn sentence(foreign: &str) -> Markup {
    let shown = clipped(foreign);
    let parts: Vec<_> = shown.split('`').collect();
    // A backtick without its fellow is a character like any other
    let paired = parts.len() % 2 == 1;
    html! {
        bdi {
            @if paired {
                @for (at, part) in parts.iter().enumerate() {
                    @if at % 2 == 1 { code { (part) } } @else { (part) }
                }
            } @else { (shown) }
        }
    }
}

/// The same as code, e.g. a URL.
pub(super) fn code(foreign: &str) -> Markup {
    html! { code { bdi { (clipped(foreign)) } } }
}

/// Something to copy, so it is never cut and one click selects it.
pub(super) fn copyable(foreign: &str) -> Markup {
    html! { code.copy tabindex="0" { (plain(foreign)) } }
}

/// For places that hold text only, such as a title.
pub(super) fn clipped(foreign: &str) -> Cow<'_, str> {
    match foreign.char_indices().nth(MOST) {
        None => plain(foreign),
        Some((end, _)) => format!("{}…", plain(&foreign[..end])).into(),
    }
}

/// `12 min ago`, with the moment itself for machines and on hovering.
pub(super) fn ago(now: DateTime<Utc>, moment: DateTime<Utc>) -> Markup {
    stamp(moment, &words::ago(now, moment))
}

/// `25 Nov, 18:40 UTC`, with the whole moment for machines and on hovering.
pub(super) fn at(now: DateTime<Utc>, moment: DateTime<Utc>) -> Markup {
    stamp(moment, &words::at(now, moment))
}

fn stamp(moment: DateTime<Utc>, shown: &str) -> Markup {
    html! {
        time datetime=(moment.format("%Y-%m-%dT%H:%M:%SZ")) title=(words::exactly(moment)) { (shown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_in_pairs_are_code() {
        let shown = |text| sentence(text).into_string();
        assert_eq!(shown("`a<` is b"), "<bdi><code>a&lt;</code> is b</bdi>");
        assert_eq!(shown("a `b"), "<bdi>a `b</bdi>");
        assert_eq!(shown("plain"), "<bdi>plain</bdi>");
    }

    #[test]
    fn nothing_hides_and_nothing_breaks_out() {
        let shown = text("<b>\u{202e}gpj\u{7}&\"").into_string();
        assert_eq!(shown, "<bdi>&lt;b&gt;\\u{202e}gpj\\u{7}&amp;&quot;</bdi>");
        let long = "é".repeat(MOST + 1);
        assert_eq!(clipped(&long).chars().count(), MOST + 1);
        assert!(clipped(&long).ends_with("é…"));
        assert_eq!(clipped(&long[..MOST * 2]), long[..MOST * 2]);
    }
}
