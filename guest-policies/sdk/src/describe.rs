//! Saying what a policy is.
//!
//! The functions are `#[inline]` for the reason that stands in `propose`.

use crate::{ActionKind, Description, Operation, Setting};

impl Description {
    /// A policy that returns no action, has no settings, and writes memos in the format `NAME/1` without reading any.
    #[inline]
    pub fn new(name: &str, version: &str, summary: &str) -> Description {
        Description {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            actions: Vec::new(),
            operations: Vec::new(),
            settings: Vec::new(),
            memo_format: format!("{name}/1"),
            reads_memos: Vec::new(),
        }
    }

    /// It may return these actions; the host refuses any other as `undeclared`.
    #[inline]
    pub fn returns(mut self, actions: &[ActionKind]) -> Description {
        self.actions.extend_from_slice(actions);
        self
    }

    /// Its actions may start these operations; the host refuses any other as `undeclared`.
    #[inline]
    pub fn starts(mut self, operations: &[Operation]) -> Description {
        self.operations.extend_from_slice(operations);
        self
    }

    /// An operator may set this. `help` is one line, with the unit.
    #[inline]
    pub fn setting(mut self, key: &str, default_value: &str, help: &str) -> Description {
        let [key, default_value, help] = [key, default_value, help].map(str::to_owned);
        self.settings.push(Setting { key, default_value, help });
        self
    }

    /// It writes memos in this format, and reads those in it and in the others.
    #[inline]
    pub fn keeps(mut self, format: &str, reads_too: &[&str]) -> Description {
        self.memo_format = format.to_owned();
        self.reads_memos = [&[format], reads_too].concat().into_iter().map(str::to_owned).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_does_and_reads_what_it_says_and_nothing_else() {
        let bare = Description::new("lookout", "1.2.3", "looks out");
        assert_eq!((bare.memo_format.as_str(), bare.actions.len(), bare.reads_memos.len()), ("lookout/1", 0, 0));
        let whole = bare
            .returns(&[ActionKind::Build])
            .starts(&[Operation::Plan, Operation::Apply])
            .setting("patience-seconds", "60", "how long it waits, in seconds")
            .keeps("lookout/2", &["lookout/1"]);
        assert_eq!(whole.actions, [ActionKind::Build]);
        assert_eq!(whole.operations, [Operation::Plan, Operation::Apply]);
        assert_eq!(whole.settings[0].default_value, "60");
        assert_eq!(whole.memo_format, "lookout/2");
        assert_eq!(whole.reads_memos, ["lookout/2", "lookout/1"]);
    }
}
