//! Logs: facts on stderr, for whoever runs a host. What people asked for is printed by the CLI and is no log.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Begins to log on stderr what the filter lets through, such as `warn` or `quarterdeck=debug`.
///
/// # Errors
/// Where the filter is none.
pub fn init(filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal()).with_target(false);
    // A test may have begun already; then its choice stands.
    let _already = log.try_init();
    Ok(())
}
