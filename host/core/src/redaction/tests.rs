//! Tables: what must go, what must stay, and small generated texts in which planted canaries never survive.
//!
//! Tokens that look like a service's are put together from parts, so that no scanner takes this file for a leak.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

mod corpus;
mod example;
mod property;
mod text;

use super::kinds::Kind;
use super::*;
use text::{CONTEXTS, ORDINARY, PARTS, PLACES};

/// Ordinary lines of logs, plans and tools, none of which holds a secret.
const CORPUS: &str = include_str!("tests/corpus.txt");

/// A value that stands nowhere but where a test put it.
const CANARY: &str = "zQ9vK2mXw7Lp4Rt8";

fn redactor() -> Redactor {
    Redactor::new([7; 32])
}

/// Fails with everything that is wrong at once: a table is read as a whole.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn text64(text: &str) -> String {
    STANDARD.encode(text)
}

/// A PEM block, its marks put together from parts.
fn pem(kind: &str, body: &str) -> String {
    format!("-----BEGIN {kind}PRIVATE{}KEY-----\n{body}\n-----END {kind}PRIVATE{}KEY-----", " ", " ")
}

fn pem_body() -> String {
    let line = "zQ9vK2mXw7Lp4Rt8zQ9vK2mXw7Lp4Rt8zQ9vK2mXw7Lp4Rt8zQ9vK2mXw7Lp4Rt8";
    format!("{line}\n{line}\nzQ9vK2mXw7Lp4Rt8==")
}

/// Tokens that are known by their shape.
fn shapes() -> Vec<(&'static str, String)> {
    let letters = "Ab1".repeat(14);
    let plain = [
        ("aws-key", "AKIA", "ABCDEFGHIJ234567"),
        ("aws-key", "ASIA", "ABCDEFGHIJ234567"),
        ("github-token", "ghp_", &letters),
        ("github-token", "gho_", &letters),
        ("github-token", "ghs_", &letters),
        ("github-token", "github_pat_", &letters),
        ("gitlab-token", "glpat-", &letters),
        ("slack-token", "xoxb-", "123456789012-abcdefABCDEF"),
        ("slack-token", "xoxp-", "123456789012-abcdefABCDEF"),
        ("google-key", "AIza", &letters[..35]),
        ("oauth-token", "ya29.", &letters),
        ("stripe-key", "sk_live_", &letters),
        ("stripe-key", "rk_live_", &letters),
        ("openai-key", "sk-", &letters),
        ("openai-key", "sk-proj-", &letters),
        ("npm-token", "npm_", &letters[..36]),
        ("vault-token", "hvs.", &letters),
    ];
    let mut shapes: Vec<_> = plain.iter().map(|(kind, head, tail)| (*kind, format!("{head}{tail}"))).collect();
    shapes.push(("jwt", format!("eyJ{}.eyJ{}.{letters}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxMjM0In0")));
    shapes.push(("private-key", pem("", &pem_body())));
    shapes.push(("private-key", pem("RSA ", &pem_body())));
    shapes.push(("private-key", pem("OPENSSH ", &pem_body()).replace('\n', "\\n")));
    shapes
}

#[test]
fn tokens_of_known_shape_go_wherever_they_stand() {
    let redactor = redactor();
    let mut wrong = Vec::new();
    for (kind, token) in shapes() {
        for place in PLACES {
            let text = place.replace('@', &token);
            let redacted = redactor.redact(&text);
            if redacted.contains(&token[token.len() / 2..]) || !redacted.contains(&format!("[redacted:{kind}:")) {
                wrong.push(format!("{kind} in {place}: {redacted}"));
            }
        }
    }
    none(wrong);
}

#[test]
fn what_stands_around_a_token_stays() {
    for (kind, token) in shapes() {
        let redacted = redactor().redact(&format!("pod web-0 said {token} at 10:00")).into_owned();
        assert!(redacted.starts_with("pod web-0 said [redacted:"), "{kind}: {redacted}");
        assert!(redacted.ends_with("] at 10:00"), "{kind}: {redacted}");
    }
}

/// The context with the canary in it; `@@` is the canary before an `@` that belongs to the context.
fn filled(context: &str) -> String {
    context.replace("@@", "@\u{2}").replace('@', CANARY).replace('\u{2}', "@")
}

