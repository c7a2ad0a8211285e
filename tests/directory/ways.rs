//! What both ways promise, tried on each: LDAP itself, and the scripts' contracts carried out by a host that asks the same server. And what only
//! scripts promise: values travel as data.

use crate::rude::{Act, Rude, bound, refused, result};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use guidepost::base::Secret;
use guidepost::base::encode::ldap_filter;
use guidepost::rights::Descriptor;
use guidepost::services::directory::object::{Change, NewObject, Swap, make_password};
use guidepost::services::directory::{DESCRIPTOR, Dc1, Directory, DirectoryError, Dn, Ldap, SD_FLAGS, Scope, Search, SignOn, dc1};
use guidepost::services::host::script::{Host, HostError, Script};
use ldap3_proto::LdapFilter;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapMsg, LdapOp, LdapPartialAttribute, LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every character that RFC 4514 wants escaped, and spaces where they count.
pub(crate) const HOSTILE: &str = " ,+\"\\<>;=#'$(x)`\u{2019} ";

/// What the promises need to know of a domain.
pub(crate) struct Place {
    pub(crate) base: String,
    /// An object whose permissions may be written, and the descriptor of which is canonical.
    pub(crate) object: String,
    /// A user's DN and CN; the CN is [`HOSTILE`].
    pub(crate) hostile: Dn,
    /// Who may sign on, and with what.
    pub(crate) user: (String, Secret),
    /// More than two.
    pub(crate) users: usize,
}

/// All that both ways promise.
pub(crate) async fn promises(way: &dyn Directory, place: &Place) {
    knows_its_domain(way, place).await;
    finds_hostile_names(way, place).await;
    never_cuts_silently(way, place).await;
    writes_only_what_was_planned_for(way, place).await;
    tells_what_is_missing(way, place).await;
    tries_passwords(way, place).await;
}

async fn knows_its_domain(way: &dyn Directory, place: &Place) {
    let root = way.root().await.unwrap();
    assert_eq!(Dn::parse(&root.naming_context), Dn::parse(&place.base));
    assert!(root.supports(SD_FLAGS) && root.host.is_some(), "{root:?}");
    assert!(root.time.as_second() > 1_700_000_000, "{}", root.time);
}

async fn finds_hostile_names(way: &dyn Directory, place: &Place) {
    let filter = format!("(cn={})", ldap_filter(HOSTILE.trim()));
    let container = place.hostile.parent().unwrap().to_string();
    let by_filter = way.search(Search::below(container, filter, &["cn"])).await.unwrap();
    let by_name = way.search(Search::object(place.hostile.to_string(), &["cn"])).await.unwrap();
    assert_eq!((by_filter.len(), by_name.len()), (1, 1));
    for entry in [&by_filter[0], &by_name[0]] {
        assert_eq!((Dn::parse(&entry.dn).as_ref(), entry.text("CN").map(str::trim)), (Ok(&place.hostile), Some(HOSTILE.trim())));
    }
    let nobody = Search::below(&place.base, format!("(cn={})", ldap_filter("*)(cn=*")), &["cn"]);
    assert_eq!(way.search(nobody).await.unwrap(), []);
}

async fn never_cuts_silently(way: &dyn Directory, place: &Place) {
    let users = Search::below(&place.base, "(objectClass=user)", &["cn", "objectClass"]);
    let found = way.search(users.clone()).await.unwrap();
    assert!(found.len() >= place.users, "{}", found.len());
    let all = found.len() as u64;
    assert_eq!(way.search(users.clone().limit(all)).await.unwrap().len(), found.len());
    let limit = all - 1;
    let error = way.search(users.clone().limit(limit)).await.unwrap_err();
    assert_eq!(error, DirectoryError::TooMany { base: place.base.clone(), limit });
    let mut names = BTreeSet::new();
    assert_eq!(
        way.walk(users, &mut |entry| {
            names.insert(entry.dn);
        })
        .await,
        Ok(all)
    );
    assert_eq!(names, found.into_iter().map(|entry| entry.dn).collect());
}

