//! What is said to the API server about one worker: make it, end it, remove what is left of it, ask why nothing comes of it.
//!
//! Each call has a time-out, and what may pass is tried again: a Job has the name of its order, so making it twice makes it
//! once. What is there already under that name is ours, to the last field and by its seal, or nothing is done.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Service};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, PostParams, PropagationPolicy};
use kube::core::params::Preconditions;
use kube::{Client, Resource};
use quarterdeck_core::ids::OrderName;
use serde_json::Value;

use super::job::{Made, differs};
use crate::apiserver::{FIELD_MANAGER, ServiceName, label};

/// An API server that does not answer within this is asked again.
const ANSWERS: Duration = Duration::from_secs(10);
/// Two tries are so far apart.
const AGAIN: Duration = Duration::from_secs(1);
/// What is refused is tried so often: an API server that has just begun refuses what it permits a moment later.
const REFUSED_MAX: u32 = 10;

/// Why a worker can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    /// The rights, a quota or an admission policy say no.
    #[error("the API server refuses {what}: {said}")]
    Refused { what: &'static str, said: String },
    /// Something is there that we did not make.
    #[error(
        "a {what} {name} is there already and is not ours: it differs at {at}; nothing was started. Look at it \
         (kubectl -n {namespace} get {what} {name} -o yaml) and who made it; to remove it, take the policy binding \
         quarterdeck-builder-removers away for as long"
    )]
    Squatted { what: &'static str, namespace: String, name: String, at: String },
    /// The API server changed it on its way.
    #[error(
        "a webhook of the cluster changed the {what} {name} at {at}; it was removed before anything was started. Exclude the \
         namespace {namespace} from that webhook"
    )]
    Altered { what: &'static str, namespace: String, name: String, at: String },
    /// It was not answered before the order's deadline.
    #[error("the API server did not make the worker in time: {0}")]
    Late(String),
}

/// Why a call was not done.
enum Fault {
    /// Asking again may help; why not now.
    Later(String),
    /// It says no, which an API server that has just begun may take back.
    Refused(String),
    /// There is something under that name.
    Exists,
    /// There is nothing under that name, or no such namespace.
    Missing(String),
}

/// The one who talks.
#[derive(Clone)]
pub(super) struct Clerk {
    pub(super) client: Client,
    pub(super) namespace: String,
    /// The term in which Jobs are made.
    pub(super) term: i32,
}

impl Clerk {
    /// Makes a worker: its inputs, then its Job. Gives the Job's uid. Tries until `late` says that it is too late.
    pub(super) async fn make(&self, made: &Made, late: &(dyn Fn() -> bool + Send + Sync)) -> Result<String, MakeError> {
        self.put::<ConfigMap>("configmap", &made.config_map, &made.config_map, late).await?;
        // The term is of the making and not of the work: what an earlier term made is adopted.
        let mut job = made.job.clone();
        job["metadata"]["annotations"][label::TERM] = self.term.to_string().into();
        self.put::<Job>("job", &made.job, &job, late).await
    }

