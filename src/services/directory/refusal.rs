//! What a result code means and what to do about it: one table. Texts of Samba are measured (4.17 and 4.22), those of Windows are MS-ADTS's
//! and MS-ERREF's. Not for answers that never came.

/// One thing that a domain controller may mean by "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// LDAP's result code (RFC 4511 A.1).
    pub code: u32,
    /// The Windows error code in the text (MS-ERREF 2.2); `None` fits any.
    pub data: Option<u32>,
    /// What the text holds, in lower case; empty fits any.
    pub says: &'static str,
    /// What it means, as the end of a sentence.
    pub means: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

const fn row(code: u32, data: Option<u32>, says: &'static str, means: &'static str, hint: &'static str) -> Refusal {
    Refusal { code, data, says, means, hint }
}

const ASK_ADMIN: &str = "sign in with an account that has this right, or have one granted";
const POLICY: &str = "choose a password that fits the domain's policy; a fine-grained policy may ask more of this account";

/// The first row that fits is meant.
pub const REFUSALS: &[Refusal] = &[
    // Signing in. Only 49 carries the reason behind `data`.
    row(
        49,
        Some(0x52e),
        "",
        "the name or the password is wrong",
        "write the name as `user@domain`, `DOMAIN\\user` or a distinguished name, and check the password",
    ),
    row(49, Some(0x525), "", "the account is not known", "check the name; write it as `user@domain` or `DOMAIN\\user`"),
    row(49, Some(0x530), "", "the account may not sign in at this hour", "look at the account's logon hours"),
    row(49, Some(0x531), "", "the account may not sign in from this computer", "look at the account's list of workstations"),
    row(49, Some(0x532), "", "the password has expired", "set a new password, then sign in again"),
    row(49, Some(0x533), "", "the account is disabled", "enable the account, or use another"),
    row(49, Some(0x569), "", "the account may not sign in this way", "look at the domain controller's logon rights for this account"),
    row(49, Some(0x701), "", "the account has expired", "extend the account, or use another"),
    row(49, Some(0x773), "", "the password must be changed at the next sign-in", "change the password first; LDAP cannot do it at sign-in"),
    row(
        49,
        Some(0x775),
        "",
        "the account is locked after too many wrong passwords",
        "unlock the account, or wait for the domain's lockout time",
    ),
    row(
        49,
        Some(0x35b),
        "",
        "the domain controller wants the sign-in bound to the TLS connection",
        "use an `ldaps://` address with name and password, or `ldap://` with Kerberos",
    ),
    row(49, None, "", "the sign-in was refused", "check name and password"),
    row(
        8,
        None,
        "",
        "the domain controller wants a protected connection",
        "use an `ldaps://` address, or `ldap://`, which is protected by StartTLS",
    ),
    row(13, None, "", "the domain controller wants a protected connection", "use an `ldaps://` address"),
    row(
        53,
        None,
        "not allowed if tls is used",
        "the domain controller does not take Kerberos within TLS",
        "use an `ldap://` address with Kerberos, which seals the connection itself",
    ),
    row(7, None, "", "the domain controller does not know this way to sign in", "use name and password with an `ldaps://` address"),
    row(48, None, "", "the account may not sign in this way", "use name and password with an `ldaps://` address"),
    row(1, Some(0x4dc), "", "it answers only who has signed in", "check the name and password of the lab's profile"),
    row(1, None, "without authentication", "it answers only who has signed in", "check the name and password of the lab's profile"),
    // Passwords. Samba names the rule; Windows says 0000052D for all of them, with 19 or 53.
    row(19, Some(0x52d), "too short", "the new password is too short", POLICY),
    row(19, Some(0x52d), "complexity", "the new password is not complex enough", POLICY),
    row(19, Some(0x52d), "history", "the new password was used before", "choose a password that the account has not had"),
    row(
        19,
        Some(0x52d),
        "too young",
        "the password was changed too recently",
        "wait for the minimum password age, or set it to 0 for this lab; a reset is not bound by it",
    ),
    row(
        19,
        Some(0x52d),
        "",
        "the new password breaks the domain's policy",
        "look at length, complexity, history and the minimum age; a fine-grained policy may ask more of this account",
    ),
    row(
        53,
        Some(0x52d),
        "",
        "the new password breaks the domain's policy",
        "look at length, complexity, history and the minimum age; a fine-grained policy may ask more of this account",
    ),
    row(19, Some(0x56), "", "the old password is wrong", "check the old password; each wrong one counts towards a lockout"),
    row(53, Some(0x56), "", "the old password is wrong", "check the old password; each wrong one counts towards a lockout"),
    row(53, Some(0x1f), "", "a password is taken only over an encrypted connection", "use an `ldaps://` address"),
    row(19, None, "module acl", "the account may not change this password", ASK_ADMIN),
    row(19, None, "", "the value breaks a rule of the domain", "look at the domain controller's own words with `-v`"),
    // Rights and objects.
    row(
        50,
        None,
        "write dacl",
        "the account may not change this object's permissions",
        "sign in with an account that may, for example a domain administrator",
    ),
    row(50, None, "", "the account may not do this", ASK_ADMIN),
    row(32, None, "", "there is no such object", "check the distinguished name, and that the account may see the object"),
    row(
        34,
        None,
        "",
        "the distinguished name is not written well",
        "special characters in names are written with a backslash: `CN=Smith\\, John`",
    ),
    row(16, None, "", "the object does not have this attribute", "it may have been changed meanwhile; look again"),
    row(17, None, "", "the domain does not know this attribute", "check the attribute's name, and the schema's version"),
    row(18, None, "", "the filter compares an attribute in a way it cannot be compared", "check the filter"),
    row(20, None, "", "the attribute already has this value", "it may have been changed meanwhile; look again"),
    row(21, None, "", "the value has the wrong form for its attribute", "check the value"),
    row(65, None, "", "the change breaks the rules of the object's class", "check which attributes the class must and may have"),
    row(64, None, "", "the name does not fit the object's class", "check the distinguished name"),
    row(66, None, "", "other objects lie below it", "look at what lies below it first"),
    row(67, None, "", "the attribute is part of the object's name", "rename the object instead"),
    row(68, None, "", "an object of this name exists", "choose another name"),
    row(69, None, "", "the object's class cannot be changed", "make a new object instead"),
    row(71, None, "", "the change would reach into another domain", "use a domain controller of that domain"),
    // The server's own troubles.
    row(1, None, "descriptor", "the domain controller could not read the descriptor", "nothing was changed; report this with the wire log"),
    row(1, None, "", "the domain controller could not do it", "look at the domain controller's Directory Service log"),
    row(2, None, "", "the domain controller did not understand the request", "check that host and port are a domain controller's"),
    row(3, None, "", "the domain controller's time limit was reached", "narrow the search, or try again when it has less to do"),
    row(4, None, "", "the domain controller's size limit was reached", "narrow the search"),
    row(11, None, "", "the domain controller's own limit was reached", "narrow the search"),
    row(12, None, "", "it lacks a control that is needed here", "use an Active Directory domain controller"),
    row(51, None, "", "the domain controller is busy", "try again in a minute"),
    row(52, None, "", "the domain controller is not available", "it may be starting or stopping; try again in a minute"),
    row(53, None, "", "the domain controller is not willing to do it", "look at the domain controller's own words with `-v`"),
    row(54, None, "", "the domain controller found a loop", "check the directory's aliases and links"),
    row(80, Some(0x57), "", "a value is not allowed there", "check the value; `pwdLastSet` takes only 0 and -1"),
    row(80, None, "", "the domain controller met an error of its own", "look at the domain controller's Directory Service log"),
];

