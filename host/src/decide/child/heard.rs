//! An answer that a child gave, believed no further than a guest's.
//!
//! A child that a guest has taken over can say anything in the words of an answer. So it is taken apart again: a decision
//! must be one that the boundary makes, a log one that a guest's stay keeps, and what only the host can know (that a
//! deadline passed, that a child died) is not the child's to say.

use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::text::is_hidden;

use super::super::answer::{Answer, Class, HostAbort};
use super::super::boundary::again;
use super::super::guest::shorten;
use super::super::limits;

/// The answer, if a child that does its duty could have given it, and the decision in it; else what is wrong with it.
pub(in crate::decide) fn answer(answer: Answer) -> Result<(Answer, Option<Decision>), String> {
    let Answer { class, logs, logs_dropped, fuel, memory_bytes, backtrace } = answer;
    if fuel > limits::FUEL || memory_bytes > limits::MEMORY_BYTES_MAX as u64 {
        return Err("it used more than there is".to_owned());
    }
    let kept = logs.iter().map(|line| line.text.len()).sum::<usize>();
    let lines = logs.iter().all(|line| line.text.len() <= limits::LOG_LINE_BYTES_MAX && !line.text.contains(is_hidden));
    if logs.len() > limits::LOG_LINES_KEPT_MAX || kept > limits::LOG_BYTES_KEPT_MAX || !lines {
        return Err("a log that nobody keeps".to_owned());
    }
    let frame = |frame: &String| frame.len() <= limits::FRAME_BYTES_MAX && !frame.contains(is_hidden);
    if backtrace.len() > limits::BACKTRACE_FRAMES_MAX || !backtrace.iter().all(frame) {
        return Err("a place where nobody can be".to_owned());
    }
    let mut decision = None;
    let class = match class {
        Class::Decided(bytes) => {
            let decided = encoding::decode::<Decision>(&bytes).map_err(|error| error.to_string())?;
            again::decision(&decided).map_err(|refused| refused.to_string())?;
            decision = Some(decided);
            Class::Decided(bytes)
        }
        Class::GuestFailure { kind, detail } => Class::GuestFailure { kind, detail: shorten(&detail) },
        Class::HostAbort { kind, detail } => match kind {
            HostAbort::Epoch | HostAbort::Stack | HostAbort::Pool | HostAbort::Situation | HostAbort::Panic => {
                Class::HostAbort { kind, detail: shorten(&detail) }
            }
            HostAbort::Deadline | HostAbort::Child | HostAbort::Observing => {
                return Err("what only the host can know".to_owned());
            }
        },
    };
    Ok((Answer { class, logs, logs_dropped, fuel, memory_bytes, backtrace }, decision))
}

#[cfg(test)]
mod tests {
    use super::super::super::answer::{Level, LogLine};
    use super::*;

    fn decided(decision: &Decision) -> Answer {
        Answer {
            class: Class::Decided(encoding::encode(decision)),
            logs: vec![],
            logs_dropped: 0,
            fuel: 1,
            memory_bytes: 1,
            backtrace: vec![],
        }
    }

    #[test]
    fn an_answer_that_no_child_on_duty_gives_is_refused() {
        let good = decided(&Decision::default());
        assert_eq!(answer(good.clone()), Ok((good.clone(), Some(Decision::default()))));
        let log = |text: &str| vec![LogLine { level: Level::Info, text: text.into() }];
        for wrong in [
            Answer { fuel: limits::FUEL + 1, ..good.clone() },
            Answer { memory_bytes: u64::MAX, ..good.clone() },
            Answer { logs: log("\u{1b}[2J"), ..good.clone() },
            Answer { logs: log(&"x".repeat(2_000)), ..good.clone() },
            Answer { logs: vec![log("x").remove(0); 101], ..good.clone() },
            Answer { backtrace: vec!["f".into(); 9], ..good.clone() },
            Answer { backtrace: vec!["\u{202e}".into()], ..good.clone() },
            Answer { class: Class::Decided(b"\x03\xff".to_vec()), ..good.clone() },
            Answer { class: Class::HostAbort { kind: HostAbort::Deadline, detail: String::new() }, ..good.clone() },
            decided(&Decision { rationale: "\u{202e}".into(), ..Decision::default() }),
        ] {
            assert!(answer(wrong.clone()).is_err(), "{wrong:?}");
        }
        let long = Class::HostAbort { kind: HostAbort::Pool, detail: "\n".repeat(9_000) };
        let (cut, _) = answer(Answer { class: long, ..good }).unwrap();
        assert!(cut.class.detail().len() <= limits::DETAIL_BYTES_MAX && !cut.class.detail().contains('\n'));
    }
}
