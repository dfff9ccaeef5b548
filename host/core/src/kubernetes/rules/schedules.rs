//! Schedules of CronJobs that never come, such as the 31st of February. The API server takes them, and says nothing.
//!
//! Only that is looked at: what else is wrong with a schedule the API server has refused already. Where one is written in
//! a way that is not understood here, nothing is said of it.

/// The names of the months, and how many days each has at most.
const MONTHS: [(&str, u8); 12] = [
    ("jan", 31),
    ("feb", 29),
    ("mar", 31),
    ("apr", 30),
    ("may", 31),
    ("jun", 30),
    ("jul", 31),
    ("aug", 31),
    ("sep", 30),
    ("oct", 31),
    ("nov", 30),
    ("dec", 31),
];

/// Whether there is no day that a schedule means. Where it names days of the week too, one of either is enough.
pub(super) fn never_comes(schedule: &str) -> bool {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [_, _, days, months, "*" | "?"] = fields[..] else { return false };
    let (Some(first_day), Some(longest)) = (first_day(days), longest(months)) else { return false };
    first_day > longest
}

/// The first day of a month that is meant.
fn first_day(days: &str) -> Option<u8> {
    let first = |part: &str| part.split(['/', '-']).next().and_then(|day| day.parse().ok());
    let days: Option<Vec<u8>> = days.split(',').map(first).collect();
    days?.into_iter().min()
}

/// How many days the longest month has that is meant. Of a range with steps, any month may be.
fn longest(months: &str) -> Option<u8> {
    let mut longest = None;
    for part in months.split(',') {
        let range = part.split('/').next()?;
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let among = MONTHS.get(month(first)?..=month(last)?)?;
        longest = longest.max(among.iter().map(|(_, days)| *days).max());
    }
    longest
}

/// A month's place in the table.
fn month(text: &str) -> Option<usize> {
    let by_name = || MONTHS.iter().position(|(name, _)| name.eq_ignore_ascii_case(text));
    let by_number = text.parse::<usize>().ok().filter(|number| (1..=MONTHS.len()).contains(number));
    by_number.map(|number| number - 1).or_else(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_never_comes_where_none_of_its_months_has_its_days() {
        for (schedule, never) in [
            ("0 0 31 2 *", true),
            ("0 0 30 2 ?", true),
            ("0 0 29 2 *", false),
            ("0 0 30,31 feb *", true),
            ("0 0 1,31 2 *", false),
            ("0 0 31 4,JUN,9-9,11 *", true),
            ("0 0 31 4-5 *", false),
            ("0 0 31/2 2 *", true),
            ("0 0 30-31 2 *", true),
            ("0 0 28-31 2 *", false),
            // Here one of either is enough.
            ("0 0 31 2 1", false),
            ("0 0 31 * *", false),
            ("*/5 * * * *", false),
            ("0 0 * 2 *", false),
            ("@daily", false),
            ("@every 1h", false),
            ("TZ=UTC 0 0 31 2 *", false),
            ("0 0 31 13 *", false),
            ("0 0 31 0 *", false),
            ("0 0 31 5-3 *", false),
            ("0 0 31 - *", false),
            ("0 0 , 2 *", false),
            ("0 0 31  *", false),
            ("", false),
        ] {
            assert_eq!(never_comes(schedule), never, "{schedule}");
        }
    }
}
