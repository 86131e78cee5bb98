//! Old names to new references (`--map FILE`), for scripts that rewrite `GitOps` repositories.
//!
//! JSON lines: one object a line, so that it streams, greps, and joins with `cat`.
//! `jq -r 'select(.chart == "redis") | .pinned'` finds a reference.

use std::io::{self, Write as _};

use serde::Serialize;

use super::{Action, RunReport};

/// One version that is at a target now.
#[derive(Serialize)]
struct Line<'a> {
    /// The classic repository, secrets masked.
    repository: &'a str,
    chart: &'a str,
    version: &'a str,
    /// By tag, as `helm pull` takes it with `--version`.
    reference: String,
    /// By digest. Missing where the run saw only the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<String>,
}

/// Writes a line for every version that is at a target with the bytes of the source, as far as this run knows.
pub fn write(report: &RunReport, out: impl io::Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    for (mirror, target) in report.targets() {
        for item in &target.items {
            if !matches!(item.action, Action::Pushed | Action::Present) {
                continue;
            }
            let Some(reference) = item.reference(&target.target) else {
                continue;
            };
            let line = Line {
                repository: &mirror.source,
                chart: &item.chart,
                version: &item.version,
                reference,
                pinned: item.pinned(&target.target),
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn maps_what_is_in_place_and_nothing_else() {
        let mut out = Vec::new();
        write(&sample::full(), &mut out).unwrap();
        let expected = concat!(
            r#"{"repository":"https://charts.acme.io","chart":"ingress","version":"4.12.0","#,
            r#""reference":"oci://registry.acme.io/charts/ingress:4.12.0","#,
            r#""pinned":"oci://registry.acme.io/charts/ingress@HEX"}"#,
            "\n",
            r#"{"repository":"https://charts.acme.io","chart":"ingress","version":"4.11.1+up2","#,
            r#""reference":"oci://registry.acme.io/charts/ingress:4.11.1_up2","#,
            r#""pinned":"oci://registry.acme.io/charts/ingress@HEX"}"#,
            "\n",
            r#"{"repository":"https://charts.acme.io","chart":"ingress","version":"4.11.0","#,
            r#""reference":"oci://registry.acme.io/charts/ingress:4.11.0"}"#,
            "\n",
        );
        let digest = crate::types::Digest::of(b"ingress").to_string();
        assert_eq!(String::from_utf8(out).unwrap(), expected.replace("HEX", &digest));
    }
}
