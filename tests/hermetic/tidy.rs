//! The invariants that are absences: each is looked for in the sources, and named here when it is broken.
//!
//! The compiler and clippy keep most of what can be kept by them; this is for the rest: who may name whom, and what may
//! stand nowhere. What is looked for is put together at run time, so that no test finds itself.

mod sources;

use regex::Regex;
use sources::{Source, files, sources, text};

/// Every source in which the pattern stands outside of comments, with its line, but for those that are let through.
fn found(sources: &[Source], pattern: &str, allowed: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    let hits = |source: &Source| {
        let lines = source.code.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        lines
            .filter(|(_, line)| !allowed(&source.path, line))
            .map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim()))
            .collect::<Vec<String>>()
    };
    sources.iter().flat_map(hits).collect()
}

fn none(hits: Vec<String>, rule: &str) {
    assert!(hits.is_empty(), "{rule}\n{}", hits.join("\n"));
}

fn program() -> Vec<Source> {
    sources().into_iter().filter(|source| !source.is_test).collect()
}

fn below(folder: &'static str) -> impl Fn(&Source) -> bool {
    move |source| source.path.starts_with(folder)
}

/// The crates that a manifest names in all its tables of dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in text(manifest).lines() {
        match line.strip_prefix('[') {
            Some(table) => inside = table.contains("dependencies"),
            None if inside && !line.starts_with('#') => {
                names.extend(line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()).map(str::to_owned));
            }
            None => {}
        }
    }
    names
}

/// None of these performs IO, reads a clock or draws randomness.
const PURE: [&str; 11] = [
    "base64",
    "cedar-policy",
    "hcl-edit",
    "miette",
    "hmac",
    "postcard",
    "regex",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
];

#[test]
fn core_names_no_crate_that_could_do_anything() {
    let named = dependencies("host/core/Cargo.toml");
    let others: Vec<&String> = named.iter().filter(|name| !PURE.contains(&name.as_str())).collect();
    assert!(others.is_empty() && !named.is_empty(), "core is pure: {others:?} must be shown to be pure and added here");
}

#[test]
fn core_performs_no_io_and_awaits_nothing() {
    let core: Vec<Source> = program().into_iter().filter(below("host/core/")).collect();
    let io = r"\bstd::(fs|process|env|thread|io|os)\b|\b(Tcp|Udp|Unix)(Stream|Listener|Socket)|\b(SystemTime|Instant)\b|\basync\b|\.await\b|\bprint(ln)?!";
    none(found(&core, io, |_, _| false), "core has nouns and no verbs");
}

/// But for the example in Rust, which has to be a project of its own wherever it lies.
#[test]
fn every_crate_takes_versions_and_lints_from_the_workspace() {
    let ours = |path: &&String| path.ends_with("/Cargo.toml") && *path != "guest-policies/examples/rust/Cargo.toml";
    for manifest in files().iter().filter(ours) {
        let (text, mut inside) = (text(manifest), false);
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest} takes no lints");
        for line in text.lines() {
            inside = if line.starts_with('[') { line.contains("dependencies") } else { inside };
            let names = inside && !line.starts_with(['[', '#']) && !line.trim().is_empty();
            assert!(!names || line.contains("workspace = true"), "{manifest}: {line}");
        }
    }
}

const VERBS: [&str; 5] = ["observe", "orient", "decide", "act", "remember"];

/// A verb names itself, the ports, and what it is handed: the store of files, which `observe` keeps missions in.
#[test]
fn no_verb_imports_another() {
    let crate_path = Regex::new(r"\bcrate::(\{|[a-z_]+|[A-Z]\w*)").expect("a valid pattern");
    let handed = ["crate::remember::Blobs", "crate::remember::BlobError"];
    let mut hits = Vec::new();
    for source in program() {
        let Some(verb) = VERBS.iter().find(|verb| {
            source.path == format!("host/src/{verb}.rs") || source.path.starts_with(&format!("host/src/{verb}/"))
        }) else {
            continue;
        };
        for line in source.code.lines() {
            for named in crate_path.captures_iter(line) {
                // The API server is a place, as the file system is, and no verb.
                let fits = named[1] == **verb || ["Ports", "apiserver"].contains(&&named[1]);
                let keeps =
                    ["files", "missions", "kubernetes/missions"].map(|name| format!("host/src/observe/{name}.rs"));
                let noun = keeps.contains(&source.path) && handed.iter().any(|noun| line.contains(noun));
                if !fits && !noun {
                    hits.push(format!("{}: {}", source.path, line.trim()));
                }
            }
        }
    }
    none(hits, "a verb takes the previous verb's value and knows no other verb");
}

