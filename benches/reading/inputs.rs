//! Inputs in the shape of real ones: an index of 47 MB with 48,000 versions as `helm repo index` writes it, the same as
//! JSON, and packages of about 20 KB.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

const CHARTS: u32 = 480;
const VERSIONS: u32 = 100;

/// What stands in every entry beside the fields that a mirror reads: most of the text, as in real indexes.
const ABOUT: [(&str, &str); 2] = [
    (
        "description",
        "Demo is an open source server that keeps what others send it: fast, \\\"simple\\\" and made for Kubernetes",
    ),
    (
        "icon",
        "https://charts.example.org/assets/stacks/demo/img/demo-stack-220x234.png",
    ),
];
const KEYWORDS: [&str; 4] = ["database", "storage", "observability", "kubernetes"];
const SOURCES: [&str; 3] = [
    "https://github.com/example/containers/tree/main/demo",
    "https://github.com/example/charts/tree/main/demo",
    "https://demo.example.org/documentation/getting-started",
];

struct Entry {
    name: String,
    version: String,
    digest: String,
}

fn entries() -> impl Iterator<Item = Entry> {
    (0..CHARTS * VERSIONS).map(|number| {
        let (chart, version) = (number / VERSIONS, number % VERSIONS);
        // Not a digest of anything, but each another one.
        let digest = format!(
            "{:064x}",
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        );
        Entry {
            name: format!("demo-{chart:03}"),
            version: format!("{}.{}.{}", 10 - version / 10, 9 - version % 10, chart % 7),
            digest,
        }
    })
}

/// As `helm repo index` writes it.
pub(crate) fn index_yaml(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("index.yaml");
    let mut out = BufWriter::new(File::create(&path)?);
    write!(out, "apiVersion: v1\nentries:\n")?;
    for (number, entry) in (0..).zip(entries()) {
        let Entry {
            name,
            version,
            digest,
        } = &entry;
        if number % VERSIONS == 0 {
            writeln!(out, "  {name}:")?;
        }
        writeln!(
            out,
            "  - annotations:\n      category: Infrastructure\n      licenses: Apache-2.0"
        )?;
        writeln!(
            out,
            "    apiVersion: v2\n    appVersion: {version}\n    created: \"2023-03-01T10:01:00.887368981Z\""
        )?;
        writeln!(
            out,
            "    dependencies:\n    - name: common\n      repository: https://charts.example.org/library\n      tags:\n      - common\n      version: 2.x.x"
        )?;
        for (key, text) in ABOUT {
            writeln!(
                out,
                "    {key}: {}",
                text.replace("\\\"", "'").replace(": ", " - ")
            )?;
        }
        writeln!(out, "    digest: {digest}\n    home: https://demo.example.org")?;
        write_list(&mut out, "keywords", &KEYWORDS)?;
        writeln!(
            out,
            "    maintainers:\n    - name: Example Incorporated\n      url: https://github.com/example/charts"
        )?;
        writeln!(out, "    name: {name}")?;
        write_list(&mut out, "sources", &SOURCES)?;
        writeln!(
            out,
            "    urls:\n    - https://charts.example.org/demo/{name}-{version}.tgz\n    version: {version}"
        )?;
    }
    writeln!(out, "generated: \"2023-03-01T10:01:00.887368981Z\"")?;
    out.flush()?;
    Ok(path)
}

fn write_list(out: &mut impl std::io::Write, key: &str, items: &[&str]) -> Result<()> {
    writeln!(out, "    {key}:")?;
    for item in items {
        writeln!(out, "    - {item}")?;
    }
    Ok(())
}

/// The same as one line of JSON, as some servers give it.
pub(crate) fn index_json(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("index.json");
    let mut out = BufWriter::new(File::create(&path)?);
    write!(out, "{{\"apiVersion\":\"v1\",\"entries\":{{")?;
    for (number, entry) in (0..).zip(entries()) {
        let Entry {
            name,
            version,
            digest,
        } = &entry;
        let comma = if number == 0 { "" } else { "," };
        if number % VERSIONS == 0 {
            let end = if number == 0 { "" } else { "]," };
            write!(out, "{end}\"{name}\":[")?;
        } else {
            write!(out, "{comma}")?;
        }
        write!(
            out,
            "{{\"annotations\":{{\"category\":\"Infrastructure\",\"licenses\":\"Apache-2.0\"}},\"apiVersion\":\"v2\","
        )?;
        write!(
            out,
            "\"appVersion\":\"{version}\",\"created\":\"2023-03-01T10:01:00.887368981Z\","
        )?;
        write!(
            out,
            "\"dependencies\":[{{\"name\":\"common\",\"repository\":\"https://charts.example.org/library\",\"tags\":[\"common\"],\"version\":\"2.x.x\"}}],"
        )?;
        for (key, text) in ABOUT {
            write!(out, "\"{key}\":\"{text}\",")?;
        }
        write!(
            out,
            "\"digest\":\"{digest}\",\"home\":\"https://demo.example.org\",\"keywords\":{KEYWORDS:?},"
        )?;
        write!(
            out,
            "\"maintainers\":[{{\"name\":\"Example Incorporated\",\"url\":\"https://github.com/example/charts\"}}],"
        )?;
        write!(
            out,
            "\"name\":\"{name}\",\"sources\":{SOURCES:?},\"urls\":[\"https://charts.example.org/demo/{name}-{version}.tgz\"],\"version\":\"{version}\"}}"
        )?;
    }
    writeln!(out, "]}},\"generated\":\"2023-03-01T10:01:00.887368981Z\"}}")?;
    out.flush()?;
    Ok(path)
}

/// A folder of packages.
pub(crate) fn packages(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("packages");
    std::fs::create_dir(&path)?;
    for number in 0..100_u32 {
        let file = File::create(path.join(format!("demo-1.{number}.0.tgz")))?;
        let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        let chart = format!(
            "apiVersion: v2\nname: demo\nversion: 1.{number}.0\nappVersion: \"1.{number}\"\ndescription: a chart\n"
        );
        add(&mut archive, "demo/Chart.yaml", chart.as_bytes())?;
        add(&mut archive, "demo/values.yaml", &text(number, 12_000))?;
        for template in 0..20_u32 {
            let name = format!("demo/templates/part-{template}.yaml");
            add(&mut archive, &name, &text(number * 31 + template, 3_000))?;
        }
        archive.into_inner()?.finish()?;
    }
    Ok(path)
}

fn add(archive: &mut tar::Builder<impl std::io::Write>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_600_000_000);
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

/// YAML that packs about as well as templates do.
fn text(seed: u32, size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 80);
    let mut state = seed | 1;
    while text.len() < size {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let line = format!(
            "setting{}:\n  enabled: true\n  value: {:08x}\n",
            state >> 26,
            state
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}
