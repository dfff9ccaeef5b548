//! The real-parts suite: the `quarterdeck` program, Terraform and its docker provider, and an engine or a Kubernetes in a
//! namespace of its own. Each file of stories says what must hold on real parts; `README.md` says what they are and what
//! they need.
//!
//! It is run by its name, one story at a time, since each has parts of its own on the same processors:
//!
//! ```sh
//! cargo test --workspace --test real -- --test-threads=1
//! ```
//!
//! Nothing waits for a fixed time: everything is polled until a deadline. Whatever a story starts ends with it, also when
//! it fails. Without Terraform the suite fails; `QUARTERDECK_REAL=skip` lets it skip instead, and it says so.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "suite/cluster.rs"]
mod cluster;
#[path = "suite/images.rs"]
mod images;
#[path = "suite/parts.rs"]
mod parts;
#[path = "suite/processes.rs"]
mod processes;
#[path = "suite/proxy.rs"]
mod proxy;
#[path = "suite/stage.rs"]
mod stage;

#[path = "suite/advice.rs"]
mod advice;
#[path = "suite/approvals.rs"]
mod approvals;
#[path = "suite/backup.rs"]
mod backup;
#[path = "suite/chart.rs"]
mod chart;
#[path = "suite/dangers.rs"]
mod dangers;
#[path = "suite/dispatch.rs"]
mod dispatch;
#[path = "suite/doctor.rs"]
mod doctor;
#[path = "suite/engine_upgrade.rs"]
mod engine_upgrade;
#[path = "suite/jobs.rs"]
mod jobs;
#[path = "suite/killed.rs"]
mod killed;
#[path = "suite/kubernetes.rs"]
mod kubernetes;
#[path = "suite/missions.rs"]
mod missions;
#[path = "suite/objects.rs"]
mod objects;
#[path = "suite/patrol.rs"]
mod patrol;
#[path = "suite/registry.rs"]
mod registry;
#[path = "suite/rights.rs"]
mod rights;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/walls.rs"]
mod walls;
#[path = "suite/web.rs"]
mod web;
#[path = "suite/worker_place.rs"]
mod worker_place;