#[test]
fn only_the_turn_knows_all_verbs() {
    let called = r"\b(observe::(latest|follow_up)|orient::orient|decide::decide|act::start|remember::(learn|open|close))\(|\bgate\(";
    let allowed = |path: &str, line: &str| {
        // Replay asks the gate about what was, and does nothing.
        let again = path == "host/src/replay.rs" && line.contains("gate(charter");
        // So does the shadow, after the turn.
        let shadow = path == "host/src/shadow.rs" && (line.contains("gate(&") || line.contains("decide::decide("));
        path == "host/src/turn.rs"
            || again
            || shadow
            || (path == "host/core/src/gate.rs" && line.contains("pub fn gate("))
    };
    none(found(&program(), called, allowed), "turn.rs is the loop");
    assert!(text("host/src/turn.rs").lines().count() < 80, "whoever reads turn.rs has read the loop");
}

#[test]
fn bindings_are_generated_in_one_file() {
    let needle = format!("bindgen{}", "!");
    let hits = found(&sources(), &needle, |path, _| path == "host/src/decide/bindings.rs");
    none(hits, "generated types stay behind the boundary");
    let lines = text("host/src/decide/bindings.rs").lines().count();
    assert!(lines < 40, "bindings.rs is {lines} lines of something else");
    let used = r"\bbindings::";
    let allowed = |path: &str, _: &str| path.starts_with("host/src/decide/") || path.starts_with("guest-policies/");
    none(found(&program(), used, allowed), "generated types stay behind the boundary");
}

/// Adapters, and where each lives.
const ADAPTERS: [(&str, &str); 10] = [
    ("LocalDocker", "host/src/observe/local"),
    ("Kubernetes", "host/src/observe/kubernetes"),
    ("Together", "host/src/observe/together"),
    ("FileMissions", "host/src/observe/files"),
    ("ObjectMissions", "host/src/observe/kubernetes/missions"),
    ("Gemini", "host/src/orient/gemini"),
    ("Offline", "host/src/orient/offline"),
    ("ProcessWorkers", "host/src/act/process"),
    ("Nobody", "host/src/act/nobody"),
    ("Rehearsal", "host/src/rehearsal"),
];

#[test]
fn only_app_names_the_adapters() {
    for (adapter, home) in ADAPTERS {
        // A use of its module's type, or a call of its constructor; `World::Rehearsal` is another word.
        let named = format!(r"^\s*(pub )?use .*\b{adapter}\b|\b{adapter}::[a-z]|\bdyn {adapter}\b|[<(] ?{adapter}[>)]");
        let allowed = |path: &str, _: &str| path.starts_with(home) || path.starts_with("host/src/app");
        none(found(&program(), &named, allowed), "app.rs alone chooses the adapters");
        assert!(program().iter().any(|source| source.path.starts_with(home)), "{adapter} has moved from {home}");
    }
}

#[test]
fn the_kubernetes_api_is_named_where_it_is_spoken_alone() {
    let named = r"\b(kube|k8s_openapi)::";
    let rooms =
        ["host/src/observe/kubernetes", "host/src/act/kubernetes", "host/src/apiserver", "host/src/api/objects"];
    let allowed = |path: &str, _: &str| rooms.iter().any(|room| path.starts_with(room));
    none(found(&program(), named, allowed), "everything else is told core's nouns");
}

#[test]
fn the_clock_is_read_in_one_place_of_each_program() {
    let clock = r"\b(SystemTime|Timestamp|Zoned|UtcDateTime)::now\b|\bUNIX_EPOCH\.elapsed\b";
    let allowed = |path: &str, _: &str| ["host/src/driver.rs", "host/worker/src/clock.rs"].contains(&path);
    none(found(&program(), clock, allowed), "time is an argument");
}

#[test]
fn the_environment_is_read_in_one_place_of_each_program() {
    let environment = r"\benv::(var|vars|var_os|vars_os|set_var|remove_var|home_dir)\b|\bdotenv|\benv = ";
    let rooms = ["host/src/config.rs", "host/worker/src/environment.rs"];
    let allowed = |path: &str, _: &str| rooms.contains(&path) || path.starts_with("tests/");
    none(
        found(&program(), environment, allowed),
        "the environment is read in config.rs, and in a worker's environment.rs",
    );
    let text = |path: &str| text(path);
    assert!(
        text("clippy.toml").contains("std::env::var") && text("clippy.toml").contains("std::time::SystemTime::now")
    );
}

