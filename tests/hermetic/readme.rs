//! What the README says must be so: its tables are held against the program, its examples are read by it, and the files
//! and tests that it names must be there.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use quarterdeck::cli::{Cli, Exit};
use quarterdeck::config::{self, Given};
use quarterdeck::rehearsal::Script;
use quarterdeck_core::charter::{Charter, Settings};
use quarterdeck_core::terraform::grants::RESOURCE_TYPES;
use quarterdeck_core::terraform::plan::DangerKind;
use quarterdeck_tests::harness::Harness;
use regex::Regex;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// From a heading to the next one of the same depth.
fn section(heading: &str) -> String {
    let readme = text("README.md");
    let begin = readme.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading} has gone")) + 1;
    let rest = &readme[begin + heading.len()..];
    let depth = heading.split(' ').next().expect("a split has a first part");
    rest.split(&format!("\n{depth} ")).next().expect("a split has a first part").to_owned()
}

/// The first block of YAML in a section.
fn yaml(heading: &str) -> String {
    let section = section(heading);
    let block = section.split("```yaml\n").nth(1).unwrap_or_else(|| panic!("{heading} has no YAML"));
    block.split("```").next().expect("a split has a first part").to_owned()
}

fn all(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    let found: Vec<String> = pattern.captures_iter(text).map(|found| found[1].to_owned()).collect();
    assert!(!found.is_empty(), "{pattern} finds nothing");
    found
}

/// Every one of them stands in the text, in code marks.
fn told<T: AsRef<str>>(names: impl IntoIterator<Item = T>, text: &str) {
    for name in names {
        let name = regex::escape(name.as_ref());
        let word = Regex::new(&format!(r"`(?:[^`\n]*[^A-Za-z0-9_-])?{name}(?:[^A-Za-z0-9_-][^`\n]*)?`"));
        let word = word.expect("a valid pattern");
        assert!(word.is_match(text), "{name} is not told");
    }
}

#[test]
fn every_command_flag_and_exit_code_is_told() {
    let (flags, commands) = (section("### Flags of `run`"), section("### Commands"));
    let cli = Cli::command();
    let visible = cli.get_subcommands().filter(|command| !command.is_hide_set());
    told(visible.map(clap::Command::get_name), &commands);
    let run = cli.find_subcommand("run").unwrap();
    let long = |argument: &clap::Arg| argument.get_long().map(|long| format!("--{long}"));
    told(run.get_arguments().filter_map(long).filter(|long| long != "--output"), &flags);
    told(cli.get_arguments().filter_map(long), &text("README.md"));
    let codes = section("## Exit codes");
    for exit in
        [Exit::Done, Exit::Failed, Exit::Usage, Exit::Unreachable, Exit::Damaged, Exit::TimedOut, Exit::Interrupted]
    {
        assert!(codes.contains(&format!("\n| {} |", exit.code())), "{exit:?} is not told");
    }
}

