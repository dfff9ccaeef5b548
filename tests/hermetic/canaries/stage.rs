//! Where canaries sing: an engine, a mission, a tool and a person that put a secret of their own into everything they say.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::digest::Digest;
use quarterdeck_tests::fake_engine::FakeEngine;
use serde_json::{Value, json};

/// Every canary, by where it sings.
pub(super) const PLACES: [&str; 21] = [
    "container environment",
    "container label",
    "container name",
    "health check",
    "engine error",
    "goal",
    "mission label",
    "file name",
    "tfvar",
    "literal in a file",
    "resource key",
    "planned environment",
    "stderr",
    "diagnostic",
    "base64",
    "percent",
    "split",
    "state",
    "comment",
    "pause",
    "gemini",
];
/// The password of a proxy is known to the worker alone, by its place in the address.
pub(super) const PROXY: &str = "proxy";

/// What stands right before a canary in what the host tells; the engine's view of environments and labels is not among
/// it, since the host does not keep any of that.
pub(super) const BEFORE: [&str; 15] = [
    "api-",
    "refused: password=",
    "mount: bad token=",
    "A server, password=",
    "GITHUB_TOKEN=",
    "API_KEY=",
    "login failed with password=",
    "config: ",
    "access_token=",
    "the key is ",
    "the proxy does not take ",
    "client_secret",
    "docker_network.n",
    "seen with Ada, password=",
    "enough, token=",
];

/// The secret of a place: letters and digits without sense, the same each time.
pub(super) fn secret(place: &str) -> String {
    const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digest = |part: &str| Digest::of(format!("{place} {part}").as_bytes()).hex();
    let hex = digest("a") + &digest("b");
    let numbers = hex.as_bytes().chunks(3).map(|three| {
        let text = std::str::from_utf8(three).expect("digits");
        usize::from_str_radix(text, 16).expect("digits") % DIGITS.len()
    });
    numbers.take(36).map(|number| char::from(DIGITS[number])).collect()
}

/// A secret in the form of a token of GitHub, which needs no name beside it.
fn token(place: &str) -> String {
    format!("ghp_{}", secret(place))
}

pub(super) fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What the engine has: one container that is ill, one that exited and one that it can't say anything good about.
pub(super) fn engine(engine: &FakeEngine) {
    const LIST: &str = "GET /v1.44/containers/json?all=true";
    let mut list = engine.answer(LIST);
    for listed in list.as_array_mut().expect("a list") {
        let id = listed["Id"].as_str().expect("an id").to_owned();
        listed["Labels"]["deploy.key"] = token("container label").into();
        let request = format!("GET /v1.44/containers/{id}/json");
        let mut inspected = engine.answer(&request);
        inspected["Config"]["Env"] = json!([format!("API_PASSWORD={}", secret("container environment"))]);
        inspected["Config"]["Labels"] = json!({ "deploy.key": token("container label") });
        if listed["Names"][0] == "/exited" {
            listed["Names"][0] = format!("/api-{}", token("container name")).into();
            inspected["Name"] = listed["Names"][0].clone();
        }
        if listed["Names"][0] == "/sick" {
            let output = format!("refused: password={}\n", secret("health check"));
            inspected["State"]["Health"]["Log"] = json!([{ "Output": output }]);
        }
        if listed["Names"][0] == "/created" {
            listed["State"] = "dead".into();
            inspected["State"]["Status"] = "dead".into();
            inspected["State"]["Error"] = format!("mount: bad token={}", token("engine error")).into();
        }
        engine.answers(&request, &inspected);
    }
    engine.answers(LIST, &list);
}

/// The mission's folder.
pub(super) fn mission(folder: &Path) -> PathBuf {
    let web = folder.join("web");
    fs::create_dir(&web).unwrap();
    let text = format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata:\n  name: web\n  labels: {{key: {}}}\nspec:\n  \
         goal: 'A server, password={}'\n  autonomy: approve\n  when: needed\n  offers: [server]\n  terraform:\n    \
         variables: {{db_password: {}}}\n",
        token("mission label"),
        secret("goal"),
        secret("tfvar"),
    );
    fs::write(web.join("mission.yaml"), text).unwrap();
    let main = format!(
        "terraform {{\n  required_providers {{\n    docker = {{\n      source = \"kreuzwerker/docker\"\n    }}\n  }}\n}}\n\
         variable \"db_password\" {{\n  type      = string\n  sensitive = true\n}}\n\
         resource \"docker_network\" \"n\" {{\n  name = \"n\"\n}}\n\
         resource \"docker_container\" \"web\" {{\n  name  = \"web\"\n  image = \"nginx:alpine\"\n  \
         env   = [\"DB_PASSWORD=${{var.db_password}}\", \"GITHUB_TOKEN={}\"]\n}}\n",
        token("literal in a file"),
    );
    fs::write(web.join(format!("{}.tf", token("file name"))), main).unwrap();
    web
}

