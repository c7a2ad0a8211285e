//! Statements, bodies and writes as a pack's author writes them, turned into the types of `step` while parsing.

use super::step::{
    AzureChange, Body, Change, Count, Doubt, Expectation, Grant, GraphWrite, LdapAdd, LdapClass, LdapSet, LdapWrite, MadePassword, Matcher,
    Op, Operand, ScriptRun, Trip, Undo, WriteMethod,
};
use super::variables::{Pointer, SyntaxError, Template, parse_duration};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A statement: `path` with one matcher, or `any`/`all` with `where`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenExpectation {
    path: Option<Pointer>,
    #[serde(default, deserialize_with = "some")]
    equals: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    not: Option<Value>,
    #[serde(default, deserialize_with = "super::variables::strict")]
    present: Option<bool>,
    #[serde(default, deserialize_with = "super::variables::strict")]
    absent: Option<bool>,
    matches: Option<Template>,
    #[serde(default, deserialize_with = "some")]
    contains: Option<Value>,
    count: Option<WrittenCount>,
    newer_than: Option<String>,
    older_than: Option<String>,
    at_least: Option<i64>,
    at_most: Option<i64>,
    any: Option<Pointer>,
    all: Option<Pointer>,
    r#where: Option<Vec<Expectation>>,
}

/// A number, or `{min, max}`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or `{min: …, max: …}`, is expected")]
enum WrittenCount {
    /// Exactly so many.
    Exactly(usize),
    /// From `min` to `max`, both included.
    Range(WrittenRange),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenRange {
    #[serde(default)]
    min: usize,
    max: Option<usize>,
}

/// Keeps `key: null` apart from an absent key.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<WrittenExpectation> for Expectation {
    type Error = SyntaxError;

    fn try_from(written: WrittenExpectation) -> Result<Self, SyntaxError> {
        let WrittenExpectation { path, any, all, r#where, .. } = &written;
        match (path, any, all, r#where) {
            (Some(path), None, None, None) => Ok(Self::At { path: path.clone(), matcher: written.matcher()? }),
            (None, Some(list), None, Some(each)) if !each.is_empty() => Ok(Self::Any { list: list.clone(), each: each.clone() }),
            (None, None, Some(list), Some(each)) if !each.is_empty() => Ok(Self::All { list: list.clone(), each: each.clone() }),
            _ => Err(SyntaxError("a statement is `path` with one matcher, or `any` or `all` with `where`\nhint: for example `{path: /value, count: 1}` or `{any: /value, where: [{path: /id, equals: x}]}`".into())),
        }
    }
}

impl WrittenExpectation {
    fn matcher(&self) -> Result<Matcher, SyntaxError> {
        let mut found = Vec::new();
        found.extend(self.equals.as_ref().map(|v| operand(v).map(Matcher::Equals)));
        found.extend(self.not.as_ref().map(|v| operand(v).map(Matcher::Not)));
        found.extend(self.present.map(|v| truth(v, "present").map(|()| Matcher::Present)));
        found.extend(self.absent.map(|v| truth(v, "absent").map(|()| Matcher::Absent)));
        found.extend(self.matches.as_ref().map(|v| pattern(v).map(Matcher::Matches)));
        found.extend(self.contains.as_ref().map(|v| operand(v).map(Matcher::Contains)));
        found.extend(self.count.as_ref().map(|v| count(v).map(Matcher::Count)));
        found.extend(self.newer_than.as_ref().map(|v| parse_duration(v).map(Matcher::NewerThan)));
        found.extend(self.older_than.as_ref().map(|v| parse_duration(v).map(Matcher::OlderThan)));
        found.extend(self.at_least.map(|v| Ok(Matcher::AtLeast(v))));
        found.extend(self.at_most.map(|v| Ok(Matcher::AtMost(v))));
        match found.len() {
            1 => found.remove(0),
            0 => Err(SyntaxError("`path` has no matcher\nhint: add one of `equals`, `not`, `present`, `absent`, `matches`, `contains`, `count`, `newer-than`, `older-than`, `at-least`, `at-most`".into())),
            _ => Err(SyntaxError("`path` takes one matcher\nhint: write a second statement for another".into())),
        }
    }
}

fn truth(value: bool, name: &str) -> Result<(), SyntaxError> {
    if value {
        Ok(())
    } else {
        Err(SyntaxError(format!("`{name}` can only be `true`\nhint: `present: true` and `absent: true` are opposites")))
    }
}

fn operand(value: &Value) -> Result<Operand, SyntaxError> {
    match value {
        Value::String(text) => Template::parse(text).map(Operand::Text),
        other => Ok(Operand::Json(other.clone())),
    }
}

fn pattern(template: &Template) -> Result<Template, SyntaxError> {
    use super::variables::Part;
    let probe: String = template.parts.iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "x" }).collect();
    regex_lite::Regex::new(&probe).map_err(|error| {
        SyntaxError(format!("`{}` is no pattern: {error}\nhint: put `\\` before a character that stands for itself", template.source))
    })?;
    Ok(template.clone())
}

fn count(written: &WrittenCount) -> Result<Count, SyntaxError> {
    let count = match *written {
        WrittenCount::Exactly(number) => Count { min: number, max: Some(number) },
        WrittenCount::Range(WrittenRange { min, max }) => Count { min, max },
    };
    if count.max.is_some_and(|max| max < count.min) {
        return Err(SyntaxError("`count` has a `max` below its `min`\nhint: both ends are included".into()));
    }
    Ok(count)
}

