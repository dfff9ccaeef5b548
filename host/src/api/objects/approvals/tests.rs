//! Which objects answer what, and what else they may say.

use quarterdeck_core::entry::Entry;
use quarterdeck_core::identity::Identity;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::ApprovalAnswer;
use quarterdeck_core::mission::{MissionName, MissionSpec, When};
use quarterdeck_core::observation::{Commanded, Observation, SeenMission};
use quarterdeck_core::order::{Order, OrderKey};
use quarterdeck_core::situation::{Autonomy, DesiredState, Operation};

use super::*;
use crate::apiserver::approval::ApprovalSpec;

const ID: &str = "a-0123456789";

fn plan() -> Digest {
    Digest::of(b"plan")
}

/// A ledger that asks so many people about a plan of the mission of this name.
fn asks(mission: &str, needed: u8) -> Ledger {
    let name = MissionName::parse(mission).unwrap();
    let spec = MissionSpec {
        name: name.clone(),
        goal: "A shop.".to_owned(),
        autonomy: Autonomy::Approve,
        desired: DesiredState::Present,
        when: When::Always,
        offers: Vec::new(),
        plan: Digest::of(b"files"),
        facts: Vec::new(),
        labels: Vec::new(),
        author: None,
        providers: Vec::new(),
        source: format!("mission {mission}"),
        object: None,
    };
    let missions = vec![SeenMission::in_file(spec.source.clone(), Ok(spec))];
    let mut ledger = Ledger::default();
    ledger.news(&Observation { missions, ..Observation::default() }).iter().for_each(|entry| ledger.fold(entry));
    let (id, uid) = ledger.mission(&name).map(|mission| (mission.id.clone(), mission.uid)).unwrap();
    let key = OrderKey { uid, generation: 1, operation: Operation::Apply, input: plan() };
    let order = Order {
        name: key.name(&name, 1),
        mission: id,
        key,
        attempt: 1,
        plan: Digest::of(b"files"),
        apply: None,
        made: Timestamp::default(),
        deadline: Timestamp::MAX,
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    };
    let record = ApprovalRecord {
        id: ApprovalId::parse(ID).unwrap(),
        order,
        requested: Timestamp::default(),
        expires: Timestamp::MAX,
        policy: Digest::of(b"policy"),
        charter: Digest::of(b"charter"),
        needed,
        answers: Vec::new(),
        used: false,
    };
    ledger.approvals.insert(record.id.clone(), record);
    ledger
}

/// Ada's yes to the plan of `shop/web`, as a cluster has it.
fn yes() -> Approval {
    let spec = ApprovalSpec {
        approval: ID.to_owned(),
        mission: "web".to_owned(),
        plan: plan().to_string(),
        by: "ada".to_owned(),
        decision: Decision::Approve,
        comment: Some("looks right".to_owned()),
    };
    let mut approval = Approval::new("web-yes", spec);
    approval.metadata.namespace = Some("shop".to_owned());
    approval.metadata.generation = Some(1);
    approval
}

fn refused(change: impl FnOnce(&mut Approval)) -> String {
    let mut approval = yes();
    change(&mut approval);
    Said::of(&approval, &asks("shop/web", 1)).unwrap_err()
}

#[test]
fn what_answers_exactly_what_waits_is_said_in_its_makers_name() {
    let said = Said::of(&yes(), &asks("shop/web", 1)).unwrap();
    assert_eq!(said.who.identity(), Identity::User(ClusterUser::parse("ada").unwrap()));
    let (approval, comment) = (ApprovalId::parse(ID).unwrap(), Some("looks right".to_owned()));
    assert_eq!(said.command, Command::Approve { approval: approval.clone(), comment: comment.clone() });
    let mut no = yes();
    no.spec.decision = Decision::Deny;
    let said = Said::of(&no, &asks("shop/web", 1)).unwrap();
    assert_eq!(said.command, Command::Deny { approval, comment });
}

#[test]
fn what_answers_something_else_is_refused_and_learns_nothing() {
    let none = refused(|approval| approval.spec.approval = "a-ffffffffff".to_owned());
    assert!(none.starts_with("nothing of mission shop/web is asked about"), "{none}");
    // Another namespace's mission of the same name, another mission here, no namespace, and what is no name at all.
    type Change = fn(&mut Approval);
    let others: [Change; 6] = [
        |approval| approval.metadata.namespace = Some("blog".to_owned()),
        |approval| approval.spec.mission = "web2".to_owned(),
        |approval| approval.metadata.namespace = None,
        |approval| approval.spec.mission = "../shop/web".to_owned(),
        |approval| approval.spec.approval = "c-0123456789".to_owned(),
        |approval| approval.spec.approval = "a \n b".to_owned(),
    ];
    for change in others {
        let why = refused(change);
        assert!(why.starts_with("nothing of mission ") && why.ends_with("its status names what waits"), "{why}");
    }
    // A mission that is a file of this machine is answered at the machine's socket alone.
    for name in ["web", "blog/web"] {
        assert!(Said::of(&yes(), &asks(name, 1)).unwrap_err().starts_with("nothing of mission shop/web"), "{name}");
    }
}

#[test]
fn another_plan_an_edited_object_and_a_name_that_deceives_are_refused() {
    let other = Digest::of(b"the plan before").to_string();
    assert!(refused(|approval| approval.spec.plan = other).contains("asks about another plan"));
    assert!(refused(|approval| approval.spec.plan = "the newest".to_owned()).contains("asks about another plan"));
    for generation in [None, Some(2), Some(0)] {
        assert!(refused(|approval| approval.metadata.generation = generation).contains("changed since it was created"));
    }
    for by in ["", "a\u{202e}da", " ada"] {
        assert!(refused(|approval| approval.spec.by = by.to_owned()).starts_with("spec.by: "), "{by:?}");
    }
}

#[test]
fn one_user_counts_once_and_is_told_so_again() {
    let mut ledger = asks("shop/web", 2);
    let said = Said::of(&yes(), &ledger).unwrap();
    assert!(!said.counts_already(&ledger));
    let now = Timestamp(1);
    ledger.fold(&Entry::Commanded(Commanded { at: now, who: said.who.clone(), command: said.command.clone() }));
    assert!(said.counts_already(&ledger));
    assert_eq!(said.standing(&ledger), "1 of 2 people have said yes; another one has to");
    // Her other object, for a no after the yes, is a new word; and Ben's yes is not hers.
    let mut no = yes();
    no.spec.decision = Decision::Deny;
    assert!(!Said::of(&no, &ledger).unwrap().counts_already(&ledger));
    let mut ben = yes();
    ben.spec.by = "ben".to_owned();
    let said = Said::of(&ben, &ledger).unwrap();
    assert!(!said.counts_already(&ledger));
    ledger.fold(&Entry::Commanded(Commanded { at: now, who: said.who.clone(), command: said.command.clone() }));
    assert_eq!(said.standing(&ledger), "approved by as many as have to");
    let answers: Vec<&ApprovalAnswer> = ledger.approvals.values().flat_map(|record| &record.answers).collect();
    assert_eq!(answers.len(), 2);
}
