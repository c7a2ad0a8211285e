//! Who asks, and what they may do: the token of a bind, held by `rights` against the descriptor of an object. Not what is done then.

use crate::practice::world::{Dn, Entry, LAB_DOMAIN, Lineage, NETBIOS, Object, OnPremisesDomain as Domain, Policy, domain_sid};
use crate::rights::{self, Asked, Descriptor, Guid, Mask, Sid, Target, Token};
use jiff::Timestamp;

/// Unexpire Password (MS-ADTS 6.1.1.2.7.45).
const UNEXPIRE_PASSWORD: Guid = Guid::of(0xccc2_dc7d_a6ad_4a7a_8846_c04e_3cc5_3501);
/// Members: every account that signs in, as the measured controller has it (`S-1-5-11` is in this group).
const PRE_WINDOWS_2000: Sid = Sid::known(5, &[32, 554]);
const NETWORK: Sid = Sid::known(5, &[2]);
const ANONYMOUS: Sid = Sid::known(5, &[7]);

/// An account that is signed in. Its groups are those of the moment of the bind, as in a real domain.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// `sAMAccountName`, for the request log.
    pub(super) name: String,
    sid: Sid,
    groups: Vec<Sid>,
    token: Token,
}

/// An account that a bind names.
pub(super) fn account<'a>(domain: &'a Domain, name: &str) -> Option<(&'a str, &'a Object)> {
    let found = |sam: &str| {
        let mine = |object: &Object| object.text("sAMAccountName").is_some_and(|own| own.eq_ignore_ascii_case(sam));
        domain.all().find(|(_, object)| object.account.is_some() && mine(object))
    };
    // First: a distinguished name may hold a backslash, and no account's name an equals sign.
    if name.contains('=') {
        let key = Dn::parse(name)?.key();
        return domain.all().find(|(own, object)| *own == key && object.account.is_some());
    }
    if let Some((netbios, sam)) = name.split_once('\\') {
        return netbios.eq_ignore_ascii_case(NETBIOS).then(|| found(sam)).flatten();
    }
    let (sam, suffix) = name.rsplit_once('@')?;
    let explicit = domain.all().find(|(_, object)| object.text("userPrincipalName").is_some_and(|own| own.eq_ignore_ascii_case(name)));
    let implicit = || [NETBIOS, LAB_DOMAIN].iter().any(|own| own.eq_ignore_ascii_case(suffix)).then(|| found(sam)).flatten();
    explicit.or_else(implicit)
}

/// What a bind comes to, and under which key its account stands.
pub(super) fn knock(domain: &Domain, name: &str, password: &str, now: Timestamp) -> (Entry, Option<String>) {
    let policy = Policy::of(domain.head());
    match account(domain, name) {
        Some((key, Object { account: Some(account), .. })) => (account.try_password(password, &policy, now), Some(key.to_owned())),
        Some(_) | None => (Entry::Wrong, None),
    }
}

impl Caller {
    /// The token of an account.
    pub(super) fn new(domain: &Domain, object: &Object) -> Option<Self> {
        let sid = object.sid()?;
        let mut groups = domain.token_groups(object);
        groups.extend([Sid::EVERYONE, NETWORK, Sid::AUTHENTICATED_USERS, PRE_WINDOWS_2000]);
        let token = Token::of(sid, groups.iter().copied());
        Some(Self { name: object.text("sAMAccountName").unwrap_or_default().to_owned(), sid, groups, token })
    }

    /// The operating system of the domain controller itself.
    pub(super) fn system() -> Self {
        let groups = vec![Sid::ADMINISTRATORS, Sid::EVERYONE, Sid::AUTHENTICATED_USERS, domain_sid().child(512)];
        let token = Token::of(Sid::SYSTEM, groups.iter().copied());
        Self { name: "SYSTEM".to_owned(), sid: Sid::SYSTEM, groups, token }
    }

    /// Whether it is one of the domain's administrators: they may read and write SACLs.
    pub(super) fn is_administrator(&self) -> bool {
        self.token.has(&Sid::ADMINISTRATORS)
    }

    /// Who owns what it makes: Domain Admins, if it is one of them.
    pub(super) fn owner(&self) -> Sid {
        let admins = domain_sid().child(512);
        if self.token.has(&admins) { admins } else { self.sid }
    }
}

/// `tokenGroups` of the rootDSE: the caller first.
pub(super) fn root_groups(caller: Option<&Caller>) -> Vec<Sid> {
    match caller {
        Some(caller) => std::iter::once(caller.sid).chain(caller.groups.iter().copied()).collect(),
        None => vec![ANONYMOUS, Sid::EVERYONE, NETWORK],
    }
}

/// A caller who looks at one state of the domain.
pub(super) struct Eye<'a> {
    /// The domain.
    pub(super) domain: &'a Domain,
    /// World time.
    pub(super) now: Timestamp,
    /// Who looks.
    pub(super) caller: &'a Caller,
    lineage: Lineage<'a>,
}

impl<'a> Eye<'a> {
    /// A look at the domain.
    pub(super) fn new(domain: &'a Domain, caller: &'a Caller, now: Timestamp) -> Self {
        Self { domain, now, caller, lineage: Lineage::new(domain, now) }
    }

    /// The descriptor of an object, with what it inherits.
    pub(super) fn descriptor(&mut self, key: &str, object: &Object) -> Descriptor {
        self.lineage.descriptor(key, object)
    }

    /// Whether the caller may do this, by a descriptor that was looked up before.
    pub(super) fn may_by(&self, descriptor: &Descriptor, object: &Object, asked: Asked) -> bool {
        let target = Target { classes: vec![object.class.line().guid], sid: object.sid() };
        rights::decide(descriptor, &self.caller.token, &target, asked).allowed
    }

    /// Whether the caller may do this.
    pub(super) fn may(&mut self, key: &str, object: &Object, asked: Asked) -> bool {
        let descriptor = self.descriptor(key, object);
        self.may_by(&descriptor, object, asked)
    }

    /// Whether a password that the caller sets counts as new (MS-SAMR 3.1.1.8.7).
    pub(super) fn may_unexpire(&mut self) -> bool {
        let key = crate::practice::world::head_name().key();
        self.domain.at(&key).is_some_and(|head| self.may(&key, head, Asked::extended(UNEXPIRE_PASSWORD)))
    }

    /// `sDRightsEffective` (MS-ADTS 3.1.1.4.5.4): owner and group 3, DACL 4, SACL 8.
    pub(super) fn sd_rights(&self, descriptor: &Descriptor, object: &Object) -> u32 {
        let bits = [(Mask::WRITE_OWNER, 3), (Mask::WRITE_DAC, 4)];
        let own: u32 = bits.iter().filter(|(mask, _)| self.may_by(descriptor, object, Asked::whole(*mask))).map(|(_, bit)| bit).sum();
        own + if self.caller.is_administrator() { 8 } else { 0 }
    }
}
