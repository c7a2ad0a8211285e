//! What the domain controller says no with: codes and texts, word for word those of the measured one. No decisions.

use super::super::store::StoreError;
use super::super::world::{Entry, Slip};
use ldap3_proto::proto::LdapResultCode as Code;

/// Where Samba is not Windows (`facts/directory.md` 6), and which of them this controller follows.
#[cfg_attr(not(test), expect(dead_code, reason = "a table for readers; a test holds it against the tests that show each line"))]
pub(super) const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("AdminSDHolder", "Windows", "every hour of world time, members of members, adminCount and a protected descriptor (MS-ADTS 3.1.1.6.1)"),
    (
        "inheritance",
        "Windows",
        "the modify returns at once; children follow in the background, `pendingPropagations` says when (MS-ADTS 3.1.1.3.2.15)",
    ),
    ("unicodePwd without encryption", "Windows", "refused: there is no bind without TLS (MS-ADTS 3.1.1.3.1.5.1)"),
    ("generic rights", "Windows", "mapped when they are stored (MS-ADTS 5.1.3.2)"),
    ("Unexpire Password", "Windows", "without it a new password is expired at once: `pwdLastSet` 0 (MS-SAMR 3.1.1.8.7)"),
    (
        "order of entries",
        "Samba",
        "stored as given, never sorted: measured, and `facts/directory.md` 4 has the tests; Windows sorts (MS-ADTS 6.1.3)",
    ),
    ("unknown SIDs and rights", "both", "stored as given"),
    ("descriptor without the SD flags control", "Samba", "all four parts are read and written; who may not read the SACL sees nothing"),
    ("empty password with a name", "Samba", "52e; Windows answers success and lets nobody in"),
    ("error texts", "Samba", "word for word those of 4.17"),
    ("size limit of a search", "Windows", "honoured (RFC 4511 4.5.1.4); Samba sends all"),
    ("all extended rights", "Windows", "an entry for them gives no property; Samba 4.17 then forgets every check until it is restarted"),
    ("functional level", "Windows", "7 (2016)"),
];

/// A refusal, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The result code.
    pub(super) code: Code,
    /// The text.
    pub(super) text: String,
}

/// The state could not be stored: the change did not happen.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        new(Code::Unavailable, error.to_string())
    }
}

pub(super) fn new(code: Code, text: impl Into<String>) -> Refusal {
    Refusal { code, text: text.into() }
}

pub(super) fn not_signed_in() -> Refusal {
    new(Code::OperationsError, "00002020: Operation unavailable without authentication")
}

pub(super) fn needs_tls() -> Refusal {
    new(Code::StrongerAuthRequired, "BindSimple: Transport encryption required.")
}

/// A bind that came to nothing; `None` when it did not.
pub(super) fn bind(entry: Entry) -> Option<Refusal> {
    let data = match entry {
        Entry::Admitted => return None,
        Entry::Wrong => "52e",
        Entry::Locked => "775",
        Entry::Disabled => "533",
        Entry::AccountExpired => "701",
        Entry::MustChange => "773",
        Entry::PasswordExpired => "532",
    };
    let text = format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1");
    Some(new(Code::InvalidCredentials, text))
}

pub(super) fn bad_name(what: &str) -> Refusal {
    new(Code::InvalidDNSyntax, format!("00002032: {what} '(null)'"))
}

pub(super) fn no_base(dn: &str) -> Refusal {
    new(Code::NoSuchObject, format!("00002030: No such Base DN: {dn}"))
}

pub(super) fn no_property(dn: &str) -> Refusal {
    new(Code::InsufficentAccessRights, format!("00002098: Object {dn} has no write property access\n"))
}

pub(super) fn no_dacl(dn: &str) -> Refusal {
    new(Code::InsufficentAccessRights, format!("00002098: Object {dn} has no write dacl access\n"))
}

pub(super) fn no_reset() -> Refusal {
    new(Code::InsufficentAccessRights, "error in module acl: insufficient access rights during LDB_MODIFY (50)")
}

pub(super) fn no_change() -> Refusal {
    new(Code::ConstraintViolation, "error in module acl: Constraint violation during LDB_MODIFY (19)")
}

pub(super) fn slip(slip: Slip) -> Refusal {
    let (number, why) = match slip {
        Slip::Short(least) => ("0000052D", format!("the password is too short. It should be equal or longer than {least} characters!")),
        Slip::Simple => ("0000052D", "the password does not meet the complexity criteria!".to_owned()),
        Slip::Same => ("0000052D", "the password was already used (previous password)!".to_owned()),
        Slip::Used => ("0000052D", "the password was already used (in history)!".to_owned()),
        Slip::Young => ("0000052D", "password is too young to change!".to_owned()),
        Slip::WrongOld => ("00000056", "The old password specified doesn't match!".to_owned()),
    };
    new(Code::ConstraintViolation, format!("{number}: Constraint violation - check_password_restrictions: {why}"))
}

