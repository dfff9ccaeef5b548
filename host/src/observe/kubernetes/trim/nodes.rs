//! Nodes and namespaces.

use k8s_openapi::api::core::v1 as k8s;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::node::{Namespace, Node};

use super::{ENTRIES_MAX, Trimmer, time};

/// What Kubernetes marks a cordoned node with, and when it was.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

pub(in super::super) fn node(trimmer: &mut Trimmer, node: &k8s::Node) -> Object {
    let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
    let info = status.and_then(|status| status.node_info.as_ref());
    let taints = spec.and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let cordon = taints.iter().find(|taint| taint.key == CORDONED);
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let conditions = conditions.iter().take(ENTRIES_MAX).map(|condition| {
        let (reason, message) = (condition.reason.as_deref(), condition.message.as_deref());
        let since = condition.last_transition_time.as_ref();
        trimmer.condition(&condition.type_, &condition.status, reason, message, since)
    });
    let conditions = conditions.collect();
    Object::Node(Node {
        meta: trimmer.meta(&node.metadata),
        conditions,
        cordoned: spec.and_then(|spec| spec.unschedulable).unwrap_or(false),
        cordoned_since: cordon.and_then(|taint| taint.time_added.as_ref()).map(time),
        kubelet: trimmer.word(info.map(|info| &*info.kubelet_version).unwrap_or_default()),
        runtime: trimmer.word(info.map(|info| &*info.container_runtime_version).unwrap_or_default()),
    })
}

pub(in super::super) fn namespace(trimmer: &mut Trimmer, namespace: &k8s::Namespace) -> Object {
    let status = namespace.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let holding = conditions.iter().filter(|condition| condition.status == "True").take(ENTRIES_MAX);
    let conditions = holding.map(|condition| {
        let (reason, message) = (condition.reason.as_deref(), condition.message.as_deref());
        let since = condition.last_transition_time.as_ref();
        trimmer.condition(&condition.type_, &condition.status, reason, message, since)
    });
    let conditions = conditions.collect();
    Object::Namespace(Namespace { meta: trimmer.meta(&namespace.metadata), conditions })
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::ids::Timestamp;
    use serde_json::json;

    use super::super::samples::{parse, trimmer};
    use super::*;

    fn read(node_: &serde_json::Value) -> Node {
        let object = node(&mut trimmer(), &parse(node_));
        let Object::Node(node) = object else { panic!("no node: {object:?}") };
        node
    }

    #[test]
    fn a_node_is_read_with_its_cordon_and_its_versions() {
        let taint = |key: &str| json!({ "key": key, "effect": "NoSchedule", "timeAdded": "2026-11-27T23:37:34Z" });
        let info = json!({
            "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://1.7.29", "kernelVersion": "6.1",
            "kubeProxyVersion": "", "kubeletVersion": "v1.34.4", "machineID": "", "operatingSystem": "linux",
            "osImage": "", "systemUUID": "",
        });
        let node = read(&json!({
            "metadata": { "name": "node1" },
            "spec": { "unschedulable": true, "taints": [taint("own"), taint("node.kubernetes.io/unschedulable")] },
            "status": {
                "conditions": [
                    { "type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure" },
                    { "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "stopped\n" },
                ],
                "nodeInfo": info,
            },
        }));
        assert_eq!((node.cordoned, node.cordoned_since), (true, Some(Timestamp(1_795_822_654_000))));
        assert_eq!((&*node.kubelet, &*node.runtime), ("v1.34.4", "containerd://1.7.29"));
        let holds: Vec<Option<bool>> = node.conditions.iter().map(|condition| condition.holds).collect();
        assert_eq!(holds, [Some(false), None]);
        assert_eq!(node.conditions[1].message, "stopped");
    }

    #[test]
    fn a_node_that_says_nothing_is_neither_cordoned_nor_of_a_version() {
        let node = read(&json!({ "metadata": { "name": "node1" } }));
        assert_eq!((node.cordoned, node.cordoned_since, &*node.kubelet), (false, None, ""));
    }

    #[test]
    fn of_a_namespace_only_what_holds_it_is_kept() {
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "message": "m" });
        let conditions =
            [condition("NamespaceContentRemaining", "True"), condition("NamespaceDeletionContentFailure", "False")];
        let whole = json!({ "metadata": { "name": "shop" }, "status": { "conditions": conditions } });
        let Object::Namespace(namespace) = namespace(&mut trimmer(), &parse(&whole)) else { panic!("no namespace") };
        let kinds: Vec<&str> = namespace.conditions.iter().map(|condition| &*condition.kind).collect();
        assert_eq!(kinds, ["NamespaceContentRemaining"]);
    }
}
