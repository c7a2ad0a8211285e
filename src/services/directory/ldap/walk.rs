//! A search under way over one connection: entry by entry, page by page, within its limits. Not for connecting or trying again.

use super::connection::{Connection, Fault};
use super::message::{DONE, ENTRY, EXTENDED, Outcome, REFERENCE};
use crate::base::text;
use crate::services::directory::{DirectoryError, Dn, Entry, Scope, Search};
use percent_encoding::percent_decode_str;

/// What is asked, as in an LDAP address (RFC 4516 2), without the attributes.
pub(super) fn question(search: &Search) -> String {
    match search.scope {
        Scope::Base => "?base".to_owned(),
        Scope::One => format!("?one?{}", search.filter),
        Scope::Sub => format!("?sub?{}", search.filter),
    }
}

/// One more than the limit is enough to know that there are more.
pub(super) fn page_size(page: u32, limit: u64) -> u32 {
    u32::try_from(limit.saturating_add(1)).unwrap_or(u32::MAX).min(page)
}

/// A search under way.
pub(super) struct Walk<'a> {
    pub(super) search: &'a Search,
    pub(super) limit: Option<u64>,
    pub(super) doing: String,
    each: &'a mut (dyn FnMut(Entry) + Send),
    pub(super) count: u64,
    pub(super) reference: Option<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(search: &'a Search, limit: Option<u64>, each: &'a mut (dyn FnMut(Entry) + Send)) -> Self {
        let base = text::short(&search.base, 200);
        let doing = match search.scope {
            Scope::Base if base.is_empty() => "the question about itself".to_owned(),
            Scope::Base => format!("the look at `{base}`"),
            Scope::One | Scope::Sub => format!("the search below `{base}`"),
        };
        Self { search, limit, doing, each, count: 0, reference: None }
    }
}

/// Whether an address leads to a partition of its own below the base. A DC names those in every search of a domain's head (the configuration,
/// the DNS zones), and no object of the domain is in them: they do not make "there is none" a guess.
fn is_partition_below(address: &str, base: &str) -> bool {
    let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let name = path.map(|path| path.split_once('?').map_or(path, |(name, _)| name)).unwrap_or_default();
    let Ok(name) = percent_decode_str(name).decode_utf8() else { return false };
    match (Dn::parse(&name), Dn::parse(base)) {
        (Ok(name), Ok(base)) => base.parent().is_some() && name.is_below(&base),
        _ => false,
    }
}

/// Why a search ended early.
pub(super) enum Trouble {
    /// The server answered; the connection is as good as before.
    Refused(DirectoryError),
    /// It did not, or not well.
    Fault(Fault),
    /// We ended it; what is still under way makes the connection useless.
    Ours(DirectoryError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

pub(super) async fn one_page(
    connection: &mut Connection,
    request: &[u8],
    id: u32,
    walk: &mut Walk<'_>,
    most: u32,
) -> Result<Outcome, Trouble> {
    connection.send(request).await?;
    let mut here = 0;
    loop {
        let incoming = connection.next(id).await?;
        match incoming.tag {
            ENTRY => {
                let entry = incoming.entry().map_err(Fault::from)?;
                here += 1;
                if here > most {
                    return Err(Fault::Bad("it holds more entries than were asked for".to_owned()).into());
                }
                take(walk, entry)?;
            }
            REFERENCE => {
                let mut addresses = incoming.references().map_err(Fault::from)?;
                addresses.retain(|address| !is_partition_below(address, &walk.search.base));
                walk.reference = walk.reference.take().or_else(|| addresses.pop());
            }
            DONE => return Ok(incoming.outcome().map_err(Fault::from)?),
            // As Samba refuses a control that it does not know.
            EXTENDED => {
                let outcome = incoming.outcome().map_err(Fault::from)?;
                return if outcome.code == 0 { Err(Fault::Bad("it answers something else".to_owned()).into()) } else { Ok(outcome) };
            }
            _ => return Err(Fault::Bad("it answers something else".to_owned()).into()),
        }
    }
}

fn take(walk: &mut Walk<'_>, entry: Entry) -> Result<(), Trouble> {
    if let Some(limit) = walk.limit.filter(|&limit| walk.count >= limit) {
        return Err(Trouble::Ours(DirectoryError::TooMany { base: text::short(&walk.search.base, 200), limit }));
    }
    // A DC cuts long lists into ranges (MS-ADTS 3.1.1.3.1.3.3); a part that looks like the whole would be a wrong answer.
    if let Some(name) = entry.attributes.keys().find(|name| name.contains(";range=")) {
        let why = format!("`{}` has more values than fit into one answer", text::short(name, 60));
        return Err(Fault::Bad(why).into());
    }
    walk.count += 1;
    (walk.each)(entry);
    Ok(())
}

/// What the values of an entry weigh.
pub(super) fn weight(entry: &Entry) -> usize {
    entry.attributes.values().flatten().map(|value| value.len() + 24).sum::<usize>() + entry.dn.len()
}

#[cfg(test)]
mod tests {
    use super::is_partition_below;

    #[test]
    fn only_a_partition_below_the_base_is_no_pointer_to_elsewhere() {
        let base = "DC=corp,DC=example";
        for below in [
            "ldap://corp.example/CN=Configuration,DC=corp,DC=example",
            "ldaps://h/DC=DomainDnsZones,dc=corp,dc=EXAMPLE??sub",
            "ldap://h/CN=a%20b,DC=corp,DC=example",
        ] {
            assert!(is_partition_below(below, base), "{below}");
        }
        for elsewhere in [
            "ldap://other/",
            "ldap://other",
            "ldap://h/DC=corp,DC=example",
            "ldap://h/DC=other,DC=example",
            "nonsense",
            "ldap://h/%ff,DC=corp,DC=example",
        ] {
            assert!(!is_partition_below(elsewhere, base), "{elsewhere}");
        }
        assert!(!is_partition_below("ldap://h/DC=corp,DC=example", ""));
    }
}
