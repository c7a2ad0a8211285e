//! Statements about a JSON value: do they hold, and how to say what was expected and found. Pure; reads nothing.

use crate::base::{encode, text};
use crate::guide::step::{Count, Expectation, Matcher, Operand};
use crate::guide::variables::{Part, Pointer, Reference, Template};
use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;
use serde_json::Value;
use std::time::Duration;

/// How long a value may be on a screen, in characters.
const SHOWN: usize = 72;

/// What statements may refer to besides the value itself.
pub trait Scope {
    /// The value that a reference names; `None` when it finds nothing.
    fn value(&self, reference: &Reference) -> Option<Value>;
}

/// What a statement came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not hold.
    Fails,
    /// It cannot be told, because this reference finds nothing.
    Unresolved(String),
}

/// All statements about one value, and the sentences for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What they came to: the first that does not hold, else [`Outcome::Holds`].
    pub outcome: Outcome,
    /// What must hold.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Judges `expectations` on `body`; times are compared with `now`, the asked system's.
#[must_use]
pub fn judge(expectations: &[Expectation], body: &Value, scope: &dyn Scope, now: Timestamp) -> Statement {
    let outcomes: Vec<_> = expectations.iter().map(|expectation| holds(expectation, body, scope, now)).collect();
    let decisive = outcomes.iter().position(|outcome| *outcome != Outcome::Holds);
    let shown = decisive.map_or(expectations, |index| expectations.get(index..=index).unwrap_or_default());
    Statement {
        outcome: decisive.and_then(|index| outcomes.get(index).cloned()).unwrap_or(Outcome::Holds),
        expected: shown.iter().map(|expectation| expected(expectation, scope)).collect::<Vec<_>>().join("; "),
        found: shown.iter().map(|expectation| found(expectation, body, scope, now)).collect::<Vec<_>>().join("; "),
    }
}

/// The item that made an `any` statement hold, so that its id can be kept.
#[must_use]
pub fn matched<'v>(expectations: &[Expectation], body: &'v Value, scope: &dyn Scope, now: Timestamp) -> Option<&'v Value> {
    expectations.iter().find_map(|expectation| match expectation {
        Expectation::Any { list, each } => items(list, body).iter().find(|item| all_hold(each, item, scope, now)),
        Expectation::At { .. } | Expectation::All { .. } => None,
    })
}

fn items<'v>(list: &Pointer, body: &'v Value) -> &'v [Value] {
    list.find(body).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn all_hold(each: &[Expectation], item: &Value, scope: &dyn Scope, now: Timestamp) -> bool {
    each.iter().all(|expectation| holds(expectation, item, scope, now) == Outcome::Holds)
}

/// Whether one statement holds.
#[must_use]
pub fn holds(expectation: &Expectation, body: &Value, scope: &dyn Scope, now: Timestamp) -> Outcome {
    match expectation {
        Expectation::At { path, matcher } => matches(matcher, path.find(body), scope, now),
        Expectation::Any { list, each } => {
            let mut outcome = Outcome::Fails;
            for item in items(list, body) {
                match conjunction(each, item, scope, now) {
                    Outcome::Holds => return Outcome::Holds,
                    Outcome::Fails => {}
                    unresolved @ Outcome::Unresolved(_) => outcome = unresolved,
                }
            }
            outcome
        }
        Expectation::All { list, each } => match list.find(body).and_then(Value::as_array) {
            None => Outcome::Fails,
            Some(list) => first_trouble(list.iter().map(|item| conjunction(each, item, scope, now))),
        },
    }
}

fn conjunction(each: &[Expectation], item: &Value, scope: &dyn Scope, now: Timestamp) -> Outcome {
    first_trouble(each.iter().map(|expectation| holds(expectation, item, scope, now)))
}

fn first_trouble(mut outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    outcomes.find(|outcome| *outcome != Outcome::Holds).unwrap_or(Outcome::Holds)
}

