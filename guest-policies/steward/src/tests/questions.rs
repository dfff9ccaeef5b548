//! What steward asks about.

use super::scene::*;
use quarterdeck_policy_sdk::*;

fn lookout() -> Situation {
    let findings = vec![
        finding("warm", None, Severity::Warning, NOW - 90 * SECOND),
        finding("newer", None, Severity::Critical, NOW - 10 * SECOND),
        finding("older", None, Severity::Critical, NOW - 20 * SECOND),
        finding("known", Some("db-0123abcd"), Severity::Critical, NOW - 30 * SECOND),
        finding("small", None, Severity::Info, NOW - 99 * SECOND),
    ];
    Situation { findings, ..scene(vec![spare()]) }
}

#[test]
fn the_worst_and_oldest_is_asked_about_and_one_at_a_time() {
    let (_, proposal) = only(&lookout());
    assert_eq!((proposal.key.as_str(), proposal.cites), ("ask/older", vec!["older".to_owned()]));
    let ask = Ask {
        id: "propose/older".into(),
        kind: QuestionKind::Propose,
        mission: None,
        findings: vec!["older".into()],
        note: None,
    };
    assert_eq!(proposal.action, Action::Ask(ask));
}

#[test]
fn a_finding_is_asked_about_again_only_when_it_changed() {
    let unanswered = |asked| Advice { reply: Reply::Unanswered("quota".into()), ..advice("older", "server", asked) };
    let asked = |at| Situation { advice: vec![unanswered(at)], ..lookout() };
    assert_eq!(keys(&asked(NOW - 20 * SECOND)), ["ask/newer"]);
    assert_eq!(keys(&asked(NOW - 21 * SECOND)), ["ask/older"]);
}

#[test]
fn the_resolved_and_the_acknowledged_are_passed_over() {
    let mut view = Situation { resolved: vec![resolved("older")], ..lookout() };
    view.findings[1].acknowledged_until = Some(NOW + 1);
    assert_eq!(keys(&view), ["ask/warm"]);
}

#[test]
fn where_nobody_could_help_nobody_is_asked() {
    let helpless = [
        Mission { offers: vec![], ..spare() },
        Mission { autonomy: Autonomy::Off, ..spare() },
        Mission { desired: DesiredState::Suspended, ..spare() },
    ];
    for mission in helpless {
        assert_rests(&Situation { missions: vec![mission], ..lookout() }, None);
    }
}
