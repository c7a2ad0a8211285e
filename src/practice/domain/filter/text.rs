//! Filters from their text (RFC 4515), as a script hands them over. Not what they mean.

use super::{BadFilter, DEEPEST, Filter, MOST_PARTS};

impl Filter {
    /// Reads a filter from its text.
    pub(in super::super) fn parse(text: &str) -> Result<Self, BadFilter> {
        let mut reader = Reader { rest: text, parts: 0 };
        let filter = reader.filter(0)?;
        if reader.rest.is_empty() { Ok(filter) } else { Err(BadFilter::Broken) }
    }
}

struct Reader<'a> {
    rest: &'a str,
    parts: usize,
}

impl Reader<'_> {
    fn take(&mut self, sign: char) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: char) -> Result<(), BadFilter> {
        if self.take(sign) { Ok(()) } else { Err(BadFilter::Broken) }
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, BadFilter> {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            return Err(BadFilter::TooMuch);
        }
        self.expect('(')?;
        let filter = if self.take('&') {
            Filter::And(self.list(depth)?)
        } else if self.take('|') {
            Filter::Or(self.list(depth)?)
        } else if self.take('!') {
            Filter::Not(Box::new(self.filter(depth + 1)?))
        } else {
            self.item()?
        };
        self.expect(')')?;
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, BadFilter> {
        let mut list = Vec::new();
        while self.rest.starts_with('(') {
            list.push(self.filter(depth + 1)?);
        }
        Ok(list)
    }

    fn item(&mut self) -> Result<Filter, BadFilter> {
        let (item, _) = self.rest.split_once(')').ok_or(BadFilter::Broken)?;
        self.rest = self.rest.get(item.len()..).unwrap_or_default();
        let (name, value) = item.split_once('=').ok_or(BadFilter::Broken)?;
        if let Some(name) = name.strip_suffix(">") {
            return Ok(Filter::AtLeast(named(name)?, bytes(value)?));
        }
        if let Some(name) = name.strip_suffix("<") {
            return Ok(Filter::AtMost(named(name)?, bytes(value)?));
        }
        if let Some((name, rule)) = name.strip_suffix(':').and_then(|name| name.split_once(':')) {
            return Ok(Filter::Rule(named(name)?, rule.to_owned(), bytes(value)?));
        }
        let name = named(name)?;
        if value == "*" {
            return Ok(Filter::Present(name));
        }
        let pieces = value.split('*').map(bytes).collect::<Result<Vec<_>, _>>()?;
        match pieces.as_slice() {
            [whole] => Ok(Filter::Equals(name, whole.clone())),
            [first, middle @ .., last] => {
                let open = |piece: &Vec<u8>| Some(piece.clone()).filter(|piece| !piece.is_empty());
                Ok(Filter::Pieces(name, open(first), middle.to_vec(), open(last)))
            }
            [] => Err(BadFilter::Broken),
        }
    }
}

fn named(name: &str) -> Result<String, BadFilter> {
    let good = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | ';');
    if !name.is_empty() && name.chars().all(good) { Ok(name.to_owned()) } else { Err(BadFilter::Broken) }
}

/// A value; any byte may be written as a backslash and two digits.
fn bytes(value: &str) -> Result<Vec<u8>, BadFilter> {
    let mut parts = value.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).ok_or(BadFilter::Broken)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| BadFilter::Broken)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_from_its_text_and_what_is_none_is_refused() {
        let equals = |name: &str, value: &[u8]| Filter::Equals(name.to_owned(), value.to_vec());
        for (text, filter) in [
            ("(objectClass=*)", Filter::Present("objectClass".to_owned())),
            (r"(objectSid=\01\ff\2a)", equals("objectSid", &[1, 255, 42])),
            ("(&(a=1)(!(b=x y)))", Filter::And(vec![equals("a", b"1"), Filter::Not(Box::new(equals("b", b"x y")))])),
            ("(|(a>=1)(a<=2))", Filter::Or(vec![Filter::AtLeast("a".into(), b"1".into()), Filter::AtMost("a".into(), b"2".into())])),
            ("(cn=a*b*)", Filter::Pieces("cn".into(), Some(b"a".into()), vec![b"b".into()], None)),
            ("(uac:1.2.840.113556.1.4.803:=2)", Filter::Rule("uac".into(), "1.2.840.113556.1.4.803".into(), b"2".into())),
        ] {
            assert_eq!(Filter::parse(text), Ok(filter), "{text}");
        }
        for wrong in ["", "a=1", "(a=1", "(a=1))", "(a)", "(=1)", r"(a=\1)", r"(a=\zz)", "(a b=1)", "(!(a=1)(b=2))", "(é=1)", r"(a=\é)"] {
            assert_eq!(Filter::parse(wrong), Err(BadFilter::Broken), "{wrong}");
        }
        let deep = format!("{}(a=1){}", "(!".repeat(DEEPEST + 1), ")".repeat(DEEPEST + 1));
        assert_eq!(Filter::parse(&deep), Err(BadFilter::TooMuch));
    }
}