#[test]
fn every_variable_is_told() {
    let config = text("host/src/config.rs");
    let read =
        all(r#"variable\("([A-Z_]+)"\)"#, &config).into_iter().filter(|name| !["HOME", "PATH"].contains(&&**name));
    let handed_on = config.split("TOOL_VARIABLES").nth(1).unwrap().split("];").next().unwrap();
    told(read.chain(all(r#""([A-Z_]+)""#, handed_on)), &section("### Environment"));
}

#[test]
fn the_charter_is_told_and_its_example_is_one() {
    let told_of = section("### The charter");
    told(DangerKind::names(), &told_of);
    let keys = serde_json::to_value(Settings::default()).unwrap();
    told(keys.as_object().unwrap().keys(), &told_of);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("charter.yaml");
    std::fs::write(&file, yaml("### The charter")).unwrap();
    let wanted = config::amendment(&Given { config: Some(file), ..Given::default() }).unwrap();
    let read = wanted.of(&Charter::default());
    assert_eq!(
        read.settings.failures_max,
        Settings::default().failures_max,
        "the example has the defaults, but for two"
    );
    assert!(read.settings.grants("privileged"));
}

#[test]
fn the_readmes_mission_becomes_ready() {
    let missions = section("## Missions");
    told(RESOURCE_TYPES, &missions);
    let (mission, main) = (yaml("## Missions"), text("deploy/examples/web/main.tf"));
    let files: [(&str, &str); 2] = [("mission.yaml", &mission), ("main.tf", &main)];
    let script = Script { steps: Vec::new(), takes_ms: 1_500 };
    let mut host = Harness::new(&[("web", &files)], Charter::default(), script).unwrap();
    host.turns(60_000, 1_000).unwrap();
    assert_eq!(host.phase("web"), "Ready");
}

#[test]
fn every_file_that_is_named_is_there() {
    for page in [
        "README.md",
        "docs/policies.md",
        "docs/journal.md",
        "docs/signatures.md",
        "docs/registries.md",
        "docs/backup.md",
    ] {
        let page = text(page);
        let named = all(r"`((?:wit|host|guest-policies|deploy|tests|docs|\.ci)/[A-Za-z0-9_./-]*)`", &page);
        for path in named.iter().filter(|path| !path.contains("lookout")) {
            assert!(root().join(path).exists(), "{path} is not there");
        }
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    fn sources(folder: &Path, read: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" {
                sources(&path, read);
            } else if path.extension().is_some_and(|end| end == "rs") {
                read.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut read = String::new();
    ["host", "guest-policies", "tests"].iter().for_each(|folder| sources(&root().join(folder), &mut read));
    let named = all(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", &section("## Invariants"));
    assert!(named.len() > 20, "the invariants have lost their tests");
    for name in named {
        assert!(read.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

/// The policy that is written down for people to copy is the SDK's example, which is compiled.
#[test]
fn the_documents_policy_is_the_example() {
    let example = format!("```rust\n{}```\n", text("guest-policies/sdk/examples/lookout.rs"));
    assert!(text("docs/policies.md").contains(&example), "docs/policies.md holds another one than the SDK's example");
}

/// The table of the finding rules names each rule of a cluster once, and nothing else; each broken thing of the real-parts
/// suite is found by rules of it.
#[test]
fn every_rule_of_a_cluster_is_told_once() {
    let document = text("docs/kubernetes.md");
    let (_, findings) = document.split_once("\n## Findings\n").expect("the section of the findings");
    let told = all(r"(?m)^\| `([a-z-]+)` \|", findings);
    let (mut sorted, count) = (told.clone(), told.len());
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), count, "a rule is told twice");

    let mut written: Vec<String> = Vec::new();
    let mut folders = vec![root().join("host/core/src/kubernetes/rules")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of rules").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => written.push(std::fs::read_to_string(path).expect("a file of rules")),
            }
        }
    }
    written.push(text("host/core/src/finding/kubernetes.rs"));
    let written = written.join("\n");
    let unknown: Vec<&String> = told.iter().filter(|rule| !written.contains(&format!("\"{rule}\""))).collect();
    assert!(unknown.is_empty(), "told, and no rule: {unknown:?}");
    let mut made = all(r#"Symptom::new\(\s*"([a-z-]+)""#, &written);
    made.extend(all(r#"\(\s*"((?:cluster|watch)-[a-z]+)",\s*Severity"#, &written));
    for file in std::fs::read_dir(root().join("tests/real/broken")).expect("broken things").flatten() {
        made.extend(all(r"(?m)^# Finds: (?:.*: )?([a-z-]+)$", &std::fs::read_to_string(file.path()).expect("a file")));
    }
    let untold: Vec<&String> = made.iter().filter(|rule| !told.contains(rule)).collect();
    assert!(untold.is_empty(), "a rule, and not told: {untold:?}");
}
