//! The `$filter` subset of the lab: comparisons joined by `and` (OData 4.01 URL conventions 5.1.1). No I/O.

use serde_json::{Map, Value};

/// `property operator literal`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    /// The property.
    pub(super) property: String,
    /// `ne` instead of `eq`.
    pub(super) not: bool,
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

/// Reads a filter.
pub(super) fn read(text: &str) -> Result<Vec<Comparison>, BadFilter> {
    let tokens = tokens(text)?;
    let mut comparisons = Vec::new();
    let mut rest = tokens.as_slice();
    loop {
        let (comparison, after) = comparison(rest)?;
        comparisons.push(comparison);
        match after {
            [] => return Ok(comparisons),
            [Token::Word(word), after @ ..] if word.eq_ignore_ascii_case("and") => rest = after,
            [Token::Word(word), ..] => return Err(BadFilter::Unsupported(format!("the operator '{word}'"))),
            [other, ..] => return Err(BadFilter::Syntax(format!("unexpected {}", shown(other)))),
        }
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Text(text) => format!("'{text}'"),
        Token::Other(sign) => format!("'{sign}'"),
    }
}

fn comparison(tokens: &[Token]) -> Result<(Comparison, &[Token]), BadFilter> {
    let (property, operator, literal, rest) = match tokens {
        [Token::Word(property), Token::Word(operator), literal, rest @ ..] => (property, operator, literal, rest),
        [Token::Word(function), Token::Other('('), ..] => return Err(BadFilter::Unsupported(format!("the function '{function}'"))),
        [Token::Other('('), ..] => return Err(BadFilter::Unsupported("grouping".to_owned())),
        [] => return Err(BadFilter::Syntax("an expression is missing".to_owned())),
        _ => return Err(BadFilter::Syntax("a comparison needs a property, an operator and a value".to_owned())),
    };
    let not = match operator.to_ascii_lowercase().as_str() {
        "eq" => false,
        "ne" => true,
        other => return Err(BadFilter::Unsupported(format!("the operator '{other}'"))),
    };
    let value = match literal {
        Token::Text(text) => Value::from(text.as_str()),
        Token::Word(word) => serde_json::from_str(word).map_err(|_| BadFilter::Syntax(format!("'{word}' is no literal")))?,
        Token::Other(sign) => return Err(BadFilter::Syntax(format!("unexpected '{sign}'"))),
    };
    Ok((Comparison { property: property.clone(), not, value }, rest))
}

fn tokens(text: &str) -> Result<Vec<Token>, BadFilter> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = if first == '\'' {
            let (literal, after) = literal(rest)?;
            tokens.push(Token::Text(literal));
            after
        } else {
            let word = |c: char| c.is_ascii_alphanumeric() || "_./:-@".contains(c);
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
fn literal(text: &str) -> Result<(String, &str), BadFilter> {
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

/// Whether an item fits all comparisons. Texts of the directory are compared without regard to case.
pub(super) fn fits(item: &Map<String, Value>, filter: &[Comparison]) -> bool {
    filter.iter().all(|one| {
        let found = item.get(&one.property).unwrap_or(&Value::Null);
        let same = match (found, &one.value) {
            (Value::String(a), Value::String(b)) => a.to_lowercase() == b.to_lowercase(),
            (a, b) => a == b,
        };
        same != one.not
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(property: &str, not: bool, value: Value) -> Comparison {
        Comparison { property: property.to_owned(), not, value }
    }

    #[test]
    fn literals_keep_their_quotes_and_cannot_break_out() {
        let text = "onPremisesSamAccountName eq 'O''Neil'' or ''1'' eq ''1' and accountEnabled eq true";
        let expected = [one("onPremisesSamAccountName", false, json!("O'Neil' or '1' eq '1")), one("accountEnabled", false, json!(true))];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("mail ne null").unwrap(), [one("mail", true, Value::Null)]);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_ignored() {
        for text in ["id eq 'a' or id eq 'b'", "startswith(id,'a')", "(id eq 'a')", "id gt 'a'", "not id eq 'a'"] {
            assert!(matches!(read(text), Err(BadFilter::Unsupported(_) | BadFilter::Syntax(_))), "{text}");
        }
        for text in ["", "id", "id eq", "id eq 'a", "id eq a", "id eq 'a' 'b'", "id eq 'a' and", "''", "🙂 eq 'a'", "id eq ("] {
            assert!(matches!(read(text), Err(BadFilter::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn texts_are_compared_without_case() {
        let item = json!({"userPrincipalName": "User1@Contoso.example"});
        assert!(fits(item.as_object().unwrap(), &read("userPrincipalName eq 'USER1@contoso.example'").unwrap()));
        assert!(!fits(item.as_object().unwrap(), &read("userPrincipalName ne 'user1@contoso.example'").unwrap()));
    }
}
