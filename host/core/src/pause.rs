//! Pauses: what people have stopped by a word, until they take that word back.
//!
//! A pause is about everything, one mission, one class of workers, or one class of workers of one mission. Each stands by
//! itself: taking one back leaves the others. What is paused begins nothing: no worker, no question to the brain, no
//! request for an approval. What has begun goes on, and so do observing, journaling and answering.
//!
//! What is *not* here: which pauses stand (the ledger keeps them) and what they refuse (the gate asks for them).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;
use crate::mission::MissionName;
use crate::observation::Person;
use crate::order::Class;
use crate::situation::cut;

/// A sentence quotes this much of a comment, in bytes, so that what follows it is never cut off; the journal has all.
const QUOTED_BYTES_MAX: usize = 200;

/// What a pause is about. What is not named is not asked for, so one that names nothing is about everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    /// This mission alone.
    pub mission: Option<MissionName>,
    /// Workers of this class alone.
    pub class: Option<Class>,
}

/// A pause that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Whose word it is.
    pub who: Person,
    /// What the person wrote with it.
    pub comment: Option<String>,
}

impl Scope {
    /// Whether it is about what these missions are part of: a worker of this class, or a question, which has none.
    pub fn concerns(&self, missions: &[&MissionName], class: Option<Class>) -> bool {
        let mission = self.mission.as_ref().is_none_or(|mission| missions.contains(&mission));
        mission && self.class.is_none_or(|own| Some(own) == class)
    }

    /// How it is named on a command line, with a blank before each word; nothing where it is about everything.
    pub fn words(&self) -> String {
        let mission = self.mission.as_ref().map(|mission| format!(" {mission}"));
        let class = self.class.map(|class| format!(" --class {}", class.name()));
        mission.into_iter().chain(class).collect()
    }

    /// What a person types to take it back.
    pub fn resume(&self) -> String {
        format!("quarterdeck resume{}", self.words())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.mission, self.class) {
            (None, None) => write!(f, "everything"),
            (Some(mission), None) => write!(f, "mission {mission}"),
            (None, Some(class)) => write!(f, "every {}", class.name()),
            (Some(mission), Some(class)) => write!(f, "every {} of mission {mission}", class.name()),
        }
    }
}

impl Pause {
    /// Who paused what, when and why, and how it goes on.
    pub fn sentence(&self, scope: &Scope) -> String {
        let comment = self.comment.as_ref().map(|comment| format!(" ({})", cut(comment, QUOTED_BYTES_MAX)));
        let (who, at, comment) = (&self.who, self.at.utc(), comment.unwrap_or_default());
        format!("{scope} was paused by {who} at {at}{comment}; to go on: {}", scope.resume())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(mission: Option<&str>, class: Option<Class>) -> Scope {
        Scope { mission: mission.map(|name| MissionName::parse(name).unwrap()), class }
    }

    #[test]
    fn a_scope_concerns_what_fits_all_that_it_names() {
        let (web, shop) = (MissionName::parse("web").unwrap(), MissionName::parse("shop").unwrap());
        let builder = Some(Class::Builder);
        for (scope, worker, other, scanner, question) in [
            (scope(None, None), true, true, true, true),
            (scope(Some("web"), None), true, false, true, true),
            (scope(None, builder), true, true, false, false),
            (scope(Some("web"), builder), true, false, false, false),
        ] {
            assert_eq!(scope.concerns(&[&web], builder), worker, "{scope}");
            assert_eq!(scope.concerns(&[&shop], builder), other, "{scope}");
            assert_eq!(scope.concerns(&[&web], Some(Class::Scanner)), scanner, "{scope}");
            assert_eq!(scope.concerns(&[&web, &shop], None), question, "{scope}");
            let everything = scope.mission.is_none() && scope.class.is_none();
            assert_eq!(scope.concerns(&[], None), everything, "{scope}: a question about no mission");
        }
    }

    #[test]
    fn a_sentence_says_how_it_goes_on_however_much_was_written() {
        let (at, who) = (Timestamp(1_000_000_000_009), Person::Uid(7));
        let pause = Pause { at, who, comment: Some("a flood ".repeat(200)) };
        let said = pause.sentence(&scope(Some("web"), Some(Class::Builder)));
        assert!(said.starts_with("every builder of mission web was paused by uid 7 at 2001-09-09T01:46:40Z (a flood"));
        assert!(said.ends_with("\u{2026}); to go on: quarterdeck resume web --class builder"), "{said}");
        let silent = Pause { comment: None, ..pause };
        let said = silent.sentence(&Scope::default());
        assert_eq!(said, "everything was paused by uid 7 at 2001-09-09T01:46:40Z; to go on: quarterdeck resume");
    }
}
