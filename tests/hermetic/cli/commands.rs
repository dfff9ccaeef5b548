//! The command line itself: what is accepted, and what is printed of a journal when no host runs.

use clap::{CommandFactory, Parser};
use quarterdeck::cli::{Cli, Exit, Failure, execute};
use serde_json::Value;

use super::story::{Story, planning};

pub(super) async fn said(data: &std::path::Path, words: &str) -> Result<(Exit, String), Failure> {
    let words = ["quarterdeck", "--data", data.to_str().unwrap()].into_iter().chain(words.split_whitespace());
    execute(Cli::try_parse_from(words).unwrap()).await
}

fn parse(words: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words.split_whitespace())
}

#[test]
fn every_command_says_by_example_how_it_is_used() {
    fn walk(command: &clap::Command) {
        if command.is_hide_set() {
            return;
        }
        if command.get_subcommands().next().is_none() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("quarterdeck "), "{} has no example", command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    let command = Cli::command();
    walk(&command);
    let help = command.get_after_help().unwrap().to_string();
    for exit in
        [Exit::Done, Exit::Failed, Exit::Usage, Exit::Unreachable, Exit::Damaged, Exit::TimedOut, Exit::Interrupted]
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&exit.code().to_string())), "{exit:?}");
    }
    Cli::command().debug_assert();
}

#[test]
fn a_command_line_is_parsed_once_and_refused_readably() {
    for good in [
        "quarterdeck run a b --until-ready --yes --real --timeout 90s --autonomy suggest --offline -o json",
        "quarterdeck get mission web",
        "quarterdeck get turns 3 -o wide",
        "quarterdeck --rehearsal journal verify",
        "quarterdeck approve a-1 --comment fine --yes",
        "quarterdeck replay --policy p.wasm --charter laptop --from 3 --to 9 -o json",
        "quarterdeck journal export --from 3 --to 9",
        "quarterdeck journal prune --before 2026-10-01 --archive d --dry-run",
        "quarterdeck journal prune --before 2026-10-01T06:00:00Z",
        "quarterdeck journal prune --keep 30d",
        "quarterdeck journal verify --key a.pem --key b.pem --checkpoint c.txt --archive d -o json",
        "quarterdeck why web/docker_container.web -o wide",
        "quarterdeck worker terraform plan --folder x",
        "quarterdeck pause",
        "quarterdeck pause web --class scanner --cancel --comment freeze",
        "quarterdeck resume --class configurator",
        "quarterdeck release web --comment mended",
        "quarterdeck run a --paused",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for (bad, says) in [
        ("quarterdeck run", "PATH"),
        ("quarterdeck run a --timeout soon", "such as 30s"),
        ("quarterdeck run a --timeout 0s", "more than nothing"),
        ("quarterdeck run a --autonomy all", "off, suggest, approve or auto"),
        ("quarterdeck --real --rehearsal get missions", "cannot be used with"),
        ("quarterdeck approve ../etc", "approval id"),
        ("quarterdeck destroy Web", "mission name"),
        ("quarterdeck get nodes", "possible values"),
        ("quarterdeck journal prune", "--before <DATE|TURN>|--keep <TIME>"),
        ("quarterdeck journal prune --before 7 --keep 30d", "cannot be used with"),
        ("quarterdeck journal prune --before yesterday", "use a day such as"),
        ("quarterdeck journal prune --keep -30d", "unexpected argument"),
        ("quarterdeck journal prune --keep=-30d", "use a number and a unit"),
        ("quarterdeck pause Web", "mission name"),
        ("quarterdeck pause --class plumber", "builder, configurator, scanner"),
        ("quarterdeck resume --cancel", "unexpected argument"),
    ] {
        let error = parse(bad).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()));
        assert!(error.to_string().contains(says), "{bad}: {error}");
    }
}

