//! The object `Approval` on a real API server: it takes what is said in one's own name and nothing else, and what the host
//! reads of the policy shows whether that was always so.

use quarterdeck::apiserver::approval::policy::{Installed, PolicyFault, held_when};

use crate::cluster::Cluster;
use crate::parts::until;
use crate::stage::{PATIENCE, text};

const HOST: &str = "system:serviceaccount:ai-agent:quarterdeck";
const POLICY: &str = include_str!("../../../deploy/kubernetes/missions/approval-policy.yaml");
const OURS: [&str; 3] = [
    include_str!("../../../deploy/kubernetes/missions/crds.yaml"),
    POLICY,
    include_str!("../../../deploy/kubernetes/missions/approval-rights.yaml"),
];

/// Ada and, against all advice, the host's own account may make Approvals in `shop`, and write their status.
const APPROVERS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: approver, namespace: shop}
rules:
  - apiGroups: [quarterdeck.dev]
    resources: [approvals, approvals/status]
    verbs: [create, get, update, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approvers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: approver}
subjects:
  - {kind: User, name: ada, apiGroup: rbac.authorization.k8s.io}
  - {kind: ServiceAccount, name: quarterdeck, namespace: ai-agent}
";

fn approval(name: &str, by: &str) -> String {
    let plan = format!("sha256:{}", "a".repeat(64));
    format!(
        "{{\"apiVersion\": \"quarterdeck.dev/v1alpha1\", \"kind\": \"Approval\", \
         \"metadata\": {{\"name\": \"{name}\", \"namespace\": \"shop\"}}, \
         \"spec\": {{\"approval\": \"a-0123456789\", \"mission\": \"web\", \"plan\": \"{plan}\", \"by\": \"{by}\", \
         \"decision\": \"approve\"}}}}"
    )
}

/// What `kubectl` says to an object that this user makes, and whether it is made.
fn make(cluster: &Cluster, user: &str, name: &str, by: &str) -> (bool, String) {
    let file = cluster.path(&format!("{name}.json"));
    std::fs::write(&file, approval(name, by)).unwrap();
    let output = cluster.try_kubectl(&["--as", user, "create", "-f", file.to_str().unwrap()]);
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn denied(cluster: &Cluster, words: &[&str], why: &str) {
    let output = cluster.try_kubectl(words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(why), "{words:?}: {said}");
}

fn installed(cluster: &Cluster) -> Installed {
    let name = "quarterdeck-approval-by";
    Installed {
        policy: cluster.get(&["validatingadmissionpolicy", name]),
        binding: cluster.get(&["validatingadmissionpolicybinding", name]),
    }
}

/// Long after whatever this story does.
const LATER: Option<&str> = Some("2999-01-01T00:00:00Z");

#[test]
fn an_approval_is_said_in_ones_own_name_and_stays() {
    let cluster = Cluster::raise(None);
    cluster.apply(OURS[0]);
    let crd = "--for=condition=established";
    cluster.kubectl(&["wait", crd, "crd/approvals.quarterdeck.dev", "--timeout=20s"]);
    OURS[1..].iter().for_each(|manifests| cluster.apply(manifests));
    cluster.apply(APPROVERS);

    // A policy is in force some moments after it was made; until then the forgery would be taken, and is made again.
    let forged = until("the policy is in force", PATIENCE, || {
        let (made, said) = make(&cluster, "ada", "forged", "ben");
        if made {
            cluster.kubectl(&["-n", "shop", "delete", "approval", "forged"]);
        }
        said.contains("spec.by has to be").then_some(said)
    });
    assert!(forged.contains("quarterdeck-approval-by"), "{forged}");
    let (made, said) = make(&cluster, "ada", "own", "ada");
    assert!(made, "{said}");
    let (made, said) = make(&cluster, HOST, "hosts", HOST);
    assert!(!made && said.contains("the host's own account approves nothing"), "{said}");
    let (made, said) = make(&cluster, "eve", "eves", "eve");
    assert!(!made && said.contains("cannot create resource \"approvals\""), "{said}");

    let edit = ["-n", "shop", "patch", "approval", "own", "--type=merge", "-p", "{\"spec\":{\"decision\":\"deny\"}}"];
    denied(&cluster, &edit, "an Approval stays as it was said");
    denied(&cluster, &[&edit[..], &["--as", "ada"]].concat(), "an Approval stays as it was said");
    let status = "{\"status\":{\"state\":\"Accepted\",\"reason\":\"so\"}}";
    let answer =
        ["-n", "shop", "patch", "approval", "own", "--subresource=status", "--type=merge", "-p", status, "--as"];
    denied(&cluster, &[&answer[..], &["ada"]].concat(), "only the host answers an Approval");
    cluster.kubectl(&[&answer[..], &[HOST]].concat());
    let own = cluster.get(&["-n", "shop", "approval", "own"]);
    assert_eq!((text("/spec/by", &own), text("/status/state", &own)), ("ada".into(), "Accepted".into()));
    assert_eq!(own["metadata"]["generation"], 1);
}

#[test]
fn a_policy_that_was_loosened_for_a_moment_is_seen() {
    let cluster = Cluster::raise(None);
    cluster.apply(POLICY);
    assert_eq!(held_when(&installed(&cluster), LATER), Ok(()), "what is installed is what is compiled in");
    let young = text("/metadata/creationTimestamp", &installed(&cluster).binding);
    assert!(matches!(held_when(&installed(&cluster), Some(&young)), Err(PolicyFault::Younger { .. })));

    for (kind, loose, tight) in [
        ("validatingadmissionpolicybinding", "{\"spec\":{\"validationActions\":[\"Warn\"]}}", "[\"Deny\"]"),
        ("validatingadmissionpolicy", "{\"spec\":{\"failurePolicy\":\"Ignore\"}}", "\"Fail\""),
    ] {
        let patch = |patch: &str| {
            cluster.kubectl(&["patch", kind, "quarterdeck-approval-by", "--type=merge", "-p", patch]);
        };
        patch(loose);
        assert!(matches!(held_when(&installed(&cluster), LATER), Err(PolicyFault::Altered { .. })), "{kind}");
        let key = if kind.ends_with("binding") { "validationActions" } else { "failurePolicy" };
        // A generation that a client writes is not taken.
        patch(&format!("{{\"metadata\":{{\"generation\":1}},\"spec\":{{\"{key}\":{tight}}}}}"));
        assert!(matches!(held_when(&installed(&cluster), LATER), Err(PolicyFault::Changed { .. })), "{kind}");

        let file = cluster.path("policy.yaml");
        std::fs::write(&file, POLICY).unwrap();
        cluster.kubectl(&["replace", "--force", "-f", file.to_str().unwrap()]);
        assert_eq!(held_when(&installed(&cluster), LATER), Ok(()), "{kind}");
    }
    cluster.kubectl(&["delete", "validatingadmissionpolicybinding", "quarterdeck-approval-by"]);
    assert!(held_when(&installed(&cluster), LATER).is_err());
}
