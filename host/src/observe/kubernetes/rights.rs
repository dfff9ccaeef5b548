//! The host's own rights: the API server is asked what of them is missing, and what is there that should not be.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use quarterdeck_core::kubernetes::own::{needed, unwanted};
use quarterdeck_core::kubernetes::{Duties, OwnRights, Right};
use quarterdeck_core::text::escape;
use tracing::debug;

use super::Shared;
use super::watch::told;

/// So often all of them are asked about: some 60 short questions.
const ASK_EVERY: Duration = Duration::from_secs(300);
/// So often while something is missing, or the API server did not answer.
const AGAIN: Duration = Duration::from_secs(15);
/// Each question is answered within this time.
const ANSWERS: Duration = Duration::from_secs(5);

/// Asks for ever.
pub(super) async fn ask(client: Client, shared: Arc<Shared>, duties: Duties) {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
    loop {
        let wait = match look(&reviews, &duties).await {
            Ok(rights) => {
                let wait = if rights.missing.is_empty() { ASK_EVERY } else { AGAIN };
                let otherwise = {
                    let view = &mut shared.known().view;
                    let otherwise = *view.rights != rights;
                    if otherwise {
                        view.rights = Arc::new(rights);
                    }
                    otherwise
                };
                if otherwise {
                    (shared.wake)();
                }
                wait
            }
            // That it is away is told elsewhere; what was known of rights stays.
            Err(error) => {
                debug!(problem = %escape(&told(&shared.redactor, &error)), "The host's rights can't be asked for now.");
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

async fn look(reviews: &Api<SelfSubjectAccessReview>, duties: &Duties) -> Result<OwnRights, kube::Error> {
    let mut wrong = OwnRights::default();
    for right in needed(duties) {
        if !may(reviews, &right).await? {
            wrong.missing.push(right);
        }
    }
    for right in unwanted() {
        if may(reviews, &right).await? {
            wrong.excess.push(right);
        }
    }
    Ok(wrong)
}

async fn may(reviews: &Api<SelfSubjectAccessReview>, right: &Right) -> Result<bool, kube::Error> {
    let (resource, subresource) = right.parts();
    let attributes = ResourceAttributes {
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: (!subresource.is_empty()).then(|| subresource.to_owned()),
        namespace: right.namespace.clone(),
        name: right.name.clone(),
        verb: Some(right.verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let parameters = PostParams::default();
    let asked = reviews.create(&parameters, &review);
    let late = |_| kube::Error::Service("no answer in time".into());
    let answer = tokio::time::timeout(ANSWERS, asked).await.map_err(late)??;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
