//! A desk that answers from a sample and remembers what it was asked for.

use std::sync::Mutex;

use chartferry::service::desk::{Desk, Triggered, Wish};
use chartferry::service::view::{ServiceView, VersionView};

pub(super) struct SampleDesk {
    pub(super) view: ServiceView,
    pub(super) versions: Result<Vec<VersionView>, String>,
    /// What the next triggers answer for a mirror that exists.
    pub(super) answer: Mutex<Triggered>,
    pub(super) wishes: Mutex<Vec<(String, Wish)>>,
    pub(super) missing: Mutex<Vec<String>>,
    pub(super) alive: Mutex<bool>,
}

impl SampleDesk {
    pub(super) fn new(view: ServiceView) -> Self {
        Self {
            versions: Ok(super::samples::versions("web", 450)),
            view,
            answer: Mutex::new(Triggered::Begun),
            wishes: Mutex::default(),
            missing: Mutex::default(),
            alive: Mutex::new(true),
        }
    }

    fn knows(&self, mirror: &str) -> bool {
        self.view.mirrors.iter().any(|known| *known.name == *mirror)
    }
}

impl Desk for SampleDesk {
    fn view(&self) -> ServiceView {
        self.view.clone()
    }

    fn versions(&self, mirror: &str) -> Option<Result<Vec<VersionView>, String>> {
        self.knows(mirror).then(|| self.versions.clone())
    }

    fn trigger(&self, mirror: &str, wish: Wish) -> Triggered {
        self.wishes.lock().unwrap().push((mirror.into(), wish));
        if self.knows(mirror) {
            self.answer.lock().unwrap().clone()
        } else {
            Triggered::Unknown
        }
    }

    fn not_ready(&self) -> Vec<String> {
        self.missing.lock().unwrap().clone()
    }

    fn alive(&self) -> bool {
        *self.alive.lock().unwrap()
    }

    fn metrics(&self) -> String {
        "# TYPE chartferry_up gauge\nchartferry_up 1\n# EOF\n".into()
    }
}
