//! One target during a run: what was proved about it, and whether it is still worth trying.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::fault::{Fault, chain};
use crate::report::Action;
use crate::target::{Target, TargetFault};
use crate::types::{Class, Digest, Reason, Repository, Tag};

/// So many versions in a row may be refused for want of rights or room before the target is given up: one chart's
/// repository may be closed, but thousands of downloads for nothing help nobody.
const PATIENCE: u32 = 3;

/// A target with what this run learned about it.
pub struct Destination {
    target: Target,
    /// The first tag pushed is read back, so that a server that answers 201 to everything is found out.
    proved: AtomicBool,
    /// Something was stored in this run.
    works: AtomicBool,
    refusals: AtomicU32,
    /// The first of them.
    refusal: OnceLock<Reason>,
    broken: OnceLock<Reason>,
    /// What the target said to have stored is not there.
    disproved: OnceLock<Reason>,
}

impl Destination {
    /// A destination of which nothing is known yet.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            proved: AtomicBool::new(false),
            works: AtomicBool::new(false),
            refusals: AtomicU32::new(0),
            refusal: OnceLock::new(),
            broken: OnceLock::new(),
            disproved: OnceLock::new(),
        }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Why the target was given up during the run.
    pub fn broken(&self) -> Option<&Reason> {
        self.broken.get()
    }

    /// Why the target refused versions that it may have refused as a whole: for want of rights, a login or room.
    pub fn refusal(&self) -> Option<&Reason> {
        self.refusal.get()
    }

    /// Why nothing that this run stored may be believed.
    pub fn disproved(&self) -> Option<&Reason> {
        self.disproved.get()
    }

    /// Fails where the target was given up.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        match self.broken.get() {
            None => Ok(()),
            Some(reason) => Err(Fault {
                action: Action::Failed,
                reason: Reason::new("target-given-up", format!("not tried any more: {}", reason.text)),
                class: Class::Permanent,
            }),
        }
    }

    /// Takes note of a failed write. A login that does not work is not tried again: that locks accounts.
    pub(super) fn failed(&self, fault: &TargetFault) -> Fault {
        let hopeless = fault.is_login();
        let fault = Fault::of_target(fault);
        // Rights may differ from chart to chart, so they are no sign once something was stored; room ends for all.
        let denied = hopeless || fault.class == Class::Auth;
        let full = fault.reason.code == "registry-quota";
        if full || (denied && !self.works.load(Ordering::Acquire)) {
            self.refusal.get_or_init(|| fault.reason.clone());
            if self.refusals.fetch_add(1, Ordering::AcqRel) + 1 >= PATIENCE || hopeless {
                self.broken.get_or_init(|| fault.reason.clone());
            }
        }
        fault
    }

    /// Takes note of a stored manifest, and reads the first one back.
    pub(super) async fn stored(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), Fault> {
        self.works.store(true, Ordering::Release);
        self.refusals.store(0, Ordering::Release);
        if self.proved.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let Err(error) = self.target.read_back(repository, tag, digest).await else {
            return Ok(());
        };
        let text = format!(
            "the target accepted a manifest but does not give it back: {}",
            chain(&error)
        );
        let reason = Reason::new("target-not-storing", text);
        self.broken.get_or_init(|| reason.clone());
        self.disproved.get_or_init(|| reason.clone());
        Err(Fault {
            action: Action::Failed,
            reason,
            class: Class::Integrity,
        })
    }

    /// Takes note of a failed look at a repository.
    pub(crate) fn look_failed(&self, fault: &TargetFault) -> Fault {
        self.failed(fault)
    }
}
