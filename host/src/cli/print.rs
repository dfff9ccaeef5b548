//! Output: tables, lists and single objects on stdout, everything else on stderr.
//!
//! Nothing is printed that could deceive a reader. What comes from plans, providers, engines and policies goes through
//! core's one [`escape`]; in JSON, where a quote and a backslash mean something, the same characters are written as `\u`.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table};
use quarterdeck_core::text::{escape, is_hidden};
use serde::Serialize;
use serde_json::{Value, json};

/// The version of every JSON object that is printed.
pub const API_VERSION: &str = "quarterdeck.dev/v1alpha1";

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// JSON; every object says whether it is about a rehearsal.
    Json,
}

/// Writes text to stdout as it is; it has been escaped.
///
/// # Errors
/// Where nobody reads any more.
pub fn out(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line for people to stderr; it has been escaped. That nobody reads it stops no work.
pub fn note(line: &str) {
    let mut stderr = anstream::stderr().lock();
    let _nobody_reads = writeln!(stderr, "{line}").and_then(|()| stderr.flush());
}

/// Whether a person can be asked: both ends of the conversation are a terminal.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && in_foreground()
}

/// Whether the terminal is ours now: a host in the background (`quarterdeck run … &`) that reads it would be stopped, and
/// the loop with it. Where it can't be told, it is.
fn in_foreground() -> bool {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return true };
    // Behind the program's name: state, parent, process group, session, terminal, and the group in its foreground.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    match (fields.get(2), fields.get(5)) {
        (Some(ours), Some(foreground)) => ours == foreground,
        (_, None) | (None, _) => true,
    }
}

/// The text with each of its lines escaped.
pub fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Columns as kubectl has them: upper-case heads, three spaces, no borders. Cells are escaped here.
pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads.iter().map(|head| head.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { escape(cell) }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A list of objects, as Kubernetes prints them.
pub fn list(kind: &str, rehearsal: bool, items: &[impl Serialize]) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": format!("{kind}List"), "rehearsal": rehearsal, "items": items })
}

/// A single object, as Kubernetes prints it.
pub fn object(kind: &str, rehearsal: bool, object: &impl Serialize) -> Value {
    let mut whole = json!({ "apiVersion": API_VERSION, "kind": kind, "rehearsal": rehearsal });
    match serde_json::to_value(object) {
        Ok(Value::Object(fields)) => whole.as_object_mut().expect("made above").extend(fields),
        Ok(other) => whole["value"] = other,
        Err(error) => whole["error"] = error.to_string().into(),
    }
    whole
}

/// JSON over several lines, with a new line at its end.
pub fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).expect("a JSON value is JSON");
    safe_json(&text) + "\n"
}

/// JSON in one line, with a new line at its end.
pub fn line(value: &Value) -> String {
    safe_json(&value.to_string()) + "\n"
}

/// What hides or controls stands in strings only, and JSON has its own escape for it.
fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_hidden(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        }
    }
    safe
}

/// The word that the contract has for a value of an enumeration, such as `plan-destroy`.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// Lines of `Name:   value`, as `kubectl describe` has them. Values are escaped here.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    let line = |(name, value): &(&str, String)| {
        let value = if value.is_empty() { "-".to_owned() } else { escape(value) };
        format!("{:<width$}  {value}\n", format!("{name}:"))
    };
    fields.iter().map(line).collect()
}

/// A heading and its indented lines; nothing where there are none. Lines are escaped here.
pub fn section(head: &str, lines: impl IntoIterator<Item = String>) -> String {
    let lines: String = lines.into_iter().map(|line| format!("  {}\n", escape(&line))).collect();
    if lines.is_empty() { lines } else { format!("{head}:\n{lines}") }
}
