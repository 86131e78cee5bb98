//! Sources against servers, folders and layouts of our own making.

mod local;
mod server;
mod web;

use std::io::Read as _;
use std::time::Duration;

use super::*;
use crate::net::{NetOptions, RetryOptions};

const INDEX: &str = "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls: [charts/demo-1.0.0.tgz]\n";
const SIGNED: &[u8] = include_bytes!("../../helm/provenance/testdata/good.prov");

fn net() -> Net {
    let retry = RetryOptions {
        attempts: 3,
        base: Duration::from_millis(1),
        ..RetryOptions::default()
    };
    Net::new(NetOptions {
        retry,
        proxy_from_env: false,
        ..NetOptions::default()
    })
    .unwrap()
}

fn source_with(spec: &str, options: SourceOptions) -> Source {
    Source::open(&spec.parse().unwrap(), net(), Budget::new(1 << 20), options)
}

fn source(spec: &str) -> Source {
    source_with(spec, SourceOptions::default())
}

async fn index(source: &Source) -> (Index, Validators) {
    match source.snapshot(None).await.unwrap() {
        Snapshot::Fresh { index, validators } => (index, validators),
        Snapshot::Unchanged { .. } => panic!("nothing to be unchanged from"),
    }
}

/// An entry with these URLs.
fn entry(urls: &[&str]) -> Entry {
    let list = urls.join(", ");
    let text = INDEX.replace("charts/demo-1.0.0.tgz", &list);
    let open = || -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(text.clone().into_bytes())))
    };
    let index = crate::helm::index::read(&open, &IndexLimits::default()).unwrap();
    index.charts[0].entries[0].clone()
}

async fn fetch(source: &Source, urls: &[&str]) -> Result<Fetched, SourceError> {
    let locations = source.locate(&entry(urls)).await?;
    let want = Want {
        provenance: true,
        fresh: false,
    };
    source.fetch(&locations, want).await
}

fn bytes(spooled: &Spooled) -> Vec<u8> {
    let mut all = Vec::new();
    spooled.payload.reader().unwrap().read_to_end(&mut all).unwrap();
    all
}
