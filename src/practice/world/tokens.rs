//! Who is signed in: refresh and access tokens, kept as hashes so that the stored world cannot be used to sign in. No HTTP.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Entra draws the life of an access token from 60 to 90 minutes (entra-docs configurable-token-lifetimes.md).
pub(in crate::practice) const ACCESS_MINUTES: std::ops::RangeInclusive<i64> = 60..=90;
/// Stands for the account in an application's own token.
pub(in crate::practice) const NOBODY: &str = "";
/// A refresh token dies after 90 days without use (entra-docs refresh-tokens.md).
const REFRESH_DAYS: i64 = 90;
/// The oldest go first, so that the stored world stays small.
const MOST: usize = 512;

/// All tokens that were given out and may still hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::practice) struct Tokens {
    refresh: Vec<RefreshToken>,
    access: Vec<AccessToken>,
}

/// A refresh token. It stays good when it is used: Entra gives a new one each time and does not revoke the old.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::practice) struct RefreshToken {
    hash: String,
    /// Object id of the account.
    pub(in crate::practice) user: String,
    /// The application that it was given to.
    pub(in crate::practice) client: String,
    /// Unknown in worlds of an older version.
    #[serde(default)]
    given: Option<Timestamp>,
    used: Timestamp,
    dead: bool,
}

/// What an access token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Resource {
    /// Microsoft Graph.
    #[default]
    Graph,
    /// Azure Resource Manager.
    Azure,
}

/// An access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::practice) struct AccessToken {
    hash: String,
    /// Object id of the account.
    pub(in crate::practice) user: String,
    /// The application that it was given to.
    pub(in crate::practice) client: String,
    /// What it is for; Graph in worlds of an older version.
    #[serde(default)]
    pub(in crate::practice) resource: Resource,
    /// Permissions in it.
    pub(in crate::practice) scopes: Vec<String>,
    /// Unknown in worlds of an older version.
    #[serde(default)]
    given: Option<Timestamp>,
    expires: Timestamp,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Refused {
    /// Never given out, or so long ago that it is forgotten.
    Unknown,
    /// Too old.
    Expired,
    /// All sessions were revoked since.
    Revoked,
}

fn hash(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

impl Tokens {
    /// Keeps a new refresh token.
    pub(in crate::practice) fn add_refresh(&mut self, token: &str, user: &str, client: &str, now: Timestamp) {
        self.refresh.retain(|one| now.duration_since(one.used) < SignedDuration::from_hours(24 * REFRESH_DAYS));
        forget_oldest(&mut self.refresh);
        let (user, client) = (user.to_owned(), client.to_ascii_lowercase());
        self.refresh.push(RefreshToken { hash: hash(token), user, client, given: Some(now), used: now, dead: false });
    }

    /// Keeps a new access token until `expires`.
    pub(in crate::practice) fn add_access(
        &mut self,
        token: &str,
        user: &str,
        client: &str,
        (resource, scopes): (Resource, Vec<String>),
        life: (Timestamp, Timestamp),
    ) {
        let (now, expires) = life;
        // The expired stay a day, so that the answer can say "expired" instead of "unknown".
        self.access.retain(|one| now.duration_since(one.expires) < SignedDuration::from_hours(24));
        forget_oldest(&mut self.access);
        let (user, client) = (user.to_owned(), client.to_ascii_lowercase());
        self.access.push(AccessToken { hash: hash(token), user, client, resource, scopes, given: Some(now), expires });
    }

    /// Takes a refresh token, which marks it as used. Those given out before `dead_before` are dead.
    pub(in crate::practice) fn use_refresh(
        &mut self,
        token: &str,
        now: Timestamp,
        dead_before: Option<Timestamp>,
    ) -> Result<RefreshToken, Refused> {
        let wanted = hash(token);
        let one = self.refresh.iter_mut().find(|one| one.hash == wanted).ok_or(Refused::Unknown)?;
        if one.dead || is_before(one.given, dead_before) {
            return Err(Refused::Revoked);
        }
        if now.duration_since(one.used) >= SignedDuration::from_hours(24 * REFRESH_DAYS) {
            return Err(Refused::Expired);
        }
        one.used = now;
        Ok(one.clone())
    }

    /// Looks at an access token. Those given out before `dead_before` are dead.
    pub(in crate::practice) fn access(&self, token: &str, now: Timestamp, dead_before: Option<Timestamp>) -> Result<&AccessToken, Refused> {
        let wanted = hash(token);
        let one = self.access.iter().find(|one| one.hash == wanted).ok_or(Refused::Unknown)?;
        if is_before(one.given, dead_before) {
            return Err(Refused::Revoked);
        }
        if now >= one.expires { Err(Refused::Expired) } else { Ok(one) }
    }

    /// Ends the sessions of one account. Its access tokens live on until they expire, as in Entra without continuous access evaluation.
    pub(in crate::practice) fn revoke_user(&mut self, user: &str) {
        for one in self.refresh.iter_mut().filter(|one| one.user == user) {
            one.dead = true;
        }
    }

    /// Ends every session; false if there was none.
    pub(in crate::practice) fn revoke_all(&mut self) -> bool {
        let living = !self.access.is_empty() || self.refresh.iter().any(|one| !one.dead);
        self.access.clear();
        for one in &mut self.refresh {
            one.dead = true;
        }
        living
    }
}

fn is_before(given: Option<Timestamp>, limit: Option<Timestamp>) -> bool {
    limit.is_some_and(|limit| given.is_none_or(|given| given <= limit))
}

fn forget_oldest<T>(list: &mut Vec<T>) {
    if list.len() >= MOST {
        list.drain(..=list.len() - MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn an_access_token_dies_at_its_hour_and_says_so() {
        let mut tokens = Tokens::default();
        tokens.add_access("t", "user", "client", (Resource::Graph, vec![]), (at(0), at(60)));
        assert!(tokens.access("t", at(59), None).is_ok());
        assert_eq!(tokens.access("t", at(60), None).err(), Some(Refused::Expired));
        assert_eq!(tokens.access("other", at(0), None).err(), Some(Refused::Unknown));
    }

    #[test]
    fn a_used_refresh_token_stays_good_until_all_are_revoked() {
        let mut tokens = Tokens::default();
        tokens.add_refresh("r", "user", "client", at(0));
        assert!(tokens.use_refresh("r", at(1), None).is_ok());
        assert!(tokens.use_refresh("r", at(2), None).is_ok());
        assert!(tokens.revoke_all());
        assert!(!tokens.revoke_all());
        assert_eq!(tokens.use_refresh("r", at(4), None).err(), Some(Refused::Revoked));
    }

    #[test]
    fn ninety_days_without_use_end_a_refresh_token_and_use_prolongs_it() {
        let day = 24 * 60;
        let mut tokens = Tokens::default();
        tokens.add_refresh("r", "user", "client", at(0));
        assert!(tokens.use_refresh("r", at(89 * day), None).is_ok());
        assert!(tokens.use_refresh("r", at(178 * day), None).is_ok());
        assert_eq!(tokens.use_refresh("r", at(268 * day), None).err(), Some(Refused::Expired));
    }

    #[test]
    fn the_store_of_tokens_is_bounded_and_holds_no_token() {
        let mut tokens = Tokens::default();
        for n in 0..2_000 {
            tokens.add_refresh(&format!("token-{n}"), "user", "client", at(n));
        }
        assert_eq!(tokens.refresh.len(), MOST);
        assert!(tokens.use_refresh("token-1999", at(2_000), None).is_ok());
        assert!(!serde_json::to_string(&tokens).unwrap().contains("token-"));
    }
}
