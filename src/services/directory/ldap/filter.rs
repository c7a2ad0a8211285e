//! Search filters from their text (RFC 4515) to their bytes (RFC 4511 4.5.1.7). Values may be any bytes.

use super::ber::{OCTETS, Writer};

/// Deeper filters are refused; ours have three levels.
const DEEPEST: usize = 20;

/// Why a text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFilter {
    #[error("it ends too early")]
    Short,
    #[error("something follows its end")]
    More,
    #[error("it is nested too deep")]
    Deep,
    #[error("a parenthesis or operator is missing")]
    Form,
    #[error("an attribute's name is wrong")]
    Attribute,
    #[error("a value holds a character that must be written as `\\xx`")]
    Value,
}

/// Writes the filter.
pub(super) fn write(w: &mut Writer, text: &str) -> Result<(), BadFilter> {
    let mut parser = Parser { rest: text, out: Writer::default() };
    parser.filter(0)?;
    if !parser.rest.is_empty() {
        return Err(BadFilter::More);
    }
    w.raw(&parser.out.done());
    Ok(())
}

struct Parser<'a> {
    rest: &'a str,
    out: Writer,
}

impl Parser<'_> {
    fn eat(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest;
        true
    }

    fn filter(&mut self, depth: usize) -> Result<(), BadFilter> {
        if depth > DEEPEST {
            return Err(BadFilter::Deep);
        }
        if !self.eat('(') {
            return Err(if self.rest.is_empty() { BadFilter::Short } else { BadFilter::Form });
        }
        if self.eat('&') {
            self.list(0xa0, depth)?;
        } else if self.eat('|') {
            self.list(0xa1, depth)?;
        } else if self.eat('!') {
            self.group(0xa2, |parser| parser.filter(depth + 1))?;
        } else {
            self.item()?;
        }
        if self.eat(')') { Ok(()) } else { Err(BadFilter::Short) }
    }

    /// `content` writes into a value of its own.
    fn group(&mut self, tag: u8, content: impl FnOnce(&mut Self) -> Result<(), BadFilter>) -> Result<(), BadFilter> {
        let outside = std::mem::take(&mut self.out);
        let written = content(self);
        let inside = std::mem::replace(&mut self.out, outside);
        self.out.bytes(tag, &inside.done());
        written
    }

    fn list(&mut self, tag: u8, depth: usize) -> Result<(), BadFilter> {
        self.group(tag, |parser| {
            while parser.rest.starts_with('(') {
                parser.filter(depth + 1)?;
            }
            Ok(())
        })
    }

    fn item(&mut self) -> Result<(), BadFilter> {
        let end = self.rest.find(')').ok_or(BadFilter::Short)?;
        let (item, rest) = self.rest.split_at(end);
        self.rest = rest;
        let (left, value) = item.split_once('=').ok_or(BadFilter::Form)?;
        match left.chars().last() {
            Some('>') => self.compare(0xa5, left, value),
            Some('<') => self.compare(0xa6, left, value),
            Some('~') => self.compare(0xa8, left, value),
            Some(':') => self.rule(left.strip_suffix(':').unwrap_or(left), value),
            _ if value == "*" => {
                self.out.bytes(0x87, attribute(left)?.as_bytes());
                Ok(())
            }
            _ if value.contains('*') => self.substrings(left, value),
            _ => self.assertion(0xa3, left, value),
        }
    }

    fn compare(&mut self, tag: u8, left: &str, text: &str) -> Result<(), BadFilter> {
        let mut name = left.chars();
        name.next_back();
        self.assertion(tag, name.as_str(), text)
    }

    fn assertion(&mut self, tag: u8, name: &str, text: &str) -> Result<(), BadFilter> {
        let (name, value) = (attribute(name)?, value(text)?);
        self.out.nest(tag, |w| {
            w.bytes(OCTETS, name.as_bytes());
            w.bytes(OCTETS, &value);
        });
        Ok(())
    }

    fn substrings(&mut self, name: &str, text: &str) -> Result<(), BadFilter> {
        let name = attribute(name)?;
        let parts = text.split('*').map(value).collect::<Result<Vec<_>, _>>()?;
        let last = parts.len() - 1;
        self.out.nest(0xa4, |w| {
            w.bytes(OCTETS, name.as_bytes());
            w.nest(super::ber::SEQUENCE, |w| {
                for (place, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                    w.bytes(
                        if place == 0 {
                            0x80
                        } else if place == last {
                            0x82
                        } else {
                            0x81
                        },
                        part,
                    );
                }
            });
        });
        Ok(())
    }

    /// `name:rule:=value`; the `dn` flag is not used by AD and refused.
    fn rule(&mut self, left: &str, text: &str) -> Result<(), BadFilter> {
        let (name, rule) = left.split_once(':').ok_or(BadFilter::Form)?;
        let (name, rule, value) = (attribute(name)?, attribute(rule)?, value(text)?);
        self.out.nest(0xa9, |w| {
            w.bytes(0x81, rule.as_bytes());
            w.bytes(0x82, name.as_bytes());
            w.bytes(0x83, &value);
        });
        Ok(())
    }
}

/// A name, or an object identifier; options such as `;binary` may follow.
fn attribute(name: &str) -> Result<&str, BadFilter> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';');
    if name.is_empty() || !name.chars().all(fits) { Err(BadFilter::Attribute) } else { Ok(name) }
}

