//! What workers that are Jobs need: their file, both namespaces, what they may be made of, and the way to the host.

use std::net::IpAddr;

use serde_json::Value;

use super::{Check, Learned, shown, unknown};
use crate::apiserver::WorkersWanted;
use crate::apiserver::read::Unread;
use crate::observe::kubernetes::checkup::{ALLOWS, Labels};

/// The label by which Pod Security refuses pods.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// What the file says wrong is told up to this many characters.
const FILE_BYTES_MAX: usize = 1_000;

/// The file that says how workers run.
pub(super) fn file(workers: &Result<WorkersWanted, String>) -> Check {
    const NAME: &str = "workers file";
    match workers {
        Ok(wanted) => {
            let builder = &wanted.builder;
            Check::well(NAME, format!("workers in {}, of {}", builder.namespace, shown(&builder.image)))
        }
        Err(problem) => {
            let cause: String = problem.chars().take(FILE_BYTES_MAX).collect();
            Check::fail(NAME, "it can't be used", cause, "correct it; docs/kubernetes.md has a whole one")
        }
    }
}

/// Whether Pod Security holds nothing in a namespace with these labels.
pub(super) fn is_open(labels: &Labels) -> bool {
    labels.get(ENFORCE).is_none_or(|level| level == "privileged")
}

/// The workers' namespace, and the host's own.
pub(super) fn namespaces([theirs, own]: &[(String, Learned<Option<Labels>>); 2]) -> Vec<Check> {
    vec![
        namespace(theirs, |name, labels| match labels.get(ENFORCE).map(String::as_str) {
            Some("privileged") => {
                Check::well(name, "there; its own policies hold it in Pod Security's place".to_owned())
            }
            Some(level) => {
                let cause = format!("{ENFORCE} is {}, and a worker mounts the engine's socket", shown(level));
                Check::fail(
                    name,
                    "no worker's pod is admitted",
                    cause,
                    "kubectl apply -f deploy/kubernetes/builder/namespace.yaml",
                )
            }
            None => {
                let cause =
                    format!("it has no {ENFORCE}, so the cluster's default decides whether a worker's pod is admitted");
                Check::warn(
                    name,
                    "there, without a word for Pod Security",
                    cause,
                    "kubectl apply -f deploy/kubernetes/builder/namespace.yaml",
                )
            }
        }),
        namespace(own, |name, labels| match labels.get(ENFORCE).map(String::as_str) {
            Some("restricted" | "baseline") => {
                Check::well(name, "there, and Pod Security holds it: for a host outside of the cluster".to_owned())
            }
            Some("privileged") => Check::well(name, "there, and open to a host with the engine's socket".to_owned()),
            Some(level) => {
                let cause = format!("{ENFORCE} is {}, which is no level", shown(level));
                Check::warn(name, "Pod Security does not know what to hold", cause, CURE_OWN)
            }
            None => {
                let cause = format!("it has no {ENFORCE}, so the cluster's default decides what runs beside the host");
                Check::warn(name, "there, without a word for Pod Security", cause, CURE_OWN)
            }
        }),
    ]
}

const CURE_OWN: &str = "kubectl apply -k deploy/kubernetes/overlays/missions, or its namespace alone: deploy/kubernetes/base/namespace.yaml";

fn namespace((name, labels): &(String, Learned<Option<Labels>>), judge: impl Fn(&str, &Labels) -> Check) -> Check {
    let check = format!("namespace {name}");
    match labels {
        Ok(Some(labels)) => judge(&check, labels),
        Ok(None) => {
            let cause = "the cluster has none of this name";
            let cure = "kubectl apply -k deploy/kubernetes/overlays/missions; for a host outside of the cluster base/namespace.yaml and builder";
            Check::fail(&check, "it is not there", cause, cure)
        }
        Err(problem) => unknown(&check, "namespaces", problem),
    }
}

