//! Passwords by a person's own hand: what the portal's page "Password reset" is set to, who has registered, and what aka.ms/sspr says to whom. Not
//! how a password then travels.

use super::{Audit, Directory, Letter, Message, Misstep, Party, Stage, Trip, User, World, domain::hash, later};
use crate::base::Secret;
use crate::practice::{chance, tables};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Tries before somebody is locked out (MIR troubleshoot-sspr.md).
const MOST_TRIES: usize = 5;
/// Within which time.
const TRIES_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// And for how long.
const LOCKED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Entra's smallest password (entra-docs concept-sspr-policy.md).
const SHORTEST: usize = 8;
const LONGEST: usize = 256;

/// For whom self-service password reset is switched on: the portal's None, Selected, All.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Scope {
    /// Nobody.
    #[default]
    None,
    /// The members of one group, by their ids.
    Selected(BTreeSet<String>),
    /// Everybody.
    All,
}

/// What the portal has, and who has registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::practice) struct SelfService {
    /// For whom it is on. Administrators have a policy of their own.
    pub(in crate::practice) scope: Scope,
    /// "Write back passwords to your on-premises directory": whether what a person does by itself is written back. An administrator's reset does not
    /// ask for it (`facts/domain.md` 6 D08 names it for self-service; what it does to a reset is not documented).
    pub(in crate::practice) writeback: bool,
    /// "Allow users to unlock accounts without resetting their password".
    pub(in crate::practice) unlock: bool,
    /// Ids of those who registered two methods.
    pub(in crate::practice) registered: BTreeSet<String>,
    /// Methods of the tenant's policy that somebody switched, by name.
    methods: BTreeMap<String, bool>,
    /// Who tried when, within the last hour.
    tries: Vec<(String, Timestamp)>,
    /// Who is locked out until when.
    locked: BTreeMap<String, Timestamp>,
}

/// Entra's rule for passwords of the cloud: three of four kinds of characters.
pub(in crate::practice) fn is_cloud_password(password: &str) -> bool {
    let kinds: [fn(&char) -> bool; 4] =
        [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit, |c| !c.is_ascii_alphanumeric()];
    let used = kinds.iter().filter(|kind| password.chars().any(|c| kind(&c))).count();
    (SHORTEST..=LONGEST).contains(&password.chars().count()) && used >= 3
}

/// Methods of the tenant's policy: name, kind in Graph, whether it is on from the start.
pub(in crate::practice) const SIGN_IN_METHODS: &[(&str, &str, bool)] = &[
    ("Fido2", "fido2", true),
    ("MicrosoftAuthenticator", "microsoftAuthenticator", true),
    ("Sms", "sms", true),
    ("Email", "email", true),
    ("SoftwareOath", "softwareOath", false),
    ("Voice", "voice", false),
];

impl SelfService {
    /// Whether a method of [`SIGN_IN_METHODS`] is on.
    pub(in crate::practice) fn is_method_on(&self, name: &str) -> bool {
        let usual = SIGN_IN_METHODS.iter().find(|(known, ..)| *known == name).is_some_and(|(.., on)| *on);
        self.methods.get(name).copied().unwrap_or(usual)
    }

    /// Counts a try; the last one that is allowed locks out.
    fn count(&mut self, user: &str, now: Timestamp) {
        self.tries.retain(|(_, at)| now.duration_since(*at) < TRIES_WITHIN);
        self.tries.push((user.to_owned(), now));
        if self.tries.iter().filter(|(one, _)| one == user).count() >= MOST_TRIES {
            self.locked.insert(user.to_owned(), later(now, LOCKED_FOR));
        }
    }
}

impl Directory {
    /// Whether the account holds a role: then the administrators' own policy is asked, and never the portal's scope (MIR concept-sspr-policy.md).
    pub(in crate::practice) fn is_admin(&self, user: &str) -> bool {
        self.assignments.iter().any(|one| one.principal == user)
    }

    /// Whether the account may reset its password by itself.
    pub(in crate::practice) fn is_self_service_on(&self, user: &str) -> bool {
        if self.is_admin(user) {
            return self.authorization_policy.get("allowedToUseSSPR").and_then(serde_json::Value::as_bool).unwrap_or(true);
        }
        match &self.self_service.scope {
            Scope::None => false,
            Scope::Selected(members) => members.contains(user),
            Scope::All => true,
        }
    }
}

/// Whether one of its licences has Entra ID P1.
fn is_licensed(user: &User) -> bool {
    let has = |part: &String| tables::product(part).is_some_and(|product| product.plans.iter().any(|plan| plan.id == tables::P1.id));
    user.products.iter().any(has)
}

