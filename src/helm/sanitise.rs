//! The cleaning that Helm applies to most texts of Chart.yaml before it writes them (helm-oci-format 1.6).

use super::sanitise_table::KEPT;

/// Every space becomes one ASCII space, everything that Go does not print vanishes. Nothing is collapsed or
/// trimmed. Works in place when there is nothing to do, which is the rule.
pub(super) fn sanitise(text: &mut String) {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return;
    }
    *text = text.chars().filter_map(clean).collect();
}

fn clean(c: char) -> Option<char> {
    if is_space(c) {
        return Some(' ');
    }
    is_printed(c).then_some(c)
}

/// Go's `unicode.IsSpace`.
pub(super) fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// Go's `unicode.IsPrint` for characters that are no spaces.
fn is_printed(c: char) -> bool {
    match u32::from(c) {
        0x20..=0x7e => true,
        0..0x80 => false,
        point => {
            let after = KEPT.partition_point(|(first, _)| *first <= point);
            after > 0 && KEPT[after - 1].1 >= point
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        let mut text = text.to_owned();
        sanitise(&mut text);
        text
    }

    #[test]
    fn cleans_as_helm_does() {
        for (text, clean) in [
            ("plain text", "plain text"),
            ("a\tb\nc\r\nd", "a b c  d"),
            ("\u{a0}\u{85}\u{2028}\u{3000}", "    "),
            ("c\u{200b}\u{feff}\u{ad}\u{e000}", "c"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{1f469}"),
            ("\0\u{1b}\u{7f}é中", "é中"),
            (
                "\u{34f}\u{115f}\u{3164}\u{fffc}\u{fffd}\u{e0100}\u{fe0f}",
                "\u{34f}\u{115f}\u{3164}\u{fffc}\u{fffd}\u{e0100}\u{fe0f}",
            ),
            // New in Unicode 15.1, 16.0 and 17.0: unknown to Go 1.26
            ("\u{2ffc}\u{105c0}\u{10940}", ""),
            // New in Unicode 15.0
            ("\u{1fae8}", "\u{1fae8}"),
        ] {
            assert_eq!(cleaned(text), clean, "{text:?}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(KEPT.iter().all(|(first, last)| first <= last));
        assert!(KEPT.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
