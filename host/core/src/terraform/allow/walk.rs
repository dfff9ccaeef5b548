//! Walking over a mission's files, module by module.

use std::collections::BTreeSet;

use super::super::files::{File, FileSet};
use super::super::grants::Grants;
use super::super::labels::MISSION_LABEL;
use super::super::syntax::{At, Call, Item, Lines, SyntaxFault, parse_json, parse_native, parse_template};
use super::super::text::escape;
use super::blocks;
use super::facts::StaticFacts;
use super::functions::{Verdict, join, judge};
use super::load::{Role, configuration, forbidden, variables};
use super::{CONFIGURATION_BYTES_MAX, MODULE_DEPTH_MAX, Rule, VIOLATIONS_MAX, Violation};

/// A message has at most this many characters.
const MESSAGE_CHARS_MAX: usize = 400;

/// Checks every file that Terraform would load.
///
/// # Errors
/// All violations, sorted by place, at most [`VIOLATIONS_MAX`].
pub fn check(set: &FileSet, grants: &Grants) -> Result<StaticFacts, Vec<Violation>> {
    let mut walk = Walk::new(set, grants);
    for file in set.iter() {
        if let Some(why) = forbidden(&file.path) {
            walk.refuse(&file.path, At::START, Rule::File, why);
        }
    }
    if configuration(set, "").is_empty() {
        walk.refuse("main.tf", At::START, Rule::File, "there is no *.tf file in the mission's folder; add one");
    }
    walk.module("", &mut Vec::new());
    walk.variable_files();
    walk.finish()
}

/// What is being walked over, and what was found so far.
pub(super) struct Walk<'a> {
    pub(super) set: &'a FileSet,
    pub(super) grants: &'a Grants,
    pub(super) facts: StaticFacts,
    violations: Vec<Violation>,
    modules_seen: BTreeSet<String>,
    templates_seen: BTreeSet<String>,
}

/// The file and module that an item stands in.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) folder: &'a str,
    pub(super) overrides: bool,
}

impl<'a> Walk<'a> {
    fn new(set: &'a FileSet, grants: &'a Grants) -> Self {
        let (facts, violations) = (StaticFacts::default(), Vec::new());
        Self { set, grants, facts, violations, modules_seen: BTreeSet::new(), templates_seen: BTreeSet::new() }
    }

    /// Records a violation.
    pub(super) fn refuse(&mut self, file: &str, at: At, rule: Rule, message: impl AsRef<str>) {
        let message = escape(message.as_ref(), MESSAGE_CHARS_MAX);
        self.violations.push(Violation { file: file.to_owned(), line: at.line, column: at.column, rule, message });
    }

    fn fault(&mut self, file: &str, fault: &SyntaxFault) {
        self.refuse(file, fault.at, Rule::Syntax, &fault.message);
    }

    /// The label that says which mission made an object is written by the worker alone. Wherever its key stands, it is
    /// refused; a key that is put together is found in the plan.
    fn reserved_label(&mut self, file: &File) {
        let Ok(text) = text_of(file) else { return };
        let lines = Lines::new(text);
        for (offset, _) in text.match_indices(MISSION_LABEL) {
            let message = format!("the label {MISSION_LABEL} is the worker's own, which adds it; choose another key");
            self.refuse(&file.path, lines.at(offset), Rule::Argument, message);
        }
    }