fn matches(matcher: &Matcher, value: Option<&Value>, scope: &dyn Scope, now: Timestamp) -> Outcome {
    let truth = match matcher {
        Matcher::Equals(operand) => match resolve(operand, scope) {
            Ok(wanted) => value == Some(&wanted),
            Err(missing) => return missing,
        },
        Matcher::Not(operand) => match resolve(operand, scope) {
            Ok(unwanted) => value != Some(&unwanted),
            Err(missing) => return missing,
        },
        Matcher::Present => value.is_some_and(|value| !value.is_null()),
        Matcher::Absent => value.is_none_or(Value::is_null),
        Matcher::Matches(template) => match pattern(template, scope) {
            Ok(pattern) => value.and_then(Value::as_str).is_some_and(|text| pattern.is_match(text)),
            Err(missing) => return missing,
        },
        Matcher::Contains(operand) => match resolve(operand, scope) {
            Ok(wanted) => value.is_some_and(|value| contains(value, &wanted)),
            Err(missing) => return missing,
        },
        Matcher::Count(count) => value.and_then(Value::as_array).is_some_and(|list| in_range(*count, list.len())),
        Matcher::NewerThan(age) => value.and_then(age_of(now)).is_some_and(|found| found < signed(*age)),
        Matcher::OlderThan(age) => value.and_then(age_of(now)).is_some_and(|found| found > signed(*age)),
        Matcher::AtLeast(least) => value.and_then(Value::as_i64).is_some_and(|found| found >= *least),
        Matcher::AtMost(most) => value.and_then(Value::as_i64).is_some_and(|found| found <= *most),
    };
    if truth { Outcome::Holds } else { Outcome::Fails }
}

fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Array(list), wanted) => list.contains(wanted),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

fn in_range(count: Count, number: usize) -> bool {
    number >= count.min && count.max.is_none_or(|max| number <= max)
}

/// A time in the future has a negative age: newer than anything.
fn age_of(now: Timestamp) -> impl Fn(&Value) -> Option<SignedDuration> {
    move |value| Some(now.duration_since(value.as_str()?.parse::<Timestamp>().ok()?))
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn resolve(operand: &Operand, scope: &dyn Scope) -> Result<Value, Outcome> {
    match operand {
        Operand::Json(value) => Ok(value.clone()),
        Operand::Text(template) => fill(template, scope, |value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .map(Value::String),
    }
}

fn pattern(template: &Template, scope: &dyn Scope) -> Result<Regex, Outcome> {
    let source = fill(template, scope, |value| encode::pattern(value.as_str().unwrap_or_default()))?;
    // The loader compiled the pattern once with stand-ins, so it compiles with escaped values too.
    Regex::new(&source).map_err(|_| Outcome::Unresolved(template.source.clone()))
}

fn fill(template: &Template, scope: &dyn Scope, write: impl Fn(&Value) -> String) -> Result<String, Outcome> {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(reference) => match scope.value(reference) {
                Some(value) => out.push_str(&write(&value)),
                None => return Err(Outcome::Unresolved(reference.to_string())),
            },
        }
    }
    Ok(out)
}

fn expected(expectation: &Expectation, scope: &dyn Scope) -> String {
    match expectation {
        Expectation::At { path, matcher } => format!("{} {}", place(path), wanted(matcher, scope)),
        Expectation::Any { list, each } => format!("an item of {} with {}", place(list), each_expected(each, scope)),
        Expectation::All { list, each } => format!("every item of {} with {}", place(list), each_expected(each, scope)),
    }
}

fn each_expected(each: &[Expectation], scope: &dyn Scope) -> String {
    each.iter().map(|expectation| expected(expectation, scope)).collect::<Vec<_>>().join(", ")
}

fn wanted(matcher: &Matcher, scope: &dyn Scope) -> String {
    match matcher {
        Matcher::Equals(operand) => format!("= {}", operand_text(operand, scope)),
        Matcher::Not(operand) => format!("≠ {}", operand_text(operand, scope)),
        Matcher::Present => "is there".into(),
        Matcher::Absent => "is not there".into(),
        Matcher::Matches(template) => match pattern(template, scope) {
            Ok(pattern) => {
                let simple = alternatives(pattern.as_str()).or_else(|| beginning(pattern.as_str()));
                simple.unwrap_or_else(|| format!("matches `{pattern}`"))
            }
            Err(_) => format!("matches `{}`", template.source),
        },
        Matcher::Contains(operand) => format!("contains {}", operand_text(operand, scope)),
        Matcher::Count(Count { min, max: Some(max) }) if min == max => format!("has {}", number_of(*min)),
        Matcher::Count(Count { min, max: Some(max) }) => format!("has {min} to {max} items"),
        Matcher::Count(Count { min, max: None }) => format!("has {} or more", number_of(*min)),
        Matcher::NewerThan(age) => format!("is newer than {}", span(*age)),
        Matcher::OlderThan(age) => format!("is older than {}", span(*age)),
        Matcher::AtLeast(least) => format!("is {least} or more"),
        Matcher::AtMost(most) => format!("is {most} or less"),
    }
}