fn refused(code: &str, hint: &str) -> Misstep {
    Misstep::State(format!("the page refuses: {code}; {hint}"))
}

/// Why self-service is not on for somebody.
fn not_for(scope: &Scope, admin: bool) -> Misstep {
    match (admin, scope) {
        (true, _) => refused("SSPR_0011", "the administrators' policy does not allow it"),
        (false, Scope::None) => refused("SSPR_0009 TenantSSPRFlagDisabled", "`configure-sspr scope=all` switches it on"),
        (false, Scope::Selected(_) | Scope::All) => refused("SSPR_0013", "the account is not in the group that self-service is on for"),
    }
}

impl World {
    fn owner(&self, args: &[String]) -> Result<User, Misstep> {
        let name = args.first().map_or("", String::as_str);
        let user = self.directory.user_by_any_name(name).ok_or_else(|| Misstep::Unknown("account", name.to_owned()))?;
        if user.enabled { Ok(user.clone()) } else { Err(Misstep::State(format!("`{}` is disabled and cannot sign in", user.upn))) }
    }

    /// What aka.ms/sspr asks before it lets anybody type a password (`facts/domain.md` 3.8).
    fn may_reset(&self, user: &User, now: Timestamp) -> Result<(), Misstep> {
        let (directory, service) = (&self.directory, &self.directory.self_service);
        if !directory.is_self_service_on(&user.id) {
            return Err(not_for(&service.scope, directory.is_admin(&user.id)));
        }
        if !service.registered.contains(&user.id) {
            return Err(refused("SSPR_0014", "`register-methods` registers two methods"));
        }
        self.may_write_back(user)?;
        match service.locked.get(&user.id).filter(|until| now < **until) {
            Some(until) => Err(Misstep::State(format!("the page refuses: five tries in an hour lock the account out until {until}"))),
            None => Ok(()),
        }
    }

    /// Licence and writeback, which a change needs as well.
    fn may_write_back(&self, user: &User) -> Result<(), Misstep> {
        if !is_licensed(user) {
            return Err(refused("SSPR_0012 UserNotLicensed", "`buy-license` gives a licence to every account"));
        }
        if user.on_premises.is_none() {
            return Ok(());
        }
        if !self.is_writeback_on() {
            return Err(refused("SSPR_0010 WritebackNotEnabled", "Entra Connect on APP1 has password writeback off"));
        }
        if !self.directory.self_service.writeback {
            return Err(refused("SSPR_0010 WritebackNotEnabled", "`configure-sspr writeback=on` ticks On-premises integration"));
        }
        if !self.writeback.has_room() {
            return Err(Misstep::State("the relay takes no more messages".to_owned()));
        }
        Ok(())
    }

    /// What the person types as the new password: what was handed over, or one that nobody else knows.
    fn typed(&mut self) -> Result<Secret, Misstep> {
        if let Some(typed) = self.writeback.typed.take() {
            return Ok(typed);
        }
        // Three kinds of characters, whatever chance drew.
        chance::password().map(|made| Secret::new(format!("Aa1-{made}"))).map_err(|error| Misstep::State(error.to_string()))
    }

    /// Sends a person's own password on its way; one of the cloud only is there at once.
    fn send_own(&mut self, user: &User, trip: Trip, now: Timestamp) -> Result<(), Misstep> {
        let new = self.typed()?;
        let id = chance::guid().map_err(|error| Misstep::State(error.to_string()))?;
        let message = Message { id, trip, to: user.into(), by: user.into(), asked: now, stage: Stage::Sent };
        if user.on_premises.is_some() {
            let old = (trip == Trip::Change).then(|| self.password_hash(user));
            self.writeback.send(message, Letter { new, old });
            return Ok(());
        }
        if !is_cloud_password(new.expose()) {
            return Err(Misstep::State("the password does not comply with the password policy of the cloud".to_owned()));
        }
        self.set_cloud_password(&user.id, new.expose(), now);
        self.directory.audit(message.audit(None, false, now));
        Ok(())
    }

    /// What the account signs in with in the cloud, as the domain keeps it.
    fn password_hash(&self, user: &User) -> String {
        user.password.as_deref().and_then(as_in_domain).unwrap_or_else(|| hash(&self.password))
    }

    fn audit_by_administrator(&mut self, activity: &str, category: &str, service: &str, to: Vec<Party>, now: Timestamp) {
        let by = self.directory.administrator().map(Party::from).unwrap_or_default();
        let audit = Audit {
            id: format!("Directory_{}", chance::guid_of(&format!("{activity} {now} {}", self.directory.audits.len()))),
            at: now,
            activity: activity.to_owned(),
            category: category.to_owned(),
            service: service.to_owned(),
            by,
            to,
            failed: None,
            details: Vec::new(),
        };
        self.directory.audit(audit);
    }
}

