//! Passwords over LDAP: `unicodePwd` is the quoted text in UTF-16LE (MS-ADTS 3.1.1.3.1.5.1). Only within a protected connection, which all are.

use super::{Ldap, message};
use crate::base::{Secret, text};
use crate::services::directory::DirectoryError;
use message::Change;
use zeroize::Zeroizing;

impl Ldap {
    /// Sets a password as an administrator does; the old one is not needed. `hints` makes it obey the history like a change, on DCs
    /// that know the control for it (MS-ADTS 3.1.1.3.4.1.27).
    ///
    /// # Errors
    /// An empty password; the account lacks Reset Password on `dn`; the domain's policy; as [`Directory::write_dacl`](crate::services::directory::Directory::write_dacl).
    pub async fn reset_password(&self, dn: &str, new: &Secret, hints: bool) -> Result<(), DirectoryError> {
        let new = quoted(dn, new)?;
        let doing = format!("the password reset of `{}`", text::short(dn, 200));
        self.modify(dn, &doing, |id| message::password(id, dn, &[(Change::Replace, &new)], hints)).await
    }

    /// Changes a password as its owner does, who knows the old one.
    ///
    /// # Errors
    /// An empty password; a wrong old one; the account lacks Change Password on `dn`; the domain's policy; as [`Directory::write_dacl`](crate::services::directory::Directory::write_dacl).
    pub async fn change_password(&self, dn: &str, old: &Secret, new: &Secret) -> Result<(), DirectoryError> {
        let (old, new) = (quoted(dn, old)?, quoted(dn, new)?);
        let doing = format!("the password change of `{}`", text::short(dn, 200));
        self.modify(dn, &doing, |id| message::password(id, dn, &[(Change::Delete, &old), (Change::Add, &new)], false)).await
    }
}

pub(super) fn quoted(dn: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>, DirectoryError> {
    let password = password.expose();
    if password.is_empty() {
        return Err(DirectoryError::EmptyPassword { name: text::short(dn, 200) });
    }
    // Room for all at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len() + 4));
    for unit in "\"".encode_utf16().chain(password.encode_utf16()).chain("\"".encode_utf16()) {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use crate::base::Secret;
    use crate::services::directory::DirectoryError;

    #[test]
    fn a_password_travels_quoted_and_in_sixteen_bits() {
        assert_eq!(quoted("CN=a", &Secret::new("aä€")).unwrap()[..], *b"\"\0a\0\xe4\0\xac\x20\"\0");
        assert!(matches!(quoted("CN=a", &Secret::new("")), Err(DirectoryError::EmptyPassword { .. })));
    }
}
