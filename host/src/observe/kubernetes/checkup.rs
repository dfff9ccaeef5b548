//! What a person asks once before a host is started, or beside one that runs: everything that it would need in the cluster,
//! as the API server tells it now.
//!
//! Nothing is written but reviews, which are questions. What this account may not read is not read: that is an answer like
//! any other. All parts are asked for at once; each has a time-out, so the whole comes within some five of them.
//! Not here: what is wrong with any of it, and what to do (`doctor`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use kube::Client;
use quarterdeck_core::kubernetes::{Duties, Kind, OwnRights, Right};
use serde_json::{Value, json};

use super::{kinds, probe, rights};
use crate::apiserver::approval::installed::Part;
use crate::apiserver::read::{self, Unread};
use crate::apiserver::schema::{DOCUMENT, RESOURCES};
use crate::apiserver::{Connection, WorkersWanted, label, lease};

/// What was asked, or why it has no answer.
pub type Learned<T> = Result<T, Unread>;

/// Labels, by key; not escaped.
pub type Labels = BTreeMap<String, String>;

/// A part that asks many questions has so many time-outs for all of them.
const PART_TIMEOUTS: u32 = 4;
/// So many questions of one part are asked at a time.
const AT_ONCE: usize = 8;
/// So many Jobs are looked at; there is one for each worker that is not forgotten.
pub const JOBS_MAX: usize = 100;

/// The policies of the API server that hold workers, missions and the host, and the files that install each; without the one
/// of approvals, which is looked at to the last field.
pub const POLICIES: [(&str, &str); 8] = [
    ("quarterdeck-builder-makers", "builder/makers.yaml"),
    ("quarterdeck-builder-removers", "builder/removers.yaml"),
    ("quarterdeck-builder-shape", "builder/shape.yaml"),
    ("quarterdeck-builder-term", "builder/term.yaml"),
    ("quarterdeck-builder-tokens", "builder/tokens.yaml"),
    (HOST_SHAPE, "overlays/missions/walls.yaml"),
    ("quarterdeck-missions-status", "missions/unchanged.yaml"),
    ("quarterdeck-missions-unchanged", "missions/unchanged.yaml"),
];
/// The one that holds the host's namespace where Pod Security does not.
pub const HOST_SHAPE: &str = "quarterdeck-host-shape";
/// What workers may be made of, in the host's namespace: `builder/images.yaml`.
pub const ALLOWS: &str = "quarterdeck-builder-allows";

/// What is asked about.
#[derive(Clone, Copy)]
pub struct Questions<'a> {
    /// How workers run, where some do.
    pub workers: Option<&'a WorkersWanted>,
    /// Whether missions that are objects are looked after.
    pub missions: bool,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// The version of an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As it says it, such as `v1.34.4`; not escaped.
    pub text: String,
    /// The minor version, where it is a number.
    pub minor: Option<u32>,
}

/// What there is beside the version.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whom the API server takes us for.
    pub account: Learned<String>,
    /// The rights that the watches lack, and what else is wrong with rights.
    pub rights: Learned<(Vec<Right>, OwnRights)>,
    /// The watched kinds that the API server does not have.
    pub absent: Learned<Vec<Kind>>,
    /// What is about missions and answers.
    pub missions: Option<SeenMissions>,
    /// What is about workers.
    pub workers: Option<SeenWorkers>,
    /// Each of [`POLICIES`], and its binding.
    pub policies: Vec<(&'static str, [Learned<Value>; 2])>,
}

/// What there is for missions.
#[derive(Clone, Debug)]
pub struct SeenMissions {
    /// The names of our own resources, such as `missions/status`.
    pub resources: Learned<BTreeSet<String>>,
    /// The document with our schemas.
    pub document: Learned<Value>,
    /// The policy of approvals, and its binding.
    pub policy: [Learned<Value>; 2],
}

/// What there is for workers.
#[derive(Clone, Debug)]
pub struct SeenWorkers {
    /// Their namespace, and the host's own.
    pub namespaces: [(String, Learned<Option<Labels>>); 2],
    /// What the cluster permits them to be made of.
    pub allows: Learned<Value>,
    /// The Lease.
    pub lease: Learned<Value>,
    /// The Service by which they find the host, where they do.
    pub service: Option<Learned<Value>>,
    /// Their Jobs.
    pub jobs: Learned<Value>,
}

/// The version: the first question, which tells whether the others are worth asking.
///
/// # Errors
/// Where no API server answers.
pub async fn version(connection: &Connection, timeout: Duration) -> Learned<Version> {
    let answer = read::get(&connection.client, "/version", timeout).await?;
    let text = answer["gitVersion"].as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Unread::Garbled("it names no version".to_owned()))?.to_owned();
    Ok(Version { text, minor: answer["minor"].as_str().and_then(probe::minor) })
}

