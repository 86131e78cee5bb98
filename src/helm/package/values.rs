//! `values.yaml`, which Helm 3 and Helm 4 read differently (helm-oci-format 1.3 item 3).

use crate::helm::yaml::{YamlError, check_map};

/// What each of the two has against a file.
pub(super) struct Verdict {
    pub(super) helm3: Result<(), YamlError>,
    pub(super) helm4: Result<(), YamlError>,
}

/// Helm 3 reads the first document only; Helm 4 splits at lines that begin with `---` and reads them all.
pub(super) fn check(bytes: &[u8]) -> Verdict {
    let helm3 = check_map(bytes);
    let helm4 = if needs_split(bytes) {
        split(bytes)
    } else {
        helm3.clone()
    };
    Verdict { helm3, helm4 }
}

/// False if splitting gives the whole text back: no separator but perhaps one right at the beginning, and no
/// UTF-16, whose bytes Helm 4 takes apart at line ends.
fn needs_split(bytes: &[u8]) -> bool {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return true;
    }
    let first = bytes
        .strip_prefix(b"---")
        .is_some_and(|rest| !rest.starts_with(b"\n"));
    first || bytes.windows(4).any(|window| window == b"\n---")
}

fn split(bytes: &[u8]) -> Result<(), YamlError> {
    let mut document = Vec::new();
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return check_map(bytes);
    }
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(rest) = line.strip_prefix(b"---") {
            let rest = String::from_utf8_lossy(rest);
            let rest = rest.trim_matches(crate::helm::sanitise::is_space);
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(YamlError::new("text behind the document separator `---`"));
            }
            if !document.is_empty() {
                // The separator itself is dropped, save at the very beginning.
                check_map(&document)?;
                document.clear();
                continue;
            }
        }
        document.extend_from_slice(line);
        document.push(b'\n');
    }
    check_map(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_3_and_4_differ_in_later_documents() {
        for (yaml, helm3, helm4) in [
            (&b""[..], true, true),
            (b"a: 1", true, true),
            (b"---\na: 1\n", true, true),
            (b"a: 1\n---\nb: 2\n", true, true),
            (b"a: 1\r\n--- # c\r\nb: 2", true, true),
            (b"a: 1\n---\n- b\n", true, false),
            (b"a: 1\n---\n{", true, false),
            (b"a: &x 1\n---\nb: *x\n", true, false),
            (b"--- {a: 1}\n", true, false),
            (b"a: |\n  ---\n", true, true),
            (b"\xff\xfea\0:\0 \x001\0", true, false),
            (b"- a", false, false),
            (b"{", false, false),
        ] {
            let verdict = check(yaml);
            let shown = String::from_utf8_lossy(yaml);
            assert_eq!(
                (verdict.helm3.is_ok(), verdict.helm4.is_ok()),
                (helm3, helm4),
                "{shown}"
            );
        }
    }
}
