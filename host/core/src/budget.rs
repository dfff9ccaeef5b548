//! Budgets and rates: how many workers, applies, questions, tokens and dollars there are, and how much of each is used.
//!
//! What is begun is counted when the turn that begins it is journaled, before anything is done: a worker by its order, a
//! question by the most that it may cost. An order that was never started gives its count back; the reply to a question
//! puts what it really cost in place of what was reserved. A question that died with its host, or whose cost nobody told,
//! stays reserved, for it may have been billed. All of this follows from the journal, so a restart changes none of it.
//!
//! What is *not* here: the refusals (the gate's), and the prices and limits (the charter's).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::charter::Settings;
use crate::encoding;
use crate::ids::{OrderName, Timestamp};
use crate::ledger::Ledger;
use crate::order::{Class, Order};
use crate::question::{Bill, BrainReply, OUTPUT_TOKENS_MAX, Question};
use crate::situation::Operation;

/// No more workers may be allowed in an hour than this; so many are remembered.
pub const WORKERS_AN_HOUR_MAX: u32 = 600;
/// No more applies may be allowed in a day than this; so many are remembered.
pub const APPLIES_A_DAY_MAX: u32 = 1_000;
const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// While workers of a class are at work a policy is told to look again so soon, in milliseconds: nobody knows when they end.
const BUSY_MS: u64 = 1_000;
/// What a prompt has beside its data, in tokens: the instruction, the schema and the names of fields.
const AROUND_TOKENS: u64 = 2_048;

/// Tokens that were or may be paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Sent.
    pub input: u64,
    /// Come back, thoughts included.
    pub output: u64,
}

/// What was used lately, as the journal has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// The workers that were ordered within an hour before the last one, the oldest first.
    workers: Vec<(Timestamp, OrderName)>,
    /// The applies that were ordered within a day before the last one, the oldest first.
    applies: Vec<(Timestamp, OrderName)>,
    /// The last day on which anything was asked, counted from the epoch.
    day: u64,
    /// What that day's questions cost, and what stays reserved of them.
    settled: Usage,
    /// What open questions may cost, and the day that pays.
    open: BTreeMap<String, (u64, Usage)>,
}

/// A number, how much of it is used, and when there is more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its name, as policies and people see it.
    pub name: String,
    /// In what it is counted.
    pub unit: &'static str,
    /// So much is used.
    pub used: u64,
    /// So much may be.
    pub limit: u64,
    /// When some of it comes back by itself; none where nothing is used, or where it comes back when a worker ends.
    pub frees: Option<Timestamp>,
}

impl Usage {
    /// Tokens of either kind.
    pub fn tokens(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Both together.
    pub fn plus(self, other: Usage) -> Usage {
        Usage { input: self.input.saturating_add(other.input), output: self.output.saturating_add(other.output) }
    }

    /// The most that a question may cost: a token for each byte of what it holds, where ordinary text has one for three or
    /// four, and as long an answer as is asked for.
    pub fn reserved(question: &Question) -> Usage {
        let bytes = encoding::encode(question).len() as u64;
        Usage { input: bytes.saturating_add(AROUND_TOKENS), output: OUTPUT_TOKENS_MAX.into() }
    }
}

impl Spending {
    /// A worker was ordered.
    pub(crate) fn begin(&mut self, order: &Order, at: Timestamp) {
        push(&mut self.workers, at, &order.name, HOUR_MS, WORKERS_AN_HOUR_MAX);
        if order.key.operation == Operation::Apply {
            push(&mut self.applies, at, &order.name, DAY_MS, APPLIES_A_DAY_MAX);
        }
    }

    /// It was never started.
    pub(crate) fn give_back(&mut self, order: &OrderName) {
        self.workers.retain(|(_, known)| known != order);
        self.applies.retain(|(_, known)| known != order);
    }

    /// A question is asked.
    pub(crate) fn reserve(&mut self, question: &Question, at: Timestamp) {
        let day = at.0 / DAY_MS;
        if day > self.day {
            (self.day, self.settled) = (day, Usage::default());
        }
        if let Some(unsettled) = self.open.insert(question.id.clone(), (day, Usage::reserved(question))) {
            self.keep(unsettled);
        }
    }

    /// It is answered, or will not be.
    pub(crate) fn settle(&mut self, reply: &BrainReply) {
        let Some((day, reserved)) = self.open.remove(&reply.question) else { return };
        let usage = match reply.bill {
            Bill::Nothing => Usage::default(),
            Bill::Counted => Usage {
                input: reply.tokens.prompt.into(),
                output: u64::from(reply.tokens.answer).saturating_add(reply.tokens.thought.into()),
            },
            Bill::Unknown => reserved,
        };
        self.keep((day, usage));
    }

    /// The host that asked has died: nobody will say what its open questions cost.
    pub(crate) fn keep_open(&mut self) {
        std::mem::take(&mut self.open).into_values().for_each(|unsettled| self.keep(unsettled));
    }

    fn keep(&mut self, (day, usage): (u64, Usage)) {
        if day == self.day {
            self.settled = self.settled.plus(usage);
        }
    }

    /// The workers that were ordered in the hour before this time.
    pub fn workers_this_hour(&self, now: Timestamp) -> u32 {
        count(within(&self.workers, now, HOUR_MS))
    }