/// What the cluster permits workers to be made of, against what the file asks for.
pub(super) fn allows(found: &Learned<Value>, wanted: &WorkersWanted) -> Vec<Check> {
    const NAME: &str = "images";
    let own = &wanted.service.namespace;
    let data = match found {
        Ok(map) => &map["data"],
        Err(Unread::Absent) => {
            let cause = "no worker's pod is admitted without it";
            let cure = "name the builder's image in deploy/kubernetes/builder/images.yaml, and kubectl apply -f it";
            return vec![Check::fail(NAME, &format!("the ConfigMap {own}/{ALLOWS} is not there"), cause, cure)];
        }
        Err(problem) => return vec![unknown(NAME, &format!("the ConfigMap {own}/{ALLOWS}"), problem)],
    };
    let mut checks = Vec::new();
    let image = &wanted.builder.image;
    let images = data["images"].as_str().unwrap_or_default();
    // As shape.yaml compares them: by commas, without blanks around.
    if images.split(',').any(|known| known.trim() == image) {
        checks.push(Check::well(NAME, format!("{own}/{ALLOWS} names the workers' image")));
    } else {
        let cause = format!("the workers' file names {}, and {own}/{ALLOWS} has {:?}", shown(image), shown(images));
        let cure = "write the same digest into both, and apply images.yaml (allows.yaml in the overlay)";
        checks.push(Check::fail(NAME, "the workers' image is not admitted", cause, cure));
    }
    let socket = wanted.builder.engine_socket.to_string_lossy();
    let permitted = data["engineSocket"].as_str().unwrap_or_default();
    if permitted != socket {
        let cause =
            format!("the workers' file names {}, and {own}/{ALLOWS} has {:?}", shown(&socket), shown(permitted));
        checks.push(Check::fail(NAME, "the engine's socket is not admitted", cause, "write the same path into both"));
    }
    let admitted: Vec<&str> = data["secrets"].as_str().unwrap_or_default().split(',').map(str::trim).collect();
    let granted =
        wanted.builder.secrets.iter().flat_map(|grant| grant.keys.iter().map(|key| format!("{}/{key}", grant.name)));
    let refused: Vec<String> = granted.filter(|secret| !admitted.contains(&secret.as_str())).collect();
    if let Some(first) = refused.first() {
        let cause = format!("the workers' file grants {}, which {own}/{ALLOWS} does not name", shown(first));
        let cure = "name NAME/KEY under secrets in images.yaml (allows.yaml in the overlay) too, and apply it";
        checks.push(Check::fail(NAME, &format!("{} granted secrets are not admitted", refused.len()), cause, cure));
    }
    checks
}

