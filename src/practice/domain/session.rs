//! One client of the domain controller: who it is, which searches it has under way, and what each of its requests comes to.

use super::super::{log::LogLine, server, world::Held, world::OnPremisesDomain as Domain};
use super::caller::{self, Caller};
use super::filter::BadFilter;
use super::modify::{self, Changed, Place};
use super::refusal::{self, Refusal};
use super::search::{self, Found, Here, LARGEST_PAGE};
use super::wire::{Asked, Controls};
use super::{schema, tree};
use crate::practice::live::Live;
use crate::practice::world::Dn;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapBindResponse, LdapCompareRequest, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult,
    LdapResultCode as Code, LdapSearchResultEntry, LdapSearchResultReference, LdapSearchScope as Scope,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Paged searches that one connection may have under way; the oldest is forgotten.
const MOST_SEARCHES: usize = 4;
/// Objects whose propagation one connection may ask about; the oldest is forgotten.
const MOST_CHANGED: usize = 64;
/// How much of a name the request log shows.
const LOGGED: usize = 256;

/// One client.
pub(super) struct Session {
    live: Arc<Mutex<Live>>,
    caller: Option<Caller>,
    searches: VecDeque<(Vec<u8>, Found)>,
    next_cookie: u64,
    changed: Vec<u32>,
}

/// What a request comes to.
pub(super) enum Done {
    /// These replies.
    Replies(Vec<LdapMsg>),
    /// This reply, and then TLS begins.
    StartTls(LdapMsg),
    /// Nothing to say.
    Silent,
    /// The client says good-bye.
    Over,
    /// It may not go on: the reason.
    Hostile(&'static str),
}

/// What the log is told about a request.
struct Note {
    method: &'static str,
    path: String,
    query: String,
    code: Code,
}

impl Session {
    /// A client that nobody knows yet.
    pub(super) fn new(live: Arc<Mutex<Live>>) -> Self {
        Self { live, caller: None, searches: VecDeque::new(), next_cookie: 0, changed: Vec::new() }
    }

    /// Does what is asked. `sealed` is whether nobody can listen.
    pub(super) fn answer(&mut self, id: i32, op: LdapOp, controls: &Controls, sealed: bool) -> Done {
        if let Some(oid) = controls.unknown.as_ref() {
            return refused_of(&op)
                .map_or(Done::Silent, |answer| Done::Replies(vec![LdapMsg::new(id, answer(result(Err(refusal::critical(oid)))))]));
        }
        let replies = match op {
            LdapOp::BindRequest(bind) => self.bind(&bind, sealed),
            LdapOp::ModifyRequest(ask) => self.change(
                "MODIFY",
                &ask.dn,
                &names(ask.changes.iter().map(|one| one.modification.atype.as_str())),
                LdapOp::ModifyResponse,
                |domain, place| modify::modify(domain, &ask.dn, &ask.changes, place),
                controls,
            ),
            LdapOp::AddRequest(ask) => self.change(
                "ADD",
                &ask.dn,
                &names(ask.attributes.iter().map(|one| one.atype.as_str())),
                LdapOp::AddResponse,
                |domain, place| tree::add(domain, &ask.dn, &ask.attributes, place).map(|()| Changed::default()),
                controls,
            ),
            LdapOp::DelRequest(dn) => self.change(
                "DELETE",
                &dn,
                "",
                LdapOp::DelResponse,
                |domain, place| tree::delete(domain, &dn, place).map(|()| Changed::default()),
                controls,
            ),
            LdapOp::ModifyDNRequest(ask) => self.change(
                "RENAME",
                &ask.dn,
                &shortened(&ask.newrdn),
                LdapOp::ModifyDNResponse,
                |domain, place| tree::rename(domain, &ask.dn, &ask.newrdn, ask.new_superior.as_deref(), place).map(|()| Changed::default()),
                controls,
            ),
            LdapOp::CompareRequest(ask) => self.compare(&ask),
            LdapOp::ExtendedRequest(ask) if ask.name == START_TLS && !sealed => {
                return Done::StartTls(LdapMsg::new(id, extended(result(Ok(())), Some(START_TLS))));
            }
            LdapOp::ExtendedRequest(ask) if ask.name == START_TLS => {
                extended(result(Err(refusal::new(Code::OperationsError, "TLS is there already"))), Some(START_TLS))
            }
            LdapOp::ExtendedRequest(ask) => {
                let text = format!("Extended Operation({}) not supported", shortened(&ask.name));
                extended(result(Err(refusal::new(Code::ProtocolError, text))), None)
            }
            LdapOp::UnbindRequest => return Done::Over,
            // Requests are done one after the other: when it arrives, the other one is done.
            LdapOp::AbandonRequest(_) => return Done::Silent,
            LdapOp::SearchRequest(_) => return Done::Hostile("a search that is none"),
            LdapOp::BindResponse(_)
            | LdapOp::SearchResultEntry(_)
            | LdapOp::SearchResultDone(_)
            | LdapOp::SearchResultReference(_)
            | LdapOp::ModifyResponse(_)
            | LdapOp::AddResponse(_)
            | LdapOp::DelResponse(_)
            | LdapOp::ModifyDNResponse(_)
            | LdapOp::CompareResult(_)
            | LdapOp::ExtendedResponse(_)
            | LdapOp::IntermediateResponse(_) => return Done::Hostile("only a server says this"),
        };
        Done::Replies(vec![LdapMsg::new(id, replies)])
    }

