//! An example of each kind of secret, made anew at each call.
//!
//! `‹a36›` stands for 36 letters and digits, `‹h…›` for hex, `‹U…›` for capitals and digits, `‹l…›` for small letters and
//! digits, `‹d…›` for digits, `‹b…›` for letters, digits, `-` and `_`. So nothing here is a token, for no scanner. What is
//! secret stands between `«` and `»`; without them it is the whole.

use super::Numbers;

/// A secret and what stands around it.
pub(super) struct Example {
    pub(super) kind: &'static str,
    pub(super) before: String,
    pub(super) secret: String,
    pub(super) after: String,
}

impl Example {
    pub(super) fn text(&self) -> String {
        format!("{}{}{}", self.before, self.secret, self.after)
    }
}

const EXAMPLES: &[(&str, &str)] = &[
    ("private-key", "-----BEGIN ‹-›PRIVATE KEY-----\n«‹a64›\n‹a64›\n‹a20›»==\n-----END ‹-›PRIVATE KEY-----"),
    (
        "private-key",
        "-----BEGIN OPENSSH ‹-›PRIVATE KEY-----\n«‹a70›\n‹a70›\n‹a41›»\n-----END OPENSSH ‹-›PRIVATE KEY-----",
    ),
    (
        "private-key",
        "-----BEGIN PGP ‹-›PRIVATE KEY BLOCK-----\n\n«‹a64›\n‹a64›\n‹a20›»\n=‹a4›\n-----END PGP ‹-›PRIVATE KEY BLOCK-----",
    ),
    ("private-key", "Private-Lines: 2\n«‹a64›\n‹a64›»\nPrivate-MAC: 1"),
    ("private-key", "«MIIEpA‹-›IBAAKCAQEA‹a48›»"),
    ("aws-key", "AKIA‹U16›"),
    ("aws-key", "ASIA‹U16›"),
    ("aws-session-token", "IQoJ‹-›b3JpZ2lu‹a200›"),
    ("aws-bedrock-key", "ABSK‹a128›"),
    ("google-key", "AIza‹b35›"),
    ("google-client-secret", "GOCSPX-‹b28›"),
    ("oauth-token", "ya29.‹b120›"),
    ("oauth-token", "1//0‹b60›"),
    ("azure-key", "‹a76›+ASt‹a5›A=="),
    ("azure-key", "‹a33›+ASb‹a5›A="),
    ("azure-key", "‹a44›AzFu‹a5›A=="),
    ("azure-key", "‹a42›AzSeA‹a5›"),
    ("azure-key", "‹a52›JQQJ99‹a26›"),
    ("azure-client-secret", "‹a3›8Q~‹b34›"),
    ("azure-devops-token", "‹a76›AZDO‹a4›"),
    ("digitalocean-token", "dop_v1_‹h64›"),
    ("alibaba-key", "LTAI‹a20›"),
    ("tencent-key", "AKID‹a32›"),
    ("scaleway-key", "SCW‹U17›"),
    ("heroku-key", "HRKU-‹a60›"),
    ("cloudflare-key", "v1.0-‹h24›-‹h146›"),
    ("fly-token", "fo1_‹b43›"),
    ("netlify-token", "nfp_‹a36›"),
    ("supabase-key", "sbp_‹h40›"),
    ("planetscale-token", "pscale_tkn_‹b43›"),
    ("databricks-token", "dapi‹h32›"),
    ("vault-token", "hvs.‹b90›"),
    ("vault-token", "s.‹a24›"),
    ("terraform-token", "‹a14›.atlasv1.‹b67›"),
    ("pulumi-token", "pul-‹h40›"),
    ("doppler-token", "dp.st.dev.‹a43›"),
    ("onepassword-key", "ops_‹-›eyJ‹a250›"),
    ("tailscale-key", "tskey-auth-‹a12›CNTRL-‹a32›"),
    ("age-key", "AGE-SECRET-‹-›KEY-1‹U58›"),
    ("github-token", "ghp_‹a36›"),
    ("github-token", "github_pat_‹a22›_‹a59›"),
    ("gitlab-token", "glpat-‹b20›"),
    ("bitbucket-token", "ATBB‹a32›"),
    ("atlassian-token", "ATATT3‹b186›"),
    ("npm-token", "npm_‹a36›"),
    ("pypi-token", "pypi-‹-›AgEIcHlwaS5vcmc‹b100›"),
    ("crates-token", "cio‹a32›"),
    ("rubygems-key", "rubygems_‹h48›"),
    ("nuget-key", "oy2a‹l42›"),
    ("docker-token", "dckr_pat_‹b27›"),
    ("artifactory-key", "AKCp‹a69›"),
    ("circleci-token", "CCIPAT_‹a22›_‹h40›"),
    ("buildkite-token", "bkua_‹h40›"),
    ("sonar-token", "sqp_‹h40›"),
    ("sentry-token", "sntryu_‹h64›"),
    ("postman-key", "PMAK-‹h24›-‹h34›"),
    ("slack-token", "xoxb-‹d12›-‹d12›-‹a24›"),
    ("slack-token", "https://hooks.slack.com/services/«T‹U8›/B‹U8›/‹a24›»"),
    ("discord-token", "MT‹a22›.‹a6›.‹b38›"),
    ("telegram-token", "‹d10›:AA‹b33›"),
    ("teams-webhook", "https://x.webhook.office.com/webhookb2/«‹h36›@‹h36›/IncomingWebhook/‹h32›»"),
    ("twilio-key", "SK‹h32›"),
    ("sendgrid-key", "SG.‹b22›.‹b43›"),
    ("mailgun-key", "key-‹h32›"),
    ("mailchimp-key", "‹h32›-us12"),
    ("brevo-key", "xkeysib-‹h64›-‹a16›"),
    ("resend-key", "re_‹a8›_‹a24›"),
    ("stripe-key", "sk_live_‹a24›"),
    ("square-token", "sq0csp-‹b43›"),
    ("shopify-token", "shpat_‹h32›"),
    ("datadog-key", "DD-API-KEY: «‹h32›»"),
    ("newrelic-key", "NRAK-‹U27›"),
    ("grafana-token", "glsa_‹a32›_‹h8›"),
    ("dynatrace-token", "dt0c01.‹U24›.‹U64›"),
    ("honeycomb-key", "hcaik_‹l58›"),
    ("anthropic-key", "sk-ant-api03-‹b93›AA"),
    ("openai-key", "sk-proj-‹b74›"),
    ("huggingface-token", "hf_‹a34›"),
    ("groq-key", "gsk_‹a52›"),
    ("replicate-token", "r8_‹a37›"),
    ("perplexity-key", "pplx-‹a48›"),
    ("xai-key", "xai-‹a80›"),
    ("airtable-token", "pat‹a14›.‹h64›"),
    ("linear-key", "lin_api_‹a40›"),
    ("notion-token", "ntn_‹a46›"),
    ("figma-token", "figd_‹b40›"),
    ("jwt", "eyJ‹-›hbGciOiJIUzI1NiJ9.eyJ‹-›zdWIiOiJ‹a40›.‹b43›"),
    ("docker-auth", "{\"auths\":{\"r.example\":{\"auth\":\"«‹a32›»\"}}}"),
    ("authorization", "Authorization: Bearer «‹a40›»"),
    ("authorization", "Proxy-Authorization: Basic «‹a32›»"),
    ("cookie", "Cookie: «session=‹a32›»"),
    ("url-password", "postgres://shop:«‹a20›»@db:5432/shop"),
    ("url-password", "amqps://shop:«‹a20›»@mq.example.org/vhost"),
    ("url-password", "mongodb+srv://shop:«‹a20›»@cluster0.example.org/?retryWrites=true"),
    ("url-password", "redis://:«‹a20›»@cache:6379/0"),
    ("database-login", "shop:«‹a20›»@tcp(db:3306)/shop"),
    ("database-login", "jdbc:oracle:thin:shop/«‹a20›»@db:1521/XE"),
    ("database-login", "ALTER USER shop IDENTIFIED BY '«‹a20›»';"),
    ("signed-url", "https://a.blob.core.windows.net/c/b?sv=2024&sig=«‹a43›%3D»"),
    ("netrc", "machine example.org login shop password «‹a20›»"),
    ("pgpass", "db.example.org:5432:shop:shop:«‹a20›»"),
    ("password-hash", "shop:«$apr1$‹a8›$‹a22›»"),
    ("password-hash", "shop:«$2y$05$‹a53›»"),
    ("password-hash", "shop:«$6$‹a16›$‹a86›»:19700:0:99999:7:::"),
    ("jwk", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"«‹b43›»\"}"),
    ("api-key", "X-Api-Key: «‹a32›»"),
    ("api-key", "AccountName=shop;AccountKey=«‹a86›»==;EndpointSuffix=core.windows.net"),
    ("api-key", "  client-key-data: «‹a64›»"),
    ("password", "DB_PASSWORD=«‹a20›»"),
    ("password", "{\"user\":\"shop\",\"password\":\"«‹a20›»\"}"),
    ("password", "  password = \"«‹a20›»\""),
    ("password", "Server=db;User Id=sa;Password=«‹a20›»;Encrypt=yes"),
    ("password", "jdbc:postgresql://db/shop?user=shop&password=«‹a20›»&ssl=true"),
    ("password", "tool --password «‹a20›» --host db"),
    ("password", "docker login -u shop -p «‹a20›» registry.example.org"),
    ("password", "mysqldump -u shop -p«‹a20›» shop"),
    ("password", "ldapsearch -x -D cn=admin -w «‹a20›» -b dc=example"),
    ("password", "smbclient //nas/share -U shop%«‹a20›»"),
    ("password", "htpasswd -nb shop «‹a20›»"),
    ("password", "rabbitmqctl change_password shop «‹a20›»"),
    ("password", "echo «‹a20›» | docker login -u shop --password-stdin"),
    ("password", "openssl rsa -in tls.key -passin pass:«‹a20›»"),
    ("token", "bootstrap-token: «‹l6›.‹l16›»"),
    ("token", "//registry.npmjs.org/:_authToken=«‹a36›»"),
    ("secret", "client_secret: «‹a32›»"),
    ("api-key", "AWS_SECRET_ACCESS_KEY=«‹a40›»"),
];