async fn read(way: &dyn Directory, dn: &str) -> Vec<u8> {
    way.search(Search::object(dn, &[DESCRIPTOR])).await.unwrap()[0].bytes(DESCRIPTOR).unwrap().to_vec()
}

async fn writes_only_what_was_planned_for(way: &dyn Directory, place: &Place) {
    let before = read(way, &place.object).await;
    let descriptor = Descriptor::read(&before).unwrap();
    assert!(descriptor.owner.is_none() && descriptor.group.is_none() && descriptor.sacl.is_none(), "only the DACL is asked for");
    let stale = [before.as_slice(), b"x"].concat();
    let error = way.replace_dacl(&place.object, &stale, &before).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Changed { .. }) && error.outcome_known(), "{error:?}");
    way.replace_dacl(&place.object, &before, &before).await.unwrap();
    way.write_dacl(&place.object, &before).await.unwrap();
    assert_eq!(read(way, &place.object).await, before);
    let error = way.write_dacl(&place.object, &before[..before.len() - 1]).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Setting { .. }), "{error:?}");
}

async fn tells_what_is_missing(way: &dyn Directory, place: &Place) {
    let error = way.search(Search::object(format!("CN=nobody,{}", place.base), &["cn"])).await.unwrap_err();
    assert_eq!(error.code(), Some(32), "{error:?}");
    assert!(error.to_string().contains("there is no such object"), "{error}");
}

async fn tries_passwords(way: &dyn Directory, place: &Place) {
    let (name, password) = &place.user;
    assert_eq!(way.sign_on(name, password).await, Ok(SignOn::Accepted));
    let wrong = way.sign_on(name, &Secret::new("wrong-Passw0rd!")).await.unwrap();
    assert!(matches!(wrong, SignOn::Refused { data: Some(0x52e), .. }), "{wrong:?}");
    assert!(matches!(way.sign_on(name, &Secret::new("")).await, Err(DirectoryError::EmptyPassword { .. })));
    assert_eq!(way.sign_on(name, password).await, Ok(SignOn::Accepted));
}

/// What both ways promise of objects, below a container of one's own on a controller that really makes them.
pub(crate) async fn changes_objects(way: &dyn Directory, container: &str, sam: &str, suffix: &str) {
    let dn = format!("CN={sam},{container}");
    let password = make_password(7, &[sam]).unwrap();
    let attributes =
        [("sAMAccountName", sam.to_owned()), ("userPrincipalName", format!("{sam}@{suffix}")), ("userAccountControl", "512".to_owned())];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let new = Change::Add(NewObject { dn: dn.clone(), class: "user".to_owned(), attributes, password: Some(password.clone()) });
    way.change(&new).await.unwrap();
    assert_eq!(way.sign_on(&format!("{sam}@{suffix}"), &password).await, Ok(SignOn::Accepted));
    assert_eq!(way.change(&new).await.unwrap_err().code(), Some(68));
    let swap = |from: Option<&str>, to: Option<&str>| Change::Modify {
        dn: dn.clone(),
        swaps: vec![Swap { attribute: "description".to_owned(), from: from.map(str::to_owned), to: to.map(str::to_owned) }],
    };
    way.change(&swap(None, Some(HOSTILE.trim()))).await.unwrap();
    assert_eq!(way.change(&swap(Some("other"), None)).await.unwrap_err().code(), Some(16));
    let there = way.search(Search::object(&dn, &["description"])).await.unwrap();
    assert_eq!(there[0].text("description"), Some(HOSTILE.trim()));
    assert_eq!(way.change(&Change::Delete { dn: container.to_owned() }).await.unwrap_err().code(), Some(66));
    way.change(&Change::Delete { dn: dn.clone() }).await.unwrap();
    assert_eq!(way.change(&Change::Delete { dn }).await.unwrap_err().code(), Some(32));
}

/// A host that does what the scripts are to do, by LDAP; `room` is as small as Azure's or smaller.
pub(crate) struct Bridge {
    pub(crate) ldap: Ldap,
    pub(crate) room: usize,
}

