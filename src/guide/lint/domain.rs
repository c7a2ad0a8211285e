//! Reads and grants in the domain: names, filters and attributes that cannot mean something else once they are filled in.

use crate::guide::finding::Finding;
use crate::guide::step::{LdapSearch, LdapWrite, Op, Right, Step};
use crate::guide::variables::{Part, Template};
use crate::guide::yaml::Read;

/// Attributes that hold secrets or what stands for one (MS-ADTS 3.1.1.4.4, Windows LAPS, group managed accounts, BitLocker): no pack reads them.
const SECRET: [&str; 13] = [
    "unicodePwd",
    "dBCSPwd",
    "userPassword",
    "ntPwdHistory",
    "lmPwdHistory",
    "supplementalCredentials",
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "msLAPS-EncryptedPassword",
    "msLAPS-EncryptedPasswordHistory",
    "msDS-ManagedPassword",
    "msFVE-RecoveryPassword",
    "msFVE-KeyPackage",
];

/// Whether no pack may read it.
pub(super) fn is_secret(attribute: &str) -> bool {
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(attribute))
}

/// A search.
pub(super) fn search(read: &Read<Step>, at: &[&str], search: &LdapSearch, out: &mut Vec<Finding>) {
    if !search.base.source.is_empty() {
        name(read, &[at, &["base"]].concat(), &search.base, out);
    }
    if let Some((needle, what)) = filter_problem(&search.filter) {
        let finding = read.inside(&[at, &["filter"]].concat(), &needle, what);
        out.push(finding.hint("write an LDAP filter with references as values: `(sAMAccountName={{ var:user1_sam }})`"));
    }
    if search.attributes.is_empty() {
        let finding = read.at(&[at, &["attributes"]].concat(), "this brings nothing back");
        out.push(finding.hint("name the attributes that checks look at"));
    }
    for (number, attribute) in search.attributes.iter().enumerate() {
        let number = number.to_string();
        let place = [at, &["attributes", number.as_str()]].concat();
        if is_secret(attribute) {
            let finding = read.at(&place, format!("`{attribute}` holds a secret, which no pack reads"));
            out.push(finding.hint("take it out"));
        } else if !is_attribute(attribute) {
            let finding = read.at(&place, format!("`{attribute}` is no attribute"));
            out.push(finding.hint("write one name a list item: letters, digits and hyphens, a letter first"));
        }
    }
}

/// The name of an object.
pub(super) fn name(read: &Read<Step>, at: &[&str], template: &Template, out: &mut Vec<Finding>) {
    if let Some((needle, what)) = name_problem(template) {
        let finding = read.inside(at, &needle, what);
        out.push(finding.hint("write a distinguished name, such as `CN=Users,{{ root:/value/0/defaultNamingContext }}`"));
    }
}

/// Attributes that no op sets as text: they mean permissions, membership or identity, or have a way of their own.
const NOT_SET: [&str; 8] = ["nTSecurityDescriptor", "objectClass", "objectSid", "objectGUID", "cn", "name", "distinguishedName", "member"];

/// A new object, or values that are set.
pub(super) fn write(read: &Read<Step>, at: &[&str], op: &Op, write: &LdapWrite, out: &mut Vec<Finding>) {
    let (dn, within) = match write {
        LdapWrite::Add(_) => ("add", "attributes"),
        LdapWrite::Set(_) => ("modify", "set"),
    };
    name(read, &[at, &[dn]].concat(), write.dn(), out);
    for attribute in write.attributes().keys() {
        let place = [at, &[within, attribute.as_str()]].concat();
        if is_secret(attribute) {
            let finding = read.at_key(&place, format!("`{attribute}` holds a secret, which no pack writes"));
            out.push(finding.hint("a new user's password is `password: made`"));
        } else if NOT_SET.iter().any(|not| not.eq_ignore_ascii_case(attribute)) {
            let finding = read.at_key(&place, format!("`{attribute}` is not set as text"));
            out.push(finding.hint("take it out; a grant changes permissions, and an object's name stands in `add`"));
        } else if !is_attribute(attribute) {
            let finding = read.at_key(&place, format!("`{attribute}` is no attribute"));
            out.push(finding.hint("letters, digits and hyphens, a letter first"));
        }
    }
    match write {
        LdapWrite::Set(set) if set.set.is_empty() => {
            out.push(read.at(&[at, &["set"]].concat(), "this sets nothing").hint("name an attribute and its value"));
        }
        LdapWrite::Add(add) if !add.attributes.contains_key("sAMAccountName") => {
            let finding = read.at(&[at, &["add"]].concat(), "a user without `sAMAccountName` gets a name that nobody chose");
            out.push(finding.hint("add `sAMAccountName` to `attributes`"));
        }
        LdapWrite::Add(_) | LdapWrite::Set(_) => {}
    }
    for captured in op.capture.values().filter(|_| matches!(write, LdapWrite::Set(_))) {
        let finding = read.at(&[at, &["modify"]].concat(), format!("setting values has no reply in which `{captured}` could be found"));
        out.push(finding.hint("take `capture` out; only a new object has a reply: its `dn`, `objectGUID` and `objectSid`"));
    }
}

/// Somebody by SID.
pub(super) fn trustee(read: &Read<Step>, at: &[&str], template: &Template, out: &mut Vec<Finding>) {
    let whole = matches!(template.parts.as_slice(), [Part::Reference(_)]);
    let written = matches!(template.parts.as_slice(), [Part::Text(text)] if is_sid(text));
    if !whole && !written {
        let finding = read.at(at, format!("`{}` names nobody by SID", template.source));
        out.push(finding.hint("write one reference, such as `{{ user1:/value/0/objectSid }}`"));
    }
}

