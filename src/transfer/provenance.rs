//! What becomes of a provenance file (product rules "Trust"): carried, verified, required, or told apart from the
//! pages that some servers send for whatever does not exist.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Fault, ProvenancePolicy, Transfer};
use crate::helm::package::Package;
use crate::helm::provenance::{ClearSigned, Naming};
use crate::report::Provenance;
use crate::source::{Fetched, ProvenanceFile};
use crate::types::{Digest, Reason};

/// What a provenance file is about.
pub(super) struct Subject<'a> {
    /// Where the package is, secrets masked.
    pub(super) url: &'a str,
    /// Its sha256.
    pub(super) package: &'a Digest,
    /// Its chart's name.
    pub(super) name: &'a str,
    /// Its version.
    pub(super) version: &'a str,
}

/// The verdict.
pub(super) struct Judged {
    pub(super) state: Provenance,
    pub(super) file: Option<Bytes>,
    pub(super) warning: Option<Reason>,
}

impl Judged {
    fn none(warning: Option<Reason>) -> Self {
        Self {
            state: Provenance::None,
            file: None,
            warning,
        }
    }
}

impl Transfer {
    pub(super) fn judge_provenance(&self, package: &Package, fetched: &Fetched) -> Result<Judged, Fault> {
        let policy = self.policy.provenance;
        let bytes = match (&fetched.provenance, policy) {
            (_, ProvenancePolicy::Off) => {
                return Ok(Judged {
                    state: Provenance::Off,
                    file: None,
                    warning: None,
                });
            }
            (ProvenanceFile::Forbidden, ProvenancePolicy::Require) => {
                let text = format!(
                    "the `.prov` of {} may not be read, and provenance is required",
                    fetched.url
                );
                return Err(Fault::refused("provenance-missing", text));
            }
            (ProvenanceFile::None, _) => {
                return self.no_provenance(&fetched.url).map(|()| Judged::none(None));
            }
            (ProvenanceFile::Forbidden, _) => {
                return Ok(Judged::none(self.tell_of_pages(&fetched.url, "403 Forbidden")));
            }
            (ProvenanceFile::NotSigned { why }, policy) if policy.verifies() => {
                let text = format!("the `.prov` of {} is no provenance file: {why}", fetched.url);
                return Err(Fault::refused("provenance-not-signed", text));
            }
            (ProvenanceFile::NotSigned { why }, _) => {
                return Ok(Judged::none(self.tell_of_pages(&fetched.url, why)));
            }
            (ProvenanceFile::Signed(bytes), _) => bytes.clone(),
        };
        let subject = Subject {
            url: &fetched.url,
            package: &fetched.package.digest,
            name: &package.metadata.name,
            version: &package.metadata.version,
        };
        self.judge_signed(&subject, bytes)
    }

    /// There is none, which is an error only where one is required.
    pub(super) fn no_provenance(&self, url: &str) -> Result<(), Fault> {
        if self.policy.provenance != ProvenancePolicy::Require {
            return Ok(());
        }
        let text = format!("{url} has no provenance file, and provenance is required");
        Err(Fault::refused("provenance-missing", text))
    }

    pub(super) fn judge_signed(&self, subject: &Subject<'_>, bytes: Bytes) -> Result<Judged, Fault> {
        let verifies = self.policy.provenance.verifies();
        let refuse =
            |code, text: String| Fault::refused(code, format!("the `.prov` of {}: {text}", subject.url));
        let signed = match ClearSigned::scan(&bytes) {
            Ok(signed) => signed,
            Err(error) if verifies => return Err(refuse("provenance-not-signed", error.to_string())),
            Err(error) => return Ok(Judged::none(self.tell_of_pages(subject.url, &error.to_string()))),
        };
        let naming = signed.naming(subject.package, subject.name, subject.version);
        let warning = match naming {
            Naming::Archive => None,
            Naming::Other(name) => Some(file_name_warning(&name)),
            Naming::Not(why) if verifies => return Err(refuse("provenance-mismatch", why)),
            Naming::Not(why) => {
                let text = format!("its `.prov` is not about this package ({why}); carried all the same");
                let warning = Some(Reason::new("provenance-mismatch", text));
                return Ok(Judged {
                    state: Provenance::Mismatch,
                    file: Some(bytes),
                    warning,
                });
            }
        };
        let mut state = Provenance::Carried;
        if verifies {
            let check = self
                .policy
                .verifier
                .as_ref()
                .map(|verifier| verifier.check(&signed));
            let verdict = check.unwrap_or_else(|| Err("no keyring is configured".into()));
            verdict.map_err(|text| refuse("provenance-bad-signature", text))?;
            state = Provenance::Verified;
        }
        Ok(Judged {
            state,
            file: Some(bytes),
            warning,
        })
    }

    /// One warning per source: object stores and single-page applications answer 200 for every `.prov`.
    fn tell_of_pages(&self, url: &str, why: &str) -> Option<Reason> {
        (!self.told_of_pages.swap(true, Ordering::AcqRel)).then(|| {
            let text = format!(
                "the source answers for `.prov` files with something else, first for {url}: {why}; taken as none"
            );
            Reason::new("provenance-not-signed", text)
        })
    }
}

/// `helm pull --verify` from a registry looks the package up as `<name>-<version>.tgz` (helm-oci-format 5): one that
/// was signed under another file name verifies in a classic repository only.
fn file_name_warning(name: &str) -> Reason {
    let text = format!(
        "its `.prov` was made for a file named `{}`, so `helm pull --verify` from a registry will refuse it",
        name.escape_debug()
    );
    Reason::new("provenance-file-name", text)
}
