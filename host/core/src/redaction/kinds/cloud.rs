//! Clouds, and what keeps secrets for them.

use super::{Kind, form, has_digit, is_mixed, judged, shape};

pub(super) static KINDS: &[Kind] = &[
    form(
        "aws-key",
        "docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        &[shape("AKIA|ASIA|ABIA|ACCA", "(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}")],
    )
    .of_length(&[("A", 20)]),
    // The fixed first bytes of what the token service issues.
    form(
        "aws-session-token",
        "docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html",
        &[shape("IQoJb3JpZ2lu|FwoGZXIvYXdz", "(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/=]{20,}")],
    ),
    form(
        "aws-bedrock-key",
        "docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        &[judged("ABSK", "ABSK[A-Za-z0-9+/]{60,}={0,2}", is_mixed)],
    ),
    form("google-key", "cloud.google.com/docs/authentication/api-keys", &[shape("AIza", "AIza[A-Za-z0-9_-]{30,}")])
        .of_length(&[("AIza", 39)]),
    form(
        "google-client-secret",
        "developers.google.com/identity/protocols/oauth2",
        &[shape("GOCSPX-", "GOCSPX-[A-Za-z0-9_-]{20,}")],
    )
    .of_length(&[("GOCSPX-", 35)]),
    form(
        "oauth-token",
        "developers.google.com/identity/protocols/oauth2 (access and refresh tokens)",
        &[shape(r"ya29\.|1//0", r"ya29\.[A-Za-z0-9_-]{10,}|1//0[A-Za-z0-9_-]{30,}")],
    ),
    // Keys with a signature inside: storage, Cosmos, Batch, API management, IoT, Service Bus, Event Hubs, Functions,
    // Search, Redis, the container registry, and the newer common form.
    form(
        "azure-key",
        "github.com/microsoft/security-utilities (identifiable keys)",
        &[shape(
            r"ACDb|APIM|\+A(?:St|Ba|MC|Sb|Eh|Rm|CR)|AIoT|AzFu|AzSe|AzCa|JQQJ9",
            r"[A-Za-z0-9+/]{76}(?:APIM|ACDb|\+(?:ABa|AMC|ASt))[A-Za-z0-9+/]{5}[AQgw]==|[A-Za-z0-9+/]{33}(?:AIoT|\+(?:ASb|AEh|ARm))[A-Za-z0-9+/]{5}[A-Za-z0-9]=|[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]==|[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}|[A-Za-z0-9]{33}AzCa[A-P][A-Za-z0-9]{5}=|[A-Za-z0-9+/]{42}\+ACR[A-D][A-Za-z0-9+/]{5}|[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{20,}(?:==)?",
        )],
    ),
    form(
        "azure-client-secret",
        "learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow",
        &[shape("[0-9]Q~", "[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}")],
    ),
    form(
        "azure-devops-token",
        "learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate",
        &[shape("AZDO", "[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")],
    ),
    form(
        "digitalocean-token",
        "docs.digitalocean.com/reference/api/create-personal-access-token",
        &[shape("do[opr]_v1_", "do[opr]_v1_[a-f0-9]{40,64}")],
    )
    .of_length(&[("do", 71)]),
    form(
        "alibaba-key",
        "alibabacloud.com/help/ram/user-guide/create-an-accesskey-pair",
        &[judged("LTAI", "LTAI[A-Za-z0-9]{12,20}", has_digit)],
    )
    .of_length(&[("LTAI", 24)]),
    form(
        "tencent-key",
        "cloud.tencent.com/document/product/598/40488",
        &[judged("AKID", "AKID[A-Za-z0-9]{28,32}", has_digit)],
    )
    .of_length(&[("AKID", 36)]),
    form(
        "scaleway-key",
        "scaleway.com/en/docs/iam/concepts (access key)",
        &[judged("SCW", "SCW[0-9A-Z]{17}", has_digit)],
    )
    .of_length(&[("SCW", 20)]),
    form("heroku-key", "devcenter.heroku.com/articles/authentication", &[shape("HRKU-", "HRKU-[A-Za-z0-9_-]{30,}")]),
    form(
        "cloudflare-key",
        "developers.cloudflare.com/fundamentals/api/get-started/ca-keys",
        &[shape(r"v1\.0-", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{100,146}")],
    )
    .of_length(&[("v1.0-", 176)]),
    form(
        "fly-token",
        "fly.io/docs/security/tokens",
        &[shape("fo1_|fm[12]", "fo1_[A-Za-z0-9_-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=_-]{60,}")],
    ),
    form("netlify-token", "docs.netlify.com/api/get-started", &[shape("nfp_", "nfp_[A-Za-z0-9]{30,}")])
        .of_length(&[("nfp_", 40)]),
    form(
        "supabase-key",
        "supabase.com/docs/guides/api/api-keys",
        &[shape("sbp_|sb_secret_", "sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,}")],
    )
    .of_length(&[("sbp_", 44)]),
    form(
        "planetscale-token",
        "planetscale.com/docs/concepts/service-tokens",
        &[shape("pscale_", "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}")],
    ),
    form(
        "databricks-token",
        "docs.databricks.com/dev-tools/auth/pat",
        &[shape("dapi[a-f0-9]", "dapi[a-f0-9]{32}(?:-[0-9])?")],
    )
    .of_length(&[("dapi", 36)]),
    form(
        "vault-token",
        "developer.hashicorp.com/vault/docs/concepts/tokens",
        &[
            shape(r"hv[sbr]\.", r"hv[sbr]\.[A-Za-z0-9_-]{20,}"),
            // Before 1.10.
            judged(r"(?-u:\b)s\.[A-Za-z0-9]{6}", r"(?-u:\b)s\.[A-Za-z0-9]{24}(?-u:\b)", is_mixed),
        ],
    ),
    form(
        "terraform-token",
        "developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        &[shape(r"\.atlasv1\.", r"[A-Za-z0-9]{10,}\.atlasv1\.[A-Za-z0-9_-]{30,}")],
    ),
    form(
        "pulumi-token",
        "pulumi.com/docs/pulumi-cloud/access-management/access-tokens",
        &[shape("pul-[a-f0-9]", "pul-[a-f0-9]{40}")],
    )
    .of_length(&[("pul-", 44)]),
    form(
        "doppler-token",
        "docs.doppler.com/reference/auth-token-formats",
        &[shape(r"dp\.[a-z]{2,5}\.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}")],
    ),
    form(
        "onepassword-key",
        "developer.1password.com/docs/service-accounts, support.1password.com/secret-key",
        &[shape(
            "ops_eyJ|A3-",
            "ops_eyJ[A-Za-z0-9+/=_-]{60,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
        )],
    ),
    form("tailscale-key", "tailscale.com/kb/1085/auth-keys", &[shape("tskey-", "tskey-[a-z]+-[A-Za-z0-9-]{16,}")]),
    form(
        "age-key",
        "github.com/C2SP/C2SP/blob/main/age.md",
        &[shape("(?i)AGE-SECRET-KEY-", "(?i)AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{40,}")],
    )
    .of_length(&[("AGE-SECRET-KEY-1", 74)]),
];
