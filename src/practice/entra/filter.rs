//! The `$filter` subset of the lab: comparisons, `in`, `startswith`, joined by `and`, `or`, `not` (OData 4.01 URL conventions 5.1.1). No I/O.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Deeper nesting is refused: nobody writes it by hand.
const DEEPEST: usize = 16;

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// The same.
    Eq,
    /// Not the same.
    Ne,
    /// Greater, of times.
    Gt,
    /// Greater or the same, of times.
    Ge,
    /// Less, of times.
    Lt,
    /// Less or the same, of times.
    Le,
    /// Begins with.
    StartsWith,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// One comparison.
    Compare(Comparison),
    /// All hold.
    And(Vec<Filter>),
    /// One holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
}

/// `property operator literal`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    /// The property, with `/` into complex ones.
    pub(super) property: String,
    /// How.
    pub(super) operator: Operator,
    /// What it is compared with.
    pub(super) value: Value,
}

/// Why a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadFilter {
    /// Not OData.
    Syntax(String),
    /// OData that this collection does not take.
    Unsupported(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Other(char),
}

impl Filter {
    /// All comparisons in it.
    pub(super) fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::Compare(one) => vec![one],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::comparisons).collect(),
            Self::Not(one) => one.comparisons(),
        }
    }

    /// Whether `not` stands in it.
    pub(super) fn negates(&self) -> bool {
        match self {
            Self::Compare(_) => false,
            Self::And(all) | Self::Or(all) => all.iter().any(Self::negates),
            Self::Not(_) => true,
        }
    }

    /// Whether an item fits.
    pub(super) fn fits(&self, item: &Map<String, Value>) -> bool {
        match self {
            Self::Compare(one) => one.fits(item),
            Self::And(all) => all.iter().all(|one| one.fits(item)),
            Self::Or(all) => all.iter().any(|one| one.fits(item)),
            Self::Not(one) => !one.fits(item),
        }
    }
}

impl Comparison {
    /// Texts of the directory are compared without regard to case, times as times.
    fn fits(&self, item: &Map<String, Value>) -> bool {
        let mut path = self.property.split('/');
        let mut found = path.next().and_then(|name| item.get(name)).unwrap_or(&Value::Null);
        for name in path {
            found = found.get(name).unwrap_or(&Value::Null);
        }
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let order = || time(found).zip(time(&self.value)).map(|(a, b)| a.cmp(&b));
        let texts = found.as_str().zip(self.value.as_str()).map(|(a, b)| (a.to_lowercase(), b.to_lowercase()));
        let same = || match (&texts, order()) {
            (_, Some(order)) => order.is_eq(),
            (Some((a, b)), None) => a == b,
            (None, None) => *found == self.value,
        };
        match self.operator {
            Operator::Eq => same(),
            Operator::Ne => !same(),
            Operator::Gt => order().is_some_and(std::cmp::Ordering::is_gt),
            Operator::Ge => order().is_some_and(std::cmp::Ordering::is_ge),
            Operator::Lt => order().is_some_and(std::cmp::Ordering::is_lt),
            Operator::Le => order().is_some_and(std::cmp::Ordering::is_le),
            Operator::StartsWith => texts.is_some_and(|(a, b)| a.starts_with(&b)),
        }
    }
}

/// Reads a filter.
pub(super) fn read(text: &str) -> Result<Filter, BadFilter> {
    let tokens = tokens(text)?;
    let mut reader = Reader { rest: &tokens };
    let filter = reader.either(0)?;
    match reader.rest {
        [] => Ok(filter),
        [Token::Word(word), ..] => Err(BadFilter::Unsupported(format!("the operator '{word}'"))),
        [other, ..] => Err(BadFilter::Syntax(format!("unexpected {}", shown(other)))),
    }
}