/// Every change, destruction too, is the apply of a saved and approved plan. Documents may say that these words appear
/// nowhere; nothing else may say them.
#[test]
fn nothing_is_destroyed_or_approved_behind_a_plans_back() {
    let words = [["terraform", "destroy"].join(" "), ["auto", "approve"].join("-")];
    for path in files().iter().filter(|path| !path.ends_with(".md") && !path.ends_with(".wasm")) {
        let text = text(path).to_lowercase();
        let said = words.iter().find(|word| text.contains(word.as_str()));
        assert_eq!(said, None, "{path}");
    }
    // The tool's own verb could be said word by word: the worker's arguments hold none of it.
    let worker: Vec<Source> = program().into_iter().filter(below("host/worker/")).collect();
    let verb = format!("\"{}\"", "destroy");
    let event = |path: &str, line: &str| path.ends_with("/terraform.rs") && line.contains("Action::Destroy =>");
    none(found(&worker, &verb, event), "a worker removes by applying a plan that does");
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    let unwraps = r"\.unwrap\(\)|\.unwrap_err\(\)|clippy::unwrap_used|\bunimplemented!|\btodo!";
    none(found(&program(), unwraps, |_, _| false), "say with `expect` why it cannot fail, or return the error");
}

/// Secrets, and the file that holds each; and how a worker runs, which holds some and is written into its folder alone.
const SECRETS: [(&str, &str); 6] = [
    ("Secret", "host/core/src/redaction.rs"),
    ("SealKey", "host/src/remember/seal.rs"),
    ("ApiKey", "host/src/orient/gemini.rs"),
    ("SigningKey", "host/src/cli/policy/key.rs"),
    ("Login", "host/src/registry/login.rs"),
    ("RunConfig", "host/worker/src/protocol.rs"),
];

#[test]
fn no_secret_can_be_printed_or_written_down() {
    let sources = sources();
    for (secret, home) in SECRETS {
        let text = text(home);
        let declared =
            Regex::new(&format!(r"((?:\s*#\[[^\n]*\]\n)*)pub(?:\(\w+\))? struct {secret}\b")).expect("valid");
        let derives = declared.captures(&text).unwrap_or_else(|| panic!("{secret} has moved from {home}"));
        let written = if secret == "RunConfig" { "Debug" } else { "Serialize" };
        for shown in ["Debug", "Display", written] {
            assert!(!derives[1].contains(shown), "{secret} derives {shown}");
            let implemented = format!(r"impl\b.*\b{shown}\b.* for {secret}\b");
            none(found(&sources, &implemented, |_, _| false), "no secret can be printed");
        }
    }
    let plain = r"^\s*(pub(\(\w+\))? )?(password|api_key|secret)\w*: (Option<)?(String|Vec<u8>)>?,";
    none(found(&program(), plain, |_, _| false), "a secret has a type of its own, without Debug");
}

#[test]
fn every_exception_says_why() {
    let attribute = Regex::new(r"(?s)#!?\[(?:cfg_attr\([^\]]*)?(?:allow|expect)\(.*?\)\]").expect("a valid pattern");
    for source in sources() {
        for exception in attribute.find_iter(&source.code) {
            assert!(exception.as_str().contains("reason = \""), "{}: {}", source.path, exception.as_str());
        }
    }
    for ignored in [format!("#[{}", "ignore"), format!("#[{}", "should_panic")] {
        none(found(&sources(), &regex::escape(&ignored), |_, _| false), "a test runs and says what it expects");
    }
}

/// A file is read by a person: programs in up to 500 lines, tests in up to 600.
#[test]
fn no_file_is_longer_than_a_reader() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source, text(&source.path).lines().count()))
        .filter(|(source, lines)| *lines > if source.is_test { 600 } else { 500 })
        .map(|(source, lines)| format!("{} has {lines} lines", source.path))
        .collect();
    none(long, "split what has grown");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> =
        sources().into_iter().filter(|source| !source.text.starts_with("//!")).map(|source| source.path).collect();
    none(silent, "a file begins with what it is for");
}

/// Where things are fetched from is for whoever builds: no script and no manifest names a registry's host. A provider's
/// source address, as plans and lock files have it, is a name and no host; so is an API group of Kubernetes.
#[test]
fn no_script_or_manifest_names_a_registry() {
    let hosts =
        ["ghcr", "quay", "crates", "registry.terraform", "registry-1.docker", "index.docker", "gcr", "registry.k8s"]
            .map(|name| format!("{name}.io"));
    let more = [["proxy", "golang", "org"].join("."), ["releases", "hashicorp", "com"].join(".")];
    let endings = [".sh", ".toml", ".yaml", ".yml", ".tf", "/run", "Dockerfile"];
    for path in files().iter().filter(|path| endings.iter().any(|end| path.ends_with(end))) {
        let text = text(path).replace("registry.terraform.io/kreuzwerker/docker", "");
        let named = hosts.iter().chain(&more).find(|host| text.contains(host.as_str()));
        assert_eq!(named, None, "{path}");
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let later = Regex::new(&format!(r"\b({})\b", words.join("|"))).expect("a valid pattern");
    for path in files().iter().filter(|path| !path.ends_with(".wasm")) {
        let text = text(path);
        assert_eq!(later.find(&text).map(|word| word.as_str()), None, "{path}");
    }
}
