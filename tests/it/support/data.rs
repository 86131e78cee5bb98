//! Real chart repositories as test data. They are not part of this repository: where they are missing, a test says so and passes.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "CHARTFERRY_TEST_DATA";

/// The folder of one set, or `None` with a line on stderr that names the set.
///
/// Missing data never fails a run, not even with `CI=true`: what must always hold is tested on charts that the tests build.
pub(crate) fn set(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: the test data `{name}` is not at `{}`; set {VARIABLE} to the folder that holds it",
        folder.display()
    );
    None
}