    fn note(&self, note: Note) {
        let mut live = server::lock(&self.live);
        let id = super::super::chance::guid().unwrap_or_default();
        let entry = LogLine {
            n: 0,
            at: live.now(),
            method: note.method.to_owned(),
            path: shortened(&note.path),
            query: shortened(&note.query),
            status: note.code as u16,
            permission: self.caller.as_ref().map(|caller| caller.name.clone()),
            request_id: id.clone(),
            client_request_id: id,
        };
        live.log.push(entry);
    }

    fn bind(&mut self, ask: &LdapBindRequest, sealed: bool) -> LdapOp {
        self.caller = None;
        self.searches.clear();
        let outcome = self.try_bind(ask, sealed);
        let code = outcome.as_ref().err().map_or(Code::Success, |refused| refused.code.clone());
        self.note(Note { method: "BIND", path: ask.dn.clone(), query: String::new(), code });
        LdapOp::BindResponse(LdapBindResponse { res: result(outcome), saslcreds: None })
    }

    fn try_bind(&mut self, ask: &LdapBindRequest, sealed: bool) -> Result<(), Refusal> {
        if ask.version != 3 {
            return Err(refusal::new(Code::ProtocolError, "LDAP version 3 only"));
        }
        let LdapBindCred::Simple(password) = &ask.cred else {
            return Err(refusal::new(Code::AuthMethodNotSupported, "the practice controller takes simple binds only"));
        };
        if ask.dn.is_empty() && password.is_empty() {
            return Ok(());
        }
        if !sealed {
            return Err(refusal::needs_tls());
        }
        let mut live = server::lock(&self.live);
        live.catch_up()?;
        let now = live.now();
        let (entry, key) = caller::knock(&live.world().domain, &ask.dn, password, now);
        if let Some(key) = &key {
            let policy = crate::practice::world::Policy::of(live.world().domain.head());
            let mut account = live.world().domain.at(key).and_then(|object| object.account.clone());
            if account.as_mut().is_some_and(|account| account.count(entry, &policy, now)) {
                live.change(|world| {
                    world.domain.make_mut().note(key, |object| object.account = account);
                    Ok::<(), Refusal>(())
                })?;
            }
        }
        if let Some(refused) = refusal::bind(entry) {
            return Err(refused);
        }
        let domain = &live.world().domain;
        self.caller = key.and_then(|key| domain.at(&key).and_then(|object| Caller::new(domain, object)));
        self.caller.as_ref().map(|_| ()).ok_or_else(|| refusal::new(Code::Other, "the account has no SID"))
    }

