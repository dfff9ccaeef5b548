//! Helpers for people who work on Quarterdeck. Users need none of them: `cargo run` builds the host alone.
//!
//! What is not here: tests. A helper makes something, or tells whether what was made is still so.

mod bindings;
mod chart;
mod component;
mod guests;

use clap::{Parser, Subcommand};

/// Helpers for people who work on Quarterdeck.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write the contract's bindings for the examples in C and Go, and the adapter of Go's modules.
    Bindings(bindings::Arguments),
    /// Write the templates of the Helm chart out of the overlays of deploy/kubernetes.
    Chart(chart::Arguments),
    /// Build the policies in Rust from source, as components, into guest-policies/prebuilt.
    Guests(guests::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Bindings(arguments) => bindings::run(&arguments),
        Task::Chart(arguments) => chart::run(&arguments),
        Task::Guests(arguments) => guests::run(&arguments),
    }
}
