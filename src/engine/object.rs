//! Changes of the domain's objects as they are planned, journaled and sent. Not how they get there: that is `domain`'s.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A change of one of the domain's objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectCall {
    /// A new object.
    Add(NewObject),
    /// Other values, where those that were read still stand.
    Modify(Values),
    /// An object that was made, deleted if it is still that one and nothing is in it.
    Delete(MadeObject),
}

/// A new object of the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewObject {
    /// Its distinguished name.
    pub dn: String,
    /// What it is, as `objectClass` names it.
    pub class: String,
    /// Its attributes.
    pub attributes: IndexMap<String, String>,
    /// With a password that is made when it is sent and kept nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_made: bool,
}

/// Values of an object's attributes; `None` is an attribute without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// Its distinguished name.
    pub dn: String,
    /// What they become.
    pub set: IndexMap<String, Option<String>>,
    /// What they must be; with anything else nothing is written.
    pub from: IndexMap<String, Option<String>>,
}

/// An object that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeObject {
    /// Its distinguished name.
    pub dn: String,
    /// Its `objectGUID`, which no other object ever has.
    pub guid: String,
}

/// How a password is shown that nobody has seen yet.
const MADE: &str = "‹made at apply›";

impl ObjectCall {
    /// What is done in one line.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Add(new) => format!("add {}", new.dn),
            Self::Modify(values) => format!("set {} of {}", list(values.set.keys()), values.dn),
            Self::Delete(made) => format!("delete {}", made.dn),
        }
    }

    /// What is done, in LDAP's word.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Modify(_) => "modify",
            Self::Delete(_) => "delete",
        }
    }

    /// The right that it needs, in words.
    #[must_use]
    pub fn needs(&self) -> String {
        match self {
            Self::Add(new) => format!("the right to create a {} in {}", new.class, parent(&new.dn).unwrap_or("the domain")),
            Self::Modify(values) => format!("the right to write {}", list(values.set.keys())),
            Self::Delete(made) => format!("the right to delete {}", made.dn),
        }
    }

    /// The change as LDIF (RFC 2849), for people: a password that does not exist yet stands as such.
    #[must_use]
    pub fn ldif(&self) -> String {
        let mut lines = vec![line("dn", self.dn()), line("changetype", self.verb())];
        match self {
            Self::Add(new) => {
                lines.push(line("objectClass", &new.class));
                lines.extend(new.attributes.iter().map(|(name, value)| line(name, value)));
                lines.extend(new.password_made.then(|| format!("unicodePwd: {MADE}")));
            }
            Self::Modify(values) => {
                for (name, to) in &values.set {
                    let from = values.from.get(name).and_then(Option::as_deref);
                    for (verb, value) in [("delete", from), ("add", to.as_deref())] {
                        if let Some(value) = value {
                            lines.extend([line(verb, name), line(name, value), "-".to_owned()]);
                        }
                    }
                }
            }
            Self::Delete(_) => {}
        }
        lines.join("\n")
    }

    /// The object's distinguished name.
    #[must_use]
    pub fn dn(&self) -> &str {
        match self {
            Self::Add(NewObject { dn, .. }) | Self::Modify(Values { dn, .. }) | Self::Delete(MadeObject { dn, .. }) => dn,
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// One line of LDIF; what is no safe string stands in base64 (RFC 2849).
fn line(name: &str, value: &str) -> String {
    let safe = value.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !value.starts_with([' ', ':', '<']) && !value.ends_with(' ');
    if safe { format!("{name}: {value}") } else { format!("{name}:: {}", STANDARD.encode(value)) }
}

/// What holds an object: what stands behind the first comma that is not escaped (RFC 4514 2.1); `None` for the top.
pub(super) fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    let comma = dn.char_indices().find(|(_, c)| {
        let ends = *c == ',' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    dn.get(comma?.0 + 1..).map(str::trim_start).filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldif_shows_what_is_sent_escapes_what_is_no_safe_text_and_holds_no_password() {
        let new = ObjectCall::Add(NewObject {
            dn: "CN=Ähre,DC=a".into(),
            class: "user".into(),
            attributes: IndexMap::from([
                ("displayName".to_owned(), " x\nunicodePwd: y".to_owned()),
                ("description".to_owned(), "plain".into()),
            ]),
            password_made: true,
        });
        let expected = "dn:: Q049w4RocmUsREM9YQ==\nchangetype: add\nobjectClass: user\ndisplayName:: IHgKdW5pY29kZVB3ZDogeQ==\n\
                        description: plain\nunicodePwd: ‹made at apply›";
        assert_eq!(new.ldif(), expected);
        let set = ObjectCall::Modify(Values {
            dn: "DC=a".into(),
            set: IndexMap::from([("minPwdAge".to_owned(), Some("0".to_owned())), ("description".to_owned(), None)]),
            from: IndexMap::from([("minPwdAge".to_owned(), Some("-1".to_owned())), ("description".to_owned(), Some("x".to_owned()))]),
        });
        let expected = "dn: DC=a\nchangetype: modify\ndelete: minPwdAge\nminPwdAge: -1\n-\nadd: minPwdAge\nminPwdAge: 0\n-\n\
                        delete: description\ndescription: x\n-";
        assert_eq!(set.ldif(), expected);
    }

    #[test]
    fn a_journal_line_of_each_change_is_read_as_it_was_written() {
        let call = ObjectCall::Delete(MadeObject { dn: "CN=a".into(), guid: "g".into() });
        let text = serde_json::to_string(&call).unwrap();
        assert_eq!(text, r#"{"delete":{"dn":"CN=a","guid":"g"}}"#);
        assert_eq!(serde_json::from_str::<ObjectCall>(&text).unwrap(), call);
        assert!(serde_json::from_str::<ObjectCall>(r#"{"delete":{"dn":"CN=a","guid":"g","force":true}}"#).is_err());
    }
}
