//! What people read of a plan is what the plan's JSON says: its counts, its order, and nothing that could deceive.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::parse_plan;
use super::{REMOVALS_SHOWN_MAX, RESOURCES_SHOWN_MAX};

/// Numbers that look like chance and are the same in every run: xorshift64*.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or_default() % end
    }
}

/// Terraform's actions and the words that the first line has for them.
const KINDS: [(&[&str], &str); 6] = [
    (&["delete"], "to destroy"),
    (&["create", "delete"], "to replace"),
    (&["forget"], "to forget"),
    (&["create"], "to add"),
    (&["update"], "to change"),
    (&["read"], "to read"),
];

const TYPES: [&str; 3] = ["docker_container", "docker_network", "docker_volume\u{202e}"];

/// A plan of this many resources, and how many of each kind its JSON holds, counted while it is made.
fn plan(numbers: &mut Numbers, resources: usize) -> (Value, BTreeMap<&'static str, usize>, BTreeMap<String, usize>) {
    let (mut counts, mut types) = (BTreeMap::new(), BTreeMap::new());
    let mut all = Vec::new();
    for index in 0..resources {
        let (actions, words) = KINDS[numbers.below(KINDS.len())];
        let kind = TYPES[numbers.below(TYPES.len())];
        *counts.entry(words).or_default() += 1;
        *types.entry(format!("{kind} {words}")).or_default() += 1;
        let name = format!("n{index}\u{1b}[2K\r+ docker_network.forged is made\u{2066}");
        let value = json!({"name": name, "command": ["a\nb", "\u{1b}]0;t\u{7}"], "password": "hunter2hunter2"});
        let (before, after) = if actions.contains(&"create") { (Value::Null, value) } else { (value, Value::Null) };
        all.push(json!({
            "address": format!("{kind}.x[\"{index}\u{200b}\"]"), "mode": "managed", "type": kind, "name": "x",
            "provider_name": "registry.terraform.io/kreuzwerker/docker",
            "change": {"actions": actions, "before": before, "after": after, "after_unknown": {"id": true},
                "before_sensitive": {"password": true}, "after_sensitive": {"password": true}}
        }));
    }
    let plan = json!({"format_version": "1.2", "complete": true, "resource_changes": all});
    (plan, counts, types)
}

/// "3 to destroy, 1 to add" as numbers.
fn read(said: &str) -> BTreeMap<String, usize> {
    let parts = said.trim_end_matches('.').split(", ").filter(|part| !part.is_empty());
    parts.filter_map(|part| part.split_once(' ')).map(|(n, what)| (what.to_owned(), n.parse().unwrap_or(0))).collect()
}

fn lines(plan: &Value) -> Vec<String> {
    parse_plan(plan.to_string().as_bytes()).expect("a plan").lines()
}

#[test]
fn the_counts_that_people_read_are_those_of_the_json() {
    let mut numbers = Numbers(7);
    for resources in (0..30).chain([200, 500]) {
        let (plan, counts, types) = plan(&mut numbers, resources);
        let lines = lines(&plan);
        let counts: BTreeMap<String, usize> =
            counts.into_iter().map(|(words, count)| (words.to_owned(), count)).collect();
        assert_eq!(read(lines[0].strip_prefix("Plan: ").unwrap_or_default()), counts, "{}", lines[0]);
        let by_type = lines.iter().filter_map(|line| line.strip_prefix("  docker_"));
        let by_type = by_type.filter_map(|line| line.split_once(": ")).flat_map(|(kind, said)| {
            let kind = format!("docker_{}", kind.replace("\\u{202e}", "\u{202e}"));
            read(said).into_iter().map(move |(words, count)| (format!("{kind} {words}"), count)).collect::<Vec<_>>()
        });
        let kinds: BTreeSet<&str> = types.keys().filter_map(|key| key.split(' ').next()).collect();
        // One type says what the first line says.
        let types = if kinds.len() > 1 { types } else { BTreeMap::new() };
        assert_eq!(by_type.collect::<BTreeMap<_, _>>(), types);
    }
}

#[test]
fn what_is_taken_away_stands_first_and_everything_else_is_counted() {
    let mut numbers = Numbers(11);
    for resources in [10, RESOURCES_SHOWN_MAX + 1, 200, 500, 900] {
        let (plan, counts, _) = plan(&mut numbers, resources);
        let lines = lines(&plan);
        let marks = ["- ", "-/+ ", ". ", "+ ", "~ ", "< "];
        let is_head = |line: &&String| marks.iter().any(|mark| line.starts_with(mark));
        let heads: Vec<&String> = lines.iter().filter(is_head).collect();
        let removes = |line: &&String| ["- ", "-/+ ", ". "].iter().any(|mark| line.starts_with(mark));
        let shown = heads.iter().copied().filter(|line| removes(line)).count();
        assert!(heads.iter().skip(shown).all(|line| !removes(line)), "no removal stands behind anything else");
        let removals: usize =
            ["to destroy", "to replace", "to forget"].iter().filter_map(|words| counts.get(words)).sum();
        assert_eq!(shown, removals.min(RESOURCES_SHOWN_MAX + REMOVALS_SHOWN_MAX), "of {removals}");
        let folded = resources - heads.len();
        let told = lines.iter().find(|line| line.ends_with("resources") || line.contains(" more resources: "));
        assert_eq!(told.is_some(), folded > 0);
        if let Some((more, each)) = told.and_then(|told| told.strip_prefix("… and ")?.split_once(" more resources: "))
        {
            assert_eq!(more.parse(), Ok(folded));
            assert_eq!(read(each).values().sum::<usize>(), folded, "{each}");
        }
    }
}

#[test]
fn nothing_that_could_deceive_comes_through_and_no_secret() {
    let (plan, ..) = plan(&mut Numbers(3), 300);
    for line in lines(&plan) {
        assert!(!line.chars().any(crate::text::is_hidden), "{line:?}");
        assert!(!line.contains("hunter2"), "{line}");
        assert!(!line.starts_with("+ docker_network.forged"), "{line}");
    }
}
