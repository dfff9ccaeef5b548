//! The engine itself: does it answer, and is what we know of it still true?

use super::{Fault, object};
use crate::observation::{Observation, STALE_MS};
use crate::situation::Severity;

pub(super) fn look(observation: &Observation) -> Option<Fault> {
    let view = &observation.engine;
    let looked = view.looked?;
    let (severity, rule, message) = match (&view.problem, &view.state) {
        (Some(problem), _) => {
            (Severity::Critical, "engine-unreachable", format!("the Docker engine does not answer: {problem}"))
        }
        (None, Some((seen, _))) if observation.at.since_ms(*seen) > STALE_MS => (
            Severity::Warning,
            "engine-stale",
            "the Docker engine was last looked at too long ago: nothing is known about it now".to_owned(),
        ),
        (None, Some(_)) => return None,
        (None, None) if observation.at.since_ms(looked) <= STALE_MS => return None,
        (None, None) => {
            (Severity::Warning, "engine-stale", "the Docker engine has not answered its first question yet".to_owned())
        }
    };
    let object = object("engine", "docker", None);
    Some(Fault { rule, severity, object, owner: None, mission: None, message, evidence: vec![], count: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;
    use crate::observation::{EngineState, EngineView};

    fn seen(view: EngineView) -> Option<&'static str> {
        look(&Observation { at: Timestamp(100_000), engine: view, ..Default::default() }).map(|fault| fault.rule)
    }

    #[test]
    fn an_engine_that_does_not_answer_is_found_and_one_that_does_is_not() {
        let state = |at| Some((Timestamp(at), EngineState::default()));
        let looked = Some(Timestamp(99_000));
        assert_eq!(seen(EngineView::default()), None);
        assert_eq!(seen(EngineView { looked, state: state(99_000), problem: None }), None);
        assert_eq!(
            seen(EngineView { looked, state: state(99_000), problem: Some("refused".into()) }),
            Some("engine-unreachable")
        );
        assert_eq!(seen(EngineView { looked, state: state(10_000), problem: None }), Some("engine-stale"));
    }
}
