//! What rules say, and what is no charter.

use std::collections::BTreeSet;

use super::super::request::{Asker, CandidateGist, PlanGist, Subject};
use super::*;
use crate::identity::{ClusterUser, Identity};

fn request(action: Name) -> Request {
    let subject = |name: &str| Subject { id: format!("{name}-1f2e3d4c"), name: name.into(), ..Subject::default() };
    Request {
        policy: Asker { name: "steward".into(), version: "1".into(), digest: "ab".into() },
        action,
        mission: Some(subject("web")),
        attempt: 1,
        hour: 12,
        weekday: 1,
        plan: (action == Name::Apply).then(PlanGist::default),
        ..Request::default()
    }
}

fn apply(change: impl FnOnce(&mut PlanGist)) -> Request {
    let mut request = request(Name::Apply);
    change(request.plan.as_mut().unwrap());
    request
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The judgment in a few words.
fn says(rules: &Rules, request: &Request) -> String {
    match rules.judge(request) {
        Judgment::Permitted(reason) => format!("permits by {}", reason.rule),
        Judgment::Asked { reason, approvers } => format!("asks {approvers} by {}", reason.rule),
        Judgment::Forbidden(reason) => format!("forbids by {}", reason.rule),
    }
}

fn faults(text: &str) -> Vec<String> {
    Rules::parse(text).unwrap_err().list().iter().map(ToString::to_string).collect()
}

#[test]
fn the_profiles_are_charters_and_the_schema_fits_what_is_asked() {
    for (name, text) in [("laptop", LAPTOP), ("production", PRODUCTION)] {
        if let Err(faults) = Rules::parse(text) {
            panic!("{name}: {faults}");
        }
    }
    let schema = schema();
    for action in Name::ALL {
        for mission in [true, false] {
            let mut request = request(action);
            let about = action.is_work() || mission && !action.is_law();
            request.mission = request.mission.filter(|_| about);
            request.mission.iter_mut().for_each(|m| drop(m.labels.insert("tier".into(), "gold".into())));
            let (asked, entities) = to_cedar(&request);
            let context = asked.context().unwrap().clone();
            let (principal, resource) = (asked.principal().unwrap(), asked.resource().unwrap());
            let action = asked.action().unwrap().clone();
            cedar_policy::Request::new(principal.clone(), action, resource.clone(), context, Some(&schema)).unwrap();
            cedar_policy::Entities::from_entities(entities.iter().cloned(), Some(&schema)).unwrap();
        }
    }
}

#[test]
fn the_laptop_asks_before_anything_is_gone_for_good() {
    let laptop = Rules::default();
    for action in [Name::Plan, Name::PlanDestroy] {
        assert_eq!(says(&laptop, &request(action)), "permits by plans");
    }
    assert_eq!(says(&laptop, &apply(|plan| plan.adds = 2)), "permits by applies");
    let volume = |plan: &mut PlanGist| plan.removes = set(&["docker_volume"]);
    assert_eq!(says(&laptop, &apply(volume)), "asks 1 by volumes-are-asked-about");
    assert_eq!(says(&laptop, &apply(|plan| plan.forgets = 1)), "asks 1 by forgetting-is-asked-about");
    assert_eq!(says(&laptop, &request(Name::Notify)), "permits by words");
    for action in [Name::Configure, Name::Scan] {
        assert_eq!(says(&laptop, &request(action)), "forbids by no-permit");
    }
}

#[test]
fn production_asks_one_for_a_change_and_two_for_a_removal() {
    let production = Rules::parse(PRODUCTION).unwrap();
    assert_eq!(says(&production, &request(Name::Plan)), "permits by plans");
    assert_eq!(says(&production, &apply(|plan| plan.adds = 2)), "asks 1 by applies-are-asked-about");
    for change in [(|plan| plan.destroys = 1) as fn(&mut PlanGist), |plan| plan.replaces = 1, |plan| plan.forgets = 1] {
        assert_eq!(says(&production, &apply(change)), "asks 2 by removals-need-two");
    }
    assert_eq!(says(&production, &apply(|plan| plan.dangers = set(&["public-port"]))), "forbids by nothing-dangerous");
    assert_eq!(says(&production, &apply(|plan| plan.adopts = 1)), "forbids by nothing-is-adopted");
    let mut theirs = request(Name::Plan);
    theirs.findings.namespaces = set(&["kube-system"]);
    assert_eq!(says(&production, &theirs), "forbids by not-the-systems-own");
}

#[test]
fn another_policy_is_asked_about_where_it_may_do_more_and_in_production_always() {
    let (laptop, production) = (Rules::default(), Rules::parse(PRODUCTION).unwrap());
    let activate =
        |widens| Request { candidate: CandidateGist { widens, ..Default::default() }, ..request(Name::Activate) };
    assert_eq!(says(&laptop, &activate(false)), "permits by activations");
    assert_eq!(says(&laptop, &activate(true)), "asks 1 by wider-policies-are-asked-about");
    for widens in [false, true] {
        assert_eq!(says(&production, &activate(widens)), "asks 2 by activations-need-two");
    }
    let signed = "@id(\"signed\")\npermit (principal, action == Action::\"activate\", resource)\n\
                  when { context.signers >= 2 && !context.uploadedBySame && context.profile == \"pure\" };";
    let signed = Rules::parse(signed).unwrap();
    let mut by = activate(false);
    (by.candidate.profile, by.candidate.signers) = ("pure".to_owned(), 2);
    assert_eq!(says(&signed, &by), "permits by signed");
    by.candidate.uploaded_by_same = true;
    assert_eq!(says(&signed, &by), "forbids by no-permit");
}

#[test]
fn deny_is_the_default_and_a_forbid_wins() {
    assert_eq!(says(&Rules::parse("").unwrap(), &request(Name::Plan)), "forbids by no-permit");
    let both = "@id(\"a\")\npermit (principal, action, resource);\n@id(\"b\")\nforbid (principal, action, resource);\n";
    assert_eq!(says(&Rules::parse(both).unwrap(), &request(Name::Plan)), "forbids by b");
}

#[test]
fn what_any_permit_demands_is_demanded() {
    let text = "@id(\"one\")\n@approval(\"human\")\npermit (principal, action, resource);\n\
                @id(\"none\")\npermit (principal, action, resource);\n\
                @id(\"three\")\n@approval(\"human\")\n@approvers(\"3\")\npermit (principal, action, resource)\n\
                when { context.hour >= 18 };\n";
    let rules = Rules::parse(text).unwrap();
    assert_eq!(says(&rules, &request(Name::Plan)), "asks 1 by one");
    assert_eq!(says(&rules, &Request { hour: 20, ..request(Name::Plan) }), "asks 3 by three");
}

#[test]
fn rules_read_labels_and_names() {
    let text = "@id(\"gold\")\npermit (principal, action == Action::\"plan\", resource)\n\
                when { resource.hasTag(\"tier\") && resource.getTag(\"tier\") == \"gold\" && principal.name == \"steward\" };";
    let rules = Rules::parse(text).unwrap();
    let mut gold = request(Name::Plan);
    assert_eq!(says(&rules, &gold), "forbids by no-permit");
    gold.mission.as_mut().unwrap().labels.insert("tier".into(), "gold".into());
    assert_eq!(says(&rules, &gold), "permits by gold");
    gold.policy.name = "\" || true //".into();
    assert_eq!(says(&rules, &gold), "forbids by no-permit");
}

#[test]
fn a_clusters_user_has_no_uid_and_a_rule_that_reads_one_refuses() {
    let amend = |person| Request { person, ..request(Name::Amend) };
    let user = |name: &str| amend(Identity::User(ClusterUser::parse(name).unwrap()));
    let by = |scope: &str, condition: &str| {
        Rules::parse(&format!(
            "@id(\"by\") permit ({scope}, action == Action::\"amend\", resource) when {{ {condition} }};"
        ))
        .unwrap()
    };
    // Whichever way it is written: that a number is another one is not known of somebody who has none.
    for condition in ["principal.uid == 1000", "principal.uid != 1001", "principal.uid < 5000", "!(principal.uid == 7)"]
    {
        let rules = by("principal", condition);
        assert_eq!(says(&rules, &amend(Identity::Uid(1000))), "permits by by", "{condition}");
        assert_eq!(says(&rules, &user("1000")), "forbids by charter-error", "{condition}");
    }
    let ada = by("principal", "principal has user && principal.user == \"ada\"");
    assert_eq!(says(&ada, &user("ada")), "permits by by");
    for other in [user("Ada"), user("ada2"), amend(Identity::Uid(0))] {
        assert_eq!(says(&ada, &other), "forbids by no-permit");
    }
    // A user who is called as a number is not that number, and who is called as our ids are is not that user.
    let id = by("principal == Person::\"1000\"", "true");
    assert_eq!(says(&id, &amend(Identity::Uid(1000))), "permits by by");
    assert_eq!(says(&id, &user("1000")), "forbids by no-permit");
    let id = by("principal == Person::\"user:ada\"", "true");
    assert_eq!(says(&id, &user("ada")), "permits by by");
    assert_eq!(says(&id, &user("user:ada")), "forbids by no-permit");
    let unguarded =
        "@id(\"by\") permit (principal, action == Action::\"amend\", resource) when { principal.user == \"ada\" };";
    assert!(faults(unguarded)[0].contains("user"), "{:?}", faults(unguarded));
}

/// The example of docs/charter.md.
#[test]
fn a_namespace_may_have_its_own_rules() {
    let text = format!(
        "{PRODUCTION}\n@id(\"only-shop-is-built\")\n@reason(\"elsewhere nothing is changed by itself\")\n\
         forbid (principal, action in Action::\"changes\", resource)\n\
         when {{ resource.namespace != \"shop\" && resource.autonomy == \"auto\" }};"
    );
    let rules = Rules::parse(&text).unwrap();
    let of = |namespace: &str, autonomy: &str| {
        let mut apply = apply(|plan| plan.adds = 1);
        let mission = apply.mission.as_mut().unwrap();
        (mission.namespace, mission.autonomy) = (namespace.into(), autonomy.into());
        says(&rules, &apply)
    };
    assert_eq!(of("shop", "auto"), "asks 1 by applies-are-asked-about");
    assert_eq!(of("shop2", "approve"), "asks 1 by applies-are-asked-about");
    for namespace in ["shop2", "Shop", ""] {
        assert_eq!(of(namespace, "auto"), "forbids by only-shop-is-built", "{namespace:?}");
    }
}

/// Cedar passes over a forbid that fails; we do not.
#[test]
fn a_rule_that_can_not_be_evaluated_refuses() {
    let text = "@id(\"all\")\npermit (principal, action == Action::\"plan\", resource);\n\
                @id(\"sum\")\nforbid (principal, action == Action::\"plan\", resource)\n\
                when { context.findings.oldestSeconds + 9223372036854775807 < 0 };";
    let rules = Rules::parse(text).unwrap();
    let mut old = request(Name::Plan);
    assert_eq!(says(&rules, &old), "permits by all");
    old.findings.oldest_seconds = 1;
    assert_eq!(says(&rules, &old), "forbids by charter-error");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let rule = |annotations: &str| format!("// one\n{annotations}\npermit (principal, action, resource);\n");
    for (annotations, says) in [
        ("@reason(\"x\")", "needs a name"),
        ("@id(\"Big\")", "needs a name"),
        ("@id(\"a\") @aproval(\"human\")", "@aproval is not known"),
        ("@id(\"a\") @approval(\"robot\")", "@approval(\"human\")"),
        ("@id(\"a\") @approvers(\"2\")", "needs @approval"),
        ("@id(\"a\") @approval(\"human\") @approvers(\"0\")", "from 1 to 9"),
        ("@id(\"a\") @approval(\"human\") @approvers(\"two\")", "from 1 to 9"),
    ] {
        let faults = faults(&rule(annotations));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("line 2, column 1: ") && faults[0].contains(says), "{faults:?}");
    }
    let asks = "@id(\"a\") @approval(\"human\")\nforbid (principal, action, resource);";
    assert!(faults(asks)[0].contains("a forbid asks nobody"));
    let twice = rule("@id(\"a\")") + &rule("@id(\"a\")");
    assert!(faults(&twice)[0].starts_with("line 5, column 1: ") && faults(&twice)[0].contains("in line 2"));
    // What the schema does not know, what can never hold, and what is no Cedar.
    for (text, place, says) in [
        ("@id(\"a\")\npermit (principal, action, resource)\nwhen { context.color == 1 };", "line 3, ", "color"),
        ("@id(\"a\")\npermit (principal, action == Action::\"aply\", resource);", "line 2, ", "aply"),
        (
            "@id(\"a\")\npermit (principal, action == Action::\"ask\", resource)\nwhen { resource is Policy };",
            "line ",
            "",
        ),
        ("@id(\"a\")\npermit (principal, action, resource)\nwhen { context.hour == };", "line 3, ", "unexpected token"),
        ("@id(\"a\")\npermit (principal == ?principal, action, resource);", "line 1, ", "template"),
    ] {
        let faults = faults(text);
        assert!(faults.iter().any(|fault| fault.starts_with(place) && fault.contains(says)), "{text}: {faults:?}");
    }
    assert!(faults(&" ".repeat(RULES_BYTES_MAX + 1))[0].contains("more than 262144"));
}

#[test]
fn rules_are_journaled_as_their_text() {
    let rules = Rules::parse(PRODUCTION).unwrap();
    let back: Rules = crate::encoding::decode(&crate::encoding::encode(&rules)).unwrap();
    assert_eq!((back.text(), back.list()), (PRODUCTION, rules.list()));
    // Another version's text refuses everything, and is still a record of what was in force.
    let odd: Rules = crate::encoding::decode(&crate::encoding::encode(&"permit everything;")).unwrap();
    assert_eq!(says(&odd, &request(Name::Plan)), "forbids by charter-unreadable");
}
