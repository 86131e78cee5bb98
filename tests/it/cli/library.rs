//! `examples/migrate_one_chart.rs`: the library without the command line.

#[path = "../../../examples/migrate_one_chart.rs"]
mod migrate_one_chart;

use super::EXAMPLE;
use chartferry::report::{Action, ExitStatus};

#[tokio::test]
async fn the_example_copies_one_chart() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("oci-layout:{}", folder.path().join("charts").display());
    for expected in [Action::Pushed, Action::Present] {
        let report = migrate_one_chart::migrate_one_chart(EXAMPLE, &target, "tideboard")
            .await
            .unwrap();
        assert_eq!(ExitStatus::of(&report), ExitStatus::Success);
        let items: Vec<_> = report.targets().flat_map(|(_, target)| &target.items).collect();
        let done = |action| items.iter().filter(|item| item.action == action).count();
        // Two releases; the prerelease and the other charts are left out
        assert_eq!((items.len(), done(expected), done(Action::Filtered)), (7, 2, 5));
    }
}
