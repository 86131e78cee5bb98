//! Samples into the OpenMetrics text format, by `prometheus-client`: it escapes labels, writes types and units and the
//! end mark. Its own counters are not used, since all figures exist already when the text is asked for.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::catalogue::{Metric, Type};
use super::counts::{BUCKETS, Durations};

/// A metric and its samples.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: Vec<Sample>,
}

/// One line, or in a histogram some.
#[derive(Debug)]
pub(super) struct Sample {
    /// Values of the metric's labels, in their order.
    pub(super) labels: Vec<String>,
    pub(super) value: Value,
}

/// What a sample says.
#[derive(Debug)]
pub(super) enum Value {
    Count(u64),
    Number(f64),
    Durations(Durations),
}

#[derive(Debug)]
struct Page(Vec<Family>);

/// The text, end mark included.
pub(super) fn text(families: Vec<Family>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(families)));
    let mut out = String::new();
    // A string takes whatever is written to it.
    let _ = text::encode(&mut out, &registry);
    out
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let metric = family.metric;
            let (name, unit) = stem(metric);
            let kind = match metric.kind {
                Type::Counter => MetricType::Counter,
                Type::Gauge => MetricType::Gauge,
                Type::Histogram => MetricType::Histogram,
            };
            let mut encoder = encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind)?;
            for sample in &family.samples {
                if sample.labels.is_empty() {
                    write(&mut encoder, metric.kind, &sample.value)?;
                } else {
                    let labels: Vec<(&str, &str)> = metric
                        .labels
                        .iter()
                        .copied()
                        .zip(sample.labels.iter().map(String::as_str))
                        .collect();
                    write(&mut encoder.encode_family(&labels)?, metric.kind, &sample.value)?;
                }
            }
        }
        Ok(())
    }
}

/// The name without what the format appends by itself: unit and `_total`.
fn stem(metric: &Metric) -> (&'static str, Option<Unit>) {
    let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    if let Some(stem) = name.strip_suffix("_seconds") {
        (stem, Some(Unit::Seconds))
    } else if let Some(stem) = name.strip_suffix("_bytes") {
        (stem, Some(Unit::Bytes))
    } else {
        (name, None)
    }
}

fn write(encoder: &mut MetricEncoder<'_>, kind: Type, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Type::Counter, Value::Count(n)) => encoder.encode_counter::<NoLabelSet, _, u64>(n, None),
        (Type::Counter, Value::Number(n)) => encoder.encode_counter::<NoLabelSet, _, u64>(n, None),
        (_, Value::Count(n)) => encoder.encode_gauge(n),
        (_, Value::Number(n)) => encoder.encode_gauge(n),
        (_, Value::Durations(durations)) => {
            let bounds = BUCKETS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(durations.counts).collect();
            let count = durations.counts.iter().sum();
            encoder.encode_histogram::<NoLabelSet>(durations.sum, count, &buckets, None)
        }
    }
}
