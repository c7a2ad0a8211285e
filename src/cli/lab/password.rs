//! The password of a lab's domain account: read from the terminal unseen, or from a pipe, and kept in the keyring only. Never shown.

use super::super::{context::block_on, out, signin};
use crate::base::{Exit, Problem, Secret, text};
use crate::lab::connect::{KEYRING_APP, password_key};
use crate::lab::profile::{Places, Profile, Via};
use crate::services::vault::Vault;

pub(super) fn run(name: &str, places: &Places) -> Result<Exit, Problem> {
    let profile = Profile::read(places, name)?;
    let Some(domain) = profile.domain.filter(|domain| domain.via == Via::Ldap) else {
        return Err(Problem::usage(format!("the lab `{name}` names no domain that is reached by LDAP"))
            .hint("write `[domain]` with `via = \"ldap\"`, `url` and `bind` into its profile"));
    };
    let Some(bind) = domain.bind else {
        return Err(Problem::usage("`[domain]` names nobody to sign in as").hint("write `bind = \"user@domain\"` under `[domain]`"));
    };
    block_on(async {
        let (vault, why_not) = Vault::open(KEYRING_APP).await;
        if let Some(why) = why_not {
            return Err(Problem::new(format!("the password cannot be kept: {why}"))
                .hint("use `[secrets] command` in the lab's profile, or `--secrets-fd` with `domain-password`"));
        }
        let question = format!("password of {}: ", text::short(&bind, 80));
        let typed = signin::unseen(&question).await?.map(|line| Secret::new(line.expose().trim_end_matches(['\r', '\n'])));
        let Some(password) = typed.filter(|password| !password.expose().is_empty()) else {
            return Err(Problem::new("nothing was kept: no password was given"));
        };
        vault.put(&password_key(name), password).await?;
        out::say(&format!("kept in the keyring; `guidepost lab test {name}` tries it"));
        Ok(Exit::Fine)
    })
}

/// Takes the password out of the keyring.
pub(super) async fn forget(name: &str) -> Result<(), Problem> {
    let (vault, why_not) = Vault::open(KEYRING_APP).await;
    if why_not.is_some() { Ok(()) } else { vault.delete(&password_key(name)).await }
}
