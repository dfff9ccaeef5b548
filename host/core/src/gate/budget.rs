//! Budgets and rates: is there room for one more? What the same decision has begun already counts.

use super::work::Case;
use super::{Refusal, Spent, refuse};
use crate::budget::{Usage, midnight, room};
use crate::charter::Settings;
use crate::ids::Timestamp;
use crate::ledger::Ledger;
use crate::order::Class;
use crate::question::Question;
use crate::situation::Operation;

/// Is there room for a worker?
pub(super) fn worker(case: &Case<'_>, spent: &Spent) -> Result<(), Refusal> {
    let (settings, ledger, now) = (&case.charter.settings, case.ledger, case.situation.now);
    let class = Class::of(case.operation);
    let at_work = ledger.workers(None).saturating_add(spent.workers());
    if at_work >= settings.workers_max {
        return Err(refuse("workers-busy", busy(at_work, "workers", settings.workers_max)));
    }
    let of_class = ledger.workers(Some(class)).saturating_add(spent.of(class));
    if let Some(limit) = settings.workers_by_class.of(class).filter(|limit| of_class >= *limit) {
        let what = format!("workers of the class {}", class.name());
        return Err(refuse("workers-busy-class", busy(of_class, &what, limit)));
    }
    let again = || {
        let at = room(settings, ledger, case.operation, now);
        at.map_or_else(|| "later".to_owned(), Timestamp::utc)
    };
    let this_hour = ledger.spending.workers_this_hour(now).saturating_add(spent.workers());
    let limit = settings.workers_an_hour_max;
    if this_hour >= limit {
        let because = format!(
            "{this_hour} workers were started within an hour, and no more than {limit} are allowed; there is room again \
             at {}",
            again()
        );
        return Err(refuse("workers-hour-spent", because));
    }
    let (today, limit) =
        (ledger.spending.applies_today(now).saturating_add(spent.applied()), settings.applies_a_day_max);
    if case.operation == Operation::Apply && today >= limit {
        let because = format!(
            "{today} plans were applied within 24 hours, and no more than {limit} may be; there is room again at {}",
            again()
        );
        return Err(refuse("applies-day-spent", because));
    }
    Ok(())
}

/// Is there room for one more question?
pub(super) fn questions(settings: &Settings, ledger: &Ledger, now: Timestamp, spent: &Spent) -> Result<(), Refusal> {
    let asked = ledger.questions_today(now).saturating_add(spent.questions);
    let limit = settings.questions_a_day_max;
    if asked < limit {
        return Ok(());
    }
    let again = midnight(now).utc();
    let because = format!(
        "{asked} questions were asked today, and no more than {limit} are allowed; there is room again at {again}"
    );
    Err(refuse("questions-spent", because))
}

/// Is there enough left for the most that this question may cost?
pub(super) fn tokens(
    settings: &Settings,
    ledger: &Ledger,
    now: Timestamp,
    question: &Question,
    spent: &Spent,
) -> Result<(), Refusal> {
    let used = ledger.spending.usage_today(now).plus(spent.usage);
    let (all, again) = (used.plus(Usage::reserved(question)), midnight(now).utc());
    let (tokens, limit) = (all.tokens(), settings.tokens_a_day_max);
    if tokens > limit {
        let because = format!(
            "{} tokens were used or reserved today; with this question they could be {tokens}, and no more than {limit} \
             are allowed; there is room again at {again}",
            used.tokens()
        );
        return Err(refuse("tokens-spent", because));
    }
    let (money, limit) = (settings.prices.micro_usd(all), settings.money_a_day_max_micro_usd);
    if money > limit {
        let because = format!(
            "{} millionths of a dollar were spent or reserved today; with this question they could be {money}, and no more \
             than {limit} are allowed; there is room again at {again}",
            settings.prices.micro_usd(used)
        );
        return Err(refuse("money-spent", because));
    }
    Ok(())
}

fn busy(count: u32, what: &str, limit: u32) -> String {
    format!("{count} {what} are at work, and no more than {limit} are allowed; there is room once one has ended")
}
