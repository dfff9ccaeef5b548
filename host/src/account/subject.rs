//! What can be asked about, as people type it.
//!
//! A name alone rarely says what it is of: a container may be called like a worker, or like a number. So a text is
//! everything that it could be, and the journal says which of that there is. A word before a `/` narrows it down.

use quarterdeck_core::ids::MissionId;

/// Something that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A turn, by its number.
    Turn(u32),
    /// A worker, by its order's name.
    Worker(String),
    /// A request to people, about a plan or a charter.
    Approval(String),
    /// A resource: Terraform's address, an object's `kind/name`, or its name.
    Thing {
        /// The name or id of its mission, where that was said.
        mission: Option<String>,
        /// The rest.
        called: String,
    },
}

/// All that a text may mean.
pub(super) fn parse(text: &str) -> Vec<Subject> {
    let thing = |mission: Option<&str>, called: &str| Subject::Thing {
        mission: mission.map(str::to_owned),
        called: called.to_owned(),
    };
    let mut subjects = Vec::new();
    match text.split_once('/') {
        Some(("turn", turn)) => subjects.extend(turn.parse().ok().map(Subject::Turn)),
        Some(("worker", name)) => subjects.push(Subject::Worker(name.to_owned())),
        Some(("approval", id)) => subjects.push(Subject::Approval(id.to_owned())),
        Some(_) => {}
        None => {
            subjects.extend(text.parse().ok().map(Subject::Turn));
            subjects.extend([Subject::Worker(text.to_owned()), Subject::Approval(text.to_owned())]);
        }
    }
    subjects.push(thing(None, text));
    if let Some((mission, rest)) = text.split_once('/')
        && MissionId::parse(mission).is_ok()
    {
        subjects.push(thing(Some(mission), rest));
    }
    subjects
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn thing(mission: Option<&str>, called: &str) -> Subject {
        Subject::Thing { mission: mission.map(str::to_owned), called: called.to_owned() }
    }

    #[test]
    fn a_text_is_all_that_it_may_mean_and_a_word_before_it_narrows_that() {
        let name = |text: &str| text.to_owned();
        let twelve = [Subject::Turn(12), Subject::Worker(name("12")), Subject::Approval(name("12")), thing(None, "12")];
        assert_eq!(parse("12"), twelve);
        assert_eq!(parse("turn/12"), [Subject::Turn(12), thing(None, "turn/12"), thing(Some("turn"), "12")]);
        let image = "image/ghcr.io/a/b:1";
        assert_eq!(parse(image), [thing(None, image), thing(Some("image"), "ghcr.io/a/b:1")]);
        let quoted = "module.a[\"x/y\"].docker_container.web";
        assert_eq!(parse(quoted), [thing(None, quoted)]);
        assert_eq!(parse("turn/x")[0], thing(None, "turn/x"));
    }
}