impl Bridge {
    async fn result(&self, script: &Script, values: &Value, secret: Option<&Secret>) -> Result<Value, DirectoryError> {
        let text = |name: &str| values[name].as_str().unwrap();
        if *script == dc1::READ_ROOT {
            let root = self.ldap.root().await?;
            let time = root.time.strftime("%Y%m%d%H%M%S.0Z").to_string();
            return Ok(json!({
                "namingContext": root.naming_context, "rootDomain": root.root_domain, "host": root.host, "time": time, "controls": root.controls
            }));
        }
        if *script == dc1::SEARCH {
            let scope = match text("scope") {
                "base" => Scope::Base,
                "one" => Scope::One,
                "sub" => Scope::Sub,
                other => panic!("{other}"),
            };
            let attributes = values["attributes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            let search = Search { base: text("base").to_owned(), scope, filter: text("filter").to_owned(), attributes, limit: None };
            let (skip, limit) = (values["skip"].as_u64().unwrap(), values["limit"].as_u64().unwrap());
            let found = self.ldap.search(search).await?;
            let more = found.len() as u64 > skip + limit;
            let entries = found.into_iter().skip(usize::try_from(skip).unwrap()).take(usize::try_from(limit).unwrap()).map(|entry| {
                let value =
                    |(name, values): (String, Vec<Vec<u8>>)| (name, json!(values.iter().map(|v| STANDARD.encode(v)).collect::<Vec<_>>()));
                json!({"dn": entry.dn, "attributes": entry.attributes.into_iter().map(value).collect::<serde_json::Map<_, _>>()})
            });
            return Ok(json!({"entries": entries.collect::<Vec<_>>(), "more": more}));
        }
        if *script == dc1::WRITE_DACL {
            let found = sha256(self.ldap.search(Search::object(text("dn"), &[DESCRIPTOR])).await?[0].bytes(DESCRIPTOR).unwrap());
            if values["before"].as_str().is_some_and(|before| before != found) {
                return Ok(json!({"written": false, "found": found}));
            }
            self.ldap.write_dacl(text("dn"), &STANDARD.decode(text("descriptor")).unwrap()).await?;
            return Ok(json!({"written": true}));
        }
        if [dc1::ADD_USER, dc1::MODIFY, dc1::DELETE].contains(script) {
            let dn = text("dn").to_owned();
            let option = |value: &Value| value.as_str().map(str::to_owned);
            let change = if *script == dc1::ADD_USER {
                assert_eq!(values["password"].as_bool().unwrap(), secret.is_some());
                let attributes = values["attributes"].as_object().unwrap();
                let attributes = attributes.iter().map(|(name, value)| (name.clone(), option(value).unwrap())).collect();
                Change::Add(NewObject { dn, class: "user".to_owned(), attributes, password: secret.cloned() })
            } else if *script == dc1::MODIFY {
                let swap = |one: &Value| Swap {
                    attribute: option(&one["attribute"]).unwrap(),
                    from: option(&one["from"]),
                    to: option(&one["to"]),
                };
                Change::Modify { dn, swaps: values["swaps"].as_array().unwrap().iter().map(swap).collect() }
            } else {
                Change::Delete { dn }
            };
            self.ldap.change(&change).await?;
            return Ok(json!({"done": true}));
        }
        assert_eq!(*script, dc1::SIGN_ON);
        Ok(match self.ldap.sign_on(text("name"), secret.unwrap()).await? {
            SignOn::Accepted => json!({"accepted": true}),
            SignOn::Refused { data, .. } => json!({"accepted": false, "said": format!("80090308: x, data {:x}, v1db1", data.unwrap())}),
        })
    }
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

#[async_trait]
impl Host for Bridge {
    fn name(&self) -> &'static str {
        "DC1"
    }

    fn room(&self) -> usize {
        self.room
    }

    async fn run(&self, script: &Script, request: Value, secret: Option<&Secret>) -> Result<Value, HostError> {
        assert_eq!((&request["format"], request["room"].as_u64()), (&json!(1), Some(self.room as u64)));
        let mut answer = json!({"format": 1, "script": request["script"]});
        match self.result(script, &request["values"], secret).await {
            Ok(result) => {
                let whole = result.to_string();
                let from = usize::try_from(request["from"].as_u64().unwrap()).unwrap();
                if whole.len() <= self.room && from == 0 {
                    answer["result"] = result;
                } else {
                    let text: String = whole.chars().skip(from).take(self.room / 2).collect();
                    answer["part"] = json!({"from": from, "length": whole.len(), "hash": sha256(whole.as_bytes()), "text": text});
                }
            }
            Err(DirectoryError::Refused { code, said, .. }) => answer["error"] = json!({"code": code, "said": said}),
            Err(error) => answer["error"] = json!({"code": null, "said": error.to_string()}),
        }
        Ok(answer)
    }
}

/// A domain of four users in the memory of the rude server.
struct Small(Mutex<Vec<(Dn, Vec<LdapPartialAttribute>)>>);

impl Small {
    fn new() -> (Arc<Self>, Place) {
        let domain = Dn::parse("DC=contoso,DC=example").unwrap();
        let users = domain.child("CN", "Users").unwrap();
        // DACL with one ACE: read to everyone.
        let mut descriptor = vec![1, 0, 0x04, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 28, 0, 1, 0, 0, 0];
        descriptor.extend([0, 0, 20, 0, 0x10, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let attribute = |name: &str, value: &[u8]| LdapPartialAttribute { atype: name.to_owned(), vals: vec![value.to_vec()] };
        let mut all = vec![(domain.clone(), vec![attribute(DESCRIPTOR, &descriptor)])];
        all.push((users.clone(), Vec::new()));
        for name in ["User1", "user2", "user3", HOSTILE] {
            all.push((users.child("CN", name).unwrap(), vec![attribute("cn", name.as_bytes()), attribute("objectClass", b"user")]));
        }
        let place = Place {
            base: domain.to_string(),
            object: domain.to_string(),
            hostile: users.child("CN", HOSTILE).unwrap(),
            user: ("user2@contoso.example".to_owned(), Secret::new("Us3r-Passw0rd!")),
            users: 4,
        };
        (Arc::new(Self(Mutex::new(all))), place)
    }

    fn answer(&self, message: &LdapMsg) -> Vec<Act> {
        match &message.op {
            LdapOp::BindRequest(request) => {
                let right = if request.dn.starts_with("user2") { "Us3r-Passw0rd!" } else { "Passw0rd!" };
                vec![if request.cred == LdapBindCred::Simple(right.to_owned()) { bound() } else { refused("52e") }]
            }
            LdapOp::SearchRequest(request) => self.search(request, &message.ctrl),
            LdapOp::ModifyRequest(request) => {
                assert!(message.ctrl.contains(&LdapControl::SdFlags { criticality: true, flags: 4 }));
                let dn = Dn::parse(&request.dn).unwrap();
                let mut all = self.0.lock().unwrap();
                let (_, attributes) = all.iter_mut().find(|(there, _)| *there == dn).unwrap();
                attributes[0].vals.clone_from(&request.changes[0].modification.vals);
                vec![Act::Say(LdapOp::ModifyResponse(result(LdapResultCode::Success, "")))]
            }
            _ => Vec::new(),
        }
    }

    fn search(&self, request: &LdapSearchRequest, controls: &[LdapControl]) -> Vec<Act> {
        let base = Dn::parse(&request.base).unwrap();
        let entry = |dn: String, attributes| Act::Say(LdapOp::SearchResultEntry(LdapSearchResultEntry { dn, attributes }));
        let end = |code, cookie: &[u8]| {
            let control = LdapControl::SimplePagedResults { size: 0, cookie: cookie.to_vec() };
            Act::SayWith(LdapOp::SearchResultDone(result(code, "00002030: x")), vec![control])
        };
        if base.is_root() {
            let root = [
                ("defaultNamingContext", "DC=contoso,DC=example"),
                ("dnsHostName", "dc1.contoso.example"),
                ("currentTime", "20261122184454.0Z"),
                ("supportedControl", SD_FLAGS),
            ];
            let root = root.map(|(name, value)| LdapPartialAttribute { atype: name.to_owned(), vals: vec![value.as_bytes().to_vec()] });
            return vec![entry(String::new(), root.to_vec()), end(LdapResultCode::Success, b"")];
        }
        let all = self.0.lock().unwrap();
        let is = |dn: &Dn| *dn == base || (request.scope == LdapSearchScope::Subtree && dn.is_below(&base));
        if !all.iter().any(|(dn, _)| *dn == base) {
            return vec![end(LdapResultCode::NoSuchObject, b"")];
        }
        let fits = |attributes: &[LdapPartialAttribute]| match &request.filter {
            LdapFilter::Present(_) => true,
            LdapFilter::Equality(name, value) => attributes.iter().any(|attribute| {
                attribute.atype.eq_ignore_ascii_case(name) && String::from_utf8_lossy(&attribute.vals[0]).trim() == value.as_str()
            }),
            other => panic!("{other:?}"),
        };
        let found: Vec<_> = all.iter().filter(|(dn, attributes)| is(dn) && fits(attributes)).collect();
        let page = controls.iter().find_map(|control| match control {
            LdapControl::SimplePagedResults { size, cookie } => Some((usize::try_from(*size).unwrap(), cookie.clone())),
            _ => None,
        });
        let (size, cookie) = page.unwrap_or((usize::MAX, Vec::new()));
        let start = String::from_utf8(cookie).unwrap().parse().unwrap_or(0);
        let wanted = |attribute: &&LdapPartialAttribute| request.attrs.iter().any(|name| name.eq_ignore_ascii_case(&attribute.atype));
        let mut acts: Vec<_> = found
            .iter()
            .skip(start)
            .take(size)
            .map(|(dn, attributes)| entry(dn.to_string(), attributes.iter().filter(wanted).cloned().collect()))
            .collect();
        let next = start + acts.len();
        let cookie = if next < found.len() { next.to_string() } else { String::new() };
        acts.push(end(LdapResultCode::Success, cookie.as_bytes()));
        acts
    }
}

#[tokio::test]
async fn ldap_keeps_every_promise() {
    let (small, place) = Small::new();
    let server = Rude::start(move |_, message| small.answer(message)).await;
    promises(&server.client(), &place).await;
}

#[tokio::test]
async fn scripts_keep_every_promise_however_little_a_host_brings_back() {
    for room in [300, 4096, 1_000_000] {
        let (small, place) = Small::new();
        let server = Rude::start(move |_, message| small.answer(message)).await;
        promises(&Dc1::new(Arc::new(Bridge { ldap: server.client(), room })), &place).await;
    }
}

/// What a host answers to a request.
type Says = fn(&Value) -> Result<Value, HostError>;

type Asked = (&'static str, String, Value, Option<String>);

/// A host that notes what it is asked, and answers as a test says.
struct Noting {
    /// Script, its whole text, the request, the secret.
    asked: Mutex<Vec<Asked>>,
    answer: Says,
}

#[async_trait]
impl Host for Noting {
    fn name(&self) -> &'static str {
        "DC1"
    }

    fn room(&self) -> usize {
        4096
    }

    async fn run(&self, script: &Script, request: Value, secret: Option<&Secret>) -> Result<Value, HostError> {
        let answer = (self.answer)(&request);
        let secret = secret.map(|secret| secret.expose().to_owned());
        self.asked.lock().unwrap().push((script.name, script.whole(), request, secret));
        answer
    }
}

fn noting(answer: Says) -> (Arc<Noting>, Dc1) {
    let host = Arc::new(Noting { asked: Mutex::default(), answer });
    (Arc::clone(&host), Dc1::new(host))
}

#[expect(clippy::unnecessary_wraps, reason = "as a host answers")]
fn ok(request: &Value, result: &Value) -> Result<Value, HostError> {
    Ok(json!({"format": 1, "script": request["script"], "result": result}))
}

#[tokio::test]
async fn hostile_values_travel_as_data_and_passwords_apart_from_them() {
    let hostile = "CN=a'; Remove-Item C:\\ -Recurse #`$(calc)\"\u{2019}\u{1b}\n";
    let (host, way) = noting(|request| match request["script"].as_str() {
        Some("search") => ok(request, &json!({"entries": [], "more": false})),
        _ => ok(request, &json!({"accepted": true})),
    });
    way.search(Search::below(hostile, "(cn=a)", &["cn"]).limit(7)).await.unwrap();
    way.sign_on(hostile, &Secret::new("canary-Passw0rd")).await.unwrap();
    let asked = host.asked.lock().unwrap();
    let values = json!({"base": hostile, "scope": "sub", "filter": "(cn=a)", "attributes": ["cn"], "skip": 0, "limit": 7});
    assert_eq!(asked[0].2, json!({"format": 1, "script": "search", "from": 0, "room": 4096, "values": values}));
    assert_eq!(
        (asked[1].0, asked[1].2["values"].clone(), asked[1].3.as_deref()),
        ("sign-on", json!({"name": hostile}), Some("canary-Passw0rd"))
    );
    for (name, text, request, _) in asked.iter() {
        assert!(!text.contains("Remove-Item") && !text.contains("canary") && !request.to_string().contains("canary"), "{name}");
    }
}

#[test]
fn every_script_says_first_whether_it_reads_or_changes_as_the_program_has_it() {
    for script in dc1::SCRIPTS {
        let first = if script.changes { "# Changing: " } else { "# Reading: " };
        assert!(script.text.starts_with(first), "{}", script.name);
        assert!(script.text.contains(&format!("Complete-Request '{}' {{", script.name)), "{}", script.name);
        let changing = ["ModifyRequest", "AddRequest", "DeleteRequest"].iter().filter(|request| script.text.contains(**request)).count();
        assert_eq!(changing, usize::from(script.changes), "{}", script.name);
        for forbidden in ["Invoke-Expression", "iex ", "Invoke-Command", "Start-Process", "$ExecutionContext", "[scriptblock]::Create"] {
            assert!(!script.whole().contains(forbidden), "{} holds {forbidden}", script.name);
        }
    }
    let changing: Vec<_> = dc1::SCRIPTS.into_iter().filter(|script| script.changes).collect();
    assert_eq!(changing, [dc1::WRITE_DACL, dc1::ADD_USER, dc1::MODIFY, dc1::DELETE]);
}

#[tokio::test]
async fn a_host_that_fails_or_lies_is_told_and_a_change_is_then_in_doubt() {
    let descriptor = [1, 0, 0x04, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0];
    let late = |_: &Value| Err(HostError::TimedOut { host: "DC1".to_owned(), script: "write-dacl", after: Duration::from_mins(3) });
    let off = |_: &Value| Err(HostError::NotStarted { host: "DC1".to_owned(), script: "write-dacl", why: "it is stopped".to_owned() });
    let other = |_: &Value| Ok(json!({"format": 1, "script": "search", "result": {"written": true}}));
    let both = |request: &Value| Ok(json!({"format": 1, "script": request["script"], "result": {"written": true}, "more": 1}));
    let refused = |request: &Value| {
        let error = json!({"code": 50, "said": "00002098: Object DC=contoso has no write dacl access"});
        Ok(json!({"format": 1, "script": request["script"], "error": error}))
    };
    let gone = |request: &Value| {
        Ok(json!({"format": 1, "script": request["script"], "error": {"code": 81, "said": "The LDAP server is unavailable."}}))
    };
    let cases: [(Says, bool, &str); 6] = [
        (late, false, "did not end within 180 s"),
        (off, true, "could not be started on `DC1`: it is stopped"),
        (other, false, "it answers another request"),
        (both, false, "unknown field `more`"),
        (refused, true, "the account may not change this object's permissions (50, data 2098)"),
        (gone, false, "The LDAP server is unavailable."),
    ];
    for (answer, known, words) in cases {
        let (host, way) = noting(answer);
        let error = way.write_dacl("DC=contoso", &descriptor).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.outcome_known(), known, "{error}");
        assert_eq!(host.asked.lock().unwrap().len(), 1, "a change is sent once");
    }
}

#[tokio::test]
async fn changes_of_objects_travel_as_data_and_a_password_beside_them() {
    let (host, way) = noting(|request| ok(request, &json!({"done": true})));
    let dn = format!("CN={HOSTILE},DC=contoso");
    let attributes = vec![("description".to_owned(), HOSTILE.to_owned())];
    let password = Some(Secret::new("Pa$$'\"w0rd"));
    way.change(&Change::Add(NewObject { dn: dn.clone(), class: "user".into(), attributes, password })).await.unwrap();
    let swap = |from: Option<&str>, to: Option<&str>| Swap { attribute: "x".into(), from: from.map(Into::into), to: to.map(Into::into) };
    let swaps = vec![swap(Some("1"), Some("2")), swap(None, Some(HOSTILE)), swap(Some("3"), Some("3"))];
    way.change(&Change::Modify { dn: dn.clone(), swaps }).await.unwrap();
    way.change(&Change::Delete { dn: dn.clone() }).await.unwrap();
    let asked: Vec<_> =
        host.asked.lock().unwrap().iter().map(|(name, _, request, secret)| (*name, request["values"].clone(), secret.clone())).collect();
    let swaps = json!([{"attribute": "x", "from": "1", "to": "2"}, {"attribute": "x", "from": null, "to": HOSTILE}]);
    let add = json!({"dn": dn, "attributes": {"description": HOSTILE}, "password": true});
    let expected = [
        ("add-user", add, Some("Pa$$'\"w0rd".to_owned())),
        ("modify", json!({"dn": dn, "swaps": swaps}), None),
        ("delete", json!({"dn": dn}), None),
    ];
    assert_eq!(asked, expected);
    // What the script does not make is not sent.
    let group = NewObject { dn, class: "group".into(), attributes: Vec::new(), password: None };
    assert!(matches!(way.change(&Change::Add(group)).await, Err(DirectoryError::Setting { .. })));
    // And an answer that does not say "done" is no success.
    let (_, way) = noting(|request| ok(request, &json!({"done": false})));
    assert!(!way.change(&Change::Delete { dn: "CN=a".into() }).await.unwrap_err().outcome_known());
}

#[tokio::test]
async fn parts_that_do_not_fit_together_are_no_answer() {
    #[expect(clippy::unnecessary_wraps, reason = "as a host answers")]
    fn part(request: &Value, hash: &str, length: usize) -> Result<Value, HostError> {
        let part = json!({"from": request["from"], "length": length, "hash": hash, "text": "{\"entries\":[]"});
        Ok(json!({"format": 1, "script": request["script"], "part": part}))
    }
    let cases: [(Says, &str); 6] = [
        (|request| part(request, "0000", 13), "its parts do not fit together"),
        (|request| part(request, &request["from"].to_string(), 30), "what it read changed meanwhile"),
        (|request| part(request, "0000", 2000), "it has too many parts"),
        (|request| part(request, "0000", 1 << 30), "it is larger than 4096 KiB"),
        (|request| ok(request, &json!({"entries": [{"dn": "CN=a", "attributes": {"cn": ["!"]}}], "more": false})), "Invalid symbol"),
        (|request| ok(request, &json!({"entries": [], "more": true})), "it does not hold as many entries as were asked for"),
    ];
    for (answer, words) in cases {
        let (_, way) = noting(answer);
        let error = way.search(Search::below("DC=a", "(cn=a)", &["cn"])).await.unwrap_err();
        assert!(error.to_string().contains(words) && error.outcome_known(), "{error}");
    }
}