/// `\xx` is a byte; what RFC 4515 wants written so may not stand bare.
fn value(text: &str) -> Result<Vec<u8>, BadFilter> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'(' | 0 => return Err(BadFilter::Value),
            b'\\' => {
                let mut digit = || rest.next().and_then(|c| char::from(c).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(BadFilter::Value) };
                out.push(high << 4 | low);
            }
            plain => out.push(plain),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{BadFilter, write};
    use crate::base::encode::ldap_filter;
    use crate::services::directory::ldap::ber::Writer;
    use ldap3_proto::LdapFilter;
    use ldap3_proto::proto::{LdapMatchingRuleAssertion, LdapSubstringFilter};
    use proptest::prelude::*;

    fn bytes(text: &str) -> Result<Vec<u8>, BadFilter> {
        let mut w = Writer::default();
        write(&mut w, text).map(|()| w.done().to_vec())
    }

    /// What another implementation reads out of ours: a search request around the filter.
    fn read_back(text: &str) -> LdapFilter {
        let search = crate::services::directory::Search::below("DC=a", text, &[]);
        let message = crate::services::directory::ldap::message::search(1, &search, None).unwrap();
        let mut buffer = ldap3_proto_bytes(&message);
        let message = tokio_util::codec::Decoder::decode(&mut ldap3_proto::LdapCodec::default(), &mut buffer).unwrap().unwrap();
        match message.op {
            ldap3_proto::proto::LdapOp::SearchRequest(request) => request.filter,
            other => panic!("{other:?}"),
        }
    }

    fn ldap3_proto_bytes(message: &[u8]) -> bytes::BytesMut {
        bytes::BytesMut::from(message)
    }

    #[test]
    fn filters_are_read_by_another_implementation_as_they_were_meant() {
        let is = |name: &str, value: &str| LdapFilter::Equality(name.to_owned(), value.to_owned());
        assert_eq!(read_back("(sAMAccountName=User1)"), is("sAMAccountName", "User1"));
        assert_eq!(read_back("(cn=a\\28b\\29\\2a\\5c)"), is("cn", "a(b)*\\"));
        assert_eq!(
            read_back("(&(objectCategory=person)(objectClass=user)(!(adminCount=1)))"),
            LdapFilter::And(vec![
                is("objectCategory", "person"),
                is("objectClass", "user"),
                LdapFilter::Not(Box::new(is("adminCount", "1"))),
            ])
        );
        assert_eq!(read_back("(|(a=*)(b>=1)(c<=2))").clone(), {
            let (present, more, less) = (
                LdapFilter::Present("a".to_owned()),
                LdapFilter::GreaterOrEqual("b".to_owned(), "1".to_owned()),
                LdapFilter::LessOrEqual("c".to_owned(), "2".to_owned()),
            );
            LdapFilter::Or(vec![present, more, less])
        });
        assert_eq!(
            read_back("(cn=MSOL_*x*y)"),
            LdapFilter::Substring(
                "cn".to_owned(),
                LdapSubstringFilter { initial: Some("MSOL_".to_owned()), any: vec!["x".to_owned()], final_: Some("y".to_owned()) }
            )
        );
        assert_eq!(
            read_back("(memberOf:1.2.840.113556.1.4.1941:=CN=a)"),
            LdapFilter::Extensible(LdapMatchingRuleAssertion {
                matching_rule: Some("1.2.840.113556.1.4.1941".to_owned()),
                type_: Some("memberOf".to_owned()),
                match_value: "CN=a".to_owned(),
                dn_attributes: false,
            })
        );
    }

    #[test]
    fn a_value_may_be_any_bytes() {
        let written = bytes("(objectSid=\\01\\05\\ff)").unwrap();
        assert!(written.ends_with(&[0x04, 0x84, 0, 0, 0, 3, 1, 5, 0xff]), "{written:02x?}");
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_reason() {
        for (text, why) in [
            ("", BadFilter::Short),
            ("a=b", BadFilter::Form),
            ("(a=b", BadFilter::Short),
            ("(a=b)x", BadFilter::More),
            ("(a=b)(c=d)", BadFilter::More),
            ("(ab)", BadFilter::Form),
            ("(=b)", BadFilter::Attribute),
            ("(a b=c)", BadFilter::Attribute),
            ("(a=\\4)", BadFilter::Value),
            ("(a=\\zz)", BadFilter::Value),
            ("(a=b(c)", BadFilter::Value),
            ("(&(a=b)", BadFilter::Short),
        ] {
            assert_eq!(bytes(text), Err(why), "{text}");
        }
        let deep = format!("{}(a=b){}", "(!".repeat(5000), ")".repeat(5000));
        assert_eq!(bytes(&deep), Err(BadFilter::Deep));
    }

    proptest! {
        #[test]
        fn an_encoded_value_arrives_as_it_was_and_never_as_a_clause(value in "[a-z*()\\\\ =&|!]{1,20}|\\PC{1,20}") {
            prop_assert_eq!(read_back(&format!("(cn={})", ldap_filter(&value))), LdapFilter::Equality("cn".to_owned(), value));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[(&|!)a=*\\\\0:<>~]{0,40}|\\PC{0,30}") {
            let _ = bytes(&text);
        }
    }
}
