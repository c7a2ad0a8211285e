//! The directory by LDAP: one protected connection that comes back by itself. Never clear text, never NTLM, never an empty password.

mod ber;
mod connection;
mod filter;
#[cfg(any(windows, feature = "kerberos"))]
mod kerberos;
mod message;
mod object;
mod password;
mod tls;
mod walk;
mod wire;

use self::connection::{Connection, Fault};
use self::message::{ADDED, DELETED, MODIFIED, Outcome};
use self::tls::Address;
use self::walk::{Trouble, Walk, one_page, page_size, question, weight};
use self::wire::Line;
use super::object as objects;
use super::refusal::explain;
use super::{DESCRIPTOR, Directory, DirectoryError, Dn, Entry, MOST_ENTRIES, Root, Scope, Search, SignOn, check_login};
use crate::base::http::WireLog;
use crate::base::{Secret, text};
use async_trait::async_trait;
use rustls::ClientConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

/// Who signs in, and how.
#[derive(Clone)]
pub enum Login {
    /// By name and password within TLS (a simple bind).
    Password {
        /// `user@domain`, `DOMAIN\user` or a distinguished name; a bare user name is refused by every DC.
        name: String,
        /// Never empty.
        password: Secret,
    },
    /// As whoever is signed in to this machine, by a Kerberos ticket; the connection is sealed by it, without TLS.
    #[cfg(any(windows, feature = "kerberos"))]
    Kerberos,
}

impl Login {
    fn doing(&self) -> String {
        match self {
            Self::Password { name, .. } => format!("the sign-in of `{}`", text::short(name, 200)),
            #[cfg(any(windows, feature = "kerberos"))]
            Self::Kerberos => "the sign-in by Kerberos".to_owned(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Password { name, .. } => name,
            #[cfg(any(windows, feature = "kerberos"))]
            Self::Kerberos => "by Kerberos",
        }
    }

    fn needs_tls(&self) -> bool {
        match self {
            Self::Password { .. } => true,
            #[cfg(any(windows, feature = "kerberos"))]
            Self::Kerberos => false,
        }
    }
}

/// How long things may take and how large they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connecting, StartTLS and the TLS greeting together.
    pub connect: Duration,
    /// Signing in.
    pub bind: Duration,
    /// One page of a search, or any other read.
    pub read: Duration,
    /// A change. Samba hands an ACE down to every object within the change: 12 to 20 s for 10,000 users, measured under load.
    pub write: Duration,
    /// The most bytes of one message, which holds one entry.
    pub message: usize,
    /// The most bytes of values that [`Directory::search`] keeps.
    pub kept: usize,
    /// How many entries a page asks for; a DC gives at most 1000 (MS-ADTS 3.1.1.3.4.6, MaxPageSize).
    pub page: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            bind: Duration::from_secs(10),
            read: Duration::from_secs(30),
            write: Duration::from_mins(5),
            message: 4 * 1024 * 1024,
            kept: 64 * 1024 * 1024,
            page: 500,
        }
    }
}

