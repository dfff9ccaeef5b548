//! Terraform's machine-readable output (`-json`), one line at a time.
//!
//! Each line is one JSON object with a `type`; the first is `version` with the major version of this format. Terraform
//! also prints lines that are no JSON (a backend that is being set up, a crash), which are kept as text. Unknown types
//! are passed on with their message, so nothing is lost when Terraform learns a new one.
//!
//! Values of outputs are dropped: sensitive ones stand there in clear. Messages are shown to people and must be redacted
//! by whoever stores them, for a provider may put anything into an error.
//!
//! Not here: deciding what events mean for a run. Its change summary alone is never trusted.

use serde::{Deserialize, Serialize};

/// A line has at most this many bytes (64 KiB); of a longer one only the beginning is kept, as text.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// A message, summary or detail keeps at most this many characters; a provider's error with its trace is shorter.
pub const TEXT_CHARS_MAX: usize = 4096;

/// The major version of this output format that we know.
pub const UI_MAJOR: u32 = 1;

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UiEvent {
    /// The first line.
    Version {
        /// Terraform's release.
        terraform: String,
        /// The format's version, like `1.2`.
        ui: String,
        /// Whether its major version is the one that we know; if not, the run must be refused.
        known: bool,
    },
    /// A message without further meaning.
    Log(String),
    /// An error or a warning.
    Diagnostic(Diagnostic),
    /// A change that a plan intends; details are in the plan's own JSON.
    PlannedChange(ResourceAction),
    /// A difference that the refresh found between state and world.
    ResourceDrift(ResourceAction),
    /// The sums at the end of a plan or an apply.
    ChangeSummary(ChangeSummary),
    /// A change begins.
    ApplyStart(ResourceAction),
    /// A change is still going on.
    ApplyProgress(ResourceAction),
    /// A change is done.
    ApplyComplete(ResourceAction),
    /// A change failed; the diagnostic follows.
    ApplyErrored(ResourceAction),
    /// A resource is being read.
    RefreshStart(ResourceAction),
    /// A resource was read.
    RefreshComplete(ResourceAction),
    /// The names of the outputs; their values are dropped.
    Outputs(Vec<String>),
    /// A type that we do not know, with its message.
    Other {
        /// The `type`.
        kind: String,
        /// The message for people.
        message: String,
    },
    /// A line that is no JSON object.
    Text(String),
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The run fails, also for a severity that we do not know.
    Error,
    /// It goes on.
    Warning,
}

/// An error or a warning of Terraform or a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// The explanation; may be empty.
    pub detail: String,
    /// The resource that it is about; may be empty.
    pub address: String,
    /// The file that it points at; may be empty.
    pub file: String,
    /// The line in that file, from 1; 0 where there is none.
    pub line: u32,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceAction {
    /// Its address.
    pub address: String,
    /// `create`, `update`, `delete`, `replace`, `read`, `noop`, `move`, `import`, `remove`, …; empty for a refresh.
    pub action: String,
    /// Why, where Terraform says so (`tainted`, `cannot_update`, …).
    pub reason: String,
    /// The resource's id, where Terraform tells it.
    pub id: String,
    /// Seconds since the change began.
    pub elapsed_s: u64,
}