/// For a code that the table does not hold.
const OTHER: Refusal = row(0, None, "", "it gave a reason that is not known here", "look the number up in RFC 4511, appendix A");

/// What the answer means, and the Windows error code in it.
#[must_use]
pub fn explain(code: u32, said: &str) -> (&'static Refusal, Option<u32>) {
    let data = data(code, said);
    let said = said.to_lowercase();
    let fits = |row: &&Refusal| row.code == code && (row.data.is_none() || row.data == data) && said.contains(row.says);
    (REFUSALS.iter().find(fits).unwrap_or(&OTHER), data)
}

/// With 49 the number behind `data`, else the eight hexadecimal digits that begin the text; 0 says nothing.
fn data(code: u32, said: &str) -> Option<u32> {
    let behind = || said.split_once(", data ").map(|(_, rest)| rest.split([',', '\0', ' ']).next().unwrap_or_default());
    let before = || said.split_once(':').map(|(number, _)| number).filter(|number| number.len() == 8);
    let number = if code == 49 { behind() } else { before() };
    number.and_then(|number| u32::from_str_radix(number, 16).ok()).filter(|&number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::{OTHER, REFUSALS, explain};

    /// Each text as a DC sent it.
    const MEASURED: &[(u32, &str, Option<u32>, &str)] = &[
        (
            49,
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1",
            Some(0x52e),
            "the name or the password is wrong",
        ),
        (
            49,
            "80090308: LdapErr: DSID-0C09041C, comment: AcceptSecurityContext error, data 775, v4563\0",
            Some(0x775),
            "the account is locked after too many wrong passwords",
        ),
        (
            49,
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 773, v1db1",
            Some(0x773),
            "the password must be changed at the next sign-in",
        ),
        (
            49,
            "80090346: LdapErr: DSID-0C090711, comment: AcceptSecurityContext error, data 35b, v1db1",
            Some(0x35b),
            "the domain controller wants the sign-in bound to the TLS connection",
        ),
        (8, "BindSimple: Transport encryption required.", None, "the domain controller wants a protected connection"),
        (8, "SASL:[GSSAPI]: Sign or Seal are required.", None, "the domain controller wants a protected connection"),
        (53, "SASL:[GSSAPI]: Sign or Seal are not allowed if TLS is used", None, "the domain controller does not take Kerberos within TLS"),
        (1, "00002020: Operation unavailable without authentication", Some(0x2020), "it answers only who has signed in"),
        (
            1,
            "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed, data 0",
            Some(0x4dc),
            "it answers only who has signed in",
        ),
        (50, "error in module acl: insufficient access rights during LDB_MODIFY (50)", None, "the account may not do this"),
        (50, "00002098: Object CN=user2,CN=Users has no write property access\n", Some(0x2098), "the account may not do this"),
        (50, "00002098: Object DC=corp has no write dacl access\n", Some(0x2098), "the account may not change this object's permissions"),
        (50, "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", Some(5), "the account may not do this"),
        (
            19,
            "0000052D: Constraint violation - check_password_restrictions: the password is too short. It should be equal or longer than 7 characters!",
            Some(0x52d),
            "the new password is too short",
        ),
        (
            19,
            "0000052D: Constraint violation - check_password_restrictions: the password does not meet the complexity criteria!",
            Some(0x52d),
            "the new password is not complex enough",
        ),
        (
            19,
            "0000052D: Constraint violation - check_password_restrictions: the password was already used (in history)!",
            Some(0x52d),
            "the new password was used before",
        ),
        (
            19,
            "0000052D: Constraint violation - check_password_restrictions: password is too young to change!",
            Some(0x52d),
            "the password was changed too recently",
        ),
        (
            53,
            "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0",
            Some(0x52d),
            "the new password breaks the domain's policy",
        ),
        (
            19,
            "0000052D: AtrErr: DSID-03191083, #1: 0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0",
            Some(0x52d),
            "the new password breaks the domain's policy",
        ),
        (
            19,
            "00000056: Constraint violation - check_password_restrictions: The old password specified doesn't match!",
            Some(0x56),
            "the old password is wrong",
        ),
        (19, "error in module acl: Constraint violation during LDB_MODIFY (19)", None, "the account may not change this password"),
        (
            53,
            "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0",
            Some(0x1f),
            "a password is taken only over an encrypted connection",
        ),
        (80, "00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only! ", Some(0x57), "a value is not allowed there"),
        (32, "00002030: No such Base DN: CN=nobody,DC=corp", Some(0x2030), "there is no such object"),
        (
            1,
            "00002020: operations error at ../../source4/dsdb/samdb/ldb_modules/descriptor.c:896",
            Some(0x2020),
            "the domain controller could not read the descriptor",
        ),
        (51, "", None, "the domain controller is busy"),
        (4242, "what", None, OTHER.means),
    ];

    #[test]
    fn every_measured_text_has_its_own_meaning() {
        for &(code, said, data, means) in MEASURED {
            let (row, found) = explain(code, said);
            assert_eq!((row.means, found), (means, data), "{code} {said}");
        }
    }

    #[test]
    fn every_reason_of_a_refused_sign_in_is_told_apart() {
        let reasons = [0x52e, 0x525, 0x530, 0x531, 0x532, 0x533, 0x569, 0x701, 0x773, 0x775];
        let said = |data: u32| format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data:x}, v1db1");
        let meanings: std::collections::BTreeSet<_> = reasons.iter().map(|&data| explain(49, &said(data)).0.means).collect();
        assert_eq!(meanings.len(), reasons.len());
    }

    #[test]
    fn every_row_can_be_reached_and_has_a_hint() {
        for (place, row) in REFUSALS.iter().enumerate() {
            assert!(!row.hint.is_empty() && !row.means.ends_with('.') && row.says == row.says.to_lowercase(), "{row:?}");
            let said = match (row.code, row.data) {
                (49, Some(data)) => format!("80090308: LdapErr, comment: error, data {data:x}, v1db1"),
                (_, Some(data)) => format!("{data:08X}: {}", row.says),
                (_, None) => row.says.to_owned(),
            };
            assert_eq!(explain(row.code, &said).0, row, "row {place} is hidden by one before it");
        }
    }
}
