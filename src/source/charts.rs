//! Puts the entries of an index of our own making together by chart.

use std::collections::HashMap;
use std::sync::Arc;

use crate::helm::index::{Entry, Index, IndexChart};
use crate::types::Reason;

/// Charts in the order in which they appear.
#[derive(Default)]
pub(super) struct Charts {
    charts: Vec<IndexChart>,
    places: HashMap<Arc<str>, usize>,
}

impl Charts {
    pub(super) fn add(&mut self, mut entry: Entry) {
        let place = *self
            .places
            .entry(Arc::clone(&entry.chart))
            .or_insert(self.charts.len());
        match self.charts.get_mut(place) {
            Some(chart) => {
                if entry.name.as_ref() == Some(&chart.key) {
                    entry.name = Some(Arc::clone(&chart.key));
                }
                entry.chart = Arc::clone(&chart.key);
                chart.entries.push(entry);
            }
            None => self.charts.push(IndexChart {
                key: Arc::clone(&entry.chart),
                entries: vec![entry],
            }),
        }
    }

    pub(super) fn finish(self, warnings: Vec<Reason>) -> Index {
        Index {
            charts: self.charts,
            warnings,
        }
    }
}
