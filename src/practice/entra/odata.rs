//! OData around Graph's answers: `$select`, `$filter`, `$orderby`, `$expand`, `$top`, `$count`, `$skiptoken`, contexts, and errors as Graph words them.

use super::filter::{self, BadFilter, Comparison, Filter, Operator};
use crate::practice::{
    live::Live,
    wire::{Answer, Question},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// Graph's largest page of directory objects.
const LARGEST_PAGE: usize = 999;
/// Graph's page when none is asked for.
const USUAL_PAGE: usize = 100;

/// A thing as Graph shows it.
pub(super) type Item = Map<String, Value>;

/// A refusal of Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Status code.
    pub(super) status: u16,
    /// `error.code`.
    pub(super) code: &'static str,
    /// `error.message`.
    pub(super) message: String,
}

impl Fault {
    /// A refusal.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request is wrong.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    /// The query asks for what this resource does not do.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    /// No such thing, or not yet.
    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("Resource '{what}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(404, "Request_ResourceNotFound", message)
    }

    /// No permission or no role; Graph does not say which (`facts/wire.md` 8).
    pub(super) fn denied() -> Self {
        Self::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    /// The error body, spelled `innerError` as in practice (`facts/wire.md` 19).
    pub(super) fn answer(&self, live: &Live, question: &Question) -> Answer {
        let inner = json!({
            "date": live.said_now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": question.request_id,
            "client-request-id": question.client_request_id,
        });
        Answer::json(self.status, json!({"error": {"code": self.code, "message": self.message, "innerError": inner}}))
    }
}

/// A kind of thing that Graph lists: what it is called, what it has, what it can be asked.
#[derive(Debug)]
pub(super) struct Collection {
    /// Path after `$metadata#`.
    pub(super) context: &'static str,
    /// Type name in messages.
    pub(super) kind: &'static str,
    /// Properties that come without `$select`; empty means all.
    pub(super) usual: &'static [&'static str],
    /// Properties that `$filter` takes.
    pub(super) filters: &'static [&'static str],
    /// Those of them that need `ConsistencyLevel: eventual` and `$count=true`.
    pub(super) advanced: &'static [&'static str],
    /// Properties that `startswith` takes.
    pub(super) starts: &'static [&'static str],
    /// Whether `ne` and `not` need the header: so it is for directory objects (Graph docs, aad-advanced-queries.md).
    pub(super) strict: bool,
    /// Properties that `$orderby` takes.
    pub(super) orders: &'static [&'static str],
    /// Relations that `$expand` takes, one at a time.
    pub(super) expands: &'static [&'static str],
    /// Whether `$top` and pages exist.
    pub(super) pages: bool,
    /// Whether `$count` exists.
    pub(super) counts: bool,
}

/// The query options of a request, each checked against what the collection takes.
pub(super) struct Asked<'a> {
    live: &'a Live,
    question: &'a Question,
    version: &'a str,
    collection: &'static Collection,
    select: Vec<String>,
    filter: Option<Filter>,
    order: Option<(String, bool)>,
    expand: Vec<String>,
    top: Option<usize>,
    skip: usize,
    count: bool,
    of: String,
}

impl<'a> Asked<'a> {
    /// Reads the options for a list.
    pub(super) fn list(live: &'a Live, question: &'a Question, version: &'a str, collection: &'static Collection) -> Result<Self, Fault> {
        let mut asked = Self::plain(live, question, version, collection);
        for (name, value) in question.query.iter().filter(|(name, _)| name.starts_with('$')) {
            match name.as_str() {
                "$select" => asked.select = selected(value),
                "$filter" => asked.filter = Some(filter::read(value).map_err(|bad| bad_filter(bad, value))?),
                "$orderby" if !collection.orders.is_empty() => asked.order = Some(order(value, collection)?),
                "$expand" if !collection.expands.is_empty() => asked.expand = expanded(value, collection)?,
                "$top" if collection.pages => asked.top = Some(top(value)?),
                "$skiptoken" if collection.pages => asked.skip = skip(value)?,
                "$count" if collection.counts => asked.count = value.eq_ignore_ascii_case("true"),
                other => return Err(unknown_option(other, collection)),
            }
        }
        asked.check_filter()?;
        Ok(asked)
    }

