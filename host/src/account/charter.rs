//! How a charter was wanted that had to be asked about, and what became of it.

use quarterdeck_core::entry::Standing;

use super::chronicle::Chronicle;
use super::decided::Draft;
use super::{Account, Cause, Says, words};
use crate::view::rfc3339;

pub(super) fn account(chronicle: &Chronicle, id: &str) -> Account {
    let mut draft = Draft::default();
    let mut summary = String::new();
    for wanted in chronicle.charters.iter().filter(|wanted| wanted.is_called(id)) {
        let chartered = &wanted.chartered;
        let Standing::Asked { rule, needed, expires, .. } = &chartered.standing else { continue };
        let what = format!("{} wanted another charter", chartered.who);
        let cause = Cause::new(wanted.mark, Says::Person, what)
            .with("digest", wanted.digest.to_string())
            .with("asked by", format!("{rule}, a rule of the charter in force then, which wants {needed} to say yes"))
            .with("expires", rfc3339(*expires))
            .with_each(
                "rule",
                chartered.charter.rules.list().iter().map(|rule| format!("{}, line {}", rule.id, rule.line)),
            );
        draft.add(cause);
        for (mark, said) in chronicle.answers(id) {
            let what = format!("{} {}", said.who, words::command(&said.command));
            draft.add(
                Cause::new(*mark, Says::Person, what).with_some("comment", words::comment(&said.command).cloned()),
            );
        }
        let became = match wanted.enacted {
            Some(mark) => {
                draft.add(Cause::new(mark, Says::Host, "from then on it was in force"));
                format!("in force since {}", rfc3339(mark.at))
            }
            None => "never in force by the end of this journal".to_owned(),
        };
        summary = format!("a charter that {} wanted and {needed} had to say yes to; {became}", chartered.who);
    }
    Account {
        of: "charter",
        name: id.to_owned(),
        rehearsal: chronicle.rehearsal,
        summary,
        causes: draft.causes,
        bytes: draft.bytes,
        missing: draft.missing,
    }
}
