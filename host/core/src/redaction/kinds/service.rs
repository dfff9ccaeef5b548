//! Services: messages, mail, payments, measurements, models, and what teams work with.

use super::{Kind, form, is_mixed, judged, shape};

pub(super) static KINDS: &[Kind] = &[
    form(
        "slack-token",
        "docs.slack.dev/authentication/tokens",
        &[shape(
            r"xox[a-z]|xapp-|hooks\.slack\.com",
            r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/]{20,})",
        )],
    ),
    // The first part is the bot's number in base64.
    form(
        "discord-token",
        "discord.com/developers/docs/reference#authentication",
        &[
            shape(r"\.[A-Za-z0-9_-]{6}\.", r"[MNO][DTjz][A-Za-z0-9_-]{20,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
            shape("api/webhooks/", r"discord(?:app)?\.com/api/webhooks/[0-9]+/([A-Za-z0-9_-]{40,})"),
        ],
    ),
    form(
        "telegram-token",
        "core.telegram.org/bots/api#authorizing-your-bot",
        &[judged("[0-9]:AA", "[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}", is_mixed)],
    ),
    form(
        "teams-webhook",
        "learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors",
        &[shape(r"webhook\.office\.com", r"webhook\.office\.com/webhookb2/([A-Za-z0-9@/-]{40,})")],
    ),
    form("twilio-key", "twilio.com/docs/iam/api-keys", &[shape("SK[0-9a-f]", "SK[0-9a-f]{32}")])
        .of_length(&[("SK", 34)]),
    form(
        "sendgrid-key",
        "twilio.com/docs/sendgrid/for-developers/sending-email/authentication",
        &[shape(r"SG\.", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")],
    )
    .of_length(&[("SG.", 69)]),
    form(
        "mailgun-key",
        "documentation.mailgun.com/docs/mailgun/api-reference/authentication",
        &[shape("key-[0-9a-f]|-[0-9a-f]{8}-[0-9a-f]{8}", r"key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}")],
    )
    .of_length(&[("key-", 36)]),
    form(
        "mailchimp-key",
        "mailchimp.com/help/about-api-keys",
        &[shape("[0-9a-f]-us[0-9]", r"[0-9a-f]{32}-us[0-9]{1,2}")],
    ),
    form(
        "brevo-key",
        "developers.brevo.com/docs/api-key",
        &[shape("xkeysib-|xsmtpsib-", "x(?:keys|smtps)ib-[a-f0-9]{40,64}-[A-Za-z0-9]{16}")],
    ),
    form(
        "resend-key",
        "resend.com/docs/dashboard/api-keys/introduction",
        &[judged("re_[A-Za-z0-9]{8}_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", is_mixed)],
    ),
    form(
        "stripe-key",
        "docs.stripe.com/keys",
        &[shape("[sr]k_(?:live|test)_|whsec_", "[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}")],
    ),
    form(
        "square-token",
        "developer.squareup.com/docs/build-basics/access-tokens",
        &[shape("sq0[a-z]{3}-", "sq0[a-z]{3}-[A-Za-z0-9_-]{22,}")],
    ),
    form(
        "shopify-token",
        "shopify.dev/docs/apps/build/authentication-authorization",
        &[shape("shp[a-z]{2}_", "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}")],
    )
    .of_length(&[("shp", 38)]),
    form(
        "datadog-key",
        "docs.datadoghq.com/account_management/api-app-keys",
        &[shape(
            "(?i)dd[_-]|datadog",
            r#"(?i)(?:dd|datadog)[_-]?(?:api|app|application)[_-]?key[\s"'\\:=]{1,8}([0-9a-f]{32,40})"#,
        )],
    ),
    form(
        "newrelic-key",
        "docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys",
        &[shape("NR[A-Z]{2}-|NRAL", "NR(?:AK|AA|RA|II|JS|IQ|BR)-[A-Za-z0-9-]{15,}|[A-Fa-f0-9]{36}NRAL")],
    )
    .of_length(&[("NRAK-", 32)]),
    form(
        "grafana-token",
        "grafana.com/docs/grafana/latest/administration/service-accounts",
        &[shape(
            "glsa_|glc_eyJ|eyJrIjoi",
            "glsa_[A-Za-z0-9_]{20,}|glc_eyJ[A-Za-z0-9+/=_-]{20,}|eyJrIjoi[A-Za-z0-9+/=_-]{30,}",
        )],
    )
    .of_length(&[("glsa_", 46)]),
    form(
        "dynatrace-token",
        "docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients",
        &[shape(r"dt0[a-z][0-9]{2}\.", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{40,64}")],
    )
    .of_length(&[("dt0c01.", 96)]),
    form(
        "honeycomb-key",
        "docs.honeycomb.io/configure/environments/manage-api-keys",
        &[shape("hc[abx][a-z][ck]_", "hc[abx][a-z][ck]_[A-Za-z0-9]{40,}")],
    ),
    form(
        "anthropic-key",
        "docs.anthropic.com/en/api/overview#authentication",
        &[shape("sk-ant-", "sk-ant-[A-Za-z0-9_-]{20,}")],
    ),
    form(
        "openai-key",
        "platform.openai.com/docs/api-reference/authentication, and services that copied its prefix",
        &[
            shape("sk-[a-z]", "sk-(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,}"),
            judged("sk-", r"(?:^|[^A-Za-z0-9_-]|\\[nrt])(sk-[A-Za-z0-9_-]{20,})", is_generated),
        ],
    ),
    form("huggingface-token", "huggingface.co/docs/hub/security-tokens", &[shape("hf_", "hf_[A-Za-z0-9]{30,}")])
        .of_length(&[("hf_", 37)]),
    form("groq-key", "console.groq.com/docs/quickstart", &[shape("gsk_", "gsk_[A-Za-z0-9]{40,}")])
        .of_length(&[("gsk_", 56)]),
    form(
        "replicate-token",
        "replicate.com/docs/topics/security/api-tokens",
        &[judged("r8_", r"r8_[A-Za-z0-9]{30,}", is_mixed)],
    )
    .of_length(&[("r8_", 40)]),
    form("perplexity-key", "docs.perplexity.ai/guides/api-key-management", &[shape("pplx-", "pplx-[A-Za-z0-9]{40,}")])
        .of_length(&[("pplx-", 53)]),
    form("xai-key", "docs.x.ai/docs/tutorial", &[shape("xai-", "xai-[A-Za-z0-9]{60,}")]).of_length(&[("xai-", 84)]),
    form(
        "airtable-token",
        "airtable.com/developers/web/guides/personal-access-tokens",
        &[shape("pat[A-Za-z0-9]{8}", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{50,64}")],
    ),
    form("linear-key", "linear.app/developers", &[shape("lin_api_", "lin_api_[A-Za-z0-9]{30,}")])
        .of_length(&[("lin_api_", 48)]),
    form(
        "notion-token",
        "developers.notion.com/docs/authorization",
        &[judged("ntn_|secret_", r"ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}", is_mixed)],
    ),
    form(
        "figma-token",
        "figma.com/developers/api#access-tokens",
        &[shape("fig[do]", "fig(?:d|o[ur]h?)_[A-Za-z0-9_-]{30,}")],
    ),
    form(
        "jwt",
        "RFC 7519; kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin (service account tokens)",
        // Two parts are enough: a cut token still holds its claims. JWE has five.
        &[shape("eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}")],
    ),
];

/// A generated key rather than a name in kebab case that happens to begin with `sk-`.
fn is_generated(secret: &str) -> bool {
    let body = secret.get(3..).unwrap_or_default();
    body.bytes().any(|byte| byte.is_ascii_digit())
        && (body.bytes().any(|byte| byte.is_ascii_uppercase()) || !body.contains('-'))
}