#[test]
fn named_values_go_plain_and_behind_base64() {
    let redactor = redactor();
    let mut wrong = Vec::new();
    for context in CONTEXTS {
        let text = filled(context);
        let once = text64(&text);
        let texts = [
            text.clone(),
            format!("data:\n  x: {once}\n"),
            format!("{{\"x\":\"{}\"}}", once.trim_end_matches('=')),
            format!("log {} end", URL_SAFE.encode(&text)),
            format!("log {} end", text64(&once)),
            format!("{{\\\"x\\\":\\\"a\\n{once}\\\"}}"),
        ];
        for (index, text) in texts.iter().enumerate() {
            let redacted = redactor.redact(text).into_owned();
            let is_left = redacted.contains(CANARY)
                || redacted.contains(&once)
                || redacted.contains(&text64(&once))
                || !redacted.contains("[redacted:");
            if is_left {
                wrong.push(format!("{index} {context:?}: {redacted:?}"));
            }
            if redactor.redact(&redacted) != redacted {
                wrong.push(format!("{index} {context:?} again: {redacted:?} -> {:?}", redactor.redact(&redacted)));
            }
        }
    }
    none(wrong);
}

#[test]
fn ordinary_text_stays() {
    let redactor = redactor();
    let changed = ORDINARY.iter().filter(|text| redactor.redact(text) != **text);
    none(changed.map(|text| format!("{text:?}: {}", redactor.redact(text))).collect());
}

#[test]
fn a_private_key_goes_even_when_cut_escaped_or_behind_log_prefixes() {
    let whole = pem("EC ", &pem_body());
    let cut = &whole[..whole.len() - 50];
    let prefixed: String = whole.lines().map(|line| format!("10:00 web | {line}\n")).collect();
    let texts = [
        format!("{whole}\nnext line"),
        format!("{cut}\nnext line of the log"),
        format!("{{\"key\":\"{}\"}}", cut.replace('\n', "\\n")),
        format!("key: |\n  {}\nport: 1", whole.replace('\n', "\n  ")),
        prefixed,
        text64(&whole),
        text64(&text64(cut)),
        text64(&whole).as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect(),
        pem_body().replacen("zQ9vK2mXw7", &format!("MIIEpA{}", "IBAAKCAQEA"), 1),
    ];
    for text in &texts {
        let redacted = redactor().redact(text).into_owned();
        assert!(!redacted.contains("Lp4Rt8zQ9v") && !redacted.contains(&text64(&whole)[100..130]), "{redacted}");
    }
    assert!(redactor().redact(&texts[0]).ends_with("]\nnext line"));
    assert!(redactor().redact(&texts[1]).ends_with("\nnext line of the log"));
    assert!(redactor().redact(&texts[2]).ends_with("]\"}"));
}

#[test]
fn a_private_key_goes_whose_beginning_was_left_out() {
    let whole = pem("RSA ", &pem_body());
    let tail = |lines: usize| whole.lines().skip(lines).collect::<Vec<_>>().join("\n");
    let lines = pem_body().lines().count();
    assert!(lines > 2, "there is something to leave out");
    for left_out in 1..=lines {
        let tail = tail(left_out);
        let prefixed: String = tail.lines().map(|line| format!("web | {line}\n")).collect();
        for text in [format!("{tail}\nnext line"), tail.replace('\n', "\\n"), prefixed, text64(&tail)] {
            let redacted = redactor().redact(&text).into_owned();
            let body: String = pem_body().lines().last().unwrap_or_default().chars().take(12).collect();
            assert!(!redacted.contains("Lp4Rt8zQ9v") && !redacted.contains(&body), "{text} -> {redacted}");
        }
    }
    let after = redactor().redact(&format!("the plan failed\n{}\nnext line", tail(2))).into_owned();
    assert!(after.starts_with("the plan failed\n[redacted:private-key:") && after.ends_with("]\nnext line"), "{after}");
}

#[test]
fn a_value_ends_where_it_ends() {
    for (text, left) in [
        ("docker run -e A_PASSWORD=@ -e B=c image:16", "docker run -e A_PASSWORD=# -e B=c image:16"),
        ("--token=@ --discovery-hash sha256:9f86", "--token=# --discovery-hash sha256:9f86"),
        ("{\"password\":\"@\\\"x\",\"port\":1}", "{\"password\":\"#\",\"port\":1}"),
        ("{\\\"token\\\":\\\"@\\\",\\\"port\\\":1}", "{\\\"token\\\":\\\"#\\\",\\\"port\\\":1}"),
        ("GET /?token=@&page=2", "GET /?token=#&page=2"),
        ("Password=@;Encrypt=yes", "Password=#;Encrypt=yes"),
        ("DB_PASSWORD=@ with blanks\nHOME=/", "DB_PASSWORD=#\nHOME=/"),
        ("password: @ with blanks\nport: 1", "password: #\nport: 1"),
        ("password: |\n  @\n  second\nport: 1", "password: |\n  #\nport: 1"),
        ("password = <<-EOT\n    @\n  EOT\nx = 1", "password = <<-EOT\n    #\n  EOT\nx = 1"),
        ("x = {password: @}, y", "x = {password: #}, y"),
        ("- name: A_TOKEN\n  value: @\n- name: B", "- name: A_TOKEN\n  value: #\n- name: B"),
    ] {
        let redacted = redactor().redact(&text.replace('@', CANARY)).into_owned();
        assert_eq!(PLACEHOLDER.replace_all(&redacted, "#"), left);
    }
}