    /// Checks one module once, and the modules that it calls. `stack` holds the folders on the way here.
    fn module(&mut self, folder: &str, stack: &mut Vec<String>) {
        if !self.modules_seen.insert(folder.to_owned()) {
            return;
        }
        let mut parsed: Vec<(Place<'_>, Vec<Item>)> = Vec::new();
        let set = self.set;
        let files: Vec<(Role, &File)> = configuration(set, folder);
        for (role, file) in &files {
            self.facts.files.push(file.path.clone());
            self.reserved_label(file);
            let (items, overrides) = match role {
                Role::Native { overrides } => (text_of(file).and_then(parse_native), *overrides),
                Role::Json { overrides } => {
                    (text_of(file).and_then(|text| parse_json(text, &blocks::label_count)), *overrides)
                }
            };
            match items {
                Ok(items) => parsed.push((Place { file: &file.path, folder, overrides }, items)),
                Err(fault) => self.fault(&file.path, &fault),
            }
        }
        let first_call = self.facts.modules.len();
        blocks::module(self, folder, &parsed);
        let calls: Vec<String> = self.facts.modules[first_call..].iter().map(|call| call.target.clone()).collect();
        stack.push(folder.to_owned());
        for target in calls {
            self.called(&target, stack, files.first().map_or("main.tf", |(_, file)| file.path.as_str()));
        }
        stack.pop();
    }

    fn called(&mut self, target: &str, stack: &mut Vec<String>, caller: &str) {
        if stack.iter().any(|folder| folder == target) {
            let message = format!("the module in {target:?} calls itself over modules; end the circle");
            return self.refuse(caller, At::START, Rule::Module, message);
        }
        if stack.len() >= MODULE_DEPTH_MAX {
            let message = format!("modules call each other deeper than {MODULE_DEPTH_MAX} times; flatten them");
            return self.refuse(caller, At::START, Rule::Module, message);
        }
        self.module(target, stack);
    }

    /// Judges all calls, and reads the templates that they name.
    pub(super) fn calls(&mut self, place: Place<'_>, calls: &[&Call]) {
        for call in calls {
            match judge(call, place.folder) {
                Verdict::Allowed => {}
                Verdict::ReadsFile(path) => self.needs_file(place, call, &path),
                Verdict::ReadsTemplate(path) => {
                    self.needs_file(place, call, &path);
                    self.template(&path);
                }
                Verdict::Refused(message) => self.refuse(place.file, call.at, Rule::Function, message),
            }
        }
    }

    fn needs_file(&mut self, place: Place<'_>, call: &Call, path: &str) {
        if self.set.get(path).is_none() && call.name != "fileexists" {
            let message = format!("{}() reads {path:?}, which is no file of this mission", call.name);
            self.refuse(place.file, call.at, Rule::Function, message);
        }
    }

    /// A template is evaluated with the same functions as configuration.
    fn template(&mut self, path: &str) {
        let Some(bytes) = self.set.get(path) else { return };
        if !self.templates_seen.insert(path.to_owned()) {
            return;
        }
        let calls = text(bytes).and_then(parse_template);
        match calls {
            Ok(calls) => {
                let calls: Vec<&Call> = calls.iter().collect();
                self.calls(Place { file: path, folder: "", overrides: false }, &calls);
            }
            Err(fault) => self.fault(path, &fault),
        }
    }

    /// Variable files hold literals; Terraform itself evaluates nothing in them, and neither may a later one.
    fn variable_files(&mut self) {
        for (json, file) in variables(self.set) {
            self.facts.files.push(file.path.clone());
            self.reserved_label(file);
            // JSON is taken as literals, in which `${` is text: its syntax alone is checked.
            let items = match json {
                true => text_of(file).and_then(|text| match serde_json::from_str::<serde_json::Value>(text) {
                    Ok(serde_json::Value::Object(_)) => Ok(Vec::new()),
                    Ok(_) | Err(_) => Err(SyntaxFault { at: At::START, message: "this is no JSON object".into() }),
                }),
                false => text_of(file).and_then(parse_native),
            };
            match items {
                Err(fault) => self.fault(&file.path, &fault),
                Ok(items) => {
                    for item in items {
                        let mut calls = Vec::new();
                        item.every_call(&mut calls);
                        if item.form != super::super::syntax::Form::Argument || !calls.is_empty() {
                            self.refuse(
                                &file.path,
                                item.at,
                                Rule::Block,
                                "a variable file holds `name = literal` only",
                            );
                        }
                    }
                }
            }
        }
    }

    /// The folder of a local module, if the source is one inside the mission.
    pub(super) fn local_module(&self, folder: &str, source: &str) -> Option<String> {
        let local = source == "." || source == ".." || source.starts_with("./") || source.starts_with("../");
        let target = local.then(|| join(folder, source)).flatten()?;
        (!configuration(self.set, &target).is_empty()).then_some(target)
    }

    fn finish(mut self) -> Result<StaticFacts, Vec<Violation>> {
        if self.violations.is_empty() {
            self.facts.files.sort();
            self.facts.files.dedup();
            return Ok(self.facts);
        }
        self.violations.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
        self.violations.dedup();
        self.violations.truncate(VIOLATIONS_MAX);
        Err(self.violations)
    }
}

fn text_of(file: &File) -> Result<&str, SyntaxFault> {
    text(&file.bytes)
}

fn text(bytes: &[u8]) -> Result<&str, SyntaxFault> {
    let fault = |message: String| SyntaxFault { at: At::START, message };
    if bytes.len() > CONFIGURATION_BYTES_MAX {
        return Err(fault(format!("this file has more than {CONFIGURATION_BYTES_MAX} bytes; split it")));
    }
    std::str::from_utf8(bytes).map_err(|_| fault("this file is not UTF-8; save it as such".into()))
}