    /// Reads the options for one thing.
    pub(super) fn one(live: &'a Live, question: &'a Question, version: &'a str, collection: &'static Collection) -> Result<Self, Fault> {
        let mut asked = Self::plain(live, question, version, collection);
        for (name, value) in question.query.iter().filter(|(name, _)| name.starts_with('$')) {
            match name.as_str() {
                "$select" => asked.select = selected(value),
                "$expand" if !collection.expands.is_empty() => asked.expand = expanded(value, collection)?,
                other => return Err(unknown_option(other, collection)),
            }
        }
        Ok(asked)
    }

    fn plain(live: &'a Live, question: &'a Question, version: &'a str, collection: &'static Collection) -> Self {
        Self {
            live,
            question,
            version,
            collection,
            select: Vec::new(),
            filter: None,
            order: None,
            expand: Vec::new(),
            top: None,
            skip: 0,
            count: false,
            of: String::new(),
        }
    }

    /// The same for the list that belongs to this thing.
    pub(super) fn of(self, id: &str) -> Self {
        Self { of: id.to_owned(), ..self }
    }

    /// Names of the properties that the filter looks at.
    pub(super) fn filtered(&self) -> impl Iterator<Item = &str> {
        self.comparisons().into_iter().map(|one| one.property.as_str())
    }

    fn comparisons(&self) -> Vec<&Comparison> {
        self.filter.as_ref().map(Filter::comparisons).unwrap_or_default()
    }

    /// Whether `$expand` asks for this relation.
    pub(super) fn expands(&self, relation: &str) -> bool {
        self.expand.iter().any(|one| one == relation)
    }

    fn eventual(&self) -> bool {
        self.question.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// An index that lags answers these; without the header Graph refuses instead of guessing (`facts/wire.md` 14).
    fn check_filter(&self) -> Result<(), Fault> {
        let inverted = self.filter.as_ref().is_some_and(Filter::negates);
        for one in self.comparisons() {
            let refused = |what: &str| {
                let (property, kind) = (&one.property, self.collection.kind);
                Err(Fault::unsupported(format!(
                    "Unsupported or invalid query filter clause specified for property '{property}' of resource '{kind}'.{what}"
                )))
            };
            let takes = match one.operator {
                Operator::StartsWith => self.collection.starts,
                Operator::Eq | Operator::Ne | Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => self.collection.filters,
            };
            if !takes.contains(&one.property.as_str()) {
                return refused("");
            }
            let turned = self.collection.strict && (inverted || one.operator == Operator::Ne);
            let advanced = turned || self.collection.advanced.contains(&one.property.as_str());
            if advanced && !(self.eventual() && self.count) {
                return refused("");
            }
        }
        Ok(())
    }

    fn context(&self, entity: bool) -> String {
        let (base, version) = (&self.live.settings.base, self.version);
        let path = self.collection.context.replace("{id}", &self.of);
        let select = if self.select.is_empty() { String::new() } else { format!("({})", self.select.join(",")) };
        format!("{base}/{version}/$metadata#{path}{select}{}", if entity { "/$entity" } else { "" })
    }

    /// One thing as the reply shows it.
    pub(super) fn entity(&self, status: u16, item: &Item) -> Result<Answer, Fault> {
        let mut shown = Map::from_iter([("@odata.context".to_owned(), self.context(true).into())]);
        shown.extend(self.shown(item)?);
        Ok(Answer::json(status, shown.into()))
    }

    /// A page of a list.
    pub(super) fn page(&self, items: Vec<Item>) -> Result<Answer, Fault> {
        let fitting: Vec<Item> = items.into_iter().filter(|item| self.filter.as_ref().is_none_or(|filter| filter.fits(item))).collect();
        let fitting = self.sorted(fitting);
        let size = if self.collection.pages { self.top.unwrap_or(USUAL_PAGE) } else { usize::MAX };
        let shown =
            fitting.iter().skip(self.skip).take(size).map(|item| self.shown(item).map(Value::from)).collect::<Result<Vec<_>, _>>()?;
        let mut body = Map::from_iter([("@odata.context".to_owned(), self.context(false).into())]);
        // On the first page only, and only from the index that counts (`facts/wire.md` 13, 14).
        if self.count && self.eventual() && self.skip == 0 {
            body.insert("@odata.count".to_owned(), fitting.len().into());
        }
        let next = self.skip.saturating_add(size);
        if next < fitting.len() {
            body.insert("@odata.nextLink".to_owned(), self.next_link(next).into());
        }
        body.insert("value".to_owned(), shown.into());
        Ok(Answer::json(200, body.into()))
    }

    /// Texts in order without regard to case; times, as Graph writes them, are in order as texts.
    fn sorted(&self, mut items: Vec<Item>) -> Vec<Item> {
        let Some((property, descending)) = &self.order else { return items };
        items.sort_by_cached_key(|item| item.get(property).and_then(Value::as_str).unwrap_or_default().to_lowercase());
        if *descending {
            items.reverse();
        }
        items
    }

    fn next_link(&self, next: usize) -> String {
        let kept = self.question.query.iter().filter(|(name, _)| name != "$skiptoken");
        let token = ("$skiptoken".to_owned(), BASE64_URL_SAFE_NO_PAD.encode(format!("page:{next}")));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain([&token])).finish();
        format!("{}/{}?{query}", self.live.settings.base, self.question.path.join("/"))
    }