#[test]
fn placeholders_are_the_same_for_the_same_secret_and_differ_with_the_key() {
    let line = format!("password={CANARY}");
    let mine = redactor().redact(&line).into_owned();
    assert_eq!(mine, redactor().redact(&line));
    assert!(mine.starts_with("password=[redacted:password:") && mine.ends_with(']'), "{mine}");
    let hash = &mine[mine.len() - 13..mine.len() - 5];
    assert!(redactor().redact(&format!("TOKEN: \"{CANARY}\"")).contains(hash), "whatever its name, one secret is one");
    assert_ne!(mine, Redactor::new([8; 32]).redact(&line), "another key");
    assert_ne!(mine, redactor().redact(&format!("password={CANARY}x")), "another secret");
}

#[test]
fn a_placeholder_that_is_not_ours_is_replaced() {
    let (redactor, other) = (redactor(), Redactor::new([8; 32]));
    let line = format!("password={CANARY} token: {}", "Ab1".repeat(9));
    let ours = redactor.redact(&line).into_owned();
    assert_eq!(redactor.redact(&ours), ours);
    let theirs = other.redact(&line).into_owned();
    let again = redactor.redact(&theirs).into_owned();
    assert!(again.starts_with("password=[redacted:password:") && !again.contains(&theirs[9..40]), "{again}");
    assert_eq!(redactor.redact(&again), again);
    for forged in [
        "[redacted:password:01234567]".to_owned(),
        "[redacted:nothing:0123456789ab]".to_owned(),
        ours[9..41].replace("password", "token"),
    ] {
        let redacted = redactor.redact(&forged).into_owned();
        assert!(redacted.starts_with("[redacted:foreign:"), "{forged}: {redacted}");
    }
}

#[test]
fn every_kind_is_documented_and_has_an_example_that_shows_it() {
    let redactor = redactor();
    let examples = example::examples(&mut Numbers(0xabcdef));
    let named = |kind: &str| kinds::all().any(|known| known.name == kind && !known.source.is_empty());
    for example in &examples {
        let redacted = redactor.redact(&example.text()).into_owned();
        assert!(named(example.kind), "{}", example.kind);
        assert!(redacted.contains(&format!("[redacted:{}:", example.kind)), "{}: {redacted}", example.text());
        let (before, after) = (example.before.as_str(), example.after.as_str());
        let is_kept = redacted.starts_with(before) && redacted.ends_with(after);
        assert!(is_kept || example.kind == "private-key" || after.contains('='), "{}: {redacted}", example.text());
    }
    // What the host is told, what others redacted, and what is made to outlast all passes have tests of their own.
    let shown = |kind: &&Kind| {
        ["known", "foreign", "text"].contains(&kind.name) || examples.iter().any(|e| e.kind == kind.name)
    };
    let silent: Vec<_> = kinds::all().filter(|kind| !shown(kind)).map(|kind| kind.name).collect();
    assert_eq!(silent, [""; 0]);
    assert!(kinds::all().count() >= 40);
}

#[test]
fn the_documentation_names_every_kind() {
    let documented = include_str!("../../../../docs/redaction.md");
    let rows: Vec<_> = kinds().map(|(name, source)| format!("| `{name}` | {source} |")).collect();
    let missing: Vec<_> = rows.iter().filter(|row| !documented.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "{}", rows.join("\n"));
    assert_eq!(documented.lines().filter(|line| line.starts_with("| `")).count(), rows.len());
}

#[test]
fn known_values_go_wherever_they_stand() {
    let mut redactor = redactor();
    redactor.with_known(["just words", "sh", " line\none \"two\" "]);
    for text in [
        "he said just words and left".to_owned(),
        format!("x {} y", text64("just words")),
        format!("x {} y", text64("so just words then")),
        format!("x {} y", text64(&text64("so just words then"))),
        "a line\none \"two\" b".to_owned(),
        "{\"a\":\"line\\none \\\"two\\\"\"}".to_owned(),
    ] {
        let redacted = redactor.redact(&text).into_owned();
        assert!(redacted.contains("[redacted:"), "{text}: {redacted}");
        assert!(!redacted.contains("just words") && !redacted.contains("two"), "{text}: {redacted}");
        assert_eq!(redactor.redact(&redacted), redacted);
    }
    assert_eq!(redactor.redact("shell and shore"), "shell and shore", "too short to be known");
}

