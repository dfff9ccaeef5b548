//! Saying yes or no with an object: what waits is read from the mission's status, the object is made in the name that the API
//! server knows the caller by, and the host's answer is waited for.
//!
//! What is *not* here: the question to the person. The object names the plan that was shown, so where another one waits by
//! then, it answers nothing.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;

use super::{Approval, ApprovalSpec, ApprovalStatus, Decision};
use crate::apiserver::Connection;
use crate::apiserver::mission::{Mission, PlanStatus};

/// The API server, and then the host, has this long to answer; the host looks at an object as soon as it is made.
const ANSWERS: Duration = Duration::from_secs(30);
/// It is asked so often meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// The mission can't be read.
    #[error("read the mission {0}")]
    Mission(String, #[source] Box<kube::Error>),
    /// Nobody is asked about it.
    #[error("nobody is asked about mission {name}: {why}")]
    NotAsked {
        /// Which.
        name: String,
        /// How it stands.
        why: String,
    },
    /// The API server does not say who asks.
    #[error("ask the API server who you are")]
    WhoAmI(#[source] Box<kube::Error>),
    /// The object is not taken.
    #[error("create the Approval")]
    Create(#[source] Box<kube::Error>),
    /// The object can't be read back.
    #[error("read the Approval {0}")]
    Answer(String, #[source] Box<kube::Error>),
}

/// What a mission waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub goal: String,
    /// Under which id the host asks.
    pub approval: String,
    /// The plan.
    pub plan: PlanStatus,
    /// Whose word it will be.
    pub by: String,
}

/// An object that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// An answer of the API server, or that there was none.
async fn in_time<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    let late = |_| kube::Error::Service(format!("no answer within {} s", ANSWERS.as_secs()).into());
    tokio::time::timeout(ANSWERS, asked).await.map_err(late)?
}

/// What the mission waits for; in the context's namespace where none is named.
///
/// # Errors
/// Where it can't be read, or waits for nobody.
pub async fn waiting(connection: &Connection, namespace: Option<&str>, name: &str) -> Result<Waiting, SayError> {
    let client = connection.client.clone();
    let namespace = namespace.unwrap_or_else(|| client.default_namespace()).to_owned();
    let full = format!("{namespace}/{name}");
    let missions: Api<Mission> = Api::namespaced(client.clone(), &namespace);
    let mission =
        in_time(missions.get(name)).await.map_err(|error| SayError::Mission(full.clone(), Box::new(error)))?;
    let status = mission.status.unwrap_or_default();
    let asked = status.plan.and_then(|plan| Some((plan.approval.clone()?, plan)));
    let Some((approval, plan)) = asked else {
        let why = match status.phase.as_str() {
            "" => "the host has not looked at it".to_owned(),
            phase => format!("it is {phase}; {}", status.message),
        };
        return Err(SayError::NotAsked { name: full, why });
    };
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let (parameters, asked) = (PostParams::default(), SelfSubjectReview::default());
    let review = in_time(reviews.create(&parameters, &asked)).await;
    let review = review.map_err(|error| SayError::WhoAmI(Box::new(error)))?;
    let by = review.status.and_then(|status| status.user_info?.username).unwrap_or_default();
    Ok(Waiting { namespace, name: name.to_owned(), goal: mission.spec.goal, approval, plan, by })
}

/// Makes the object.
///
/// # Errors
/// Where the API server does not take it.
pub async fn say(
    connection: &Connection,
    waiting: &Waiting,
    decision: Decision,
    comment: Option<String>,
) -> Result<Made, SayError> {
    let spec = ApprovalSpec {
        approval: waiting.approval.clone(),
        mission: waiting.name.clone(),
        plan: waiting.plan.digest.clone(),
        by: waiting.by.clone(),
        decision,
        comment,
    };
    let metadata = ObjectMeta { generate_name: Some(format!("{}-", waiting.name)), ..ObjectMeta::default() };
    let approvals: Api<Approval> = Api::namespaced(connection.client.clone(), &waiting.namespace);
    let approval = Approval { metadata, spec, status: None };
    let parameters = PostParams::default();
    let made = in_time(approvals.create(&parameters, &approval)).await;
    let made = made.map_err(|error| SayError::Create(Box::new(error)))?;
    Ok(Made { namespace: waiting.namespace.clone(), name: made.metadata.name.unwrap_or_default() })
}

/// The host's answer; nothing where none came in time.
///
/// # Errors
/// Where the object can't be read back.
pub async fn answer(connection: &Connection, made: &Made) -> Result<Option<ApprovalStatus>, SayError> {
    let approvals: Api<Approval> = Api::namespaced(connection.client.clone(), &made.namespace);
    let asked = async {
        loop {
            let found = approvals.get(&made.name).await;
            let found = found.map_err(|error| SayError::Answer(made.name.clone(), Box::new(error)))?;
            if let Some(status) = found.status {
                return Ok(status);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    tokio::time::timeout(ANSWERS, asked).await.map_or(Ok(None), |answer| answer.map(Some))
}