struct Reader<'a> {
    rest: &'a [Token],
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        match self.rest {
            [Token::Word(found), after @ ..] if found.eq_ignore_ascii_case(word) => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }

    fn sign(&mut self, sign: char) -> Result<(), BadFilter> {
        match self.rest {
            [Token::Other(found), after @ ..] if *found == sign => {
                self.rest = after;
                Ok(())
            }
            [other, ..] => Err(BadFilter::Syntax(format!("'{sign}' is missing before {}", shown(other)))),
            [] => Err(BadFilter::Syntax(format!("'{sign}' is missing"))),
        }
    }

    fn either(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        let mut all = vec![self.both(depth)?];
        while self.takes("or") {
            all.push(self.both(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::Or(all) })
    }

    fn both(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        let mut all = vec![self.single(depth)?];
        while self.takes("and") {
            all.push(self.single(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn single(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        if depth > DEEPEST {
            return Err(BadFilter::Unsupported("nesting this deep".to_owned()));
        }
        if self.takes("not") {
            return Ok(Filter::Not(Box::new(self.single(depth + 1)?)));
        }
        match self.rest {
            [Token::Other('('), after @ ..] => {
                self.rest = after;
                let inside = self.either(depth + 1)?;
                self.sign(')')?;
                Ok(inside)
            }
            [Token::Word(function), Token::Other('('), after @ ..] => {
                if !function.eq_ignore_ascii_case("startswith") {
                    return Err(BadFilter::Unsupported(format!("the function '{function}'")));
                }
                self.rest = after;
                self.starts_with()
            }
            _ => self.comparison(),
        }
    }

    fn starts_with(&mut self) -> Result<Filter, BadFilter> {
        let property = self.property()?;
        self.sign(',')?;
        let value = self.literal()?;
        self.sign(')')?;
        Ok(Filter::Compare(Comparison { property, operator: Operator::StartsWith, value }))
    }

    fn comparison(&mut self) -> Result<Filter, BadFilter> {
        let property = self.property()?;
        let [Token::Word(operator), after @ ..] = self.rest else {
            return Err(BadFilter::Syntax("a comparison needs a property, an operator and a value".to_owned()));
        };
        self.rest = after;
        let operator = match operator.to_ascii_lowercase().as_str() {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            "in" => return self.one_of(&property),
            other => return Err(BadFilter::Unsupported(format!("the operator '{other}'"))),
        };
        let value = self.literal()?;
        Ok(Filter::Compare(Comparison { property, operator, value }))
    }

    fn one_of(&mut self, property: &str) -> Result<Filter, BadFilter> {
        self.sign('(')?;
        let mut all = Vec::new();
        loop {
            let value = self.literal()?;
            all.push(Filter::Compare(Comparison { property: property.to_owned(), operator: Operator::Eq, value }));
            if self.sign(',').is_err() {
                self.sign(')')?;
                return Ok(Filter::Or(all));
            }
        }
    }

    fn property(&mut self) -> Result<String, BadFilter> {
        match self.rest {
            [Token::Word(property), after @ ..] => {
                self.rest = after;
                Ok(property.clone())
            }
            [] => Err(BadFilter::Syntax("an expression is missing".to_owned())),
            [other, ..] => Err(BadFilter::Syntax(format!("{} is no property", shown(other)))),
        }
    }

    fn literal(&mut self) -> Result<Value, BadFilter> {
        let (value, after) = match self.rest {
            [Token::Text(text), after @ ..] => (Value::from(text.as_str()), after),
            [Token::Word(word), after @ ..] => (bare(word)?, after),
            [other, ..] => return Err(BadFilter::Syntax(format!("unexpected {}", shown(other)))),
            [] => return Err(BadFilter::Syntax("a value is missing".to_owned())),
        };
        self.rest = after;
        Ok(value)
    }
}

/// A literal without quotes: a number, `true`, `false`, `null`, or a time.
fn bare(word: &str) -> Result<Value, BadFilter> {
    if word.parse::<Timestamp>().is_ok() {
        return Ok(Value::from(word));
    }
    serde_json::from_str(word).map_err(|_| BadFilter::Syntax(format!("'{word}' is no literal")))
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Text(text) => format!("'{text}'"),
        Token::Other(sign) => format!("'{sign}'"),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, BadFilter> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = if first == '\'' {
            let (literal, after) = quoted(rest)?;
            tokens.push(Token::Text(literal));
            after
        } else {
            let word = |c: char| c.is_ascii_alphanumeric() || "_./:-@+".contains(c);
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(end.max(first.len_utf8()));
            tokens.push(if end == 0 { Token::Other(first) } else { Token::Word(token.to_owned()) });
            after
        };
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// A quoted text at the start, `''` standing for one quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), BadFilter> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('\'').unwrap_or(text);
    loop {
        let (before, after) =
            rest.split_once('\'').ok_or_else(|| BadFilter::Syntax("There is an unterminated string literal".to_owned()))?;
        value.push_str(before);
        let Some(more) = after.strip_prefix('\'') else { return Ok((value, after)) };
        value.push('\'');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(property: &str, operator: Operator, value: Value) -> Filter {
        Filter::Compare(Comparison { property: property.to_owned(), operator, value })
    }

    #[test]
    fn literals_keep_their_quotes_and_cannot_break_out() {
        let text = "onPremisesSamAccountName eq 'O''Neil'' or ''1'' eq ''1' and accountEnabled eq true";
        let expected = [
            one("onPremisesSamAccountName", Operator::Eq, json!("O'Neil' or '1' eq '1")),
            one("accountEnabled", Operator::Eq, json!(true)),
        ];
        assert_eq!(read(text).unwrap(), Filter::And(expected.to_vec()));
        assert_eq!(read("mail ne null").unwrap(), one("mail", Operator::Ne, Value::Null));
    }

    #[test]
    fn and_binds_tighter_than_or_and_brackets_tighter_than_both() {
        let item = json!({"a": 1, "b": 2, "n": {"c": 3}, "t": "2026-01-02T00:00:00Z"});
        for (text, fits) in [
            ("a eq 1 or b eq 0 and n/c eq 0", true),
            ("(a eq 1 or b eq 0) and n/c eq 0", false),
            ("not (a eq 1) or n/c eq 3", true),
            ("a in (0, 1)", true),
            ("not startswith(t,'2026')", false),
            ("t ge 2026-01-02T00:00:00Z and t lt 2026-01-02T01:00:00+00:00", true),
            ("t gt 2026-01-02T00:00:00Z", false),
        ] {
            assert_eq!(read(text).unwrap().fits(item.as_object().unwrap()), fits, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_ignored() {
        for text in ["endswith(id,'a')", "id has 'a'", "targets/any(t:t/id eq 'a')", &"(".repeat(100), &"not ".repeat(100)] {
            assert!(matches!(read(text), Err(BadFilter::Unsupported(_) | BadFilter::Syntax(_))), "{text}");
        }
        for text in ["", "id", "id eq", "id eq 'a", "id eq a", "id eq 'a' and", "''", "🙂 eq 'a'", "id eq (", "id in ('a'", "id in ()"] {
            assert!(matches!(read(text), Err(BadFilter::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn texts_are_compared_without_case() {
        let item = json!({"userPrincipalName": "User1@Contoso.example"});
        assert!(read("userPrincipalName eq 'USER1@contoso.example'").unwrap().fits(item.as_object().unwrap()));
        assert!(!read("userPrincipalName ne 'user1@contoso.example'").unwrap().fits(item.as_object().unwrap()));
    }
}