/// `^a$` and `^(a|b)$`, the usual ways to say "equal" and "one of", are shown as such.
fn alternatives(pattern: &str) -> Option<String> {
    let (pattern, any_case) = pattern.strip_prefix("(?i)").map_or((pattern, ""), |rest| (rest, " in any case"));
    let whole = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let inner = whole.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(whole);
    let plain = inner.replace("\\-", "-").replace("\\.", "\u{0}");
    if plain.contains(['(', ')', '[', ']', '*', '+', '?', '.', '\\', '{']) {
        return None;
    }
    Some(format!("= {}{any_case}", plain.replace('\u{0}', ".").split('|').collect::<Vec<_>>().join(" or ")))
}

/// `^a`, the usual way to say "begins with".
fn beginning(pattern: &str) -> Option<String> {
    let rest = pattern.strip_prefix('^')?;
    rest.chars().all(|c| c.is_alphanumeric() || c == ' ').then(|| format!("begins with {rest}"))
}

fn operand_text(operand: &Operand, scope: &dyn Scope) -> String {
    match resolve(operand, scope) {
        Ok(value) => shown(&value),
        Err(_) => match operand {
            Operand::Text(template) => template.source.clone(),
            Operand::Json(value) => shown(value),
        },
    }
}

fn found(expectation: &Expectation, body: &Value, scope: &dyn Scope, now: Timestamp) -> String {
    match expectation {
        Expectation::At { path, matcher } => format!("{} {}", place(path), found_at(matcher, path.find(body), now)),
        Expectation::Any { list, each } => match list.find(body).and_then(Value::as_array) {
            None => format!("no list at {}", place(list)),
            Some(list) => match list.iter().find(|item| all_hold(each, item, scope, now)) {
                Some(item) => each.iter().map(|expectation| found(expectation, item, scope, now)).collect::<Vec<_>>().join(", "),
                None if list.is_empty() => "an empty list".into(),
                None => format!("{}, none fits", number_of(list.len())),
            },
        },
        Expectation::All { list, each } => match list.find(body).and_then(Value::as_array) {
            None => format!("no list at {}", place(list)),
            Some(list) => {
                let fits = list.iter().filter(|item| all_hold(each, item, scope, now)).count();
                format!("{fits} of {} fit", number_of(list.len()))
            }
        },
    }
}

fn found_at(matcher: &Matcher, value: Option<&Value>, now: Timestamp) -> String {
    let Some(value) = value else { return "is not there".into() };
    match matcher {
        Matcher::Count(_) => {
            value.as_array().map_or_else(|| format!("= {}", shown(value)), |list| format!("has {}", number_of(list.len())))
        }
        Matcher::NewerThan(_) | Matcher::OlderThan(_) => match age_of(now)(value) {
            Some(age) if age.is_negative() => format!("= {} (ahead of the asked system's clock)", shown(value)),
            Some(age) => format!("= {} ({} ago)", shown(value), span(age.unsigned_abs())),
            None => format!("= {}", shown(value)),
        },
        Matcher::Equals(_)
        | Matcher::Not(_)
        | Matcher::Present
        | Matcher::Absent
        | Matcher::Matches(_)
        | Matcher::Contains(_)
        | Matcher::AtLeast(_)
        | Matcher::AtMost(_) => format!("= {}", shown(value)),
    }
}

/// A pointer as people write paths: `/value/0/id` is `value[0].id`.
fn place(path: &Pointer) -> String {
    let mut out = String::new();
    for segment in path.to_string().split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if segment.chars().all(|c| c.is_ascii_digit()) {
            out = format!("{out}[{segment}]");
            continue;
        }
        out.push_str(if out.is_empty() { "" } else { "." });
        out.push_str(&segment);
    }
    if out.is_empty() { "the reply".into() } else { out }
}

fn number_of(number: usize) -> String {
    if number == 1 { "1 item".into() } else { format!("{number} items") }
}

/// A value on one line, clean and short.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text::short(text, SHOWN),
        Value::Array(list) if list.is_empty() => "an empty list".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => text::short(&value.to_string(), SHOWN),
    }
}