pub(super) fn not_quoted() -> Refusal {
    unwilling("setup_io: it's not allowed to set the NT hash password directly'")
}

pub(super) fn unwilling(why: &str) -> Refusal {
    new(Code::UnwillingToPerform, format!("00002035: {why}"))
}

pub(super) fn last_set() -> Refusal {
    let at = "../../source4/dsdb/samdb/ldb_modules/password_hash.c:2436:setup_last_set_field";
    new(Code::Other, format!("00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only! at {at}"))
}

pub(super) fn bad_descriptor() -> Refusal {
    new(Code::OperationsError, "00002020: operations error at ../../source4/dsdb/samdb/ldb_modules/descriptor.c:896")
}

pub(super) fn no_compare_and_swap() -> Refusal {
    unwilling("MOD_DELETE for nTSecurityDescriptor not supported yet at ../../source4/dsdb/samdb/ldb_modules/descriptor.c:802")
}

pub(super) fn no_attribute(name: &str, dn: &str) -> Refusal {
    new(Code::NoSuchAttribute, format!("acl_modify: attribute '{name}' on entry '{dn}' was not found in the schema!"))
}

pub(super) fn nothing_there(name: &str, dn: &str) -> Refusal {
    new(Code::NoSuchAttribute, format!("attribute '{name}': no such attribute for delete on '{dn}'"))
}

pub(super) fn no_such_value(name: &str, dn: &str) -> Refusal {
    new(Code::NoSuchAttribute, format!("attribute '{name}': no matching attribute value while deleting attribute on '{dn}'"))
}

pub(super) fn single(name: &str, dn: &str) -> Refusal {
    new(Code::AttributeOrValueExists, format!("0000200D: SINGLE-VALUE attribute {name} on {dn} specified more than once"))
}

pub(super) fn value_exists(name: &str, dn: &str) -> Refusal {
    new(Code::AttributeOrValueExists, format!("attribute '{name}': value #0 on '{dn}' already exists"))
}

pub(super) fn system_only(name: &str, dn: &str) -> Refusal {
    new(
        Code::ConstraintViolation,
        format!("0000202F: objectclass_attrs: attribute '{name}' on entry '{dn}' can only be modified as system"),
    )
}

pub(super) fn constructed(name: &str, dn: &str) -> Refusal {
    new(Code::ConstraintViolation, format!("0000202F: objectclass_attrs: attribute '{name}' on entry '{dn}' is constructed!"))
}

pub(super) fn linked(name: &str, dn: &str) -> Refusal {
    unwilling(&format!("objectclass_attrs: attribute '{name}' on entry '{dn}' must not be modified directly, it is a linked attribute"))
}

pub(super) fn bad_value(name: &str, dn: &str) -> Refusal {
    new(
        Code::InvalidAttributeSyntax,
        format!("0000200B: objectclass_attrs: attribute '{name}' on entry '{dn}' contains at least one invalid value!"),
    )
}

pub(super) fn naming(name: &str, dn: &str) -> Refusal {
    let name = name.to_uppercase();
    new(Code::NotALlowedOnRDN, format!("00002016: Modify of RDN '{name}' on {dn} not permitted, must use 'rename' operation instead"))
}

pub(super) fn name_taken(sam: &str) -> Refusal {
    new(Code::EntryAlreadyExists, format!("00002071: samldb: samAccountName '{sam}' already in use!"))
}

pub(super) fn no_empty_name() -> Refusal {
    new(Code::UnwillingToPerform, "00002077: samldb: 'samAccountName' can't be deleted/empty!")
}

pub(super) fn exists(dn: &str) -> Refusal {
    new(Code::EntryAlreadyExists, format!("Entry {dn} already exists"))
}

pub(super) fn critical(oid: &str) -> Refusal {
    new(Code::UnavailableCriticalExtension, format!("Unsupported critical extension {oid}"))
}

pub(super) fn too_much(what: &str) -> Refusal {
    new(Code::AdminLimitExceeded, format!("the practice controller refuses {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_stands_once_and_says_whom_it_follows() {
        let mut names: Vec<&str> = DIFFERENCES.iter().map(|(what, _, _)| *what).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DIFFERENCES.len());
        for (what, whom, why) in DIFFERENCES {
            assert!(["Windows", "Samba", "both"].contains(whom) && !why.is_empty(), "{what}");
        }
    }
}