    /// The applies that were ordered in the 24 hours before this time.
    pub fn applies_today(&self, now: Timestamp) -> u32 {
        count(within(&self.applies, now, DAY_MS))
    }

    /// What the questions of this day cost, and what is reserved for those that are open.
    pub fn usage_today(&self, now: Timestamp) -> Usage {
        if now.0 / DAY_MS > self.day {
            return Usage::default();
        }
        let open = self.open.values().filter(|(day, _)| *day == self.day);
        open.fold(self.settled, |all, (_, usage)| all.plus(*usage))
    }
}

impl Ledger {
    /// Workers at work; of this class, where one is named.
    pub fn workers(&self, class: Option<Class>) -> u32 {
        let at_work = self.orders.values().filter(|state| state.ended.is_none());
        count(at_work.filter(|state| class.is_none_or(|class| Class::of(state.order.key.operation) == class)))
    }

    /// Questions to the brain on the day of this time.
    pub fn questions_today(&self, now: Timestamp) -> u32 {
        if self.asked.0 == now.0 / DAY_MS { self.asked.1 } else { 0 }
    }
}

/// Every budget, and how much of it is used at this time.
pub fn budgets(settings: &Settings, ledger: &Ledger, now: Timestamp) -> Vec<Budget> {
    let spending = &ledger.spending;
    let budget = |name: &str, unit, used: u64, limit: u64, frees| {
        let name = name.to_owned();
        Budget { name, unit, used, limit, frees }
    };
    let mut all = vec![budget("workers", "workers", ledger.workers(None).into(), settings.workers_max.into(), None)];
    all.extend(Class::ALL.into_iter().filter_map(|class| {
        let limit = settings.workers_by_class.of(class)?;
        let name = format!("workers-{}", class.name());
        Some(budget(&name, "workers", ledger.workers(Some(class)).into(), limit.into(), None))
    }));
    let usage = spending.usage_today(now);
    let tomorrow = |used: u64| (used > 0).then(|| midnight(now));
    let questions = ledger.questions_today(now).into();
    let money = settings.prices.micro_usd(usage);
    let (hour, day) = (settings.workers_an_hour_max, settings.applies_a_day_max);
    let workers = spending.workers_this_hour(now).into();
    let applies = spending.applies_today(now).into();
    let tokens = usage.tokens();
    all.extend([
        budget("workers-this-hour", "workers", workers, hour.into(), frees(&spending.workers, now, HOUR_MS, hour)),
        budget("applies-today", "applies", applies, day.into(), frees(&spending.applies, now, DAY_MS, day)),
        budget("questions-today", "questions", questions, settings.questions_a_day_max.into(), tomorrow(questions)),
        budget("tokens-today", "tokens", tokens, settings.tokens_a_day_max, tomorrow(tokens)),
        budget("money-today", "micro-usd", money, settings.money_a_day_max_micro_usd, tomorrow(money)),
    ]);
    all
}

/// When there is room again for a worker that does this; none where there is now.
pub fn room(settings: &Settings, ledger: &Ledger, operation: Operation, now: Timestamp) -> Option<Timestamp> {
    let spending = &ledger.spending;
    let (hour, day, class) = (settings.workers_an_hour_max, settings.applies_a_day_max, Class::of(operation));
    let workers = (spending.workers_this_hour(now) >= hour)
        .then(|| frees(&spending.workers, now, HOUR_MS, hour).unwrap_or_else(|| now.plus_ms(HOUR_MS)));
    let applies = (operation == Operation::Apply && spending.applies_today(now) >= day)
        .then(|| frees(&spending.applies, now, DAY_MS, day).unwrap_or_else(|| now.plus_ms(DAY_MS)));
    let limit = settings.workers_by_class.of(class);
    let busy = limit.is_some_and(|limit| ledger.workers(Some(class)) >= limit).then(|| now.plus_ms(BUSY_MS));
    workers.max(applies).max(busy)
}

/// The next midnight, UTC.
pub fn midnight(now: Timestamp) -> Timestamp {
    Timestamp((now.0 / DAY_MS).saturating_add(1).saturating_mul(DAY_MS))
}

fn push(list: &mut Vec<(Timestamp, OrderName)>, at: Timestamp, order: &OrderName, window_ms: u64, keep: u32) {
    list.push((at, order.clone()));
    list.sort();
    let newest = list.last().map_or(at, |(newest, _)| *newest);
    list.retain(|(at, _)| newest.since_ms(*at) < window_ms);
    let surplus = list.len().saturating_sub(keep as usize);
    list.drain(..surplus);
}

fn within(list: &[(Timestamp, OrderName)], now: Timestamp, window_ms: u64) -> impl Iterator<Item = Timestamp> {
    list.iter().map(|(at, _)| *at).filter(move |at| now.since_ms(*at) < window_ms)
}

/// When the next one leaves the window and there is less than the limit in it.
fn frees(list: &[(Timestamp, OrderName)], now: Timestamp, window_ms: u64, limit: u32) -> Option<Timestamp> {
    let surplus = count(within(list, now, window_ms)).saturating_sub(limit);
    within(list, now, window_ms).nth(surplus as usize).map(|at| at.plus_ms(window_ms))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "budget/tests.rs"]
mod tests;