    /// A change of the domain, which is stored before the reply.
    fn change(
        &mut self,
        method: &'static str,
        dn: &str,
        query: &str,
        reply: fn(LdapResult) -> LdapOp,
        change: impl FnOnce(&mut Domain, &Place<'_>) -> Result<Changed, Refusal>,
        controls: &Controls,
    ) -> LdapOp {
        let outcome = self.try_change(change, controls);
        let code = outcome.as_ref().err().map_or(Code::Success, |refused| refused.code.clone());
        self.note(Note { method, path: dn.to_owned(), query: query.to_owned(), code });
        if let Ok(Changed { descriptor_of: Some(id) }) = outcome {
            self.changed.retain(|one| *one != id);
            self.changed.push(id);
            let surplus = self.changed.len().saturating_sub(MOST_CHANGED);
            self.changed.drain(..surplus);
        }
        reply(result(outcome.map(|_| ())))
    }

    fn try_change(
        &self,
        change: impl FnOnce(&mut Domain, &Place<'_>) -> Result<Changed, Refusal>,
        controls: &Controls,
    ) -> Result<Changed, Refusal> {
        let caller = self.caller.as_ref().ok_or_else(refusal::not_signed_in)?;
        let mut live = server::lock(&self.live);
        live.catch_up()?;
        let place = Place { caller, controls, now: live.now(), lag: live.settings.consistency };
        live.change(|world| change(world.domain.make_mut(), &place))
    }

    fn compare(&self, ask: &LdapCompareRequest) -> LdapOp {
        let outcome = self.try_compare(ask);
        let (code, res) = match outcome {
            Ok(is) => {
                let code = if is { Code::CompareTrue } else { Code::CompareFalse };
                (code.clone(), LdapResult { code, matcheddn: String::new(), message: String::new(), referral: Vec::new() })
            }
            Err(refused) => (refused.code.clone(), result(Err(refused))),
        };
        self.note(Note { method: "COMPARE", path: ask.dn.clone(), query: ask.atype.clone(), code });
        LdapOp::CompareResult(res)
    }

    fn try_compare(&self, ask: &LdapCompareRequest) -> Result<bool, Refusal> {
        let caller = self.caller.as_ref().ok_or_else(refusal::not_signed_in)?;
        let (domain, now) = self.state()?;
        let name = Dn::parse(&ask.dn).ok_or_else(|| refusal::bad_name("ldb_search: invalid basedn"))?;
        let object = domain.at(&name.key()).ok_or_else(|| refusal::no_base(&name.written()))?;
        let attribute = schema::attribute(&ask.atype).ok_or_else(|| refusal::no_attribute(&ask.atype, &object.dn))?;
        let may = super::caller::Eye::new(&domain, caller, now).may(&name.key(), object, attribute.reading());
        let filter = super::filter::Filter::Equals(ask.atype.clone(), ask.val.clone());
        Ok(may && filter.fits(&domain, object) == Some(true))
    }

    /// The domain as it is now, to be looked at without holding anybody up.
    fn state(&self) -> Result<(Held<Domain>, jiff::Timestamp), Refusal> {
        let mut live = server::lock(&self.live);
        live.catch_up()?;
        Ok((live.world().domain.clone(), live.now()))
    }

    /// A search: its entries and its end.
    pub(super) fn search(&mut self, id: i32, asked: Result<Asked, BadFilter>, controls: &Controls) -> Done {
        let asked = match asked {
            Ok(asked) => asked,
            Err(BadFilter::Broken) => return Done::Hostile("a filter that is none"),
            Err(BadFilter::TooMuch) => {
                let refused = refusal::too_much("a filter that is nested so deep or so long");
                return Done::Replies(vec![LdapMsg::new(id, LdapOp::SearchResultDone(result(Err(refused))))]);
            }
        };
        let mut replies = Vec::new();
        let outcome = match controls.unknown.as_ref() {
            Some(oid) => Err(refusal::critical(oid)),
            None => self.try_search(id, &asked, controls, &mut replies),
        };
        let (code, end) = match outcome {
            Ok((code, cookie)) => (code.clone(), (LdapResult { code, ..result(Ok(())) }, cookie)),
            Err(refused) => (refused.code.clone(), (result(Err(refused)), None)),
        };
        let scope = match asked.scope {
            Scope::Base => "base",
            Scope::OneLevel => "one",
            Scope::Subtree => "sub",
            Scope::Children => "children",
        };
        let filter = names(asked.filter.attributes().into_iter());
        let query = format!("scope={scope}&filter={filter}&attributes={}", names(asked.attributes.iter().map(String::as_str)));
        self.note(Note { method: "SEARCH", path: asked.base.clone(), query, code });
        let page = end.1.map(|cookie| LdapControl::SimplePagedResults { size: 0, cookie });
        replies.push(LdapMsg::new_with_ctrls(id, LdapOp::SearchResultDone(end.0), page.into_iter().collect()));
        Done::Replies(replies)
    }

    fn try_search(
        &mut self,
        id: i32,
        asked: &Asked,
        controls: &Controls,
        replies: &mut Vec<LdapMsg>,
    ) -> Result<(Code, Option<Vec<u8>>), Refusal> {
        let (domain, now) = self.state()?;
        let entry = |entry: LdapSearchResultEntry| LdapMsg::new(id, LdapOp::SearchResultEntry(entry));
        if asked.base.is_empty() && asked.scope == Scope::Base {
            let said = server::lock(&self.live).said_now();
            let here = Here { caller: self.caller.as_ref(), changed: &self.changed, now, said };
            replies.extend(search::root(&domain, asked, &here).map(entry));
            return Ok((Code::Success, controls.page.as_ref().map(|_| Vec::new())));
        }
        let caller = self.caller.as_ref().ok_or_else(refusal::not_signed_in)?;
        let going_on = controls.page.as_ref().map(|(_, cookie)| cookie).filter(|cookie| !cookie.is_empty());
        let mut found = match going_on {
            Some(cookie) => {
                let at = self.searches.iter().position(|(own, _)| own == cookie);
                let found = at.and_then(|at| self.searches.remove(at)).map(|(_, found)| found);
                found.ok_or_else(|| refusal::unwilling("the search of this cookie is not known here"))?
            }
            None => search::begin(&domain, asked, controls)?,
        };
        let page = controls.page.as_ref().map(|(size, _)| (*size).clamp(1, LARGEST_PAGE));
        let most = if asked.most == 0 { usize::MAX } else { asked.most };
        let size = page.unwrap_or(usize::MAX).min(most);
        // A page of no entries only ends the search (RFC 2696 3).
        let ended = controls.page.as_ref().is_some_and(|(size, cookie)| *size == 0 && !cookie.is_empty());
        if !ended {
            replies.extend(found.page(&domain, caller, now, size).into_iter().map(entry));
        }
        if page.is_none() {
            let all = found.left() == 0;
            replies.extend(reference(id, &mut found));
            return Ok((if all { Code::Success } else { Code::SizeLimitExceeded }, None));
        }
        if found.left() == 0 || ended {
            replies.extend(reference(id, &mut found));
            return Ok((Code::Success, Some(Vec::new())));
        }
        self.next_cookie += 1;
        let cookie = self.next_cookie.to_be_bytes().to_vec();
        self.searches.push_back((cookie.clone(), found));
        if self.searches.len() > MOST_SEARCHES {
            self.searches.pop_front();
        }
        Ok((Code::Success, Some(cookie)))
    }
}

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

fn reference(id: i32, found: &mut Found) -> Option<LdapMsg> {
    let uris = vec![found.reference.take()?];
    Some(LdapMsg::new(id, LdapOp::SearchResultReference(LdapSearchResultReference { uris })))
}

fn result(outcome: Result<(), Refusal>) -> LdapResult {
    let (code, message) = outcome.map_or_else(|refused| (refused.code, refused.text), |()| (Code::Success, String::new()));
    LdapResult { code, matcheddn: String::new(), message, referral: Vec::new() }
}

fn extended(res: LdapResult, name: Option<&str>) -> LdapOp {
    LdapOp::ExtendedResponse(LdapExtendedResponse { res, name: name.map(str::to_owned), value: None })
}

/// Said before a connection is closed (RFC 4511 4.4.1).
pub(super) fn notice(why: &str) -> LdapMsg {
    let refused = refusal::new(Code::ProtocolError, why);
    LdapMsg::new(0, extended(result(Err(refused)), Some("1.3.6.1.4.1.1466.20036")))
}

/// How a refusal of this request is told; `None` for what is not answered.
fn refused_of(op: &LdapOp) -> Option<fn(LdapResult) -> LdapOp> {
    match op {
        LdapOp::BindRequest(_) => Some(|res| LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })),
        LdapOp::ModifyRequest(_) => Some(LdapOp::ModifyResponse),
        LdapOp::AddRequest(_) => Some(LdapOp::AddResponse),
        LdapOp::DelRequest(_) => Some(LdapOp::DelResponse),
        LdapOp::ModifyDNRequest(_) => Some(LdapOp::ModifyDNResponse),
        LdapOp::CompareRequest(_) => Some(LdapOp::CompareResult),
        LdapOp::ExtendedRequest(_) => Some(|res| extended(res, None)),
        LdapOp::SearchRequest(_) => Some(LdapOp::SearchResultDone),
        LdapOp::UnbindRequest
        | LdapOp::AbandonRequest(_)
        | LdapOp::BindResponse(_)
        | LdapOp::SearchResultEntry(_)
        | LdapOp::SearchResultDone(_)
        | LdapOp::SearchResultReference(_)
        | LdapOp::ModifyResponse(_)
        | LdapOp::AddResponse(_)
        | LdapOp::DelResponse(_)
        | LdapOp::ModifyDNResponse(_)
        | LdapOp::CompareResult(_)
        | LdapOp::ExtendedResponse(_)
        | LdapOp::IntermediateResponse(_) => None,
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.take(32).map(shortened).collect::<Vec<_>>().join(",")
}

/// As the log may show it: clean, and not too long.
fn shortened(text: &str) -> String {
    crate::base::text::line(text).chars().take(LOGGED).collect()
}
