//! What a kubelet says, without what is another at each attempt: a message has to stay as long as its cause does.

/// A run of hexadecimal digits that is as long is the id of something that is made anew each time.
const ID_DIGITS_MIN: usize = 32;

/// The sentence without ids of sandboxes and containers, without the local ends of connections, whose ports change, and
/// without the pod that it is about.
pub(in super::super) fn steady(said: &str) -> String {
    let about = said.find(" (pod: \"").unwrap_or(said.len());
    let words: Vec<String> = said[..about].split(' ').map(word).collect();
    words.join(" ").trim_end_matches(['.', ' ']).to_owned()
}

fn word(word: &str) -> String {
    let remote = word.split_once("->").map_or(word, |(_, remote)| remote);
    let mut steady = String::with_capacity(remote.len());
    let mut rest = remote;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (run, beyond) = rest.split_at(digits);
        steady.push_str(if digits >= ID_DIGITS_MIN { "…" } else { run });
        let others = beyond.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(beyond.len());
        steady.push_str(&beyond[..others]);
        rest = &beyond[others..];
    }
    steady
}

/// An exit code, with what it means by convention.
pub(super) fn exit(code: i32) -> String {
    let meaning = match code {
        126 => " (its command may not be executed)",
        127 => " (its command is not there)",
        132 => " (SIGILL: made for another processor?)",
        134 => " (SIGABRT)",
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        143 => " (SIGTERM)",
        _ => "",
    };
    format!("exit code {code}{meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_at_each_attempt_is_left_out_and_the_rest_stays() {
        let id = "0ac5e8112ae85dac10523900ef8d7d7dcd33d2c36f64cc08609092ef256df59e";
        for (said, steadily) in [
            ("", ""),
            ("configmap \"settings\" not found", "configmap \"settings\" not found"),
            ("read udp [::1]:44122->[::1]:53: read: refused", "read udp [::1]:53: read: refused"),
            (
                "runs as root (pod: \"broken_shop(d5bed6b8-4e0c-429f-9e22-d07c23a47b35)\", container: main)",
                "runs as root",
            ),
            (&format!("sandbox \"{id}\": no plugin. "), "sandbox \"…\": no plugin"),
            (&format!("{id}é{id}"), "…é…"),
            ("deadbeef stays, déjà vu too", "deadbeef stays, déjà vu too"),
        ] {
            assert_eq!(steady(said), steadily);
        }
    }
}
