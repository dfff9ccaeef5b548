//! The boundary once more, for values that crossed it in another process.
//!
//! Where a guest ran in a child, the child's boundary parsed what it returned; but if the guest broke out of its sandbox,
//! the child's word is the guest's. So the host holds each value against the same limits as if a guest had returned it.
//! Types prove themselves while they are decoded (ids, digests, cases); the limits on lists and texts are checked here.
//! What the boundary would have escaped must have been escaped, and what it would have cut must be short.

use super::*;

/// Whether the boundary could have made this decision.
pub(in crate::decide) fn decision(decision: &ours::Decision) -> Result<(), Malformed> {
    let ours::Decision { proposals, rationale, memo, look_again } = decision;
    most("proposals", proposals.len(), ours::PROPOSALS_MAX)?;
    if let Some(key) = first_twice(proposals.iter().map(|proposal| proposal.key.as_str())) {
        return Err(malformed("proposals", format!("the key {key:?} stands there twice")));
    }
    plain("rationale", rationale, ours::RATIONALE_BYTES_MAX)?;
    most("memo", memo.as_ref().map_or(0, Vec::len), shown::MEMO_BYTES_MAX)?;
    look_again.map(|at| time("look-again", at.0)).transpose()?;
    proposals.iter().enumerate().try_for_each(|(index, proposal)| {
        self::proposal(proposal).map_err(|refused| refused.inside(&format!("proposals[{index}]")))
    })
}

/// Whether the boundary could have made this description.
pub(in crate::decide) fn description(description: &ours::Description) -> Result<(), Malformed> {
    let ours::Description { name, version, summary, actions, operations, settings, memo_format, reads_memos } =
        description;
    named("name", name, shown::KEY_BYTES_MAX)?;
    named("version", version, shown::KEY_BYTES_MAX)?;
    plain("summary", summary, shown::TEXT_BYTES_MAX)?;
    most("actions", actions.len(), ACTIONS_MAX)?;
    most("operations", operations.len(), OPERATIONS_MAX)?;
    most("settings", settings.len(), SETTINGS_MAX)?;
    for setting in settings {
        named("settings.key", &setting.key, shown::KEY_BYTES_MAX)?;
        plain("settings.default-value", &setting.default_value, shown::TEXT_BYTES_MAX)?;
        plain("settings.help", &setting.help, shown::TEXT_BYTES_MAX)?;
    }
    if let Some(key) = first_twice(settings.iter().map(|setting| setting.key.as_str())) {
        return Err(malformed("settings", format!("the key {key:?} stands there twice")));
    }
    if !memo_format.is_empty() {
        named("memo-format", memo_format, shown::KEY_BYTES_MAX)?;
    }
    most("reads-memos", reads_memos.len(), FORMATS_MAX)?;
    reads_memos.iter().try_for_each(|format| named("reads-memos", format, shown::KEY_BYTES_MAX))
}

fn proposal(proposal: &ours::Proposal) -> Result<(), Malformed> {
    let ours::Proposal { key, cites, action } = proposal;
    named("key", key, ours::PROPOSAL_KEY_BYTES_MAX)?;
    most("cites", cites.len(), ours::CITES_MAX)?;
    cites.iter().try_for_each(|cite| named("cites", cite, CITE_BYTES_MAX))?;
    match action {
        ours::Action::Build { order, step: _ } | ours::Action::Configure { order, step: _ } => target(order),
        ours::Action::Scan { order, targets } => {
            target(order)?;
            most("scan.targets", targets.len(), TARGETS_MAX)?;
            targets.iter().try_for_each(|target| named("scan.targets", target, TARGET_BYTES_MAX))
        }
        ours::Action::Cancel(_) => Ok(()),
        ours::Action::Ask { id, kind: _, mission: _, findings, note } => {
            named("ask.id", id, shown::KEY_BYTES_MAX)?;
            most("ask.findings", findings.len(), ours::CITES_MAX)?;
            note.as_ref().map_or(Ok(()), |note| plain("ask.note", note, ours::NOTE_BYTES_MAX))
        }
        ours::Action::Inspect { id, object, look: _ } => {
            named("inspect.id", id, shown::KEY_BYTES_MAX)?;
            let parts = [Some(&object.kind), object.namespace.as_ref(), Some(&object.name), object.uid.as_ref()];
            parts.into_iter().flatten().try_for_each(|part| named("inspect.object", part, OBJECT_BYTES_MAX))
        }
        ours::Action::Remember { lesson, findings } => {
            plain("remember.lesson", lesson, ours::MESSAGE_BYTES_MAX)?;
            most("remember.findings", findings.len(), ours::CITES_MAX)
        }
        ours::Action::Notify { severity: _, title, text, mission: _ } => {
            plain("notify.title", title, TITLE_BYTES_MAX)?;
            plain("notify.text", text, ours::MESSAGE_BYTES_MAX)
        }
        ours::Action::Acknowledge { finding: _, until, reason } => {
            time("acknowledge.until", until.0)?;
            plain("acknowledge.reason", reason, ours::MESSAGE_BYTES_MAX)
        }
    }
}

fn target(order: &ours::Target) -> Result<(), Malformed> {
    order.remedy.as_ref().map_or(Ok(()), |remedy| named("order.remedy", remedy, shown::KEY_BYTES_MAX))
}

fn most(field: &str, has: usize, most: usize) -> Result<(), Malformed> {
    if has > most { Err(malformed(field, format!("{has}, of {most} at most"))) } else { Ok(()) }
}

fn plain(field: &str, text: &str, bytes_max: usize) -> Result<(), Malformed> {
    most(field, text.len(), bytes_max)?;
    match text.chars().find(|c| is_hidden(*c)) {
        Some(c) => Err(malformed(field, format!("the character {} was not escaped", c.escape_unicode()))),
        None => Ok(()),
    }
}

fn named(field: &str, text: &str, bytes_max: usize) -> Result<(), Malformed> {
    if text.is_empty() { Err(malformed(field, "empty")) } else { plain(field, text, bytes_max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(title: &str) -> ours::Decision {
        let action = ours::Action::Notify {
            severity: shown::Severity::Info,
            title: title.into(),
            text: String::new(),
            mission: None,
        };
        ours::Decision {
            proposals: vec![ours::Proposal { key: "k".into(), cites: vec![], action }],
            ..ours::Decision::default()
        }
    }

    #[test]
    fn what_the_boundary_makes_passes_it_again_and_nothing_else_does() {
        assert_eq!(decision(&notify("all is well")), Ok(()));
        assert_eq!(decision(&notify("\u{1b}[2J")).unwrap_err().field, "proposals[0].notify.title");
        assert_eq!(decision(&notify(&"x".repeat(201))).unwrap_err().field, "proposals[0].notify.title");
        let mut twice = notify("a");
        twice.proposals.push(twice.proposals[0].clone());
        assert_eq!(decision(&twice).unwrap_err().field, "proposals");
        let mut many = notify("a");
        many.proposals[0].cites = vec!["f".into(); ours::CITES_MAX + 1];
        assert_eq!(decision(&many).unwrap_err().field, "proposals[0].cites");
        let hoard = ours::Decision { memo: Some(vec![0; shown::MEMO_BYTES_MAX + 1]), ..ours::Decision::default() };
        assert_eq!(decision(&hoard).unwrap_err().field, "memo");
    }
}
