//! A policy, its signatures and a real registry that wants a login: published by tag, pulled by digest, and not believed.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::parts::{quarterdeck, said, script, sources, until};

/// It listens within a second; two processors may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The registry, and a folder for everything. It ends with its story.
struct Harbour {
    folder: TempDir,
    registry: Child,
    host: String,
}

impl Drop for Harbour {
    fn drop(&mut self) {
        // It may have ended by itself, which the story has told then.
        let _ended = kill_process(Pid::from_child(&self.registry), Signal::TERM);
        let _waited = self.registry.wait();
    }
}

impl Harbour {
    fn open() -> Harbour {
        said(Command::new(script("registry.sh")).arg("fetch").stderr(Stdio::inherit()));
        let folder = tempfile::Builder::new().prefix("qd").tempdir().unwrap();
        // Free a moment ago; the stories run one at a time.
        let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new(script("registry.sh"));
        command.arg("serve").arg(folder.path().join("registry")).args([&host, "ada", "seaworthy"]);
        let log = fs::File::create(folder.path().join("registry.log")).unwrap();
        let registry = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let harbour = Harbour { folder, registry, host };
        until("the registry listens", PATIENCE, || TcpStream::connect(&harbour.host).ok());
        harbour
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// As `docker login` would.
    fn log_in(&self, pair: &str) {
        let config = serde_json::json!({ "auths": { &self.host: { "auth": STANDARD.encode(pair) } } });
        fs::write(self.path("config.json"), config.to_string()).unwrap();
    }

    fn policy(&self, words: &[&str]) -> Output {
        let mut command = Command::new(quarterdeck());
        command.env_clear().env("DOCKER_CONFIG", self.folder.path()).current_dir(self.folder.path());
        command.arg("policy").args(words).output().unwrap()
    }

    /// What it prints, which must end well.
    fn done(&self, words: &[&str]) -> String {
        let output = self.policy(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What it says, which must end badly, without a word of a password.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.policy(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("seaworthy") && !text.contains("leaky"), "{text}");
        text
    }
}

#[test]
fn a_policy_goes_through_a_real_registry_by_digest_and_with_a_login() {
    let harbour = Harbour::open();
    let tag = format!("oci://{}/team/steward:0.1", harbour.host);
    let steward = fs::read(sources().join("guest-policies/prebuilt/steward.wasm")).unwrap();
    fs::write(harbour.path("steward.wasm"), &steward).unwrap();
    harbour.done(&["keygen", "ada.key"]);
    harbour.done(&["sign", "steward.wasm", "--key", "ada.key"]);

    let publish = ["publish", "steward.wasm", &tag];
    assert!(harbour.refused(&publish).contains("does not let anybody without a login do this"));
    harbour.log_in("ada:leaky");
    assert!(harbour.refused(&publish).contains("does not let this login do this"));
    harbour.log_in("ada:seaworthy");
    let by_digest = harbour.done(&publish);
    assert!(by_digest.starts_with(&format!("oci://{}/team/steward@sha256:", harbour.host)), "{by_digest}");

    for (name, reference) in [("by-tag.wasm", &tag), ("by-digest.wasm", &by_digest)] {
        assert_eq!(harbour.done(&["pull", reference, "-o", name]), by_digest);
        assert!(fs::read(harbour.path(name)).unwrap() == steward, "{name} is what was published");
        harbour.done(&["verify", name, "--key", "ada.key.pub"]);
    }

    // The tag moves on and the digest stays: a tag alone would have given something else.
    fs::write(harbour.path("another.wasm"), [&steward[..], &[0, 1, 0]].concat()).unwrap();
    let another = harbour.done(&["publish", "another.wasm", &tag]);
    assert_ne!(another, by_digest);
    assert_eq!(harbour.done(&["pull", &tag, "-o", "moved.wasm"]), another);
    assert_eq!(harbour.done(&["pull", &by_digest, "-o", "stayed.wasm"]), by_digest);
    assert!(fs::read(harbour.path("stayed.wasm")).unwrap() == steward);

    // Somebody writes into the registry's own store.
    let digest = quarterdeck_core::digest::Digest::of(&steward).hex();
    let kept = format!("registry/data/docker/registry/v2/blobs/sha256/{}/{digest}/data", &digest[..2]);
    let mut bytes = steward;
    bytes[4_000] ^= 1;
    fs::write(harbour.path(&kept), &bytes).unwrap();
    assert!(harbour.refused(&["pull", &by_digest, "-o", "forged.wasm"]).contains("the policy was to be sha256:"));
    assert!(!Path::new(&harbour.path("forged.wasm")).exists(), "nothing was kept");
}