#[test]
fn a_bounded_text_is_redacted_before_it_is_cut() {
    let redactor = redactor();
    let token = format!("ghp_{}", "Ab1".repeat(12));
    let text = format!("größe {token} €€€ password={CANARY} ünd {}", "ä".repeat(50));
    for bytes_max in 0..text.len() + 80 {
        let bounded = redactor.redact_bounded(&text, bytes_max);
        assert!(bounded.len() <= bytes_max, "{bytes_max}: {bounded}");
        assert!(!bounded.contains("ghp_") && !bounded.contains(&CANARY[..4]), "{bytes_max}: {bounded}");
        let rest = PLACEHOLDER.replace_all(&bounded, "");
        assert!(!rest.contains('['), "a placeholder in half: {bytes_max}: {bounded}");
        assert!(bounded.ends_with('…') || bounded == redactor.redact(&text) || bytes_max < 3, "{bytes_max}: {bounded}");
    }
    assert_eq!(redactor.redact_bounded("short", 5), "short");
    assert_eq!(redactor.redact_bounded("shorter", 6), "sho…");
}

#[test]
fn a_secret_across_the_border_of_what_is_looked_at_is_not_half_shown() {
    let redactor = redactor();
    for (_, token) in shapes() {
        for before in (40..80).step_by(9) {
            let text = format!("{} {token} {}", "-".repeat(before), "x ".repeat(LOOK_AHEAD_BYTES));
            let bounded = redactor.redact_bounded(&text, 80);
            assert!(bounded.len() <= 80 && bounded.ends_with('…'), "{bounded}");
            assert!(!bounded.contains(&token[..12]), "{before}: {bounded}");
        }
    }
    let endless = format!("password=\"{}", CANARY.repeat(LOOK_AHEAD_BYTES));
    assert!(!redactor.redact_bounded(&endless, 100).contains(CANARY));
}

/// A small generator of numbers (xorshift), the same at each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).expect("small")).expect("below a usize")
    }
}

#[test]
fn canaries_never_survive_among_ordinary_lines() {
    let (redactor, mut numbers) = (redactor(), Numbers(0x5eed));
    for round in 0..150 {
        let mut lines = Vec::new();
        for _ in 0..numbers.below(6) + 1 {
            lines.push(ORDINARY[numbers.below(ORDINARY.len())].to_owned());
        }
        let planted = filled(CONTEXTS[numbers.below(CONTEXTS.len())]);
        let planted = if numbers.below(3) == 0 { text64(&planted) } else { planted };
        lines.insert(numbers.below(lines.len()), planted.clone());
        let text = lines.join("\n");
        let redacted = redactor.redact(&text).into_owned();
        assert!(!redacted.contains(CANARY) && !redacted.contains(&text64(&planted)), "{round}: {redacted}");
        assert_eq!(redactor.redact(&redacted), redacted, "{round}");
    }
}

#[test]
fn any_text_is_taken_without_a_panic_and_redacting_twice_changes_nothing() {
    let (redactor, mut numbers) = (redactor(), Numbers(0xfeed));
    for _ in 0..1500 {
        let text: String = (0..numbers.below(24)).map(|_| PARTS[numbers.below(PARTS.len())]).collect();
        let redacted = redactor.redact(&text).into_owned();
        assert_eq!(redactor.redact(&redacted), redacted, "{text:?}");
        assert!(redactor.redact_bounded(&text, numbers.below(60)).len() < 60);
    }
}

#[test]
fn texts_made_to_be_slow_are_not() {
    let redactor = redactor();
    for part in [
        "password",
        "password=",
        "token: a ",
        "eyJ",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "a=",
        "\"",
        "\\",
        "--token ",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "curl -u ",
        "[redacted:token:01234567]",
        "\\\\n",
        "%25",
        "a\n",
        "0123456789abcdef\n",
        "password=a1b2c3d4\n",
    ] {
        // Quadratic work on a quarter of a megabyte would hang this test.
        let text = part.repeat(256 * 1024 / part.len());
        let redacted = redactor.redact(&text);
        assert!(redacted.len() <= text.len() * 32);
    }
    // Many secrets behind one run, and runs behind runs.
    let secrets: String = (0..4096).map(|number| format!("password=a{number}b{number}c{number}\n")).collect();
    assert_eq!(PLACEHOLDER.replace_all(&redactor.redact(&text64(&text64(&secrets))), "#"), "#");
}