/// A duration in its two largest units: `45 s`, `3 min`, `3 h 20 min`, `2 d`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
    };
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Nothing;

    impl Scope for Nothing {
        fn value(&self, _reference: &Reference) -> Option<Value> {
            None
        }
    }

    fn judged(expect: &Value, body: &Value) -> Statement {
        let expectations: Vec<Expectation> = serde_json::from_value(expect.clone()).unwrap();
        judge(&expectations, body, &Nothing, "2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn every_matcher_tells_true_from_false() {
        let body =
            json!({"n": null, "t": true, "s": "abc", "i": -5, "l": [1, 2], "at": "2026-11-22T11:00:00Z", "ahead": "2026-11-22T13:00:00Z"});
        let cases = [
            (json!({"path": "/s", "equals": "abc"}), true),
            (json!({"path": "/s", "equals": "abd"}), false),
            (json!({"path": "/t", "equals": true}), true),
            (json!({"path": "/t", "equals": "true"}), false),
            (json!({"path": "/n", "equals": null}), true),
            (json!({"path": "/x", "equals": null}), false),
            (json!({"path": "/s", "not": "abc"}), false),
            (json!({"path": "/x", "not": "abc"}), true),
            (json!({"path": "/s", "present": true}), true),
            (json!({"path": "/n", "present": true}), false),
            (json!({"path": "/n", "absent": true}), true),
            (json!({"path": "/s", "absent": true}), false),
            (json!({"path": "/s", "matches": "^a.c$"}), true),
            (json!({"path": "/t", "matches": "true"}), false),
            (json!({"path": "/l", "contains": 2}), true),
            (json!({"path": "/l", "contains": 3}), false),
            (json!({"path": "/s", "contains": "bc"}), true),
            (json!({"path": "/l", "count": 2}), true),
            (json!({"path": "/l", "count": {"min": 3}}), false),
            (json!({"path": "/l", "count": {"max": 2}}), true),
            (json!({"path": "/s", "count": 3}), false),
            (json!({"path": "/at", "newer-than": "2h"}), true),
            (json!({"path": "/at", "newer-than": "30m"}), false),
            (json!({"path": "/at", "older-than": "30m"}), true),
            (json!({"path": "/ahead", "older-than": "1s"}), false),
            (json!({"path": "/ahead", "newer-than": "1s"}), true),
            (json!({"path": "/s", "newer-than": "9d"}), false),
            (json!({"path": "/i", "at-least": -5}), true),
            (json!({"path": "/i", "at-least": -4}), false),
            (json!({"path": "/i", "at-most": -5}), true),
            (json!({"path": "/i", "at-most": -6}), false),
            (json!({"path": "/s", "at-least": 0}), false),
            (json!({"path": "/n", "at-most": 0}), false),
            (json!({"path": "/x", "at-most": 0}), false),
        ];
        for (statement, holds) in cases {
            let outcome = judged(&json!([statement]), &body).outcome;
            assert_eq!(outcome, if holds { Outcome::Holds } else { Outcome::Fails }, "{statement}");
        }
    }

    #[test]
    fn any_needs_one_item_that_satisfies_all_and_all_needs_a_list() {
        let body = json!({"value": [{"a": 1, "b": 2}, {"a": 2, "b": 1}]});
        let any = |a, b| json!([{"any": "/value", "where": [{"path": "/a", "equals": a}, {"path": "/b", "equals": b}]}]);
        assert_eq!(judged(&any(1, 2), &body).outcome, Outcome::Holds);
        assert_eq!(judged(&any(1, 1), &body).outcome, Outcome::Fails, "two items together are not one");
        let all = json!([{"all": "/value", "where": [{"path": "/a", "present": true}]}]);
        assert_eq!(judged(&all, &body).outcome, Outcome::Holds);
        assert_eq!(judged(&all, &json!({"value": []})).outcome, Outcome::Holds);
        assert_eq!(judged(&all, &json!({})).outcome, Outcome::Fails);
    }

    #[test]
    fn a_statement_is_said_in_words() {
        let expect = json!([{"path": "/value", "count": 1}, {"path": "/value/0/x", "matches": "^(a|b)$"}]);
        let statement = judged(&expect, &json!({"value": [{"x": "c"}]}));
        assert_eq!(statement.expected, "value[0].x = a or b");
        assert_eq!(statement.found, "value[0].x = c");
        let empty = judged(&json!([{"any": "/value", "where": [{"path": "/x", "equals": "/"}]}]), &json!({"value": []}));
        assert_eq!((empty.expected.as_str(), empty.found.as_str()), ("an item of value with x = /", "an empty list"));
    }

    #[test]
    fn a_reference_that_finds_nothing_is_neither_true_nor_false() {
        let statement = judged(&json!([{"path": "/s", "equals": "{{ var:x }}"}]), &json!({"s": "a"}));
        assert_eq!(statement.outcome, Outcome::Unresolved("var:x".into()));
    }

    #[test]
    fn hostile_values_are_shown_clean_and_short() {
        let long = format!("\u{1b}[2J{}", "x".repeat(500));
        let statement = judged(&json!([{"path": "/s", "equals": "a"}]), &json!({"s": long}));
        assert!(!statement.found.contains('\u{1b}') && statement.found.chars().count() < 90, "{}", statement.found);
    }
}
