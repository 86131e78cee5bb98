//! Text of others, kept to a bounded length.

use std::borrow::Cow;

/// The beginning of a text, at most `limit` bytes and no half character.
pub(super) fn clip(text: Cow<'_, str>, limit: usize) -> String {
    if text.len() <= limit {
        return text.into_owned();
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole() {
        for (text, limit, clipped) in [("abc", 3, "abc"), ("abc", 2, "ab"), ("aéb", 2, "a"), ("é", 0, "")] {
            assert_eq!(clip(text.into(), limit), clipped);
        }
    }
}
