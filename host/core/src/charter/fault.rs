//! What is wrong with the text of a charter, and where: the line and column that Cedar's own errors point at.

use std::fmt;

use cedar_policy::{ParseErrors, ValidationResult};
use miette::Diagnostic;

use crate::terraform::text::escape;

/// At most this many faults are told: the first are the ones to mend.
const FAULTS_MAX: usize = 20;
/// A fault is told in at most this many characters.
const FAULT_CHARS_MAX: usize = 400;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, in words that are safe to print.
    pub what: String,
}

/// Everything that is wrong, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Fault {
    /// A fault at this byte of a text.
    pub(super) fn at(text: &str, offset: usize, what: String) -> Fault {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Fault { line, column, what: escape(&what, FAULT_CHARS_MAX) }
    }

    /// Cedar's error, with its advice where it has one.
    fn of(text: &str, error: &dyn Diagnostic) -> Fault {
        let offset = error.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
        let help = error.help().map_or(String::new(), |help| format!(" ({help})"));
        Fault::at(text, offset, format!("{error}{help}"))
    }
}

impl Faults {
    pub(super) fn new(mut faults: Vec<Fault>) -> Faults {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults.truncate(FAULTS_MAX);
        Faults(faults)
    }

    pub(super) fn one(fault: Fault) -> Faults {
        Faults(vec![fault])
    }

    pub(super) fn of_parse(text: &str, errors: &ParseErrors) -> Faults {
        Faults::new(errors.iter().map(|error| Fault::of(text, error)).collect())
    }

    /// What the validator found. A rule that can never hold is a fault too: whoever wrote it meant something.
    pub(super) fn of_validation(text: &str, result: &ValidationResult) -> Vec<Fault> {
        let errors = result.validation_errors().map(|error| Fault::of(text, error));
        errors.chain(result.validation_warnings().map(|warning| Fault::of(text, warning))).collect()
    }

    /// The faults, at least one.
    pub fn list(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}
