//! A schedule in words: the shapes that nearly all have. The others are shown as they are written.

/// `*/30 * * * * (UTC)` is `every 30 minutes`; `None` where words would be longer than the expression.
pub(super) fn in_words(schedule: &str) -> Option<String> {
    if let Some(period) = schedule.strip_prefix("every ") {
        return Some(format!("every {}", period_in_words(period)?));
    }
    let (expression, zone) = match schedule.split_once(" (") {
        Some((expression, zone)) => (expression, zone.strip_suffix(')')?),
        None => (schedule, "UTC"),
    };
    let fields: Vec<_> = expression.split_ascii_whitespace().collect();
    match fields.as_slice() {
        ["@hourly"] | ["0", "*", "*", "*", "*"] => Some("every hour".into()),
        ["@daily" | "@midnight"] => Some(format!("every day at 00:00 ({zone})")),
        ["@weekly"] => Some(format!("every Sunday at 00:00 ({zone})")),
        ["@monthly"] => Some(format!("on the 1st of each month at 00:00 ({zone})")),
        [minute, "*", "*", "*", "*"] => minutes(minute),
        [minute, hour, "*", "*", "*"] => daily(minute, hour, zone),
        [minute, hour, "*", "*", day] => {
            let time = clock(minute, hour)?;
            Some(format!("every {} at {time} ({zone})", weekday(day)?))
        }
        _ => None,
    }
}

/// `30m` is `30 minutes`; periods of two units stay as they are.
fn period_in_words(period: &str) -> Option<String> {
    let end = period.find(|c: char| !c.is_ascii_digit())?;
    let number: u32 = period[..end].parse().ok()?;
    let unit = match &period[end..] {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" | "day" | "days" => "day",
        _ => return Some(period.to_owned()),
    };
    Some(if number == 1 {
        unit.into()
    } else {
        format!("{number} {unit}s")
    })
}

fn minutes(field: &str) -> Option<String> {
    if field == "*" {
        return Some("every minute".into());
    }
    if let Some(step) = field.strip_prefix("*/") {
        // Other steps do not divide the hour, so the words would be wrong
        let step: u32 = step.parse().ok()?;
        let even = step > 1 && 60_u32.checked_rem(step) == Some(0);
        return even.then(|| format!("every {step} minutes"));
    }
    Some(format!("every hour at minute {}", below(field, 60)?))
}

fn daily(minute: &str, hour: &str, zone: &str) -> Option<String> {
    match hour.strip_prefix("*/") {
        Some(step) if minute == "0" => {
            let step: u32 = step.parse().ok()?;
            let even = step > 1 && 24_u32.checked_rem(step) == Some(0);
            even.then(|| format!("every {step} hours ({zone})"))
        }
        Some(_) => None,
        None => Some(format!("every day at {} ({zone})", clock(minute, hour)?)),
    }
}

fn clock(minute: &str, hour: &str) -> Option<String> {
    Some(format!("{:02}:{:02}", below(hour, 24)?, below(minute, 60)?))
}

fn below(field: &str, end: u32) -> Option<u32> {
    field.parse().ok().filter(|value| *value < end)
}

fn weekday(field: &str) -> Option<&'static str> {
    const DAYS: [&str; 8] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    match field.to_ascii_lowercase().as_str() {
        "1-5" | "mon-fri" => Some("weekday"),
        short => {
            let by_name = || DAYS.iter().position(|day| day[..3].eq_ignore_ascii_case(short));
            let day = short.parse().ok().or_else(by_name)?;
            DAYS.get(day).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_shapes_have_words() {
        for (schedule, words) in [
            ("every 30m", "every 30 minutes"),
            ("every 1h", "every hour"),
            ("every 1h 30m", "every 1h 30m"),
            ("every 1day", "every day"),
            ("*/30 * * * * (UTC)", "every 30 minutes"),
            ("* * * * *", "every minute"),
            ("17 * * * * (UTC)", "every hour at minute 17"),
            ("0 */6 * * * (UTC)", "every 6 hours (UTC)"),
            ("5 3 * * * (Europe/Berlin)", "every day at 03:05 (Europe/Berlin)"),
            ("0 2 * * 1-5 (UTC)", "every weekday at 02:00 (UTC)"),
            ("0 2 * * 7 (UTC)", "every Sunday at 02:00 (UTC)"),
            ("0 2 * * Wed (UTC)", "every Wednesday at 02:00 (UTC)"),
            ("@daily (UTC)", "every day at 00:00 (UTC)"),
        ] {
            assert_eq!(in_words(schedule).as_deref(), Some(words), "{schedule}");
        }
    }

    #[test]
    fn what_has_no_true_words_has_none() {
        for schedule in [
            "*/45 * * * * (UTC)",
            "*/0 * * * *",
            "0 */5 * * * (UTC)",
            "7 */2 * * * (UTC)",
            "0 0 1 * * (UTC)",
            "0 30 2 * * * (UTC)",
            "1,2 3 * * *",
            "0 2 * * 8",
            "0 2 * * 1,3",
            "99 3 * * *",
            "nonsense",
            "every ",
            "",
        ] {
            assert_eq!(in_words(schedule), None, "{schedule}");
        }
    }
}
