//! The outcome of the suite as a table: profile by step.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::profiles::{Cold, Profile};

/// The steps, in their order.
pub(super) const STEPS: [&str; 4] = ["cold", "again", "new version", "resumed"];

/// What became of one profile.
pub(super) struct Row {
    name: String,
    /// One word for each step.
    cells: Vec<String>,
    /// What broke, with everything that is known of it.
    flaw: Option<String>,
}

impl Row {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cells: Vec::new(),
            flaw: None,
        }
    }

    pub(super) fn broken(name: &str, flaw: &str) -> Self {
        Self {
            flaw: Some(flaw.to_owned()),
            ..Self::new(name)
        }
    }

    /// The outcome of the next step.
    pub(super) fn cell(&mut self, text: impl Into<String>) {
        self.cells.push(text.into());
    }
}

/// All rows.
#[derive(Default)]
pub(super) struct Table(Mutex<Vec<Row>>);

impl Table {
    pub(super) fn add(&self, row: Row) {
        self.0.lock().unwrap().push(row);
    }

    /// Prints it, and how much of the list of switches was turned.
    pub(super) fn print(&self, what: &str, profiles: Option<&[Profile]>) {
        let rows = self.0.lock().unwrap();
        let [cold, again, new, resumed] = STEPS;
        eprintln!("{what:<30} {cold:<22} {again:<14} {new:<14} {resumed:<14}");
        let mut steps = 0;
        for row in rows.iter() {
            let cell = |at: usize| row.cells.get(at).map_or("-", String::as_str);
            steps += row.cells.iter().filter(|cell| *cell != "-").count();
            let broken = if row.flaw.is_some() { "  BROKEN" } else { "" };
            eprintln!(
                "{:<30} {:<22} {:<14} {:<14} {:<14}{broken}",
                row.name,
                cell(0),
                cell(1),
                cell(2),
                cell(3)
            );
        }
        eprintln!("{} rows, {steps} steps", rows.len());
        let Some(profiles) = profiles else { return };
        let mut names = BTreeSet::new();
        let mut settings = BTreeSet::new();
        for (name, value) in profiles.iter().flat_map(|profile| profile.behaviour().turned()) {
            names.insert(name.clone());
            settings.insert((name, value));
        }
        let failing = profiles
            .iter()
            .filter(|profile| profile.cold != Cold::Passes)
            .count();
        eprintln!(
            "{} switches turned to {} different settings; {failing} profiles fail by design",
            names.len(),
            settings.len()
        );
    }

    /// Panics with every flaw.
    pub(super) fn assert_whole(&self) {
        let rows = self.0.lock().unwrap();
        let flaws: Vec<String> = rows
            .iter()
            .filter_map(|row| Some(format!("== {}: {}", row.name, row.flaw.as_ref()?)))
            .collect();
        assert!(flaws.is_empty(), "\n{}", flaws.join("\n\n"));
    }
}