#[tokio::test]
async fn what_is_paused_is_shown_wherever_somebody_may_look() {
    let data = Story::paused().write();
    let sentence =
        "mission web was paused by uid 1000 at 2030-03-17T17:46:45Z (not today); to go on: quarterdeck resume web";
    for (words, says) in [
        ("get missions -o wide", sentence),
        ("get missions", "Rehearsed,Paused"),
        ("describe mission web", sentence),
        ("get findings -o wide", sentence),
        ("get turns", "mission web"),
        ("journal show 3", "mission web"),
        ("journal show 3 --situation", sentence),
        ("journal list", "uid 1000: pause web --cancel"),
    ] {
        let (_, text) = said(data.path(), words).await.unwrap();
        assert!(text.contains(says), "{words}: {text}");
    }
    let (_, text) = said(data.path(), "get missions -o json").await.unwrap();
    let mission = serde_json::from_str::<Value>(&text).unwrap()["items"][0].clone();
    assert_eq!(mission["pauses"][0]["scope"]["mission"], "web", "{mission}");
    let condition = serde_json::json!({ "type": "Paused", "status": "True", "reason": "Paused" });
    assert_eq!(mission["conditions"][1], condition, "{mission}");
    let (_, text) = said(data.path(), "get turns -o json").await.unwrap();
    let turns: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&turns["items"][1]["paused"], &turns["items"][2]["paused"]), (&Value::Null, &"mission web".into()));
}

const READS: [&str; 15] = [
    "get missions",
    "get findings",
    "get workers",
    "get approvals",
    "get budgets",
    "get turns",
    "describe mission web",
    "describe approval a-0123456789",
    "journal verify",
    "journal list",
    "journal show 2",
    "replay --charter production",
    "why 2",
    "why a-0123456789",
    "why web/docker_container.web",
];

#[tokio::test]
async fn every_json_object_says_that_it_is_a_rehearsal() {
    let data = Story::asking().write();
    let why = format!("why {}", planning().name);
    for words in READS.into_iter().chain(["journal show 2 --situation", &why]) {
        let (_, text) = said(data.path(), &format!("{words} -o json")).await.unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["rehearsal"], true, "{words}");
        assert_eq!(value["apiVersion"], "quarterdeck.dev/v1alpha1", "{words}");
        for item in value["items"].as_array().into_iter().flatten() {
            assert_eq!(item["rehearsal"], true, "{words}");
        }
    }
    let (_, text) = said(data.path(), "get missions -o json").await.unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["kind"], &list["items"][0]["name"]), (&"MissionList".into(), &"web".into()));
    assert_eq!(list["items"][0]["conditions"][0]["reason"], "Rehearsed");
}

#[tokio::test]
async fn each_budget_is_listed_with_what_is_used_of_it() {
    let data = Story::asking().write();
    let (_, text) = said(data.path(), "get budgets").await.unwrap();
    let row = |name: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(row("workers ")[1..4], ["0", "4", "workers"]);
    assert_eq!(row("workers-this-hour")[1..4], ["1", "120", "workers"]);
    assert_eq!(row("money-today")[1..4], ["0", "10000000", "micro-usd"]);
    let (_, text) = said(data.path(), "get budgets workers-this-hour -o json").await.unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["kind"], &list["items"][0]["limit"]), (&"BudgetList".into(), &120.into()), "{list}");
    // It was ordered in the second second.
    assert_eq!(list["items"][0]["frees"], "2030-03-17T18:46:41.000Z", "{list}");
    let failure = said(data.path(), "get budgets nope").await.unwrap_err();
    assert!(failure.text().contains("quarterdeck get budgets"), "{}", failure.text());
}

#[tokio::test]
async fn nothing_that_is_printed_can_deceive_a_reader() {
    let data = Story::asking().write();
    let why = format!("why {}", planning().name);
    for words in READS.into_iter().chain(["journal show 2 --situation", &why]) {
        for output in ["table", "wide", "json"] {
            let (_, text) = said(data.path(), &format!("{words} -o {output}")).await.unwrap();
            let hidden = text.chars().find(|c| *c != '\n' && quarterdeck_core::text::is_hidden(*c));
            assert_eq!(hidden, None, "{words} -o {output}");
            assert!(!text.lines().any(|line| line.starts_with("NAME  Ready")), "a line was forged: {text}");
        }
    }
    let (_, text) = said(data.path(), "describe mission web").await.unwrap();
    assert!(text.contains("a server\\u{1b}[31m\\u{202e}\\nNAME  Ready"), "{text}");
}

