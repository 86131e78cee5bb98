//! Files that lost power, bits or their beginning (reliability F32), and files of another time.

use proptest::prelude::*;

use super::{Broken, Content, bytes, full, is_broken, read, sample, sound};
use crate::state::State;
use crate::types::Digest;

/// A file of these lines with a good digest at its end.
fn sealed(lines: &str) -> Vec<u8> {
    format!("{lines}{{\"end\":\"{}\"}}\n", Digest::of(lines.as_bytes())).into_bytes()
}

/// All lines but the last.
fn body(state: &State) -> String {
    let text = String::from_utf8(bytes(state)).unwrap();
    let end = text.rfind("{\"end\"").unwrap();
    text[..end].to_owned()
}

#[test]
fn no_prefix_is_a_state() {
    let written = bytes(&full());
    for end in 0..written.len() {
        assert!(is_broken(&written[..end]), "{end}");
    }
    assert!(!is_broken(&written));
}

#[test]
fn no_flipped_bit_goes_unseen() {
    let mut written = bytes(&full());
    for at in 0..written.len() {
        for bit in 0..8 {
            written[at] ^= 1 << bit;
            // Above all it is no later format: that would be refused for ever instead of being built anew.
            assert!(is_broken(&written), "bit {bit} of byte {at}");
            written[at] ^= 1 << bit;
        }
    }
}

#[test]
fn zeros_mixtures_and_tails_are_broken() {
    let new = bytes(&full());
    let mut older = full();
    older.gone(1, "App Two", "2.0.0");
    let old = bytes(&older);
    assert!(is_broken(&[]) && is_broken(&vec![0; new.len()]));
    let blocks = (0..new.len().min(old.len())).step_by(64);
    for at in blocks.filter(|at| *at > 0) {
        let mixed = [&new[..at], &old[at..]].concat();
        assert!(mixed == new || mixed == old || is_broken(&mixed), "{at}");
        let mut zeroed = new.clone();
        zeroed[at..].fill(0);
        assert!(is_broken(&zeroed), "{at}");
    }
    assert!(is_broken(&[&new[..], b"\n"].concat()) && is_broken(&[&new[..], &new[..]].concat()));
}

#[test]
fn only_a_whole_file_is_of_a_later_format() {
    let later = body(&full()).replace("state/v1\"", "state/v2\"");
    assert!(
        matches!(read(&*sealed(&later)), Ok(Content::Newer(format)) if &*format == "chartferry.state/v2")
    );
    // What a later format has in its lines cannot be known.
    let unknown = "{\"format\":\"chartferry.state/v10\",\"x\":1}\n\u{0}\u{1}\n";
    assert!(matches!(read(&*sealed(unknown)), Ok(Content::Newer(_))));
    let mut cut = sealed(&later);
    cut.truncate(cut.len() - 30);
    assert!(is_broken(&cut));
    assert!(is_broken(&sealed(&later.replacen('a', "b", 1)[1..])));
    for format in ["chartferry.state/vx", "chartferry.report/v1", ""] {
        let other = body(&full()).replace("chartferry.state/v1", format);
        assert!(is_broken(&sealed(&other)), "{format}");
    }
}

#[test]
fn lines_that_we_never_write_are_broken() {
    let good = body(&State::new(sample::identity()));
    sound(&sealed(&good));
    let digest = Digest::of(b"");
    let version = |rest: &str| format!("{{\"version\":{{\"seen\":\"2026-01-01T00:00:00Z\",{rest}}}}}\n");
    let chart = "{\"chart\":\"app\"}\n";
    sound(&sealed(&format!("{good}{chart}{}", version("\"name\":\"1\""))));
    let long = "x".repeat(600);
    for (what, lines) in [
        ("no chart", version("\"name\":\"1\"")),
        ("twice", format!("{chart}{}", version("\"name\":\"1\"").repeat(2))),
        (
            "out of order",
            format!("{chart}{}{}", version("\"name\":\"2\""), version("\"name\":\"1\"")),
        ),
        ("chart twice", chart.repeat(2)),
        ("unknown key", format!("{chart}{}", version("\"name\":\"1\",\"x\":1"))),
        (
            "no such target",
            format!(
                "{chart}{}",
                version(&format!(
                    "\"name\":\"1\",\"at\":[{{\"target\":2,\"manifest\":\"{digest}\"}}]"
                ))
            ),
        ),
        (
            "no tag",
            format!(
                "{chart}{}",
                version(&format!(
                    "\"name\":\"1\",\"at\":[{{\"manifest\":\"{digest}\",\"elsewhere\":[\"a\",\"../b\"]}}]"
                ))
            ),
        ),
        ("long name", format!("{{\"chart\":\"{long}\"}}\n")),
        (
            "bad code",
            "{\"trouble\":{\"chart\":\"a\",\"version\":\"1\",\"action\":\"drifted\",\"code\":\"A B\",\"text\":\"\",\"since\":\"2026-01-01T00:00:00Z\",\"runs\":1}}\n".into(),
        ),
        ("unknown line", "{\"other\":1}\n".into()),
        ("no object", "[]\n".into()),
    ] {
        assert!(is_broken(&sealed(&format!("{good}{lines}"))), "{what}");
    }
}

#[test]
fn a_line_without_end_is_not_taken_in() {
    let header = body(&State::new(sample::identity()));
    for begin in ["", &header] {
        let mut endless = std::io::Read::take(std::io::repeat(b' '), 4 << 20);
        let lines = std::io::Read::chain(begin.as_bytes(), &mut endless);
        assert!(matches!(read(lines), Err(Broken::Long)));
        assert!(endless.limit() > 3 << 20, "{}", endless.limit());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(is_broken(&bytes));
    }

    #[test]
    fn no_sealed_lines_make_it_panic(lines in proptest::collection::vec("[\"{}\\[\\]:,a-z0-9]{0,40}", 0..20)) {
        let header = body(&State::new(sample::identity()));
        let lines = format!("{header}{}\n", lines.join("\n"));
        prop_assert!(is_broken(&sealed(&lines)));
    }
}