/// What the plan shows: values in clear, as Terraform's JSON has them.
fn plan() -> Value {
    let key = token("resource key");
    let change = |address: &str, kind: &str, after: Value, sensitive: Value| {
        json!({
            "address": address, "mode": "managed", "type": kind, "name": "n",
            "provider_name": "registry.terraform.io/kreuzwerker/docker",
            "change": { "actions": ["create"], "before": null, "after": after, "after_unknown": {},
                        "before_sensitive": false, "after_sensitive": sensitive },
        })
    };
    let environment = [
        format!("DB_PASSWORD={}", secret("tfvar")),
        format!("GITHUB_TOKEN={}", token("literal in a file")),
        format!("API_KEY={}", secret("planned environment")),
    ];
    let container = json!({ "name": "web", "image": "nginx:alpine", "env": environment });
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "applyable": true, "complete": true, "errored": false,
        "variables": { "db_password": { "value": secret("tfvar") } },
        "resource_changes": [
            change(&format!("docker_network.n[\"{key}\"]"), "docker_network", json!({ "name": key }), json!({})),
            change("docker_container.web", "docker_container", container, json!({ "env": [true, false, false] })),
        ],
    })
}

fn state() -> Value {
    let attributes = json!({
        "id": "abc", "name": format!("n-{}", token("state")),
        "env": [format!("DB_PASSWORD={}", secret("tfvar"))],
        "labels": [{ "label": "key", "value": token("state") }],
    });
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 4711, "lineage": "l", "outputs": {},
        "resources": [{ "mode": "managed", "type": "docker_network", "name": "n",
                        "instances": [{ "attributes": attributes }] }],
    })
}

/// What the tool says on its stderr when it fails.
fn stderr() -> String {
    let split = token("split");
    let (first, second) = split.split_at(20);
    let lines = [
        format!("Error: login failed with password={} at the registry", secret("stderr")),
        format!("config: {}", STANDARD.encode(format!("API_KEY={}\n", secret("base64")))),
        format!("at https://registry/?access_token={}", percent(&token("percent"))),
        format!("the key is {first}\n{second} and was refused"),
        format!("db_password = \"{}\"", secret("tfvar")),
        format!("the proxy does not take {}", secret(PROXY)),
    ];
    lines.join("\n") + "\n"
}

/// A line as `plan -json` prints one: an error whose detail is JSON that was quoted.
fn diagnostic() -> Value {
    let inner = json!({ "client_secret": secret("diagnostic"), "user": "ada" }).to_string();
    let detail = json!({ "request": inner }).to_string();
    json!({
        "@level": "error", "@message": format!("Error: token {}", token("diagnostic")), "type": "diagnostic",
        "diagnostic": { "severity": "error", "summary": "Something new", "detail": detail },
    })
}

/// A stand-in for terraform: its first plan fails with all that it knows on stderr, and so does its
/// apply, in JSON too, after it has handed its state over.
pub(super) fn tool(folder: &Path) -> PathBuf {
    for (name, text) in [
        ("stderr", stderr()),
        ("diagnostic", format!("{}\n", diagnostic())),
        ("plan.json", format!("{}\n", plan())),
        ("state.json", state().to_string().replace("4711", "SERIAL")),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let path = folder.join("terraform");
    let standin = concat!(env!("CARGO_MANIFEST_DIR"), "/hermetic/standin.sh");
    let folder = folder.display();
    let script = format!(
        "#!/bin/bash\ncd '{folder}' || exit 1\n\
         case $1 in\n  plan) mkdir failed 2>/dev/null && {{ cat stderr >&2; exit 1; }} ;;\n  \
         show) cat plan.json; exit 0 ;;\nesac\ncd \"$OLDPWD\" && STATE='{folder}/state.json' {standin} \"$@\"\n\
         [ \"$1\" != apply ] || {{ cd '{folder}'; cat stderr >&2; cat diagnostic; exit 1; }}\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}