#[tokio::test]
async fn an_approval_is_described_with_its_plan_and_its_dangers() {
    let data = Story::asking().write();
    let (_, text) = said(data.path(), "describe approval a-0123456789").await.unwrap();
    for part in ["published-port", "0.0.0.0:8080", "-/+ docker_container.web is destroyed and made anew"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_to_do() {
    let data = Story::asking().write();
    for (words, exit, says) in [
        ("get missions nope", Exit::Failed, "quarterdeck get missions"),
        ("describe finding f-1", Exit::Failed, "quarterdeck get findings"),
        ("journal show 99", Exit::Failed, "quarterdeck get turns"),
        ("why 99", Exit::Failed, "get turns"),
        ("approve a-0123456789", Exit::Unreachable, "quarterdeck run PATH"),
        ("destroy web --yes", Exit::Unreachable, "quarterdeck run PATH"),
        ("pause --cancel", Exit::Unreachable, "quarterdeck run PATH --paused"),
        ("resume web", Exit::Unreachable, "quarterdeck run PATH"),
        ("release web", Exit::Unreachable, "quarterdeck run PATH"),
        ("--real get missions", Exit::Unreachable, "quarterdeck run PATH"),
        ("state list", Exit::Failed, "a rehearsal keeps no states"),
        ("policy inspect no-such-file", Exit::Usage, "wit/policy.wit"),
    ] {
        let failure = said(data.path(), words).await.unwrap_err();
        assert_eq!(failure.exit, exit, "{words}");
        assert!(failure.text().contains(says), "{words}: {}", failure.text());
    }
}

#[tokio::test]
async fn a_file_that_is_not_understood_is_said_with_its_place_and_one_word() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "mission.yaml",
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {name: web}\nspec:\n  nope: 1\n",
    );
    write("charter.yaml", "autonmy: auto\n");
    write("numbers.yaml", "workersMax: 4\nappliesADayMax: 5000\n");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = format!("run {} --until-ready --engine /nonexistent", path("mission.yaml"));
    for (words, says) in [
        (run.clone(), format!("{}: line 5 column 3: unknown field `nope`", path("mission.yaml"))),
        (format!("{run} --config {}", path("charter.yaml")), format!("{}: line 1 column 1", path("charter.yaml"))),
        (
            format!("{run} --config {}", path("numbers.yaml")),
            format!("{}: appliesADayMax is 5000; use a number from 0 to 1000", path("numbers.yaml")),
        ),
    ] {
        let failure = said(&folder.path().join("data"), &words).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{words}");
        let text = failure.text();
        assert!(text.contains(&says) && text.matches("error:").count() <= 1, "{text}");
    }
}

#[tokio::test]
async fn a_doctor_that_finds_no_engine_says_cause_and_cure_and_leaves_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = data.path().join("no-engine.sock");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/web");
    let words = format!("doctor {example} --engine {} -o json", nowhere.display());
    let (exit, text) = said(data.path(), &words).await.unwrap();
    assert_eq!(exit, Exit::Damaged);
    let page: Value = serde_json::from_str(&text).unwrap();
    let engine = page["items"].as_array().unwrap().iter().find(|item| item["name"] == "engine").unwrap();
    assert!(engine["verdict"] == "fail" && engine["cure"].is_string(), "{engine}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

/// What is looked at before the first run must not be what the look itself has made.
#[tokio::test]
async fn a_doctors_visit_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mission = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/web");
    let (exit, page) =
        said(&data, &format!("doctor {mission} --engine /nonexistent --terraform /nonexistent")).await.unwrap();
    assert_eq!(exit, Exit::Damaged);
    assert!(page.contains("mission web") && !page.contains("is open to others"), "{page}");
    assert!(!data.exists(), "a look makes nothing");
}