    /// Makes one object, or finds it made; gives its uid.
    async fn put<K>(
        &self,
        what: &'static str,
        told: &Value,
        sent: &Value,
        late: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<String, MakeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let name = told["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let api = self.api::<K>();
        let object: DynamicObject = serde_json::from_value(sent.clone())
            .map_err(|error| MakeError::Refused { what, said: format!("it can't be written: {error}") })?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let mut refused = 0;
        loop {
            let (there, fresh) = match call(api.create(&params, &object)).await {
                Ok(there) => (Ok(there), true),
                Err(Fault::Exists) => (call(api.get(&name)).await, false),
                Err(fault) => (Err(fault), false),
            };
            let why = match there {
                Ok(there) => return self.accept(&api, what, told, &there, fresh).await,
                Err(Fault::Refused(said) | Fault::Missing(said)) if refused >= REFUSED_MAX => {
                    return Err(MakeError::Refused { what, said });
                }
                Err(Fault::Refused(said) | Fault::Missing(said)) => {
                    refused += 1;
                    said
                }
                Err(Fault::Later(said)) => said,
                Err(Fault::Exists) => "it is there, and it is not".to_owned(),
            };
            tracing::debug!(what, name, why, "The API server did not make it; it is asked again.");
            if late() {
                return Err(MakeError::Late(why));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whether what is there is what was told.
    async fn accept(
        &self,
        api: &Api<DynamicObject>,
        what: &'static str,
        told: &Value,
        there: &DynamicObject,
        fresh: bool,
    ) -> Result<String, MakeError> {
        let (namespace, name) = (self.namespace.clone(), there.metadata.name.clone().unwrap_or_default());
        let uid = there.metadata.uid.clone().unwrap_or_default();
        let seen = serde_json::to_value(there).unwrap_or_default();
        let leaves = there.metadata.deletion_timestamp.is_some().then(|| "/metadata/deletionTimestamp".to_owned());
        match differs(told, &seen).or(leaves) {
            None => Ok(uid),
            Some(at) if fresh => {
                // Our own, which nobody else would remove.
                let _or_goes_by_its_time_to_live = remove(api, &name, &uid).await;
                Err(MakeError::Altered { what, namespace, name, at })
            }
            Some(at) => Err(MakeError::Squatted { what, namespace, name, at }),
        }
    }

    /// Ends a Job, with grace: it stays until its pod is gone.
    pub(super) async fn end(&self, order: &OrderName, uid: &str) -> Result<(), String> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = exactly(uid, PropagationPolicy::Foreground);
        done(call(api.delete(order.as_str(), &params)).await.map(|_| ()))
    }

    /// Removes what was made, where it is there: the Job of this uid, and the inputs that were told. Anything else under the
    /// name is left to whoever looks at it.
    pub(super) async fn remove(&self, order: &OrderName, job: Option<&str>, made: &Made) -> Result<(), String> {
        if let Some(uid) = job {
            let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
            let params = exactly(uid, PropagationPolicy::Background);
            done(call(jobs.delete(order.as_str(), &params)).await.map(|_| ()))?;
        }
        let maps = self.api::<ConfigMap>();
        match call(maps.get_opt(order.as_str())).await {
            Ok(Some(map)) if differs(&made.config_map, &serde_json::to_value(&map).unwrap_or_default()).is_none() => {
                remove(&maps, order.as_str(), &map.metadata.uid.unwrap_or_default()).await
            }
            Ok(Some(_) | None) => Ok(()),
            Err(fault) => done(Err(fault)),
        }
    }

    /// Objects of a kind as the API server writes them, to the last field.
    fn api<K: Resource<DynamicType = ()>>(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::erase::<K>(&()))
    }

    /// What the newest event about a Job says, where a pod does not come.
    pub(super) async fn event(&self, order: &OrderName) -> Option<String> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let fields = format!("involvedObject.kind=Job,involvedObject.name={order},type=Warning");
        let events = call(api.list(&ListParams::default().fields(&fields).limit(50))).await.ok()?;
        let newest = events.items.into_iter().max_by_key(|event| event.metadata.creation_timestamp.clone());
        newest.and_then(|event| event.message)
    }

    /// The address of a Service in the cluster.
    pub(super) async fn address(&self, service: &ServiceName) -> Result<String, String> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &service.namespace);
        let found = call(api.get(&service.name)).await.map_err(|fault| fault.in_words())?;
        let address = found.spec.and_then(|spec| spec.cluster_ip).filter(|address| address != "None");
        address.ok_or_else(|| format!("the Service {}/{} has no address of its own", service.namespace, service.name))
    }
}

async fn remove(api: &Api<DynamicObject>, name: &str, uid: &str) -> Result<(), String> {
    done(call(api.delete(name, &exactly(uid, PropagationPolicy::Background))).await.map(|_| ()))
}

/// Exactly this object and no later one of its name.
fn exactly(uid: &str, policy: PropagationPolicy) -> DeleteParams {
    DeleteParams {
        propagation_policy: Some(policy),
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..DeleteParams::default()
    }
}

/// What is gone already, or is another's by now, need not be removed.
fn done(result: Result<(), Fault>) -> Result<(), String> {
    match result {
        Ok(()) | Err(Fault::Exists | Fault::Missing(_)) => Ok(()),
        Err(Fault::Later(said) | Fault::Refused(said)) => Err(said),
    }
}

async fn call<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Fault> {
    match tokio::time::timeout(ANSWERS, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(fault(&error)),
        Err(_) => Err(Fault::Later(format!("no answer within {} s", ANSWERS.as_secs()))),
    }
}

fn fault(error: &kube::Error) -> Fault {
    let kube::Error::Api(status) = error else { return Fault::Later(chain(error)) };
    match status.code {
        404 => Fault::Missing(status.message.clone()),
        409 => Fault::Exists,
        401 | 429 | 500 | 502 | 503 | 504 => Fault::Later(status.message.clone()),
        _ => Fault::Refused(status.message.clone()),
    }
}

impl Fault {
    fn in_words(&self) -> String {
        match self {
            Fault::Later(said) | Fault::Refused(said) | Fault::Missing(said) => said.clone(),
            Fault::Exists => "something else is there under that name".to_owned(),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |said, source| format!("{said}: {source}"))
}
