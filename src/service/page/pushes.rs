//! References that can be copied into `helm pull`, and what was pushed last.

use maud::{Markup, html};

use super::text::{ago, copyable, text};
use super::words;
use crate::service::view::{MirrorView, ServiceView};
use crate::types::Digest;

/// Pushes on a page.
const SHOWN: usize = 20;

/// What was pushed last.
pub(super) fn section(view: &ServiceView, mirror: &MirrorView) -> Markup {
    html! {
        @if !mirror.recent.is_empty() {
            section aria-labelledby="recent" {
                h2 #recent { "Pushed last" }
                table.pushes {
                    caption.sr { "What was pushed last, newest first, with references to copy" }
                    thead { tr {
                        th scope="col" { "Version" }
                        th scope="col" { "When" }
                        th.figure scope="col" { "Size" }
                        th scope="col" { "For " code { "helm pull" } }
                    } }
                    tbody {
                        @for push in mirror.recent.iter().take(SHOWN) {
                            tr {
                                th scope="row" { (text(&push.chart)) " " (text(&push.version)) }
                                td { (ago(view.now, push.at)) }
                                td.figure { (words::bytes(push.bytes)) }
                                td { (references(&push.reference, &push.version, push.digest)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The reference by version and the one by digest.
pub(super) fn references(reference: &str, version: &str, digest: Option<Digest>) -> Markup {
    html! {
        (copyable(&by_version(reference, version)))
        @if let Some(digest) = digest
            && let Some(pinned) = by_digest(reference, digest) { (copyable(&pinned)) }
    }
}

/// As Helm takes it. A version with `+` has a tag with `_`, which Helm refuses, so it is given by `--version`; the version is then
/// part of a command line and only put there if it is one word of harmless characters, as every version is.
fn by_version(reference: &str, version: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    match repository(reference) {
        Some(repository) if version.contains('+') && version.bytes().all(harmless) => {
            format!("{repository} --version {version}")
        }
        _ => reference.to_owned(),
    }
}

fn by_digest(reference: &str, digest: Digest) -> Option<String> {
    repository(reference).map(|repository| format!("{repository}@{digest}"))
}

/// The reference without its tag; `None` if it is none of a registry.
fn repository(reference: &str) -> Option<&str> {
    let path = reference.strip_prefix("oci://")?;
    let slash = path.find('/')?;
    let tag = path[slash..].rfind(':').map(|at| slash + at);
    Some(tag.map_or(reference, |at| &reference[.."oci://".len() + at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_those_that_helm_takes() {
        let digest = Digest::of(b"");
        for (reference, version, shown, pinned) in [
            (
                "oci://r.io:5000/charts/a:1.0.0",
                "1.0.0",
                "oci://r.io:5000/charts/a:1.0.0",
                Some("oci://r.io:5000/charts/a@"),
            ),
            (
                "oci://r.io/a:1.0.0_b",
                "1.0.0+b",
                "oci://r.io/a --version 1.0.0+b",
                Some("oci://r.io/a@"),
            ),
            (
                "oci://r.io/a:1.0.0_b",
                "1.0.0+b; reboot",
                "oci://r.io/a:1.0.0_b",
                Some("oci://r.io/a@"),
            ),
            ("oci-layout:/srv/a", "1.0.0+b", "oci-layout:/srv/a", None),
        ] {
            assert_eq!(by_version(reference, version), shown);
            let pinned = pinned.map(|pinned| format!("{pinned}{digest}"));
            assert_eq!(by_digest(reference, digest), pinned);
        }
    }
}
