//! Values of attributes as LDAP shows them, as far as they do not depend on who asks. Not whether somebody may see them.

use super::schema::{self, Source};
use crate::practice::world::{Class, Dn, Object, OnPremisesDomain as Domain, Policy, head_name};
use jiff::Timestamp;

/// The values of an attribute; none when the object has none, or when they depend on who asks and when.
pub(super) fn of(domain: &Domain, object: &Object, attribute: &schema::Attribute) -> Vec<Vec<u8>> {
    match attribute.source {
        Source::Secret | Source::Constructed => Vec::new(),
        Source::Free | Source::Naming => kept(object, attribute.name),
        Source::Link => domain.groups_of(object.id).map(|group| group.dn.clone().into_bytes()).collect(),
        Source::Account | Source::System => computed(domain, object, attribute.name).unwrap_or_else(|| kept(object, attribute.name)),
    }
}

fn kept(object: &Object, name: &str) -> Vec<Vec<u8>> {
    object.attributes.get(name).map(|values| values.iter().map(|value| value.0.clone()).collect()).unwrap_or_default()
}

fn one(text: impl std::fmt::Display) -> Vec<Vec<u8>> {
    vec![format!("{text}").into_bytes()]
}

/// `None` for what is kept like any other attribute.
fn computed(domain: &Domain, object: &Object, name: &str) -> Option<Vec<Vec<u8>>> {
    let account = object.account.as_ref();
    let of_account = |value: Option<i64>| value.map(one).unwrap_or_default();
    Some(match name {
        "distinguishedName" => one(&object.dn),
        "name" => one(object.name().0.first().map(|rdn| rdn.value.clone()).unwrap_or_default()),
        "objectClass" => object.class.line().chain.iter().map(|name| name.as_bytes().to_vec()).collect(),
        "objectCategory" => one(category_name(object.class)),
        "objectGUID" => vec![object.guid.0.clone()],
        "objectSid" => object.sid().map(|sid| vec![sid.write()]).unwrap_or_default(),
        "whenCreated" => one(generalized(object.created)),
        "whenChanged" => one(generalized(object.changed)),
        "uSNCreated" => one(object.usn_created),
        "uSNChanged" => one(object.usn),
        "instanceType" => one(if object.class == Class::DomainDns { 5 } else { 4 }),
        "userAccountControl" => of_account(account.map(|account| account.uac.into())),
        "primaryGroupID" => of_account(account.map(|account| account.primary_group.into())),
        "pwdLastSet" => of_account(account.map(|account| account.set)),
        "lockoutTime" => of_account(account.and_then(|account| account.locked)),
        "badPwdCount" => of_account(account.map(|account| account.wrong.into())),
        "badPasswordTime" => of_account(account.map(|account| account.wrong_at)),
        "accountExpires" => of_account(account.map(|account| account.expires)),
        "sAMAccountType" => account_type(object.class).map(one).unwrap_or_default(),
        "member" => domain.names(&object.members).into_iter().map(|dn| dn.as_bytes().to_vec()).collect(),
        _ => return None,
    })
}

/// MS-ADTS 2.2.20 `sAMAccountType`.
fn account_type(class: Class) -> Option<u32> {
    match class {
        Class::User => Some(0x3000_0000),
        Class::Computer => Some(0x3000_0001),
        Class::Group => Some(0x1000_0000),
        Class::DomainDns | Class::BuiltinDomain | Class::Container | Class::OrganizationalUnit | Class::Contact => None,
    }
}

fn category_name(class: Class) -> String {
    let head = head_name().written();
    format!("CN={},CN=Schema,CN=Configuration,{head}", class.line().category)
}

/// The key of the category that a class's name stands for.
pub(super) fn category(class: &str) -> Option<String> {
    let class = if class.eq_ignore_ascii_case("person") { Class::User } else { Class::named(class)? };
    Dn::parse(&category_name(class)).map(|name| name.key())
}

/// As a directory writes a time.
pub(in crate::practice) fn generalized(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S.0Z").to_string()
}

/// `msDS-User-Account-Control-Computed`.
pub(super) fn control_computed(domain: &Domain, object: &Object, now: Timestamp) -> Vec<Vec<u8>> {
    let policy = Policy::of(domain.head());
    object.account.as_ref().map(|account| one(account.computed(&policy, now))).unwrap_or_default()
}

/// `testlab.contoso.example/Users/User1`.
pub(super) fn canonical(object: &Object) -> String {
    let name = object.name();
    let is_label = |kind: &str| kind.eq_ignore_ascii_case("dc");
    let labels: Vec<&str> = name.0.iter().filter(|rdn| is_label(&rdn.kind)).map(|rdn| rdn.value.as_str()).collect();
    let parts: Vec<&str> = name.0.iter().rev().filter(|rdn| !is_label(&rdn.kind)).map(|rdn| rdn.value.as_str()).collect();
    format!("{}/{}", labels.join("."), parts.join("/"))
}
