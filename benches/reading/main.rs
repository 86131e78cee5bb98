//! Speed and memory of what needs no network: reading indexes and packages, and a whole `plan`.
//!
//! `cargo bench --bench reading` makes its inputs; `cargo bench --bench reading -- FILE.yaml FOLDER` reads an index and
//! packages of your own as well. Each case runs in a process of its own, so that its memory peak is its own too.

#![expect(clippy::print_stdout, reason = "the figures are the result")]

mod inputs;
mod measure;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use chartferry::helm::{index, package};

use measure::{Peak, peak_of_self, time};

/// In `argv[1]` of the processes that run one case each.
const CASE: &str = "--case";

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, case, path] = args.as_slice()
        && flag == CASE
    {
        return run_case(case, Path::new(path));
    }
    let folder = tempfile::tempdir()?;
    let yaml = inputs::index_yaml(folder.path())?;
    let json = inputs::index_json(folder.path())?;
    let packages = inputs::packages(folder.path())?;
    println!(
        "{:<44} {:>9} {:>9} {:>12} {:>10}",
        "case", "min ms", "median", "speed", "peak MiB"
    );
    case("nothing", folder.path())?;
    case("index", &yaml)?;
    case("index", &json)?;
    case("packages", &packages)?;
    for form in ["table", "json", "markdown"] {
        plan(&yaml, form)?;
    }
    for path in args.iter().map(PathBuf::from) {
        if path.is_dir() {
            case("packages", &path)?;
        } else {
            case("index", &path)?;
            plan(&path, "table")?;
        }
    }
    Ok(())
}

/// Runs one case in a process of its own, which prints its line.
fn case(name: &str, path: &Path) -> Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args([CASE, name])
        .arg(path)
        .status()?;
    if !status.success() {
        bail!("the case `{name}` of {} failed", path.display());
    }
    Ok(())
}

fn run_case(name: &str, path: &Path) -> Result<()> {
    match name {
        "nothing" => line("an empty process", &[0.0], "", peak_of_self()?),
        "index" => read_index(path)?,
        "packages" => read_packages(path)?,
        _ => bail!("there is no case `{name}`"),
    }
    Ok(())
}

fn read_index(path: &Path) -> Result<()> {
    let size = path.metadata()?.len();
    let open = || Ok(Box::new(File::open(path)?) as Box<dyn Read + Send>);
    let mut versions = 0;
    let mut peak = Peak::default();
    let millis = time(7, || {
        versions = index::read(&open, &index::IndexLimits::default())?.versions();
        // Later rounds add what the allocator keeps of earlier ones.
        if peak == Peak::default() {
            peak = peak_of_self()?;
        }
        Ok(())
    })?;
    let name = format!("index {}, {versions} versions", file_name(path));
    let speed = format!("{:.0} MB/s", per_milli(size, millis[0]) / 1e3);
    line(&name, &millis, &speed, peak);
    Ok(())
}

fn read_packages(folder: &Path) -> Result<()> {
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            packages.push(std::fs::read(&path)?);
        }
    }
    if packages.is_empty() {
        bail!("no packages (`*.tgz`) in {}", folder.display());
    }
    let mut good = 0;
    let millis = time(7, || {
        good = packages
            .iter()
            .filter(|bytes| package::read(bytes.as_slice()).is_ok())
            .count();
        Ok(())
    })?;
    let name = format!("{good} packages of {}", file_name(folder));
    let each = format!(
        "{:.0} µs each",
        1e6 / per_milli(packages.len() as u64, millis[0]) / 1e3
    );
    line(&name, &millis, &each, peak_of_self()?);
    Ok(())
}

/// `chartferry plan` as a user runs it, against a layout that does not exist.
fn plan(index: &Path, form: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(index, folder.path().join("index.yaml"))?;
    let target = format!("oci-layout:{}", folder.path().join("none").display());
    let mut peak = Peak::default();
    let millis = time(3, || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chartferry"));
        command
            .args(["plan", "--quiet", "--output", form])
            .arg(folder.path())
            .arg(&target);
        peak = peak.max(measure::peak_of(command)?);
        Ok(())
    })
    .with_context(|| format!("plan of {}", index.display()))?;
    line(
        &format!("plan of {} as {form}", file_name(index)),
        &millis,
        "",
        peak,
    );
    Ok(())
}

fn line(name: &str, millis: &[f64], speed: &str, peak: Peak) {
    let (min, median) = (millis[0], millis[millis.len() / 2]);
    println!(
        "{name:<44} {min:>9.1} {median:>9.1} {speed:>12} {:>10.1}",
        peak.mebibytes()
    );
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and counts of packages")]
fn per_milli(count: u64, millis: f64) -> f64 {
    count as f64 / millis
}
