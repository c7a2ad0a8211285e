//! A directory in memory that does what a test tells it: change behind one's back, refuse, lose, reorder.

use async_trait::async_trait;
use guidepost::base::Secret;
use guidepost::rights::inherit::canonical;
use guidepost::rights::{Descriptor, Home, Sid, sddl};
use guidepost::services::directory::object::Change as ObjectChange;
use guidepost::services::directory::{DESCRIPTOR, Directory, DirectoryError, Entry, Root, Scope, Search, SignOn};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

pub(crate) const DOMAIN: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333]);
pub(crate) const HEAD: &str = "DC=testlab,DC=contoso,DC=example";

/// A descriptor from SDDL in which `Delegate`, `Other` and a few ids have names.
pub(crate) fn descriptor(text: &str) -> Descriptor {
    let names = [
        ("Delegate", DOMAIN.child(1105).to_string()),
        ("Other", DOMAIN.child(1106).to_string()),
        ("Change", "ab721a53-1e2f-11d0-9819-00aa0040529b".to_owned()),
        ("Reset", "00299570-246d-11d0-a768-00aa006e0529".to_owned()),
        ("Lockout", "28630ebf-41d5-11d1-a9c1-0000f80367c1".to_owned()),
        ("PwdLast", "bf967a0a-0de6-11d0-a285-00aa003049e2".to_owned()),
        ("User", "bf967aba-0de6-11d0-a285-00aa003049e2".to_owned()),
    ];
    let text = names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
    sddl::parse(&text, &Home::of(DOMAIN)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What the directory does with a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnWrite {
    Store,
    /// As Windows does.
    StoreInCanonicalOrder,
    /// Says yes and keeps what it has.
    Forget,
    Fail(DirectoryError),
    /// Stores, and the answer never comes.
    StoreThenFail(DirectoryError),
}

type Change = Box<dyn FnOnce(&mut BTreeMap<String, Entry>) + Send>;

struct Inner {
    objects: BTreeMap<String, Entry>,
    on_write: OnWrite,
    reads: usize,
    writes: usize,
    /// What happens just before the read with this number, the first being 0.
    before_read: Vec<(usize, Change)>,
    /// What the read with this number answers instead.
    failing_read: Option<(usize, DirectoryError)>,
}

pub(crate) struct Memory(Mutex<Inner>);

impl Memory {
    /// A directory that holds the head with this descriptor.
    pub(crate) fn with(head: &str) -> Self {
        let new = Self::empty();
        new.put(HEAD, &descriptor(head).write(), &[]);
        new
    }

    pub(crate) fn empty() -> Self {
        let inner =
            Inner { objects: BTreeMap::new(), on_write: OnWrite::Store, reads: 0, writes: 0, before_read: Vec::new(), failing_read: None };
        Self(Mutex::new(inner))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn put(&self, dn: &str, descriptor: &[u8], attributes: &[(&str, &str)]) {
        let mut entry = entry(dn, attributes);
        entry.attributes.insert(DESCRIPTOR.to_owned(), vec![descriptor.to_vec()]);
        self.inner().objects.insert(dn.to_owned(), entry);
    }

    pub(crate) fn put_without_descriptor(&self, dn: &str) {
        self.inner().objects.insert(dn.to_owned(), entry(dn, &[]));
    }

    pub(crate) fn on_write(&self, what: OnWrite) {
        self.inner().on_write = what;
    }

    /// Somebody else gives the head this descriptor just before the read with this number.
    pub(crate) fn before_read(&self, number: usize, head: &str) {
        let bytes = descriptor(head).write();
        let change = move |objects: &mut BTreeMap<String, Entry>| {
            objects.get_mut(HEAD).unwrap().attributes.insert(DESCRIPTOR.to_owned(), vec![bytes]);
        };
        self.inner().before_read.push((number, Box::new(change)));
    }

    pub(crate) fn fail_read(&self, number: usize, error: DirectoryError) {
        self.inner().failing_read = Some((number, error));
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        self.inner().objects[HEAD].bytes(DESCRIPTOR).unwrap().to_vec()
    }

    pub(crate) fn text(&self) -> String {
        sddl::print(&Descriptor::read(&self.head()).unwrap())
    }

    pub(crate) fn writes(&self) -> usize {
        self.inner().writes
    }

    fn found(&self, search: &Search) -> Result<Vec<Entry>, DirectoryError> {
        let mut inner = self.inner();
        let number = inner.reads;
        inner.reads += 1;
        let (due, later) = std::mem::take(&mut inner.before_read).into_iter().partition(|(at, _)| *at == number);
        inner.before_read = later;
        let due: Vec<(usize, Change)> = due;
        for (_, change) in due {
            change(&mut inner.objects);
        }
        if let Some((_, error)) = inner.failing_read.take_if(|(at, _)| *at == number) {
            return Err(error);
        }
        let users = search.filter.contains("objectCategory=person");
        let is_user = |entry: &Entry| entry.dn.starts_with("CN=u") || entry.dn.starts_with("CN=\u{fc}");
        let fits = |entry: &&Entry| match search.scope {
            Scope::Base => entry.dn == search.base,
            Scope::One | Scope::Sub => is_user(entry) == users,
        };
        Ok(inner.objects.values().filter(fits).map(shown).collect())
    }
}

/// With the SD flags control at 4, owner, group and SACL stay behind.
fn shown(entry: &Entry) -> Entry {
    let mut shown = entry.clone();
    for bytes in shown.attributes.get_mut(DESCRIPTOR).into_iter().flatten() {
        if let Ok(read) = Descriptor::read(bytes) {
            *bytes = read.dacl_only().write();
        }
    }
    shown
}

pub(crate) fn entry(dn: &str, attributes: &[(&str, &str)]) -> Entry {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]));
    Entry { dn: dn.to_owned(), attributes: attributes.collect() }
}

