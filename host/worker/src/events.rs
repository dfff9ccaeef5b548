//! The worker's own record of a run: one JSON object a line, for whoever follows it.
//!
//! Texts come from Terraform, providers and registries, so each is redacted, escaped and bounded before it is written.
//! The key of the placeholders is drawn for this run: a worker holds no key of the host, and the host redacts again what
//! it takes over, which leaves placeholders as they are. Within one run the same secret has the same placeholder.
//!
//! The file has a size. What comes beyond it is left out, and the last line says so.
//!
//! Where nobody shares the folder the same lines go to the standard output, for `kubectl logs`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::terraform::text::escape;
use quarterdeck_core::terraform::ui_events::{Diagnostic, ResourceAction, Severity, UiEvent};
use serde::Serialize;

use crate::clock;

/// The file has at most this many bytes (8 MiB): an apply of a hundred containers writes about 100 KiB.
pub(crate) const EVENTS_BYTES_MAX: usize = 8 << 20;
/// A text keeps at most this many bytes in an event.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// One line.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    at: u64,
    kind: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

/// The file of events, open.
pub(crate) struct Events {
    file: File,
    written: usize,
    /// Whether the lines are said aloud too.
    aloud: bool,
    redactor: Redactor,
}

impl Events {
    /// Opens the file, to go on where it ends.
    pub(crate) fn open(path: &Path, aloud: bool, redactor: Redactor) -> io::Result<Events> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let written = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        Ok(Events { file, written, aloud, redactor })
    }

    /// Adds a value that must not be shown.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.redactor.with_known([secret]);
    }

    /// A foreign text made safe to keep, of at most `bytes_max` bytes.
    pub(crate) fn safe(&self, text: &str, bytes_max: usize) -> String {
        let redacted = self.redactor.redact_bounded(text, bytes_max);
        quarterdeck_core::situation::cut(&escape(&redacted, bytes_max), bytes_max)
    }

    /// A foreign text of some lines, without its secrets; it is not safe to print yet.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Says what the worker itself does.
    pub(crate) fn say(&mut self, kind: &str, text: &str) {
        self.write(Line { kind, text: self.safe(text, TEXT_BYTES_MAX), ..Line::default() });
    }

    /// Notes a line of Terraform's output.
    pub(crate) fn note(&mut self, event: &UiEvent) {
        match event {
            UiEvent::Version { terraform, ui, .. } => {
                self.say("version", &format!("Terraform {terraform}, format {ui}"))
            }
            UiEvent::Log(text) => self.say("log", text),
            UiEvent::Diagnostic(said) => self.diagnostic(said),
            UiEvent::PlannedChange(action) => self.action("planned-change", action),
            UiEvent::ResourceDrift(action) => self.action("drift", action),
            UiEvent::ChangeSummary(sums) => {
                let text = format!("{} to add, {} to change, {} to destroy", sums.add, sums.change, sums.remove);
                let text = if sums.operation == "plan" { text } else { text.replace("to ", "") };
                self.say("summary", &text);
            }
            UiEvent::ApplyStart(action) => self.action("apply-start", action),
            UiEvent::ApplyProgress(action) => self.action("apply-progress", action),
            UiEvent::ApplyComplete(action) => self.action("apply-complete", action),
            UiEvent::ApplyErrored(action) => self.action("apply-errored", action),
            UiEvent::RefreshStart(action) => self.action("refresh-start", action),
            UiEvent::RefreshComplete(action) => self.action("refresh-complete", action),
            UiEvent::Outputs(names) => self.say("outputs", &names.join(", ")),
            UiEvent::Other { kind, message } => self.say("other", &format!("{kind}: {message}")),
            UiEvent::Text(text) if text.trim().is_empty() => {}
            UiEvent::Text(text) => self.say("text", text),
        }
    }

    fn diagnostic(&mut self, said: &Diagnostic) {
        let kind = match said.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let text =
            if said.detail.is_empty() { said.summary.clone() } else { format!("{}: {}", said.summary, said.detail) };
        let some = |text: &str| (!text.is_empty()).then(|| self.safe(text, 512));
        let line = Line {
            kind,
            text: self.safe(&text, TEXT_BYTES_MAX),
            address: some(&said.address),
            file: some(&said.file),
            line: (said.line > 0).then_some(said.line),
            ..Line::default()
        };
        self.write(line);
    }

    fn action(&mut self, kind: &str, action: &ResourceAction) {
        let mut text = if action.action.is_empty() { action.id.clone() } else { action.action.clone() };
        if action.elapsed_s > 0 {
            text = format!("{text} {} s", action.elapsed_s);
        }
        let line = Line {
            kind,
            text: self.safe(&text, TEXT_BYTES_MAX),
            address: Some(self.safe(&action.address, 512)),
            action: (!action.action.is_empty()).then(|| self.safe(&action.action, 64)),
            ..Line::default()
        };
        self.write(line);
    }

    /// Events are for people; a disk that takes none of them must not end an apply.
    fn write(&mut self, line: Line<'_>) {
        if self.written >= EVENTS_BYTES_MAX {
            return;
        }
        let line = Line { at: clock::now().0, ..line };
        let mut bytes = serde_json::to_vec(&line).expect("a line is plain JSON");
        bytes.push(b'\n');
        if self.written + bytes.len() > EVENTS_BYTES_MAX {
            self.written = EVENTS_BYTES_MAX;
            let last = format!(
                "{{\"at\":{},\"kind\":\"cut\",\"text\":\"the file of events is full; the rest was left out\"}}\n",
                line.at
            );
            self.put(last.as_bytes());
            return;
        }
        self.written += bytes.len();
        self.put(&bytes);
    }

    fn put(&mut self, line: &[u8]) {
        let _for_people = self.file.write_all(line);
        if self.aloud {
            let _for_people = io::stdout().lock().write_all(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::terraform::ui_events::parse_line;

    use super::*;

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_safe_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut events = Events::open(&path, false, Redactor::new([1; 32])).unwrap();
        events.hide("hunter2hunter2");
        events.note(&parse_line("\u{1b}[31mred hunter2hunter2"));
        events.note(&parse_line(r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Bad","detail":"why","address":"a.b","range":{"filename":"main.tf","start":{"line":3}}}}"#));
        let lines = lines(&path);
        assert!(!lines[0]["text"].as_str().unwrap().contains(['\u{1b}']));
        assert!(!lines[0].to_string().contains("hunter2"));
        assert_eq!(lines[1]["text"], "Bad: why");
        assert_eq!((lines[1]["line"].as_u64(), lines[1]["address"].as_str()), (Some(3), Some("a.b")));
    }

    #[test]
    fn a_full_file_says_that_it_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut events = Events::open(&path, false, Redactor::new([1; 32])).unwrap();
        events.written = EVENTS_BYTES_MAX - 10;
        events.say("text", "more");
        events.say("text", "more");
        let lines = lines(&path);
        assert_eq!((lines.len(), lines[0]["kind"].as_str()), (1, Some("cut")));
    }
}
