//! Events: the warnings, which are all that is watched of them.

use k8s_openapi::api::core::v1 as k8s;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::event::Event;

use super::{Trimmer, count, time};

pub(in super::super) fn event(trimmer: &mut Trimmer, event: &k8s::Event) -> Object {
    let about = &event.involved_object;
    let named = about.name.as_deref().unwrap_or_default();
    let (times, last) = told(event);
    Object::Event(Event {
        meta: trimmer.meta(&event.metadata),
        about_kind: trimmer.word(about.kind.as_deref().unwrap_or_default()),
        about: trimmer.name(about.namespace.as_deref(), named),
        about_uid: trimmer.word(about.uid.as_deref().unwrap_or_default()),
        container: trimmer.maybe(about.field_path.as_deref().and_then(container)),
        reason: trimmer.word(event.reason.as_deref().unwrap_or_default()),
        message: trimmer.sentence(event.message.as_deref()),
        count: times,
        last,
    })
}

/// How often, and when last. The kubelet and the controllers count in the event itself; the scheduler, which speaks the
/// newer way, in its series, and only from the second time on.
fn told(event: &k8s::Event) -> (u32, Timestamp) {
    let series = event.series.as_ref();
    let times = series.and_then(|series| series.count).or(event.count);
    let again = series.and_then(|series| series.last_observed_time.as_ref()).map(|at| millis(at.0.as_millisecond()));
    let once = event.event_time.as_ref().map(|at| millis(at.0.as_millisecond()));
    let counted = event.last_timestamp.as_ref().map(time);
    let made = event.metadata.creation_timestamp.as_ref().map(time);
    (count(times).max(1), again.or(counted).or(once).or(made).unwrap_or(Timestamp(0)))
}

/// A time in milliseconds; one before 1970 is 1970.
fn millis(at_ms: i64) -> Timestamp {
    Timestamp(u64::try_from(at_ms).unwrap_or(0)).min(Timestamp::MAX)
}

/// The container of a path such as `spec.containers{main}`.
fn container(path: &str) -> Option<&str> {
    let (of, name) = path.strip_suffix('}')?.split_once('{')?;
    matches!(of, "spec.containers" | "spec.initContainers").then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples::{parse, trimmer};
    use super::*;

    fn read(event_: &serde_json::Value) -> Event {
        let object = event(&mut trimmer(), &parse(event_));
        let Object::Event(event) = object else { panic!("no event: {object:?}") };
        event
    }

    #[test]
    fn counts_and_times_are_found_wherever_a_component_puts_them() {
        let (first, later) = ("2026-11-27T23:37:34Z", "2026-11-27T23:38:34Z");
        let (micros, later_micros) = ("2026-11-27T23:37:34.045812Z", "2026-11-27T23:38:34.000001Z");
        let at = Timestamp(1_795_822_654_000);
        for (given, expected) in [
            (json!({ "count": 9, "firstTimestamp": first, "lastTimestamp": later }), (9, at.plus_ms(60_000))),
            (json!({ "eventTime": micros }), (1, at.plus_ms(45))),
            (
                json!({ "eventTime": micros, "series": { "count": 2, "lastObservedTime": later_micros } }),
                (2, at.plus_ms(60_000)),
            ),
            (json!({ "metadata": { "creationTimestamp": first } }), (1, at)),
            (json!({ "count": -4 }), (1, Timestamp(0))),
            (json!({}), (1, Timestamp(0))),
        ] {
            let mut whole = json!({ "metadata": {}, "involvedObject": {} });
            whole.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            let event = read(&whole);
            assert_eq!((event.count, event.last), expected, "{given}");
        }
    }

    #[test]
    fn what_it_is_about_is_named_down_to_the_container() {
        let about = |path: &str| {
            let object = json!({ "kind": "Pod", "namespace": "shop", "name": "web", "uid": "u", "fieldPath": path });
            read(&json!({ "metadata": {}, "involvedObject": object, "reason": "BackOff", "message": "Back-off" }))
        };
        let event = about("spec.containers{main}");
        assert_eq!((&*event.about_kind, event.about.to_string().as_str(), &*event.about_uid), ("Pod", "shop/web", "u"));
        for (path, container) in [
            ("spec.containers{main}", Some("main")),
            ("spec.initContainers{migrate}", Some("migrate")),
            ("spec.volumes{data}", None),
            ("spec.containers{main", None),
            ("", None),
        ] {
            assert_eq!(about(path).container.as_deref(), container, "{path}");
        }
    }
}