/// The sums at the end of a plan or an apply. Never trusted alone: see the provider that calls a refused network gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSummary {
    /// Created.
    pub add: u32,
    /// Changed in place.
    pub change: u32,
    /// Destroyed.
    pub remove: u32,
    /// Imported.
    pub import: u32,
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    r#type: String,
    #[serde(rename = "@message")]
    message: String,
    terraform: String,
    ui: String,
    diagnostic: RawDiagnostic,
    change: RawAction,
    hook: RawAction,
    changes: RawSummary,
    outputs: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawDiagnostic {
    severity: String,
    summary: String,
    detail: String,
    address: Option<String>,
    range: Option<RawRange>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRange {
    filename: String,
    start: RawPosition,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPosition {
    line: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAction {
    resource: RawResource,
    action: String,
    reason: String,
    id_value: Option<String>,
    elapsed_seconds: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawResource {
    addr: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSummary {
    add: u32,
    change: u32,
    remove: u32,
    import: u32,
    operation: String,
}

/// Parses one line, with or without its line end. Never fails: what is no event is text.
pub fn parse_line(line: &str) -> UiEvent {
    let line = line.trim_end_matches(['\n', '\r']);
    if line.len() > LINE_BYTES_MAX || !line.trim_start().starts_with('{') {
        return UiEvent::Text(cut(line));
    }
    match serde_json::from_str::<Raw>(line) {
        Ok(raw) => event(raw),
        Err(_no_event) => misshapen(line),
    }
}

/// JSON of another shape keeps only its type and message: the rest may hold values.
fn misshapen(line: &str) -> UiEvent {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(line) else {
        return UiEvent::Text(cut(line));
    };
    let text = |key| object.get(key).and_then(serde_json::Value::as_str).map(cut).unwrap_or_default();
    UiEvent::Other { kind: text("type"), message: text("@message") }
}

fn event(raw: Raw) -> UiEvent {
    match raw.r#type.as_str() {
        "version" => {
            let known = raw.ui.split('.').next().and_then(|major| major.parse().ok()) == Some(UI_MAJOR);
            UiEvent::Version { terraform: cut(&raw.terraform), ui: cut(&raw.ui), known }
        }
        "log" => UiEvent::Log(cut(&raw.message)),
        "diagnostic" => UiEvent::Diagnostic(diagnostic(raw.diagnostic)),
        "planned_change" => UiEvent::PlannedChange(action(raw.change)),
        "resource_drift" => UiEvent::ResourceDrift(action(raw.change)),
        "change_summary" => UiEvent::ChangeSummary(ChangeSummary {
            add: raw.changes.add,
            change: raw.changes.change,
            remove: raw.changes.remove,
            import: raw.changes.import,
            operation: cut(&raw.changes.operation),
        }),
        "apply_start" => UiEvent::ApplyStart(action(raw.hook)),
        "apply_progress" => UiEvent::ApplyProgress(action(raw.hook)),
        "apply_complete" => UiEvent::ApplyComplete(action(raw.hook)),
        "apply_errored" => UiEvent::ApplyErrored(action(raw.hook)),
        "refresh_start" => UiEvent::RefreshStart(action(raw.hook)),
        "refresh_complete" => UiEvent::RefreshComplete(action(raw.hook)),
        "outputs" => UiEvent::Outputs(raw.outputs.into_keys().take(256).map(|name| cut(&name)).collect()),
        other => UiEvent::Other { kind: cut(other), message: cut(&raw.message) },
    }
}

fn diagnostic(raw: RawDiagnostic) -> Diagnostic {
    let (file, line) = raw.range.map(|range| (range.filename, range.start.line)).unwrap_or_default();
    Diagnostic {
        severity: if raw.severity == "warning" { Severity::Warning } else { Severity::Error },
        summary: cut(&raw.summary),
        detail: cut(&raw.detail),
        address: cut(&raw.address.unwrap_or_default()),
        file: cut(&file),
        line,
    }
}

fn action(raw: RawAction) -> ResourceAction {
    ResourceAction {
        address: cut(&raw.resource.addr),
        action: cut(&raw.action),
        reason: cut(&raw.reason),
        id: cut(&raw.id_value.unwrap_or_default()),
        elapsed_s: seconds(raw.elapsed_seconds),
    }
}

/// Whole seconds; what is no sensible number counts as none.
fn seconds(elapsed: f64) -> u64 {
    let whole = std::time::Duration::try_from_secs_f64(elapsed).unwrap_or_default();
    whole.as_secs()
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_real_run() {
        let version =
            r#"{"@level":"info","@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}"#;
        assert_eq!(parse_line(version), UiEvent::Version { terraform: "1.11.4".into(), ui: "1.2".into(), known: true });
        let done = r#"{"@message":"x","hook":{"resource":{"addr":"terraform_data.b[0]","resource_key":0},"action":"create","id_key":"id","id_value":"f15","elapsed_seconds":2},"type":"apply_complete"}"#;
        let UiEvent::ApplyComplete(action) = parse_line(done) else { panic!("{done}") };
        assert_eq!(
            (action.address.as_str(), action.action.as_str(), action.id.as_str(), action.elapsed_s),
            ("terraform_data.b[0]", "create", "f15", 2)
        );
        let summary =
            r#"{"changes":{"add":3,"change":0,"import":0,"remove":1,"operation":"apply"},"type":"change_summary"}"#;
        let expected = ChangeSummary { add: 3, change: 0, remove: 1, import: 0, operation: "apply".into() };
        assert_eq!(parse_line(summary), UiEvent::ChangeSummary(expected));
        let drift = r#"{"type":"resource_drift","change":{"resource":{"addr":"docker_network.n"},"action":"delete"}}"#;
        assert!(matches!(parse_line(drift), UiEvent::ResourceDrift(action) if action.action == "delete"));
    }

    #[test]
    fn a_diagnostic_points_at_its_line() {
        let line = r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Bad","detail":"why","range":{"filename":"main.tf","start":{"line":3,"column":1,"byte":4}}}}"#;
        let UiEvent::Diagnostic(said) = parse_line(line) else { panic!("{line}") };
        assert_eq!((said.severity, said.file.as_str(), said.line), (Severity::Error, "main.tf", 3));
        let odd = r#"{"type":"diagnostic","diagnostic":{"severity":"catastrophe","summary":"x","detail":""}}"#;
        assert!(matches!(parse_line(odd), UiEvent::Diagnostic(said) if said.severity == Severity::Error));
    }

    #[test]
    fn values_of_outputs_are_dropped() {
        let line = r#"{"type":"outputs","outputs":{"p":{"sensitive":true,"type":"string","value":"s3cret"}}}"#;
        assert_eq!(parse_line(line), UiEvent::Outputs(vec!["p".into()]));
    }

    #[test]
    fn what_is_unknown_is_passed_on() {
        let new = r#"{"type":"ephemeral_op_start","@message":"opening"}"#;
        assert_eq!(parse_line(new), UiEvent::Other { kind: "ephemeral_op_start".into(), message: "opening".into() });
        let major = parse_line(r#"{"type":"version","ui":"2.0","terraform":"9"}"#);
        assert!(matches!(major, UiEvent::Version { known: false, .. }));
        for text in ["Initializing the backend...", "", "{", "[1]", "\u{1b}[31mpanic: x"] {
            assert_eq!(parse_line(text), UiEvent::Text(text.into()), "{text:?}");
        }
        let odd = parse_line(r#"{"type":"outputs","outputs":["s3cret"]}"#);
        assert_eq!(odd, UiEvent::Other { kind: "outputs".into(), message: String::new() });
        let UiEvent::Text(long) = parse_line(&format!("{{{}", "x".repeat(LINE_BYTES_MAX))) else { panic!("no text") };
        assert_eq!(long.len(), TEXT_CHARS_MAX);
    }
}
