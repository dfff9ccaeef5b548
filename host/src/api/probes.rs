//! What a cluster asks of its host over HTTP: does it live, is it ready, and its numbers.
//!
//! ```text
//! GET /livez    200 while the loop's own task beats; 503 once it has been silent for longer than any turn takes
//! GET /readyz   200 once a turn has been taken
//! GET /metrics  numbers, as Prometheus reads them
//! ```
//!
//! The beat is the loop's, so a host whose server answers while its loop hangs is not alive. Nothing here is a secret, and
//! nothing can be changed: there are counts, the names of missions, rules and budgets, and no text of anybody's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::situation::ApprovalState;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::Update;
use crate::driver::Pulse;
use crate::view::{self, View};

/// A loop that has been silent for so long hangs: it beats at least every 30 s, a decision takes 12 s at most, and the rest
/// of a turn are two writes to the disk.
pub const SILENT_MS_MAX: u64 = 120_000;

/// What the probes answer from.
#[derive(Clone)]
pub struct Probes {
    /// The loop's beat.
    pub pulse: Arc<Pulse>,
    /// The last turn.
    pub last: watch::Receiver<Option<Arc<Update>>>,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
}

/// Takes the address.
///
/// # Errors
/// Where it is another's, or none of this machine.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until it is dropped.
///
/// # Errors
/// Never in practice: a connection that fails ends alone.
pub async fn serve(listener: TcpListener, probes: Probes) -> std::io::Result<()> {
    axum::serve(listener, router(probes)).await
}

/// What is answered.
pub fn router(probes: Probes) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

async fn livez(State(probes): State<Probes>) -> (StatusCode, String) {
    let silent = (probes.clock)().since_ms(probes.pulse.last());
    if silent > SILENT_MS_MAX {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("the loop has been silent for {} s\n", silent / 1_000));
    }
    (StatusCode::OK, "ok\n".to_owned())
}

async fn readyz(State(probes): State<Probes>) -> (StatusCode, &'static str) {
    if probes.last.borrow().is_some() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no turn has been taken yet\n")
    }
}

async fn metrics(State(probes): State<Probes>) -> Response {
    let now = (probes.clock)();
    let update = probes.last.borrow().clone();
    let text = update.map_or_else(
        || Numbers::default().told(),
        |update| told(&view::look(&update.ledger, Some(&update.situation), now), now.since_ms(probes.pulse.last())),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Numbers, metric by metric.
#[derive(Default)]
struct Numbers(String);

impl Numbers {
    /// One metric: its name, what it says, and a value for each set of labels.
    fn gauge(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Vec<(&'static str, String)>, u64)>) {
        // Writing to a text can't fail.
        let _ = writeln!(self.0, "# HELP quarterdeck_{name} {help}\n# TYPE quarterdeck_{name} gauge");
        for (labels, value) in values {
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", quoted(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.0, "quarterdeck_{name}{labels} {value}");
        }
    }

    fn told(self) -> String {
        self.0
    }
}

/// A label's value, as the text format wants it.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Everything that is counted.
fn told(view: &View, silent_ms: u64) -> String {
    let mut numbers = Numbers::default();
    let one = |value: u64| [(Vec::new(), value)];
    numbers.gauge("turn", "The last turn of the loop.", one(u64::from(view.turn)));
    numbers.gauge("loop_silent_milliseconds", "How long ago the loop last showed that it lives.", one(silent_ms));
    numbers.gauge("rehearsal", "1 where the workers are simulated.", one(u64::from(view.rehearsal)));
    let missions = view
        .missions
        .iter()
        .map(|mission| (vec![("mission", mission.name.clone()), ("phase", mission.phase.name().to_owned())], 1));
    numbers.gauge("mission", "1 for each mission, with its phase.", missions);
    let mut findings = BTreeMap::new();
    for finding in &view.findings {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        *findings.entry((finding.rule.clone(), severity)).or_insert(0_u64) += 1;
    }
    let findings =
        findings.into_iter().map(|((rule, severity), count)| (vec![("rule", rule), ("severity", severity)], count));
    numbers.gauge("findings", "Open findings, by rule and severity.", findings);
    let at_work = view.workers.iter().filter(|worker| worker.ended.is_none()).count();
    numbers.gauge("workers", "Workers that were ordered and have not ended.", one(at_work as u64));
    let waiting = view.approvals.iter().filter(|approval| approval.state == ApprovalState::Pending).count();
    numbers.gauge("approvals_waiting", "Requests that a person has not answered.", one(waiting as u64));
    numbers.gauge("pauses", "What people have paused.", one(view.pauses.len() as u64));
    let budgets = |of: fn(&view::BudgetView) -> u64| {
        view.budgets.iter().map(move |b| (vec![("budget", b.name.clone()), ("unit", b.unit.clone())], of(b)))
    };
    numbers.gauge("budget_used", "How much of a budget is used.", budgets(|budget| budget.used));
    numbers.gauge("budget_limit", "How much of a budget there is.", budgets(|budget| budget.limit));
    numbers.told()
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::ledger::Ledger;

    use super::*;

    #[test]
    fn a_label_can_end_neither_its_value_nor_its_line() {
        assert_eq!(quoted("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn every_line_is_a_metrics_and_each_has_a_help_and_a_type() {
        let text = told(&view::look(&Ledger::default(), None, Timestamp(0)), 7);
        assert!(text.contains("quarterdeck_loop_silent_milliseconds 7\n"), "{text}");
        let mut known = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                known = rest.split(' ').next();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest, format!("{} gauge", known.unwrap()));
            } else {
                let name = line.split(['{', ' ']).next();
                assert_eq!(name, known, "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<u64>().is_ok(), "{line}");
            }
        }
    }

    #[tokio::test]
    async fn a_loop_that_is_silent_is_not_alive_though_its_server_answers() {
        let (_told, last) = watch::channel(None);
        let probes = Probes { pulse: Arc::default(), last, clock: || Timestamp(SILENT_MS_MAX + 1_000) };
        assert_eq!(livez(State(probes.clone())).await.0, StatusCode::SERVICE_UNAVAILABLE);
        probes.pulse.beat(Timestamp(1_000));
        assert_eq!(livez(State(probes.clone())).await.0, StatusCode::OK);
        assert_eq!(readyz(State(probes)).await.0, StatusCode::SERVICE_UNAVAILABLE, "no turn yet");
    }
}
