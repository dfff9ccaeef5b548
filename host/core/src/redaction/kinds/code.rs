//! Where code, packages and images are kept and built.

use super::{Kind, form, is_mixed, judged, shape};

pub(super) static KINDS: &[Kind] = &[
    form(
        "github-token",
        "docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
        &[shape("gh[pousr]_|github_pat_", "gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}")],
    )
    .of_length(&[("github_pat_", 93), ("gh", 40)]),
    form(
        "gitlab-token",
        "docs.gitlab.com/security/tokens",
        &[shape(
            "gl[a-z]{2,5}-|GR1348941",
            "gl(?:pat|ptt|dt|rt|soat|cbt|ft|ffct|imt|oas|agent)-[A-Za-z0-9_.=-]{16,}|GR1348941[A-Za-z0-9_-]{20,}",
        )],
    ),
    form(
        "bitbucket-token",
        "support.atlassian.com/bitbucket-cloud/docs/app-passwords",
        &[judged("ATBB|BBDC-", "ATBB[A-Za-z0-9]{24,}|BBDC-[A-Za-z0-9+/@_-]{30,}", is_mixed)],
    )
    .of_length(&[("ATBB", 36)]),
    form(
        "atlassian-token",
        "support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account",
        &[shape("AT(?:ATT|CTT)3", "AT(?:ATT|CTT)3[A-Za-z0-9_=-]{40,}")],
    ),
    form("npm-token", "docs.npmjs.com/about-access-tokens", &[shape("npm_", "npm_[A-Za-z0-9]{30,}")])
        .of_length(&[("npm_", 40)]),
    form("pypi-token", "pypi.org/help/#apitoken", &[shape("pypi-AgE", "pypi-AgE[A-Za-z0-9_-]{20,}")]),
    form(
        "crates-token",
        "doc.rust-lang.org/cargo/reference/publishing.html",
        &[judged("cio", r"(cio[A-Za-z0-9]{32})", is_mixed)],
    )
    .of_length(&[("cio", 35)]),
    form("rubygems-key", "guides.rubygems.org/api-key-scopes", &[shape("rubygems_", "rubygems_[a-f0-9]{40,48}")])
        .of_length(&[("rubygems_", 57)]),
    form(
        "nuget-key",
        "learn.microsoft.com/nuget/nuget-org/scoped-api-keys",
        &[shape("oy2[a-p]", r"oy2[a-p][0-9a-z]{42}")],
    )
    .of_length(&[("oy2", 46)]),
    form(
        "docker-token",
        "docs.docker.com/security/access-tokens",
        &[shape("dckr_[po]at_", "dckr_[po]at_[A-Za-z0-9_-]{20,}")],
    ),
    form(
        "artifactory-key",
        "jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens",
        &[shape("AKCp|cmVmdGtu", "AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9]{50,}")],
    ),
    form(
        "circleci-token",
        "circleci.com/docs/managing-api-tokens",
        &[shape("CCIP", "CCIP(?:AT|RJ)_[A-Za-z0-9_]{20,}")],
    ),
    form(
        "buildkite-token",
        "buildkite.com/docs/apis/managing-api-tokens",
        &[shape("bk[a-z]{2}_", "bk(?:ua|ct|pt)_[a-f0-9]{32,}")],
    )
    .of_length(&[("bkua_", 45)]),
    form(
        "sonar-token",
        "docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens",
        &[shape("sq[apu]_", "sq[apu]_[a-f0-9]{40}")],
    )
    .of_length(&[("sq", 44)]),
    form(
        "sentry-token",
        "docs.sentry.io/account/auth-tokens",
        &[shape("sntry[su]_", "sntrys_[A-Za-z0-9+/=_-]{30,}|sntryu_[a-f0-9]{40,}")],
    )
    .of_length(&[("sntryu_", 71)]),
    form(
        "postman-key",
        "learning.postman.com/docs/developer/postman-api/authentication",
        &[shape("PMAK-", "PMAK-[a-f0-9]{24}-[a-f0-9]{34}")],
    )
    .of_length(&[("PMAK-", 64)]),
];