/// The way by which workers find the host.
pub(super) fn service(found: Option<&Learned<Value>>, wanted: &WorkersWanted) -> Check {
    const NAME: &str = "way to the host";
    let service = format!("{}/{}", wanted.service.namespace, wanted.service.name);
    let Some(found) = found else {
        let address = wanted.address.as_deref().unwrap_or_default();
        return Check::well(
            NAME,
            format!("{}, as the workers' file says; network.yaml has to let them there", shown(address)),
        );
    };
    let cure = "kubectl apply -k deploy/kubernetes/overlays/missions; a host outside of the cluster is named by `address` in the workers' file";
    let spec = match found {
        Ok(service) => &service["spec"],
        Err(Unread::Absent) => {
            return Check::fail(
                NAME,
                &format!("the Service {service} is not there"),
                "no worker would find the host",
                cure,
            );
        }
        Err(problem) => return unknown(NAME, &format!("the Service {service}"), problem),
    };
    let address = spec["clusterIP"].as_str().and_then(|address| address.parse::<IpAddr>().ok());
    let Some(address) = address else {
        let cause = format!("its clusterIP is {:?}", shown(spec["clusterIP"].as_str().unwrap_or_default()));
        return Check::fail(NAME, &format!("the Service {service} has no address of its own"), cause, cure);
    };
    let port = wanted.listen.port();
    if !spec["ports"].as_array().into_iter().flatten().any(|one| one["port"] == port) {
        let cause = format!("workers go to port {port}, which is `listen` of their file");
        return Check::fail(
            NAME,
            &format!("the Service {service} has no port {port}"),
            cause,
            "give both the same port",
        );
    }
    Check::well(NAME, format!("the Service {service} at {address}, port {port}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    fn image() -> String {
        format!("x@sha256:{}", "a".repeat(64))
    }

    fn wanted(more: &str) -> WorkersWanted {
        serde_saphyr::from_str(&format!("{more}\nbuilder: {{ image: \"{}\" }}", image())).unwrap()
    }

    fn denied<T>() -> Learned<T> {
        Err(Unread::Denied("no".to_owned()))
    }

    #[test]
    fn a_namespace_is_there_and_its_pods_are_admitted() {
        let of = |labels: Learned<Option<&[(&str, &str)]>>| {
            let own =
                |labels: &[(&str, &str)]| labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            labels.map(|labels| labels.map(own))
        };
        for (labels, theirs, own) in [
            (Ok(Some(&[(ENFORCE, "privileged")][..])), Verdict::Ok, Verdict::Ok),
            (Ok(Some(&[(ENFORCE, "restricted")])), Verdict::Fail, Verdict::Ok),
            (Ok(Some(&[(ENFORCE, "baseline")])), Verdict::Fail, Verdict::Ok),
            (Ok(Some(&[(ENFORCE, "\u{1b}")])), Verdict::Fail, Verdict::Warn),
            (Ok(Some(&[])), Verdict::Warn, Verdict::Warn),
            (Ok(None), Verdict::Fail, Verdict::Fail),
            (denied(), Verdict::Note, Verdict::Note),
        ] {
            let both = [("workers".to_owned(), of(labels.clone())), ("own".to_owned(), of(labels))];
            let checks = namespaces(&both);
            assert_eq!((checks[0].verdict, checks[1].verdict), (theirs, own), "{checks:#?}");
            assert!(!format!("{checks:?}").contains('\u{1b}'));
        }
    }

    #[test]
    fn what_a_worker_is_made_of_is_admitted_or_not() {
        let socket = "/var/run/docker.sock";
        let both = format!("y@sha256:{} , {}", "b".repeat(64), image());
        for (found, verdicts, told) in [
            (
                Ok(json!({ "data": { "images": image(), "engineSocket": socket } })),
                &[Verdict::Ok][..],
                "names the workers' image",
            ),
            (Ok(json!({ "data": { "images": both, "engineSocket": socket } })), &[Verdict::Ok], "names"),
            (Ok(json!({ "data": { "images": "other", "engineSocket": socket } })), &[Verdict::Fail], "is not admitted"),
            (Ok(json!({ "data": { "images": image() } })), &[Verdict::Ok, Verdict::Fail], "the engine's socket"),
            (Ok(json!({})), &[Verdict::Fail, Verdict::Fail], "the engine's socket"),
            (Err(Unread::Absent), &[Verdict::Fail], "images.yaml"),
            (denied(), &[Verdict::Note], "not known: may not read the ConfigMap ai-agent/quarterdeck-builder-allows"),
        ] {
            let checks = allows(&found, &wanted(""));
            let found: Vec<Verdict> = checks.iter().map(|check| check.verdict).collect();
            assert_eq!(found, verdicts, "{checks:#?}");
            assert!(checks.iter().any(|check| check.to_string().contains(told)), "{told}: {checks:#?}");
        }
    }

    #[test]
    fn what_the_file_grants_is_let_through_by_the_walls_too() {
        let grants = "secrets: [{ name: db, keys: [user, password], missions: [shop/web] }]";
        let wanted: WorkersWanted =
            serde_saphyr::from_str(&format!("builder: {{ image: \"{}\", {grants} }}", image())).unwrap();
        let socket = wanted.builder.engine_socket.to_str().unwrap().to_owned();
        for (secrets, verdicts, told) in [
            (json!("db/user, db/password"), &[Verdict::Ok][..], "names the workers' image"),
            (json!("db/user"), &[Verdict::Ok, Verdict::Fail], "grants db/password, which ai-agent/"),
            (Value::Null, &[Verdict::Ok, Verdict::Fail], "2 granted secrets are not admitted"),
        ] {
            let data = json!({ "images": image(), "engineSocket": socket, "secrets": secrets });
            let checks = allows(&Ok(json!({ "data": data })), &wanted);
            let found: Vec<Verdict> = checks.iter().map(|check| check.verdict).collect();
            assert_eq!(found, verdicts, "{checks:#?}");
            assert!(checks.iter().any(|check| check.to_string().contains(told)), "{told}: {checks:#?}");
        }
    }

    #[test]
    fn workers_find_the_host_by_an_address_and_a_port() {
        let of =
            |address: &str, port: u16| Ok(json!({ "spec": { "clusterIP": address, "ports": [{ "port": port }] } }));
        for (found, verdict, told) in [
            (Some(of("10.96.0.7", 8443)), Verdict::Ok, "ai-agent/quarterdeck-workers at 10.96.0.7, port 8443"),
            (Some(of("fd00::7", 8443)), Verdict::Ok, "at fd00::7"),
            (Some(of("None", 8443)), Verdict::Fail, "no address of its own"),
            (Some(of("10.96.0.7", 443)), Verdict::Fail, "no port 8443"),
            (Some(Ok(json!({}))), Verdict::Fail, "no address of its own"),
            (Some(Err(Unread::Absent)), Verdict::Fail, "is not there"),
            (Some(denied()), Verdict::Note, "may not read the Service"),
        ] {
            let check = service(found.as_ref(), &wanted(""));
            assert!(check.verdict == verdict && check.to_string().contains(told), "{told}: {check:#?}");
        }
        let far = service(None, &wanted("address: \"192.0.2.7:8443\""));
        assert!(far.verdict == Verdict::Ok && far.what.starts_with("192.0.2.7:8443"), "{far:#?}");
    }

    #[test]
    fn the_file_is_told_by_what_is_wrong_in_it() {
        assert_eq!(file(&Ok(wanted(""))).verdict, Verdict::Ok);
        let check = file(&Err("workers.yaml: line 3: unknown field".to_owned()));
        assert!(check.verdict == Verdict::Fail && check.cause.as_deref().unwrap().contains("line 3"), "{check:#?}");
    }
}
