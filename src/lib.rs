//! chartferry moves Helm charts from classic repositories (`index.yaml`, `.tgz`, `.prov`) into OCI registries. What it
//! pushes is what `helm push` would have pushed, byte for byte.
//!
//! This page is the map. The program is a thin layer over the library: [`cli`] turns what was typed into mirrors,
//! [`run::run`] carries them, and a [`report`] says of every version what became of it.
//! `examples/migrate_one_chart.rs` does the same without the command line.
//!
//! # One run
//!
//! ```text
//!  SOURCE                                    plan (pure)                          TARGET
//!  index.yaml ── limits ──► Index ──► Planner: filters, names ──► Selection   ┌── tags/list, per repository
//!                                        │ left out, with a reason    │       ▼
//!                                        │                  missing = selected − tags
//!                                        ▼                            ▼
//!                                      ledger ◄── outcome ── transfer, N versions at once
//!                                        │                    1  GET .tgz and .prov; hash while streaming
//!                                        ▼                    2  Chart.yaml → config blob → manifest
//!                                     RunReport               3  push blobs side by side
//!                          table, JSON, Markdown, map,        4  PUT the manifest by its tag, last
//!                          exit code
//! ```
//!
//! The indexes of all mirrors are read first, since only together they show whether two mirrors claim one repository.
//! From there on each repository goes its own way: transfers run while other tag lists are still being read.
//!
//! With a [`state`] a run knows what the last one knew: an unchanged index ends it after one conditional request, and tags
//! are listed only where something is new, unsettled, or due for a full look. A state says only what is in the registry
//! already. Where `prune` asks for it, deleting comes last, after a run without errors.
//!
//! # For ever
//!
//! ```text
//!  configuration, read again when it changes ──► service: one worker per mirror
//!                                                  │ waits for its schedule, a pause after failures, a trigger, the Lease
//!                                                  ▼
//!                                                one run ──► RunReport ──► view of the mirror ──► page, API, metrics
//!                                                                                             └─► notifications
//! ```
//!
//! Workers share the engine: its connections, its places for versions in flight, its memory for packages.
//!
//! # Modules, from the top to the bottom
//!
//! | module | is about |
//! |---|---|
//! | [`cli`] | arguments, progress, logs, signals; the only place that prints |
//! | [`doctor`] | what stands between us and sources and registries, before a run finds out |
//! | [`service`] | every mirror on its schedule; health, status page, API, metrics, notifications, the Lease of several replicas |
//! | [`run`] | one run of all mirrors: read, compare, carry, account |
//! | [`transfer`] | one version: fetch, check, push; how many at once |
//! | [`target`] | registry or layout, seen as one |
//! | [`source`] | repository, folder or layout: the index, packages, provenance files |
//! | [`config`] | file and environment into checked settings, all problems at once |
//! | [`schedule`] | when a mirror runs: crontab, zones, jitter, what was missed |
//! | [`registry`] | the distribution API: logins, tags, blobs, manifests |
//! | [`layout`] | an OCI image layout on disk, safe under concurrent pushes and crashes |
//! | [`net`] | one transport: addresses, redirects, pacing, retries, limits, redaction |
//! | [`plan`] | which versions, under which name, and why not the others |
//! | [`artifact`] | package metadata into config blob and manifest |
//! | [`state`] | what a mirror remembers between runs, and what follows from it |
//! | [`progress`] | what a run tells while it goes on |
//! | [`report`] | what became of every version; renderings and exit codes |
//! | [`notice`] | what notifications can say, and where they go |
//! | [`payload`] | bytes in flight: memory budget, spilling to disk, replay |
//! | [`secret`] | secrets from files, never printed |
//! | [`certificate`] | what a certificate says of itself |
//! | [`helm`] | Helm's formats as Helm reads them: index, package, metadata, ranges, provenance |
//! | [`types`] | checked values: digests, names, tags, references |
//!
//! Dependencies only point down; `helm`, `plan`, `artifact`, `certificate`, `report`, `schedule`, `state` and `types` know no
//! network, no clock and no runtime. `tests/it/architecture.rs` keeps this true.
//!
//! # What always holds
//!
//! - A tag never points at something incomplete: blobs first, then the manifest.
//! - Bytes of a package are pushed as they came; they are never unpacked to disk, rendered or rewritten.
//! - Every entry of an index is in the report once per target; a report that does not add up is a failure.
//! - 401, 403, 429 and 5xx never mean "absent". Nothing new means no writes.
//! - The registry is the truth. A state that is lost costs requests and what no registry can tell, and never a wrong push.
//! - No tag is overwritten or deleted unless a setting asks for it, and then only while it is what was looked at.
//! - A secret goes to the origin that it was configured for and into no output.
//! - Everything that is read has a limit; no input makes the process panic, and a panic is one version's failure.

pub mod artifact;
pub mod certificate;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod helm;
pub mod layout;
pub mod net;
pub mod notice;
pub mod payload;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod report;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod service;
pub mod source;
pub mod state;
pub mod target;
pub mod transfer;
pub mod types;