/// The same digest in the domain's spelling.
fn as_in_domain(cloud: &str) -> Option<String> {
    use base64::{
        Engine as _,
        prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
    };
    BASE64_URL_SAFE_NO_PAD.decode(cloud).ok().map(|digest| BASE64_STANDARD_NO_PAD.encode(digest))
}

/// A phone and another address, which is what both policies want (MIR concept-sspr-policy.md: administrators need two).
pub(super) fn register_methods(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = world.owner(args)?;
    if world.directory.self_service.registered.insert(user.id) {
        world.directory.renew_report(now);
        return Ok(());
    }
    Err(Misstep::State(format!("`{}` has registered already", user.upn)))
}

pub(super) fn reset_own(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = world.owner(args)?;
    world.may_reset(&user, now)?;
    world.directory.self_service.count(&user.id, now);
    world.send_own(&user, Trip::Own, now)
}

/// At myaccount.microsoft.com, signed in: neither scope nor registration is asked.
pub(super) fn change_own(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = world.owner(args)?;
    world.may_write_back(&user)?;
    world.send_own(&user, Trip::Change, now)
}

/// The wrong tool: it sets the password of the cloud, and tells nobody on premises (`facts/domain.md` 6 D10).
pub(super) fn reset_in_admin_center(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let name = args.first().map_or("", String::as_str);
    let user = world.directory.user_by_any_name(name).ok_or_else(|| Misstep::Unknown("account", name.to_owned()))?.clone();
    let new = world.typed()?;
    world.set_cloud_password(&user.id, new.expose(), now);
    world.audit_by_administrator("Reset user password", "UserManagement", "Core Directory", vec![(&user).into()], now);
    Ok(())
}

pub(super) fn configure(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let given = args.first().map_or("", String::as_str);
    let wrong = || {
        Misstep::State(format!(
            "`{given}` is none of `scope=none`, `scope=selected:USER`, `scope=all`, `writeback=on|off`, `unlock=on|off`, `administrators=on|off`, `method:NAME=on|off`"
        ))
    };
    let (what, to) = given.split_once('=').ok_or_else(wrong)?;
    let before = (world.directory.self_service.clone(), world.directory.authorization_policy.clone());
    match what.split_once(':').unwrap_or((what, "")).0 {
        "method" => {
            let named =
                what.strip_prefix("method:").and_then(|name| SIGN_IN_METHODS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)));
            let (name, ..) = named.ok_or_else(wrong)?;
            world.directory.self_service.methods.insert((*name).to_owned(), switch(to).ok_or_else(wrong)?);
        }
        "administrators" => {
            let allowed = switch(to).ok_or_else(wrong)?;
            world.directory.authorization_policy.insert("allowedToUseSSPR".to_owned(), allowed.into());
        }
        "scope" => world.directory.self_service.scope = world.scope(to).ok_or_else(wrong)??,
        "writeback" if !world.is_writeback_on() => {
            // The portal greys it out (AZI #28597).
            return Err(Misstep::State("On-premises integration is grey: Entra Connect has password writeback off".to_owned()));
        }
        "writeback" => world.directory.self_service.writeback = switch(to).ok_or_else(wrong)?,
        "unlock" => world.directory.self_service.unlock = switch(to).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    }
    if (&world.directory.self_service, &world.directory.authorization_policy) == (&before.0, &before.1) {
        return Err(Misstep::State(format!("`{given}` holds already")));
    }
    world.directory.renew_report(now);
    let (activity, service) = ("Self-service password reset policy changes", "Self-service Password Management");
    world.audit_by_administrator(activity, "Policy", service, vec![Party::thing("Password reset", "Policy")], now);
    Ok(())
}

fn switch(to: &str) -> Option<bool> {
    match to {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

impl World {
    /// `selected` alone is a group that nobody is in yet; `None` is no scope.
    fn scope(&self, text: &str) -> Option<Result<Scope, Misstep>> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Some(Ok(Scope::None)),
            ("all", "") => Some(Ok(Scope::All)),
            ("selected", "") => Some(Ok(Scope::Selected(BTreeSet::new()))),
            ("selected", name) => {
                let user = self.directory.user_by_any_name(name).ok_or_else(|| Misstep::Unknown("account", name.to_owned()));
                Some(user.map(|user| Scope::Selected(BTreeSet::from([user.id.clone()]))))
            }
            _ => None,
        }
    }
}