/// Asks about everything else.
pub async fn look(connection: &Connection, questions: Questions<'_>) -> Seen {
    let Questions { workers, missions, timeout } = questions;
    let client = &connection.client;
    let part = timeout.saturating_mul(PART_TIMEOUTS);
    let duties = Duties { workers: workers.map(WorkersWanted::duty), missions };
    let (account, rights, absent, seen_missions, seen_workers, policies) = tokio::join!(
        account(client, timeout),
        async {
            let asked = tokio::time::timeout(part, rights::once(client, &duties)).await;
            asked.map_err(|_| Unread::Late(part))?.map_err(|error| read::unread(&error))
        },
        async { tokio::time::timeout(part, absent(client, timeout)).await.unwrap_or(Err(Unread::Late(part))) },
        async { if missions { Some(look_at_missions(client, timeout).await) } else { None } },
        async {
            match workers {
                Some(wanted) => Some(look_at_workers(client, wanted, timeout).await),
                None => None,
            }
        },
        async { if workers.is_some() || missions { policies(client, timeout).await } else { Vec::new() } },
    );
    Seen { account, rights, absent, missions: seen_missions, workers: seen_workers, policies }
}

async fn account(client: &Client, timeout: Duration) -> Learned<String> {
    let question = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = read::review(client, path, &question, timeout).await?;
    let name = answer["status"]["userInfo"]["username"].as_str();
    name.map(str::to_owned).ok_or_else(|| Unread::Garbled("it names nobody".to_owned()))
}

async fn absent(client: &Client, timeout: Duration) -> Learned<Vec<Kind>> {
    let kinds = kinds::versions();
    let versions: BTreeSet<&str> = kinds.iter().map(|(_, version)| *version).collect();
    let asked = versions.into_iter().map(|version| async move {
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        match resources(client, &path, timeout).await {
            Err(Unread::Absent) => Ok((version, BTreeSet::new())),
            answer => answer.map(|names| (version, names)),
        }
    });
    let served: Vec<Learned<(&str, BTreeSet<String>)>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let served = served.into_iter().collect::<Learned<BTreeMap<_, _>>>()?;
    let is_served = |kind: Kind, version: &str| served.get(version).is_some_and(|names| names.contains(kind.plural()));
    Ok(kinds.into_iter().filter(|(kind, version)| !is_served(*kind, version)).map(|(kind, _)| kind).collect())
}

/// The resources of an API version, with their subresources.
async fn resources(client: &Client, path: &str, timeout: Duration) -> Learned<BTreeSet<String>> {
    let list = read::get(client, path, timeout).await?;
    let names = list["resources"].as_array().into_iter().flatten();
    Ok(names.filter_map(|resource| resource["name"].as_str().map(str::to_owned)).collect())
}

async fn look_at_missions(client: &Client, timeout: Duration) -> SeenMissions {
    let [policy, binding] = Part::BOTH;
    let (resources, document, policy, binding) = tokio::join!(
        resources(client, RESOURCES, timeout),
        read::get(client, DOCUMENT, timeout),
        policy.ask(client, timeout),
        binding.ask(client, timeout),
    );
    SeenMissions { resources, document, policy: [policy, binding] }
}

async fn look_at_workers(client: &Client, wanted: &WorkersWanted, timeout: Duration) -> SeenWorkers {
    let (namespace, own) = (&wanted.builder.namespace, &wanted.service.namespace);
    let in_own = |group: &str, what: &str| format!("/{group}/namespaces/{own}/{what}");
    let (allows, lease) = (
        in_own("api/v1", &format!("configmaps/{ALLOWS}")),
        in_own("apis/coordination.k8s.io/v1", &format!("leases/{}", lease::NAME)),
    );
    let service = in_own("api/v1", &format!("services/{}", wanted.service.name));
    let ours = format!("{}%3D{}", label::MANAGED_BY.replace('/', "%2F"), label::OURS);
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs?labelSelector={ours}&limit={JOBS_MAX}");
    let (theirs, hosts, allows, lease, service, jobs) = tokio::join!(
        labels(client, namespace, timeout),
        labels(client, own, timeout),
        read::get(client, &allows, timeout),
        read::get(client, &lease, timeout),
        async {
            match wanted.address {
                Some(_) => None,
                None => Some(read::get(client, &service, timeout).await),
            }
        },
        read::get(client, &jobs, timeout),
    );
    let namespaces = [(namespace.clone(), theirs), (own.clone(), hosts)];
    SeenWorkers { namespaces, allows, lease, service, jobs }
}

/// The labels of a namespace, where it is there. The host's role lists namespaces, and asks for none by its name.
async fn labels(client: &Client, name: &str, timeout: Duration) -> Learned<Option<Labels>> {
    let list = read::get(client, &format!("/api/v1/namespaces?fieldSelector=metadata.name%3D{name}"), timeout).await?;
    let mut found = list["items"].as_array().into_iter().flatten();
    let Some(found) = found.find(|namespace| namespace["metadata"]["name"] == name) else { return Ok(None) };
    let labels = found["metadata"]["labels"].as_object().into_iter().flatten();
    Ok(Some(labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()))
}

async fn policies(client: &Client, timeout: Duration) -> Vec<(&'static str, [Learned<Value>; 2])> {
    let asked = POLICIES.iter().map(|(name, _)| async move {
        let [policy, binding] = Part::BOTH.map(|part| format!("{}/{name}", part.path()));
        let (policy, binding) = tokio::join!(read::get(client, &policy, timeout), read::get(client, &binding, timeout));
        (*name, [policy, binding])
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}