/// An example of each entry, different at each call.
pub(super) fn examples(numbers: &mut Numbers) -> Vec<Example> {
    EXAMPLES.iter().map(|(kind, template)| example(kind, template, numbers)).collect()
}

fn example(kind: &'static str, template: &str, numbers: &mut Numbers) -> Example {
    let mut text = String::new();
    for (index, part) in template.split(['‹', '›']).enumerate() {
        if index % 2 == 0 {
            text.push_str(part);
        } else if part != "-" {
            let (alphabet, length) = part.split_at(1);
            text.push_str(&generated(alphabet, length.parse().expect("a number"), numbers));
        }
    }
    let (before, rest) = text.split_once('«').unwrap_or(("", &text));
    let (secret, after) = rest.split_once('»').unwrap_or((rest, ""));
    Example { kind, before: before.into(), secret: secret.into(), after: after.into() }
}

/// A text of that many characters; one of both cases begins with one of each, as only a generator's bad luck would not.
fn generated(alphabet: &str, length: usize, numbers: &mut Numbers) -> String {
    let [digits, small, capitals] = ["0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
    let alphabets = match alphabet {
        "a" => vec![small, capitals, digits],
        "b" => vec![small, capitals, digits, "-_"],
        "h" => vec![digits, "abcdef"],
        "U" => vec![digits, capitals],
        "l" => vec![digits, small],
        "d" => vec!["123456789"],
        other => panic!("{other} is no alphabet"),
    };
    let all = alphabets.concat();
    let mut generated = String::new();
    for index in 0..length {
        let symbols = alphabets.get(index).filter(|_| index < 3).copied().unwrap_or(&all);
        generated.push(char::from(symbols.as_bytes()[numbers.below(symbols.len())]));
    }
    generated
}
