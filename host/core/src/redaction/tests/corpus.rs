//! What ordinary logs lose: at most one line in a hundred, and never what an operator reads for.

use super::{CORPUS, none, redactor};

/// Of a hundred ordinary lines at most this many may be touched.
const TOUCHED_PERCENT_MAX: usize = 1;

#[test]
fn ordinary_logs_stay_as_they_are() {
    let redactor = redactor();
    let lines: Vec<_> = CORPUS.lines().collect();
    assert!(lines.len() > 300);
    let touched: Vec<_> = lines.iter().filter(|line| redactor.redact(line) != **line).collect();
    assert!(touched.len() * 100 <= lines.len() * TOUCHED_PERCENT_MAX, "{touched:#?}");
}

#[test]
fn lines_of_a_log_touch_no_other_line() {
    let redactor = redactor();
    let line_by_line: Vec<_> = CORPUS.lines().map(|line| redactor.redact(line).into_owned()).collect();
    let at_once = redactor.redact(CORPUS);
    let differ = line_by_line.iter().zip(at_once.lines()).filter(|(alone, among)| alone != among);
    none(differ.map(|(alone, among)| format!("{alone}\n{among}")).collect());
    assert_eq!(line_by_line.len(), at_once.lines().count());
}

#[test]
fn digests_ids_and_addresses_are_never_taken() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let redactor = redactor();
    for id in [
        format!("sha256:{digest}"),
        digest.to_owned(),
        digest[..40].to_owned(),
        digest[..12].to_owned(),
        digest.to_uppercase(),
        "6f1c2b34-9d5e-4a77-8b1f-0c2d3e4f5a6b".to_owned(),
        "module.db.random_password.admin[\"primary\"]".to_owned(),
        "docker_container.token_refresher".to_owned(),
        "token-refresher-7c9d8b6f5d-x2k9p".to_owned(),
        "[2001:db8:85a3::8a2e:370:7334]:443".to_owned(),
    ] {
        for place in ["@", "id=@ name=web", "a: @\nb: @\n", "\"@\"", "{\"id\":\"@\"}", "[id=@]", "(@)", "web@@ ok"] {
            let text = place.replace('@', &id);
            assert_eq!(redactor.redact(&text), text);
        }
    }
}
