//! Foreign text made harmless for terminals, logs and tables (CVE-2021-21303 was this in Helm).

use std::borrow::Cow;

/// `text` with everything escaped that could move a cursor, change colours or turn the reading direction:
/// control, format and other unprintable characters. Quotes and backslashes stay as they are.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    Cow::Owned(out)
}

fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // The standard library knows which characters are printable: what it leaves as it is, is one character.
        _ => c.escape_debug().len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_text_as_it_is() {
        for text in ["", "it's `C:\\x` \"quoted\"", "größe 日本"] {
            assert!(
                matches!(plain(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn escapes_what_a_terminal_acts_upon() {
        for (text, shown) in [
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\0"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}gpj", "\\u{202e}gpj"),
            ("a\u{200b}b\u{7f}", "a\\u{200b}b\\u{7f}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }
}
