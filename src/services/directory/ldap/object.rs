//! Changes of objects over LDAP: each is one request, so that all of it happens or nothing.

use super::{Ldap, Sent, message, password};
use crate::services::directory::{DirectoryError, object::Change, object::NewObject};
use zeroize::Zeroizing;

impl Ldap {
    pub(super) async fn change_object(&self, change: &Change) -> Result<(), DirectoryError> {
        change.check()?;
        let (dn, doing) = (change.dn(), change.doing());
        match change {
            Change::Add(new) => {
                let secret = secret(new)?;
                self.send_change(dn, &doing, Sent::ADD, |id| message::add(id, new, secret.as_ref().map(|bytes| bytes.as_slice()))).await
            }
            Change::Modify { swaps, .. } => self.send_change(dn, &doing, Sent::MODIFY, |id| message::swap(id, dn, swaps)).await,
            Change::Delete { .. } => self.send_change(dn, &doing, Sent::DELETE, |id| message::delete(id, dn)).await,
        }
    }
}

fn secret(new: &NewObject) -> Result<Option<Zeroizing<Vec<u8>>>, DirectoryError> {
    new.password.as_ref().map(|password| password::quoted(&new.dn, password)).transpose()
}
