//! Names of archive entries as Helm turns them into paths below the chart (helm-oci-format 1.2).

/// The path below the chart, without the first component, cleaned; or why Helm refuses the archive.
pub(super) fn below_chart(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    // One backslash makes it the separator of this entry.
    let separator = if name.contains(&b'\\') { b'\\' } else { b'/' };
    let (first, rest) = match name.iter().position(|b| *b == separator) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, &[][..]),
    };
    let rest: Vec<u8> = rest
        .iter()
        .map(|b| if *b == separator { b'/' } else { *b })
        .collect();
    if rest.starts_with(b"/") {
        return Err("an absolute path");
    }
    let path = clean(&rest);
    if path.is_empty() {
        return Err("a file outside the chart's folder");
    }
    if path.starts_with(b"..") {
        return Err("a path into the parent folder");
    }
    if matches!(&path[..], [letter, b':', b'/', ..] if letter.is_ascii_alphabetic()) {
        return Err("a path with a drive letter");
    }
    if first == b"Chart.yaml" {
        return Err("Chart.yaml is not in the chart's folder");
    }
    Ok(path)
}

/// Go's `path.Clean` for a relative path, with nothing instead of `.`.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        for (name, path) in [
            ("c/Chart.yaml", Some("Chart.yaml")),
            ("./Chart.yaml", Some("Chart.yaml")),
            ("/Chart.yaml", Some("Chart.yaml")),
            ("../Chart.yaml", Some("Chart.yaml")),
            ("C:/Chart.yaml", Some("Chart.yaml")),
            ("./c/Chart.yaml", Some("c/Chart.yaml")),
            ("c/x/../Chart.yaml", Some("Chart.yaml")),
            ("c/./Chart.yaml", Some("Chart.yaml")),
            ("c/templates//x", Some("templates/x")),
            ("c\\templates\\x", Some("templates/x")),
            ("c/x\\Chart.yaml", Some("Chart.yaml")),
            ("c/C:x", Some("C:x")),
            ("c//Chart.yaml", None),
            ("c/..x", None),
            ("c/../../x", None),
            ("c/..", None),
            ("c/.", None),
            ("README", None),
            ("c/C:/x", None),
            ("Chart.yaml/x", None),
            ("", None),
        ] {
            let found = below_chart(name.as_bytes()).ok();
            assert_eq!(found.as_deref(), path.map(str::as_bytes), "{name}");
        }
    }
}
