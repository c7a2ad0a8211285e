//! The tenant's one confidential application: its certificate, and what an administrator lets it do by itself. No HTTP.

use super::{Misstep, World};
use crate::practice::tables;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The registration of [`tables::PRACTICE_APP`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct App {
    /// DER in base64; `None` before one was registered.
    certificate: Option<String>,
    /// Application permissions that an administrator gave.
    pub(in crate::practice) permissions: Vec<String>,
}

impl App {
    /// The certificate (DER).
    pub(in crate::practice) fn certificate(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(self.certificate.as_ref()?).ok()
    }
}

/// Takes the place of the one that was there.
pub(super) fn register_certificate(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let wrong = || Misstep::State("this is no certificate (PEM)".to_owned());
    let block = args.first().and_then(|text| pem::parse(text).ok()).filter(|block| block.tag() == "CERTIFICATE").ok_or_else(wrong)?;
    X509Certificate::from_der(block.contents()).map_err(|_| wrong())?;
    world.app.certificate = Some(BASE64_STANDARD.encode(block.contents()));
    Ok(())
}

fn known(args: &[String]) -> Result<&'static str, Misstep> {
    let name = args.first().map_or("", String::as_str);
    let scope = tables::graph_scope(name).ok_or_else(|| Misstep::Unknown("Graph permission", name.to_owned()))?;
    if tables::PERSONS_ONLY.contains(&scope.name) {
        return Err(Misstep::State(format!("`{}` is a permission of persons only", scope.name)));
    }
    Ok(scope.name)
}

pub(super) fn grant_app(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = known(args)?;
    if world.app.permissions.iter().any(|one| one == name) {
        return Err(Misstep::State(format!("the application has `{name}` already")));
    }
    world.app.permissions.push(name.to_owned());
    Ok(())
}

/// Living tokens keep it, as a person's do.
pub(super) fn revoke_app(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = known(args)?;
    if !world.app.permissions.iter().any(|one| one == name) {
        return Err(Misstep::State(format!("the application does not have `{name}`")));
    }
    world.app.permissions.retain(|one| one != name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;

    #[test]
    fn what_is_for_persons_only_cannot_be_given_and_nonsense_is_no_certificate() {
        let now = Timestamp::UNIX_EPOCH;
        let mut world = World::new(Preset::PhaseOne, String::new(), now);
        let mut person = |verb: &str, arg: &str| world.person(verb, &[arg.to_owned()], now);
        person("grant-app", "user.read.all").unwrap();
        person("grant-app", "User.Read.All").unwrap_err();
        person("revoke-app", "User.Read.All").unwrap();
        for (verb, arg) in [
            ("revoke-app", "User.Read.All"),
            ("grant-app", "User.Read"),
            ("grant-app", "OnPremDirectorySynchronization.Read.All"),
            ("grant-app", "Fly.All"),
            ("register-certificate", "no PEM"),
            ("register-certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ] {
            person(verb, arg).unwrap_err();
        }
        assert_eq!(world.app, App::default());
    }
}
