//! Who is asked before an object is written.

use k8s_openapi::api::admissionregistration::v1 as k8s;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::network::{Webhook, Webhooks};

use super::{ENTRIES_MAX, Trimmer};

pub(in super::super) fn validating_webhooks(
    trimmer: &mut Trimmer,
    webhooks: &k8s::ValidatingWebhookConfiguration,
) -> Object {
    let hooks = webhooks.webhooks.as_deref().unwrap_or_default().iter().take(ENTRIES_MAX);
    let hooks =
        hooks.map(|known| hook(trimmer, &known.name, &known.client_config, known.failure_policy.as_deref())).collect();
    Object::ValidatingWebhookConfiguration(Webhooks { meta: trimmer.meta(&webhooks.metadata), hooks })
}

pub(in super::super) fn mutating_webhooks(
    trimmer: &mut Trimmer,
    webhooks: &k8s::MutatingWebhookConfiguration,
) -> Object {
    let hooks = webhooks.webhooks.as_deref().unwrap_or_default().iter().take(ENTRIES_MAX);
    let hooks =
        hooks.map(|known| hook(trimmer, &known.name, &known.client_config, known.failure_policy.as_deref())).collect();
    Object::MutatingWebhookConfiguration(Webhooks { meta: trimmer.meta(&webhooks.metadata), hooks })
}

fn hook(trimmer: &mut Trimmer, name: &str, asked: &k8s::WebhookClientConfig, failure: Option<&str>) -> Webhook {
    let service = asked.service.as_ref();
    Webhook {
        name: trimmer.word(name),
        service: service.map(|service| trimmer.name(Some(&service.namespace), &service.name)),
        // Where nothing is said, the API server refuses.
        fails_closed: failure != Some("Ignore"),
    }
}
