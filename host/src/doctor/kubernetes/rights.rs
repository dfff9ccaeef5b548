//! Who asks, and what that account may do: what a host's work takes and is missing, and what it should not have.

use std::collections::BTreeMap;

use quarterdeck_core::kubernetes::{OwnRights, Right, Verbs};

use super::{Check, Learned, shown, unknown};
use crate::apiserver::WorkersWanted;

const NAME: &str = "rights";
/// So many of the rights that are too many are named.
const NAMED_MAX: usize = 6;

/// Whom the API server takes us for.
pub(super) fn account(account: &Learned<String>, workers: Option<&WorkersWanted>) -> Check {
    const NAME: &str = "account";
    let name = match account {
        Ok(name) => name,
        Err(problem) => return unknown(NAME, "who asks", problem),
    };
    if name == "system:anonymous" {
        let cause = "the kubeconfig's user has neither a token nor a certificate, or none that the API server takes";
        return Check::fail(NAME, "nobody: system:anonymous", cause, "give the kubeconfig's user one, or log in");
    }
    let what = shown(name);
    let hosts = workers.map(|wanted| format!("system:serviceaccount:{}:quarterdeck", wanted.service.namespace));
    match hosts {
        Some(hosts) if hosts != *name => {
            let cause =
                format!("the admission policies let only {hosts} make workers, and the rights below are another's");
            let cure = "run the host as that account; a kubeconfig with its token (kubectl create token) looks as the host does";
            Check::warn(NAME, &what, cause, cure)
        }
        Some(_) | None => Check::well(NAME, what),
    }
}

/// What is missing, and what is too much.
pub(super) fn check(rights: &Learned<(Vec<Right>, OwnRights)>) -> Vec<Check> {
    let (unseen, OwnRights { missing, excess }) = match rights {
        Ok(rights) => rights,
        Err(problem) => return vec![unknown(NAME, "this account's own rights", problem)],
    };
    let mut checks: Vec<Check> = self::unseen(unseen).into_iter().collect();
    checks.extend(Verbs::gather(missing).iter().map(lacking));
    if checks.is_empty() {
        checks.push(Check::well(NAME, "all that the host's work takes".to_owned()));
    }
    checks.extend((!excess.is_empty()).then(|| too_many(excess)));
    checks
}

fn lacking(verbs: &Verbs) -> Check {
    let cause = "what takes that is not done";
    Check::fail(NAME, &format!("may not {}", verbs.text()), cause, format!("grant it: {}", verbs.grant()))
}

/// The kinds that can't be watched, as one: where it is all of them, a role is not bound.
fn unseen(rights: &[Right]) -> Option<Check> {
    let kinds = Verbs::gather(rights);
    let names: Vec<&str> = kinds.iter().map(|verbs| verbs.about.resource).collect();
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    kinds.iter().for_each(|verbs| groups.entry(verbs.about.group).or_default().push(verbs.about.resource));
    let rule = |(group, resources): (&&str, &Vec<&str>)| {
        format!("{{apiGroups: [\"{group}\"], resources: [{}], verbs: [list, watch]}}", resources.join(", "))
    };
    let rules: Vec<String> = groups.iter().map(rule).collect();
    let what = match names.len() {
        0 => return None,
        1 => "may not list and watch one kind".to_owned(),
        many => format!("may not list and watch {many} kinds"),
    };
    let cause = format!("nothing is found in {}", names.join(", "));
    let cure = format!(
        "grant it in a ClusterRole: {}; kubectl apply -f deploy/kubernetes/base/rights.yaml grants all",
        rules.join(" and ")
    );
    Some(Check::warn(NAME, &what, cause, cure))
}

fn too_many(excess: &[Right]) -> Check {
    let named: Vec<String> = excess.iter().take(NAMED_MAX).map(Right::text).collect();
    let more = excess.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let what = format!("may do {} that a host never needs", things(excess.len()));
    let cure = "give the host an account with its own roles (deploy/kubernetes); for a look by hand it does no harm";
    Check::warn(NAME, &what, format!("{}{more}", named.join(", ")), cure)
}