    fn shown(&self, item: &Item) -> Result<Item, Fault> {
        let wanted = |name: &str| {
            if name.starts_with('@') || self.expands(name) {
                return true;
            }
            if self.select.is_empty() {
                self.collection.usual.is_empty() || self.collection.usual.contains(&name)
            } else {
                self.select.iter().any(|one| one == name)
            }
        };
        if let Some(unknown) = self.select.iter().find(|name| !item.contains_key(name.as_str())) {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type 'microsoft.graph.{}'.",
                self.collection.kind
            );
            return Err(Fault::new(400, "BadRequest", message));
        }
        Ok(item.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

fn selected(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn order(text: &str, collection: &Collection) -> Result<(String, bool), Fault> {
    let mut words = text.split_ascii_whitespace();
    let property = words.next().filter(|name| collection.orders.contains(name));
    let descending = match words.next() {
        None | Some("asc") => Some(false),
        Some("desc") => Some(true),
        Some(_) => None,
    };
    match (property, descending, words.next()) {
        (Some(property), Some(descending), None) => Ok((property.to_owned(), descending)),
        _ => Err(Fault::unsupported(format!("Unsupported sort property '{text}' for '{}'.", collection.kind))),
    }
}

fn expanded(text: &str, collection: &Collection) -> Result<Vec<String>, Fault> {
    let names = selected(text);
    if names.len() > 1 {
        return Err(Fault::unsupported("The request includes too many $expand options; one relation can be expanded at a time."));
    }
    match names.iter().find(|name| !collection.expands.contains(&name.as_str())) {
        None => Ok(names),
        Some(other) => {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{other}' on type 'microsoft.graph.{}'.",
                collection.kind
            );
            Err(Fault::new(400, "BadRequest", message))
        }
    }
}

fn top(text: &str) -> Result<usize, Fault> {
    let size = text.parse().ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    size.ok_or_else(|| {
        Fault::unsupported(format!("Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive."))
    })
}

fn skip(text: &str) -> Result<usize, Fault> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let at = decoded.as_deref().and_then(|text| text.strip_prefix("page:")).and_then(|text| text.parse().ok());
    at.ok_or_else(|| {
        Fault::new(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    })
}

fn bad_filter(bad: BadFilter, text: &str) -> Fault {
    match bad {
        BadFilter::Syntax(why) => Fault::new(400, "BadRequest", format!("Invalid filter clause: {why} in '{text}'.")),
        BadFilter::Unsupported(what) => Fault::unsupported(format!("Unsupported Query: {what} in '{text}'.")),
    }
}

fn unknown_option(name: &str, collection: &Collection) -> Fault {
    Fault::unsupported(format!("The query option '{name}' is not supported on resource '{}'.", collection.kind))
}
