//! What a person answers to a plan.
//!
//! Nothing is granted by accident: an empty line decides nothing, and where something is removed only the whole word
//! `yes` grants.

use crate::view::ApprovalView;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is granted.
    Grant,
    /// It is denied.
    Deny,
    /// It stays open.
    Later,
    /// It was not understood.
    Again,
}

/// The question under a plan.
pub(super) fn question(approval: &ApprovalView) -> String {
    let lead = if approval.rehearsal { "[rehearsal] " } else { "" };
    if approval.removes() {
        format!(
            "{lead}This removes what is there. Type yes to grant {}, n to deny it, Enter to decide later: ",
            approval.id
        )
    } else {
        format!("{lead}Grant {}? y, n to deny it, Enter to decide later [y/n]: ", approval.id)
    }
}

/// What a line says.
pub(super) fn parse(line: &str, removes: bool) -> Answer {
    match line.trim().to_ascii_lowercase().as_str() {
        "yes" => Answer::Grant,
        "y" if !removes => Answer::Grant,
        "n" | "no" => Answer::Deny,
        "" => Answer::Later,
        _ => Answer::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_removes_anything() {
        assert_eq!(parse("y\n", false), Answer::Grant);
        assert_eq!(parse("y\n", true), Answer::Again);
        assert_eq!(parse("yes\n", true), Answer::Grant);
        assert_eq!(parse("N\n", true), Answer::Deny);
        assert_eq!(parse("\n", false), Answer::Later);
        assert_eq!(parse("yep\n", false), Answer::Again);
    }
}