/// What a DC answers, with this result code.
pub(crate) fn refused(code: u32) -> DirectoryError {
    DirectoryError::Refused {
        host: "dc1".to_owned(),
        doing: "the change".to_owned(),
        code,
        data: None,
        means: "the account may not do this",
        hint: "sign in with another account",
        said: String::new(),
    }
}

#[async_trait]
impl Directory for Memory {
    async fn root(&self) -> Result<Root, DirectoryError> {
        Err(refused(1))
    }

    async fn search(&self, search: Search) -> Result<Vec<Entry>, DirectoryError> {
        let found = self.found(&search)?;
        if found.is_empty() && search.scope == Scope::Base { Err(refused(32)) } else { Ok(found) }
    }

    async fn walk(&self, search: Search, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        let found = self.found(&search)?;
        let count = found.len() as u64;
        found.into_iter().for_each(each);
        Ok(count)
    }

    /// As a DC does with the SD flags control at 4: nothing but the DACL is taken.
    async fn write_dacl(&self, dn: &str, descriptor: &[u8]) -> Result<(), DirectoryError> {
        let mut inner = self.inner();
        inner.writes += 1;
        let sent = Descriptor::read(descriptor).unwrap();
        assert_eq!((sent.owner, sent.group, sent.sacl), (None, None, None), "only the DACL is sent");
        let on_write = inner.on_write.clone();
        if let OnWrite::Fail(error) = on_write {
            return Err(error);
        }
        if on_write != OnWrite::Forget {
            let entry = inner.objects.get_mut(dn).unwrap();
            let mut stored = Descriptor::read(entry.bytes(DESCRIPTOR).unwrap()).unwrap();
            let mut acl = sent.dacl.unwrap();
            if on_write == OnWrite::StoreInCanonicalOrder {
                canonical(&mut acl);
            }
            stored.dacl = Some(acl);
            entry.attributes.insert(DESCRIPTOR.to_owned(), vec![stored.write()]);
        }
        match on_write {
            OnWrite::StoreThenFail(error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn change(&self, _: &ObjectChange) -> Result<(), DirectoryError> {
        Err(refused(50))
    }

    async fn pending(&self, _: &str) -> Result<Option<bool>, DirectoryError> {
        Ok(None)
    }

    async fn sign_on(&self, _: &str, _: &Secret) -> Result<SignOn, DirectoryError> {
        Err(refused(49))
    }
}
