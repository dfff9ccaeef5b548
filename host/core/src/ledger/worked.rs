//! What a worker's end changes of its mission: the attempt, the tally, what was applied, and what its state names.

use super::{Applied, MissionState, Saved};
use crate::charter::Settings;
use crate::ids::Timestamp;
use crate::order::{ApplyInput, End, NamedObject, OBJECTS_MAX, ObjectKind, Order, OrderKey, WorkerResult};
use crate::situation::{Operation, VERSION_MISMATCH};

/// After a cancellation an operation rests as after this many failures: 40 seconds, for whoever cancelled to act.
const CANCELLED_REST: u32 = 4;
/// After a refusal for its version an operation rests this long, in milliseconds, and then the range is known anew.
const VERSION_MISMATCH_REST_MS: u64 = 120_000;
/// A mission's attempts are counted for at most this many keys, the newest: each applied plan is a key of its own.
const ATTEMPT_KEYS_MAX: usize = 64;

impl MissionState {
    pub(super) fn next_generation(&mut self, generation: u32) {
        self.generation = generation;
        self.release();
        self.saved.clear();
        self.attempts.retain(|(key, _)| key.generation == generation);
    }

    /// Forgets what was tried, so that it may be tried anew.
    pub(super) fn release(&mut self) {
        self.tallies.clear();
        self.repairs = Default::default();
    }

    /// Takes a worker's end: the attempt, the tally, and what it left.
    pub(super) fn end(&mut self, order: &Order, result: &WorkerResult, at: Timestamp) {
        self.quiet_since = at;
        if order.key.operation.changes() {
            self.changed = at;
        }
        if let Some(state) = &result.state {
            self.state = Some(state.clone());
        }
        if let Some(objects) = &result.objects {
            self.take_objects(objects);
        }
        if order.key.generation != self.generation {
            return;
        }
        self.count(&order.key);
        let tally = self.tallies.entry(order.key.operation).or_default();
        match result.end {
            End::Succeeded => *tally = Default::default(),
            End::Cancelled => tally.not_before = Some(at.plus_ms(Settings::cool_down_ms(CANCELLED_REST))),
            // The engine's minimum and the provider's newest do not meet: preflight knows when they do again.
            End::Failed if result.failure.as_ref().is_some_and(|failure| failure.kind == VERSION_MISMATCH) => {
                tally.not_before = Some(at.plus_ms(VERSION_MISMATCH_REST_MS));
                tally.last.clone_from(&result.failure);
            }
            End::Failed | End::Lost => {
                tally.failures = tally.failures.saturating_add(1);
                tally.not_before = Some(at.plus_ms(Settings::cool_down_ms(tally.failures)));
                tally.last.clone_from(&result.failure);
            }
        }
        if result.end == End::Succeeded {
            self.succeed(order, result, at);
        }
    }

    fn succeed(&mut self, order: &Order, result: &WorkerResult, at: Timestamp) {
        match order.key.operation {
            Operation::Plan | Operation::PlanDestroy => {
                if let Some(plan) = &result.saved {
                    let saved =
                        Saved { order: order.name.clone(), made: at, plan: plan.clone(), tool: result.tool.clone() };
                    self.saved.insert(order.key.operation, saved);
                }
            }
            Operation::Apply => {
                if let Some(ApplyInput { saved, destroy, .. }) = &order.apply {
                    let generation = order.key.generation;
                    let plan = self.saved.values().find(|known| known.plan.input.saved == *saved);
                    if let Some(Saved { plan, .. }) = plan {
                        self.repairs.applied(plan, at);
                    }
                    self.applied = Some(Applied { saved: *saved, generation, destroy: *destroy, at });
                    // What an earlier plan failed at is behind us.
                    self.tallies.clear();
                }
            }
            Operation::Check | Operation::Configure | Operation::Scan => {}
        }
    }

    /// What the state names from now on; what it named before and does not any more must be gone. Images may stay.
    pub(super) fn take_objects(&mut self, objects: &[NamedObject]) {
        let before = std::mem::replace(&mut self.objects, objects.to_vec());
        self.gone.extend(before.into_iter().filter(|object| object.kind != ObjectKind::Image));
        self.gone.retain(|gone| !objects.iter().any(|object| object.kind == gone.kind && object.id == gone.id));
        let surplus = self.gone.len().saturating_sub(OBJECTS_MAX);
        self.gone.drain(..surplus);
    }

    fn count(&mut self, key: &OrderKey) {
        match self.attempts.iter_mut().find(|(known, _)| known == key) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => {
                let surplus = self.attempts.len().saturating_sub(ATTEMPT_KEYS_MAX - 1);
                self.attempts.drain(..surplus);
                self.attempts.push((key.clone(), 1));
            }
        }
    }
}