/// A list of rights.
pub(super) fn rights(read: &Read<Step>, at: &[&str], rights: &[Right], out: &mut Vec<Finding>) {
    if rights.is_empty() {
        let finding = read.at(at, "this names no right");
        let known: Vec<&str> = Right::ALL.iter().map(|right| right.key()).collect();
        out.push(finding.hint(format!("rights are `{}`", known.join("`, `"))));
    }
    for (number, right) in rights.iter().enumerate() {
        if rights.iter().take(number).any(|earlier| earlier == right) {
            let finding = read.at(&[at, &[&number.to_string()]].concat(), format!("`{}` stands here twice", right.key()));
            out.push(finding.hint("take one out"));
        }
    }
}

/// RFC 4512 1.4: a letter, then letters, digits and hyphens; no options, no OIDs, no `*`.
fn is_attribute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_sid(text: &str) -> bool {
    text.strip_prefix("S-1-").is_some_and(|rest| rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())))
}

/// Why a text is no distinguished name, with the piece of it that is wrong. A reference is one value, or a whole name at its end.
fn name_problem(template: &Template) -> Option<(String, String)> {
    let source = &template.source;
    let mut text = String::new();
    for (number, part) in template.parts.iter().enumerate() {
        let last = number + 1 == template.parts.len();
        match part {
            Part::Text(part) => text.push_str(part),
            // Behind `=` it is a value, which is encoded as one.
            Part::Reference(_) if text.ends_with('=') => text.push('x'),
            Part::Reference(_) if last && (text.is_empty() || text.ends_with(',')) => text.push_str("DC=x"),
            Part::Reference(reference) => {
                return Some((reference.to_string(), format!("`{source}` is no distinguished name with a reference there")));
            }
        }
    }
    let wrong = |rdn: &str| {
        let (name, value) = rdn.split_once('=')?;
        (is_attribute(name.trim()) && !value.trim().is_empty() && !value.contains(['\\', '"', '<', '>', ';', '+', '#', '=', '\0']))
            .then_some(())
    };
    text.split(',').any(|rdn| wrong(rdn).is_none()).then(|| (source.clone(), format!("`{source}` is no distinguished name")))
}

/// Why a text is no filter, with the piece of it that is wrong: brackets that do not match, or a reference that is no value.
fn filter_problem(template: &Template) -> Option<(String, String)> {
    let source = &template.source;
    let (mut text, mut depth) = (String::new(), 0_usize);
    for part in &template.parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Reference(_) if text.ends_with('=') || text.ends_with('*') => text.push('x'),
            Part::Reference(reference) => {
                return Some((reference.to_string(), format!("`{source}` holds a reference that is no value")));
            }
        }
    }
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some((source.clone(), format!("`{source}` closes a bracket that is not open"))),
            ')' => depth -= 1,
            _ if depth == 0 => return Some((source.clone(), format!("`{source}` does not stand in brackets"))),
            '\0' | '\n' | '\r' => return Some((source.clone(), format!("`{source}` holds `{}`", c.escape_default()))),
            _ => {}
        }
        if depth == 0 && at + 1 < text.len() {
            return Some((source.clone(), format!("`{source}` is more than one filter")));
        }
        if depth > 16 {
            return Some((source.clone(), format!("`{source}` is nested too deep")));
        }
    }
    (depth > 0 || text.is_empty()).then(|| (source.clone(), format!("`{source}` is a filter whose brackets do not match")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_value_or_the_end_of_a_name() {
        let wrong = |name: &str| name_problem(&Template::parse(name).unwrap()).is_some();
        for name in ["{{ r:/x }}", "CN=Users,{{ r:/x }}", "CN={{ var:x }},{{ r:/x }}", "CN=System, DC=a, DC=b", "OU={{ var:x }},DC=a"] {
            assert!(!wrong(name), "{name}");
        }
        for name in
            ["", "CN", "CN=", "{{ r:/x }},DC=a", "C{{ var:x }}=a", "CN=a{{ var:x }},DC=b", "CN=a\\,b", "CN=\"a\"", ",", "CN=a,,DC=b"]
        {
            assert!(wrong(name), "{name}");
        }
    }

    #[test]
    fn a_filter_is_one_filter_with_references_as_values() {
        let wrong = |filter: &str| filter_problem(&Template::parse(filter).unwrap()).is_some();
        for filter in ["(a=b)", "(&(a={{ var:x }})(!(b=1)))", "(a={{ var:x }}*)", "(a:1.2.840.113556.1.4.803:=2)", "(a=*)"] {
            assert!(!wrong(filter), "{filter}");
        }
        for filter in ["", "a=b", "(a=b", "(a=b))", "(a=b)(c=d)", "({{ var:x }}=b)", "(a{{ var:x }})", "{{ var:x }}", "(a=\n)"] {
            assert!(wrong(filter), "{filter}");
        }
    }

    #[test]
    fn attributes_are_names_and_a_trustee_is_a_sid() {
        assert!(is_attribute("objectSid") && is_attribute("msDS-ResultantPSO"));
        assert!(!is_attribute("") && !is_attribute("*") && !is_attribute("1.2") && !is_attribute("a;binary") && !is_attribute("-a"));
        assert!(is_sid("S-1-5-32-544") && is_sid("S-1-1-0") && !is_sid("S-1-") && !is_sid("S-1-5-x") && !is_sid("User1"));
    }
}