/// One request of an action: `graph`, `grant`, `azure`, `script`, `ldap` or `trip`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenOp {
    /// Its name; its words stand in `en.md` under `changes`.
    id: String,
    /// Not sent when this check passes; its facts are what was there before.
    unless: Option<String>,
    /// A Graph request.
    graph: Option<GraphWrite>,
    /// Rights on one of the domain's objects.
    grant: Option<Grant>,
    /// A machine in Azure.
    azure: Option<AzureChange>,
    /// One password that travels.
    trip: Option<Trip>,
    /// A script of the program.
    script: Option<ScriptRun>,
    /// An object of the domain.
    ldap: Option<WrittenLdap>,
    /// What to keep of the reply, by name.
    #[serde(default)]
    capture: IndexMap<String, Pointer>,
    /// How doubt after a crash is settled.
    doubt: Doubt,
    /// How it is taken back.
    undo: Undo,
}

impl TryFrom<WrittenOp> for Op {
    type Error = SyntaxError;

    fn try_from(written: WrittenOp) -> Result<Self, SyntaxError> {
        let WrittenOp { id, unless, graph, grant, azure, trip, script, ldap, capture, doubt, undo } = written;
        let mut sent: Vec<(&str, Change)> = Vec::new();
        sent.extend(graph.map(|graph| ("graph", Change::Graph(graph))));
        sent.extend(grant.map(|grant| ("grant", Change::Grant(grant))));
        sent.extend(azure.map(|azure| ("azure", Change::Azure(azure))));
        sent.extend(trip.map(|trip| ("trip", Change::Trip(trip))));
        sent.extend(script.map(|script| ("script", Change::Script(script))));
        sent.extend(ldap.map(LdapWrite::try_from).transpose()?.map(|ldap| ("ldap", Change::Ldap(ldap))));
        let mut sent = sent.into_iter();
        let change = match (sent.next(), sent.next()) {
            (Some((_, change)), None) => change,
            (Some((one, _)), Some((other, _))) => {
                return Err(SyntaxError(format!(
                    "the op `{id}` sends both `{one}` and `{other}`\nhint: write a second op for one of them"
                )));
            }
            (None, _) => {
                return Err(SyntaxError(format!(
                    "the op `{id}` sends nothing\nhint: write `graph: …`, `grant: …`, `azure: …`, `script: …`, `ldap: …` or `trip: …`"
                )));
            }
        };
        Ok(Self { id, unless, change, capture, doubt, undo })
    }
}

/// `add` with what the new object is, or `modify` with what is set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLdap {
    /// The distinguished name of a new object.
    add: Option<Template>,
    /// What the new object is.
    class: Option<LdapClass>,
    /// The new object's attributes, one value each.
    attributes: Option<IndexMap<String, Template>>,
    /// Where the new object's password comes from.
    password: Option<MadePassword>,
    /// The distinguished name of an object that is there.
    modify: Option<Template>,
    /// The values that its attributes get, one each.
    set: Option<IndexMap<String, Template>>,
}

impl TryFrom<WrittenLdap> for LdapWrite {
    type Error = SyntaxError;

    fn try_from(written: WrittenLdap) -> Result<Self, SyntaxError> {
        let WrittenLdap { add, class, attributes, password, modify, set } = written;
        match (add, class, modify, set) {
            (Some(dn), Some(class), None, None) => {
                Ok(Self::Add(LdapAdd { dn, class, attributes: attributes.unwrap_or_default(), password }))
            }
            (None, None, Some(dn), Some(set)) if attributes.is_none() && password.is_none() => Ok(Self::Set(LdapSet { dn, set })),
            _ => Err(SyntaxError("a change of the domain is `add` with `class` and `attributes`, or `modify` with `set`\nhint: for example `{modify: \"{{ root:/value/0/defaultNamingContext }}\", set: {minPwdAge: \"0\"}}`".into())),
        }
    }
}

/// `post`, `patch` or `delete` with a path, and a body.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWrite {
    post: Option<Template>,
    patch: Option<Template>,
    delete: Option<Template>,
    body: Option<IndexMap<String, Value>>,
}

impl TryFrom<WrittenWrite> for GraphWrite {
    type Error = SyntaxError;

    fn try_from(written: WrittenWrite) -> Result<Self, SyntaxError> {
        let (method, path) = match (written.post, written.patch, written.delete) {
            (Some(path), None, None) => (WriteMethod::Post, path),
            (None, Some(path), None) => (WriteMethod::Patch, path),
            (None, None, Some(path)) => (WriteMethod::Delete, path),
            _ => return Err(SyntaxError("a write is one of `post`, `patch` and `delete`\nhint: write a second op for another".into())),
        };
        if method == WriteMethod::Delete && written.body.is_some() {
            return Err(SyntaxError("`delete` takes no `body`\nhint: take the body out".into()));
        }
        let body = written.body.map(|fields| fields.iter().map(|(name, value)| Ok((name.clone(), body(value)?))).collect());
        Ok(Self { method, path, body: body.transpose()?.map(Body::Object) })
    }
}

fn body(value: &Value) -> Result<Body, SyntaxError> {
    Ok(match value {
        Value::String(text) => Body::Text(Template::parse(text)?),
        Value::Array(items) => Body::List(items.iter().map(body).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            Body::Object(fields.iter().map(|(name, value)| Ok((name.clone(), body(value)?))).collect::<Result<_, SyntaxError>>()?)
        }
        plain => Body::Plain(plain.clone()),
    })
}
