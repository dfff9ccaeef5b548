//! Resource quotas.
//!
//! A limit of zero is a ban, made on purpose, and none that is used up. Nor is a quota told that is nearly used up:
//! nobody has been refused yet.

use super::Symptom;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::node::{Quota, QuotaLine};
use crate::kubernetes::quantity::Quantity;
use crate::situation::Severity;

/// So many of a quota's lines are named; the rest are counted.
const LINES_NAMED_MAX: usize = 4;

pub(super) fn look(_cluster: &Cluster, quota: &Quota) -> Vec<Symptom> {
    let full: Vec<&QuotaLine> = quota.lines.iter().filter(|line| is_used_up(line)).collect();
    if full.is_empty() {
        return Vec::new();
    }
    let named: Vec<&str> = full.iter().take(LINES_NAMED_MAX).map(|line| &*line.resource).collect();
    let more = match full.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "what it allows of {}{more} is used up, and the API server refuses whatever needs more; raise the limit, or take \
         away what is not needed",
        named.join(", ")
    );
    let symptom = Symptom::new("quota-exhausted", Severity::Warning, message);
    let said = |symptom: Symptom, line: &&QuotaLine| {
        symptom.seen_by(&line.resource, &format!("{} of {}", line.used, line.hard))
    };
    vec![full.iter().take(LINES_NAMED_MAX).fold(symptom, said)]
}

fn is_used_up(line: &QuotaLine) -> bool {
    let (Some(hard), Some(used)) = (Quantity::parse(&line.hard), Quantity::parse(&line.used)) else { return false };
    hard > Quantity::ZERO && used >= hard
}

#[cfg(test)]
mod tests {
    use super::super::example::meta;
    use super::*;

    #[test]
    fn a_quota_is_told_once_a_line_of_it_is_used_up() {
        for (lines, names) in [
            (&[][..], None),
            (&[("pods", "2", "1")], None),
            (&[("pods", "2", "2")], Some("pods is")),
            (&[("pods", "2", "3")], Some("pods is")),
            (&[("services.nodeports", "0", "0")], None),
            (&[("requests.cpu", "1", "1000m")], Some("requests.cpu is")),
            (&[("requests.cpu", "1", "999m")], None),
            (&[("requests.memory", "1Gi", "1024Mi")], Some("requests.memory is")),
            (&[("requests.memory", "1Gi", "1G")], None),
            (&[("pods", "many", "2")], None),
            (&[("pods", "2", "")], None),
            (&[("pods", "1", "1"), ("secrets", "9", "1"), ("services", "1", "1")], Some("pods, services is")),
            (
                &[("a", "1", "1"), ("b", "1", "1"), ("c", "1", "1"), ("d", "1", "1"), ("e", "1", "1")],
                Some("a, b, c, d and 1 more is"),
            ),
        ] {
            let line = |(resource, hard, used): &(&str, &str, &str)| QuotaLine {
                resource: (*resource).into(),
                hard: (*hard).into(),
                used: (*used).into(),
            };
            let quota = Quota { meta: meta("web", "quota"), lines: lines.iter().map(line).collect() };
            let symptoms = look(&Cluster::default(), &quota);
            assert_eq!(symptoms.len(), usize::from(names.is_some()), "{lines:?}");
            if let Some(names) = names {
                assert_eq!(symptoms[0].rule, "quota-exhausted");
                assert!(symptoms[0].message.contains(names), "{}", symptoms[0].message);
                assert!(symptoms[0].evidence.len() <= LINES_NAMED_MAX);
            }
        }
    }
}