/// How to reach a domain controller.
#[derive(Clone)]
pub struct LdapSettings {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` for StartTLS or Kerberos.
    pub url: String,
    /// Who signs in.
    pub login: Login,
    /// A PEM file with certificates that are trusted besides the system's; for loopback hosts, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long and how large.
    pub limits: Limits,
}

/// A domain controller, asked by LDAP. Connects when first asked; one operation at a time, others wait for their turn.
///
/// A wrong name or password is remembered and not sent again: looks that repeat would lock the account. Make a new one to try another.
pub struct Ldap {
    settings: LdapSettings,
    address: Address,
    tls: OnceCell<Arc<ClientConfig>>,
    held: Mutex<Held>,
    wire: WireLog,
}

/// A kind of change: its word in the wire log, and the tag of its answer.
#[derive(Clone, Copy)]
struct Sent {
    method: &'static str,
    answer: u8,
}

impl Sent {
    const ADD: Self = Self { method: "ADD", answer: ADDED };
    const MODIFY: Self = Self { method: "MODIFY", answer: MODIFIED };
    const DELETE: Self = Self { method: "DELETE", answer: DELETED };
}

/// What one operation takes hold of.
#[derive(Default)]
struct Held {
    /// Taken out while in use, so that an operation that is dropped half-way leaves none behind.
    connection: Option<Connection>,
    /// A wrong password is not tried again with every look: that would lock the account.
    refused: Option<DirectoryError>,
}

impl Ldap {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// The address is none, or name or password is empty.
    pub fn new(settings: LdapSettings) -> Result<Self, DirectoryError> {
        let address = tls::address(&settings.url)?;
        match &settings.login {
            Login::Password { name, password } => check_login(name, password)?,
            #[cfg(any(windows, feature = "kerberos"))]
            Login::Kerberos if address.from_start => {
                return Err(DirectoryError::Setting {
                    what: "Kerberos seals the connection itself and is not used within TLS".to_owned(),
                    hint: "write the address as `ldap://…`, or give a name and password",
                });
            }
            #[cfg(any(windows, feature = "kerberos"))]
            Login::Kerberos => {}
        }
        Ok(Self { settings, address, tls: OnceCell::new(), held: Mutex::default(), wire: WireLog::default() })
    }

    /// Shows every operation in this wire log.
    #[must_use]
    pub fn with_wire(self, wire: WireLog) -> Self {
        Self { wire, ..self }
    }

    /// Host and port, for sentences.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.address.shown
    }

    /// Sets one attribute of an object to one text value.
    ///
    /// # Errors
    /// For a descriptor or a password, which have ways of their own; and as [`Directory::write_dacl`].
    pub async fn set(&self, dn: &str, attribute: &str, value: &str) -> Result<(), DirectoryError> {
        if attribute.eq_ignore_ascii_case(DESCRIPTOR) || attribute.eq_ignore_ascii_case("unicodePwd") {
            return Err(DirectoryError::Setting { what: format!("`{attribute}` is not set as text"), hint: "use its own operation" });
        }
        let doing = format!("the change of `{}` of `{}`", text::short(attribute, 60), text::short(dn, 200));
        self.modify(dn, &doing, |id| message::replace(id, dn, attribute, value.as_bytes())).await
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, DirectoryError> {
        let built = self.tls.get_or_try_init(|| async {
            let (ca_file, loopback) = (self.settings.ca_file.clone(), self.address.loopback);
            match tokio::task::spawn_blocking(move || tls::config(ca_file.as_deref(), loopback)).await {
                Ok(built) => built,
                Err(stopped) => Err(DirectoryError::Setting { what: format!("TLS could not be set up: {stopped}"), hint: "try again" }),
            }
        });
        built.await.cloned()
    }

    /// A new connection, and what the server said to the sign-in.
    async fn connect(&self, login: &Login) -> Result<(Connection, Outcome), DirectoryError> {
        let config = if login.needs_tls() { Some(self.tls().await?) } else { None };
        let mut connection = Connection::open(&self.address, config, &self.settings.limits).await?;
        let line = self.line("BIND", "", login.name());
        let signed = connection.sign_in(&self.address, login, &self.settings.limits).await;
        line.end(&signed);
        let outcome = signed.map_err(|fault| fault.during(&self.address.shown, &login.doing(), false))?;
        Ok((connection, outcome))
    }

    /// For the wire log: the object as RFC 4516 writes addresses, and what is asked of it.
    fn line(&self, method: &str, dn: &str, rest: &str) -> Line {
        let scheme = if self.address.from_start { "ldaps" } else { "ldap" };
        let space = if rest.is_empty() || rest.starts_with('?') { "" } else { " " };
        Line::begin(&self.wire, method, &format!("{scheme}://{}/{dn}{space}{rest}", self.address.shown))
    }

    /// The connection that is there, or a new one.
    async fn ready(&self, held: &mut Held) -> Result<Connection, DirectoryError> {
        if let Some(mut connection) = held.connection.take()
            && connection.is_alive()
        {
            return Ok(connection);
        }
        if let Some(refused) = &held.refused {
            return Err(refused.clone());
        }
        let login = &self.settings.login;
        let (connection, outcome) = self.connect(login).await?;
        if outcome.code == 0 {
            return Ok(connection);
        }
        let error = self.refusal(&login.doing(), &outcome);
        if outcome.code == 49 && matches!(&error, DirectoryError::Refused { data: None | Some(0x52e | 0x525), .. }) {
            held.refused = Some(error.clone());
        }
        Err(error)
    }

    fn refusal(&self, doing: &str, outcome: &Outcome) -> DirectoryError {
        let (host, doing) = (self.address.shown.clone(), doing.to_owned());
        if outcome.code == 10 {
            let to = text::short(outcome.referral.first().map_or("nowhere", String::as_str), 200);
            return DirectoryError::Referral { host, doing, to };
        }
        let (row, data) = explain(outcome.code, &outcome.said);
        let said = text::short(&outcome.said, 300);
        DirectoryError::Refused { host, doing, code: outcome.code, data, means: row.means, hint: row.hint, said }
    }

    async fn modify(&self, dn: &str, doing: &str, request: impl FnOnce(u32) -> message::Bytes + Send) -> Result<(), DirectoryError> {
        self.send_change(dn, doing, Sent::MODIFY, request).await
    }

    /// Sends a change, once: when its answer is missing, nobody knows whether it was made.
    async fn send_change(
        &self,
        dn: &str,
        doing: &str,
        sent: Sent,
        request: impl FnOnce(u32) -> message::Bytes + Send,
    ) -> Result<(), DirectoryError> {
        let mut held = self.held.lock().await;
        let mut connection = self.ready(&mut held).await?;
        let limit = self.settings.limits.write;
        let id = connection.next_id();
        let request = request(id);
        connection.changed = true;
        let line = self.line(sent.method, dn, "");
        let answer = timeout(limit, connection.ask(&request, id, sent.answer)).await.unwrap_or(Err(Fault::Late(limit)));
        line.end(&answer);
        let outcome = answer.map_err(|fault| fault.during(&self.address.shown, doing, true))?;
        held.connection = Some(connection);
        if outcome.code == 0 { Ok(()) } else { Err(self.refusal(doing, &outcome)) }
    }

    /// All pages of a search over this connection.
    async fn pages(&self, connection: &mut Connection, walk: &mut Walk<'_>) -> Result<(), Trouble> {
        let paged = walk.search.scope != Scope::Base;
        let mut cookie = Vec::new();
        loop {
            let size = walk.limit.map_or(self.settings.limits.page, |limit| page_size(self.settings.limits.page, limit));
            let page = paged.then_some((size, cookie.as_slice()));
            let id = connection.next_id();
            let request = message::search(id, walk.search, page).map_err(|bad| Trouble::Ours(bad_filter(&walk.search.filter, bad)))?;
            let limit = self.settings.limits.read;
            let most = if paged { size } else { 1 };
            let line = self.line("SEARCH", &walk.search.base, &question(walk.search));
            let page =
                timeout(limit, one_page(connection, &request, id, walk, most)).await.unwrap_or(Err(Trouble::Fault(Fault::Late(limit))));
            match &page {
                Ok(outcome) => line.answered(outcome),
                Err(Trouble::Fault(fault)) => line.failed(fault),
                Err(Trouble::Refused(_) | Trouble::Ours(_)) => drop(line),
            }
            let outcome = page?;
            if outcome.code != 0 {
                return Err(Trouble::Refused(self.refusal(&walk.doing, &outcome)));
            }
            if outcome.cookie.is_empty() || !paged {
                break;
            }
            cookie = outcome.cookie;
        }
        // Nothing here, and a pointer to elsewhere: "there is none" would be a guess.
        match walk.reference.take() {
            Some(to) if walk.count == 0 => {
                let (host, doing) = (self.address.shown.clone(), walk.doing.clone());
                Err(Trouble::Refused(DirectoryError::Referral { host, doing, to: text::short(&to, 200) }))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A read: tried once more on a new connection when the old one ends before anything was handed over.
    async fn look(&self, held: &mut Held, walk: &mut Walk<'_>) -> Result<(), DirectoryError> {
        let mut again = true;
        loop {
            let mut connection = self.ready(held).await?;
            match self.pages(&mut connection, walk).await {
                Ok(()) => {
                    held.connection = Some(connection);
                    return Ok(());
                }
                Err(Trouble::Refused(error)) => {
                    held.connection = Some(connection);
                    return Err(error);
                }
                Err(Trouble::Ours(error)) => return Err(error),
                Err(Trouble::Fault(Fault::Cut(_))) if again && walk.count == 0 => again = false,
                Err(Trouble::Fault(fault)) => return Err(fault.during(&self.address.shown, &walk.doing, false)),
            }
        }
    }
}

fn bad_filter(filter: &str, bad: filter::BadFilter) -> DirectoryError {
    let what = format!("`{}` is no search filter: {bad}", text::short(filter, 120));
    DirectoryError::Setting { what, hint: "filters are written as in `(sAMAccountName=User1)`, see RFC 4515" }
}

#[async_trait]
impl Directory for Ldap {
    async fn root(&self) -> Result<Root, DirectoryError> {
        let attributes = ["defaultNamingContext", "rootDomainNamingContext", "dnsHostName", "currentTime", "supportedControl"];
        let found = self.search(Search::object("", &attributes)).await?;
        let entry = found.into_iter().next().unwrap_or_default();
        Root::from_entry(&entry).ok_or_else(|| {
            let why = "it does not say which domain it holds, or what time it is".to_owned();
            Fault::Bad(why).during(&self.address.shown, "the question about itself", false)
        })
    }

    async fn search(&self, search: Search) -> Result<Vec<Entry>, DirectoryError> {
        let limit = search.limit.unwrap_or(MOST_ENTRIES);
        let (mut found, mut weighs) = (Vec::new(), 0);
        let most = self.settings.limits.kept;
        let mut keep = |entry: Entry| {
            weighs += weight(&entry);
            if weighs <= most {
                found.push(entry);
            }
        };
        let mut held = self.held.lock().await;
        self.look(&mut held, &mut Walk::new(&search, Some(limit), &mut keep)).await?;
        if weighs > most {
            let why = format!("it is larger than {} KiB", most / 1024);
            return Err(Fault::Bad(why).during(
                &self.address.shown,
                &format!("the search below `{}`", text::short(&search.base, 200)),
                false,
            ));
        }
        Ok(found)
    }

    async fn walk(&self, search: Search, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        let mut held = self.held.lock().await;
        let mut walk = Walk::new(&search, search.limit, each);
        self.look(&mut held, &mut walk).await?;
        Ok(walk.count)
    }

    async fn write_dacl(&self, dn: &str, descriptor: &[u8]) -> Result<(), DirectoryError> {
        super::check_descriptor(descriptor)?;
        let doing = format!("the change of the permissions of `{}`", text::short(dn, 200));
        self.modify(dn, &doing, |id| message::write_dacl(id, dn, descriptor)).await
    }

    async fn change(&self, change: &objects::Change) -> Result<(), DirectoryError> {
        self.change_object(change).await
    }

    async fn pending(&self, dn: &str) -> Result<Option<bool>, DirectoryError> {
        let mut held = self.held.lock().await;
        // Another connection would answer "nothing" whatever is still on its way.
        let Some(mut connection) = held.connection.take().filter(|connection| connection.changed) else { return Ok(None) };
        if !connection.is_alive() {
            return Ok(None);
        }
        let search = Search::object("", &["pendingPropagations", "vendorName"]);
        let mut root = Entry::default();
        let mut keep = |entry| root = entry;
        let mut walk = Walk::new(&search, None, &mut keep);
        let looked = self.pages(&mut connection, &mut walk).await;
        match looked {
            Ok(()) => {}
            Err(Trouble::Refused(error) | Trouble::Ours(error)) => return Err(error),
            Err(Trouble::Fault(fault)) => return Err(fault.during(&self.address.shown, "the question how far the change is", false)),
        }
        held.connection = Some(connection);
        Ok(still_pending(&root, dn))
    }

    async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, DirectoryError> {
        check_login(name, password)?;
        let login = Login::Password { name: name.to_owned(), password: password.clone() };
        let (connection, outcome) = self.connect(&login).await?;
        connection.close().await;
        match outcome.code {
            0 => Ok(SignOn::Accepted),
            49 => {
                let (row, data) = explain(49, &outcome.said);
                Ok(SignOn::Refused { data, why: row.means })
            }
            _ => Err(self.refusal(&login.doing(), &outcome)),
        }
    }
}

/// An attribute without values is not sent, so that "nothing pending" looks like "never heard of it". Samba never heard of it, and is the one
/// that says who made it.
fn still_pending(root: &Entry, dn: &str) -> Option<bool> {
    let waiting = root.values("pendingPropagations");
    if waiting.is_empty() {
        return if root.values("vendorName").is_empty() { Some(false) } else { None };
    }
    let same = |text: &str| match (Dn::parse(text), Dn::parse(dn)) {
        (Ok(one), Ok(other)) => one == other,
        _ => text.eq_ignore_ascii_case(dn),
    };
    Some(root.texts("pendingPropagations").any(same))
}