fn things(count: usize) -> String {
    if count == 1 { "one thing".to_owned() } else { format!("{count} things") }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::kubernetes::Kind;
    use quarterdeck_core::kubernetes::own::{needed, unwanted, watched};
    use quarterdeck_core::kubernetes::{Duties, WorkersDuty};

    use super::*;
    use crate::apiserver::read::Unread;
    use crate::doctor::Verdict;

    fn all() -> Vec<Right> {
        let workers = WorkersDuty {
            namespace: "workers".to_owned(),
            own: "own".to_owned(),
            lease: "quarterdeck".to_owned(),
            service: None,
        };
        needed(&Duties { workers: Some(workers), missions: true })
    }

    fn told(unseen: Vec<Right>, missing: Vec<Right>, excess: Vec<Right>) -> Vec<(Verdict, String)> {
        let checks = check(&Ok((unseen, OwnRights { missing, excess })));
        checks.iter().map(|check| (check.verdict, check.to_string())).collect()
    }

    #[test]
    fn each_missing_right_has_the_rule_that_grants_it() {
        assert_eq!(
            told(vec![], vec![], vec![]),
            [(Verdict::Ok, "ok    rights: all that the host's work takes".to_owned())]
        );
        let jobs: Vec<Right> = all().into_iter().filter(|right| right.resource == "jobs").collect();
        let [(Verdict::Fail, text)] = &told(vec![], jobs, vec![])[..] else { panic!("one") };
        assert!(text.contains("may not create, delete, get, list, watch jobs.batch in workers"), "{text}");
        assert!(
            text.contains("cure: grant it: {apiGroups: [\"batch\"], resources: [jobs], verbs: [create, "),
            "{text}"
        );
        assert!(text.ends_with("in a Role of the namespace workers"), "{text}");
        let everything = told(watched(), all(), unwanted());
        assert!(
            everything.len() > 10 && everything.iter().filter(|(verdict, _)| *verdict == Verdict::Warn).count() == 2
        );
    }

    #[test]
    fn kinds_that_cant_be_watched_are_told_once_and_as_a_warning() {
        let of = |kinds: &[Kind]| -> Vec<Right> {
            watched().into_iter().filter(|right| kinds.iter().any(|kind| kind.plural() == right.resource)).collect()
        };
        let [(Verdict::Warn, text)] = &told(of(&[Kind::Ingress]), vec![], vec![])[..] else { panic!("one") };
        assert!(text.contains("one kind") && text.contains("nothing is found in ingresses"), "{text}");
        assert!(
            text.contains("{apiGroups: [\"networking.k8s.io\"], resources: [ingresses], verbs: [list, watch]}"),
            "{text}"
        );
        let [(Verdict::Warn, text)] = &told(of(Kind::ALL), vec![], vec![])[..] else { panic!("one") };
        assert!(text.contains(&format!("{} kinds", Kind::ALL.len())), "{text}");
    }

    #[test]
    fn what_is_too_much_is_a_warning() {
        let [_, (Verdict::Warn, text)] = &told(vec![], vec![], unwanted())[..] else { panic!("two") };
        assert!(text.contains(&format!("may do {} things", unwanted().len())) && text.contains("and "), "{text}");
        let secrets = unwanted().into_iter().filter(|right| right.resource == "secrets").take(1).collect();
        let [_, (Verdict::Warn, text)] = &told(vec![], vec![], secrets)[..] else { panic!("two") };
        assert!(text.contains("one thing") && text.contains("cause: get secrets\n"), "{text}");
        assert_eq!(check(&Err(Unread::Denied("no".to_owned())))[0].verdict, Verdict::Note);
    }

    #[test]
    fn who_asks_is_told_and_whether_workers_would_be_its_own() {
        let text = format!("builder: {{ image: \"x@sha256:{}\" }}", "a".repeat(64));
        let wanted: WorkersWanted = serde_saphyr::from_str(&text).unwrap();
        let host = "system:serviceaccount:ai-agent:quarterdeck";
        for (name, workers, verdict) in [
            (host, true, Verdict::Ok),
            (host, false, Verdict::Ok),
            ("admin", false, Verdict::Ok),
            ("admin", true, Verdict::Warn),
            ("system:anonymous", false, Verdict::Fail),
        ] {
            let check = account(&Ok(name.to_owned()), workers.then_some(&wanted));
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
        assert!(account(&Ok("a\u{1b}b".to_owned()), None).what.contains("a\\u{1b}b"));
        assert_eq!(account(&Err(Unread::Denied("no".to_owned())), None).verdict, Verdict::Note);
    }
}
