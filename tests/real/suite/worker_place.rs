//! What is within reach of a worker: asked from its pod's network, with its pod's token, by a curl that is put there. A worker that is
//! somebody else's program could do as much.

use std::fs;

use serde_json::Value;

use crate::jobs::Yard;
use crate::parts::{said, until};
use crate::stage::{PATIENCE, text};

/// In a pod's network there is no name server, and none is needed.
const HOST: &str = "https://10.98.0.1:8443";
const APISERVER: &str = "https://10.96.0.1";

/// A worker's pod, looked at from its node.
struct Place<'a> {
    yard: &'a Yard,
    pid: String,
    token: String,
}

impl Place<'_> {
    /// The HTTP status of an answer, or 000.
    fn ask(&self, token: Option<&str>, words: &[&str]) -> String {
        let mut command = self.yard.cluster.inside("nsenter");
        command.args(["-t", &self.pid, "-n", "--", "curl", "-s", "-k", "-o", "/dev/null", "-w", "%{http_code}"]);
        command.args(["--max-time", "5"]);
        if let Some(token) = token {
            command.arg("-H").arg(format!("Authorization: Bearer {token}"));
        }
        String::from_utf8_lossy(&command.args(words).output().unwrap().stdout).into_owned()
    }

    fn with_token(&self, words: &[&str]) -> String {
        self.ask(Some(&self.token), words)
    }
}

#[test]
fn from_a_workers_place_its_own_order_is_reached_and_nothing_else() {
    let Some(yard) = Yard::raise() else { return };
    // Two missions; the second one begins once the first has a state.
    let (web, shop) = (yard.cluster.path("web"), yard.cluster.path("shop"));
    fs::create_dir(&shop).unwrap();
    for file in ["main.tf", "mission.yaml"] {
        let text = fs::read_to_string(web.join(file)).unwrap();
        let other = text.replace("quarterdeck-web", "quarterdeck-shop").replace("name: web", "name: shop");
        fs::write(shop.join(file), other.replace("port: 8080", "port: 8081")).unwrap();
    }
    let held = fs::read_to_string(web.join("mission.yaml")).unwrap();
    fs::write(web.join("mission.yaml"), held.replace("  goal:", "  desired: suspended\n  goal:")).unwrap();
    let paths = [web.display().to_string(), shop.display().to_string()];
    let host = yard.host_with("two", 8443, &[&paths[0], &paths[1], "--offline"], &[]);
    host.until_phase("Ready");
    let apply = |mission: &str| -> Option<Value> {
        let begins = format!("apply-{mission}-");
        host.get("workers").into_iter().find(|worker| text("/name", worker).starts_with(&begins))
    };
    let other = text("/name", &apply("shop").expect("it was applied"));

    // Its apply waits for an engine that is frozen, so its pod stays.
    fs::write(web.join("mission.yaml"), held).unwrap();
    let own = until("a worker applies", PATIENCE, || apply("web").filter(|worker| worker["phase"] == "running"));
    said(yard.cluster.inside("pkill").args(["-STOP", "-x", "dockerd"]));
    let own = text("/name", &own);
    let pid = said(yard.cluster.inside("pgrep").args(["-n", "-x", "-f", "/usr/local/bin/quarterdeck-worker.*"]));
    let pid = pid.trim().to_owned();
    let token = said(yard.cluster.inside("cat").arg(format!("/proc/{pid}/root/var/run/quarterdeck/token")));
    let place = Place { yard: &yard, pid, token: token.trim().to_owned() };

    let state = |order: &str| format!("{HOST}/v1/state/{order}");
    let answered = place.with_token(&[&state(&own)]);
    assert!(["200", "204"].contains(&answered.as_str()), "its own order is reached: {answered}");
    assert_eq!(place.ask(None, &[&state(&own)]), "401", "without the token it is nobody");
    assert_eq!(place.ask(Some("eyJ0.e30.x"), &[&state(&own)]), "401", "nor with another text");
    for (words, what) in [
        (vec![state(&other)], "another mission's state"),
        (vec!["-X".into(), "POST".into(), "-d".into(), "{}".into(), state(&other)], "writing it"),
        (vec!["-X".into(), "POST".into(), "-d".into(), "{}".into(), format!("{HOST}/v1/lock/{other}")], "locking it"),
        (vec![format!("{HOST}/v1/input/{other}/saved-plan")], "its saved plan"),
        (vec!["-T".into(), "/dev/null".into(), format!("{HOST}/v1/left/{other}/result.json")], "its result"),
    ] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(place.with_token(&words), "403", "{what}");
    }
    for path in ["/livez", "/metrics", "/v1/approvals", "/v1/view", "/"] {
        assert_eq!(place.with_token(&[&format!("{HOST}{path}")]), "404", "{path} is not answered to workers");
    }
    // The API server is within reach of this cluster's pods, which has no plugin for NetworkPolicies: the workers say so. It does
    // not know this token.
    let open = |finding: &Value| finding["rule"] == "network-open";
    assert!(host.get("findings").iter().any(open), "the worker of the other mission has told it");
    assert_eq!(place.ask(None, &[&format!("{APISERVER}/version")]), "200");
    for path in ["/version", "/api/v1/namespaces/quarterdeck-builder/secrets", "/apis/batch/v1/jobs"] {
        assert_eq!(place.with_token(&[&format!("{APISERVER}{path}")]), "401", "{path}");
    }
    assert_eq!(place.ask(None, &["http://169.254.169.254/latest/meta-data/"]), "000", "the node's metadata");

    said(yard.cluster.inside("pkill").args(["-CONT", "-x", "dockerd"]));
    until("both are Ready", PATIENCE, || {
        host.get("missions").iter().all(|mission| mission["phase"] == "Ready").then_some(())
    });
    host.stop();
}
