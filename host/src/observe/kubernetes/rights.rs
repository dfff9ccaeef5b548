//! The host's own rights: the API server is asked what of them is missing, and what is there that should not be.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use quarterdeck_core::kubernetes::own::{needed, unwanted, watched};
use quarterdeck_core::kubernetes::{Duties, OwnRights, Right};
use quarterdeck_core::text::escape;
use tracing::debug;

use super::Shared;
use super::watch::told;

/// So often all of them are asked about: some 60 short questions.
const ASK_EVERY: Duration = Duration::from_secs(300);
/// So often while something is missing, or the API server did not answer.
const AGAIN: Duration = Duration::from_secs(15);
/// So many are asked at a time.
const AT_ONCE: usize = 8;
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
    let granted = allowed(reviews, needed(duties)).await?;
    let missing = granted.into_iter().filter_map(|(right, granted)| (!granted).then_some(right)).collect();
    let granted = allowed(reviews, unwanted()).await?;
    let excess = granted.into_iter().filter_map(|(right, granted)| granted.then_some(right)).collect();
    Ok(OwnRights { missing, excess })
}

/// Each of these rights, and whether it is granted.
async fn allowed(
    reviews: &Api<SelfSubjectAccessReview>,
    rights: Vec<Right>,
) -> Result<Vec<(Right, bool)>, kube::Error> {
    let asked =
        rights.into_iter().map(|right| async move { may(reviews, &right).await.map(|granted| (right, granted)) });
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Everything that is wrong with the rights, asked once: what of the watches is missing, and the rest.
pub(super) async fn once(client: &Client, duties: &Duties) -> Result<(Vec<Right>, OwnRights), kube::Error> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let granted = allowed(&reviews, watched()).await?;
    let unseen = granted.into_iter().filter_map(|(right, granted)| (!granted).then_some(right)).collect();
    Ok((unseen, look(&reviews, duties).await?))
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
