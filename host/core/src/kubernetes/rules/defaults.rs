//! Classes that are marked as the default although another one is. They are told once, at the first of them by name.

use super::Symptom;
use crate::kubernetes::object::Meta;
use crate::situation::Severity;

/// So many of the others are named.
const NAMED_MAX: usize = 3;

/// What is wrong where an object is the first of several defaults, which come by name.
pub(super) fn twice<'a>(
    rule: &'static str,
    mark: &str,
    mut defaults: impl Iterator<Item = &'a Meta>,
    object: &Meta,
) -> Option<Symptom> {
    defaults.next().filter(|first| first.name == object.name)?;
    let others: Vec<&Meta> = defaults.collect();
    let named: Vec<String> = others.iter().take(NAMED_MAX).map(|other| other.name.to_string()).collect();
    let named = named.join(", ");
    let others = match others.len().saturating_sub(NAMED_MAX) {
        0 if named.is_empty() => return None,
        0 => named,
        more => format!("{named} and {more} more"),
    };
    let message = format!(
        "there is more than one default, this one and {others}: who names no class gets the newest of them; leave the \
         annotation {mark} to one alone"
    );
    Some(Symptom::new(rule, Severity::Warning, message))
}
