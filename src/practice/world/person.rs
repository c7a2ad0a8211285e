//! What a person does to the lab without Guidepost: one line a verb. Not what Graph does.

mod connect;

use super::{
    Assignment, Dn, INITIAL_DOMAIN, Power, Resource, World,
    app::{grant_app, register_certificate, revoke_app},
    azure_role,
    domain::MOST_HIRED,
    is_domain_name,
    self_service::{change_own, configure, register_methods, reset_in_admin_center, reset_own},
    wizard::Touch,
};
use crate::practice::tables;
use connect::{
    allow_relay, block_relay, disable_sync, disable_tls, enable_tls, install_rsat, leave_out, remove_rsat, resize_app1, set_app1_clock,
    stage, start_service, start_sync, stop_service, stop_sync, sync, take_in, tick_feature, unstage, untick_feature,
};
use jiff::{SignedDuration, Timestamp};

/// One thing that a person can do.
pub(in crate::practice) struct Verb {
    /// As it is typed.
    pub(in crate::practice) name: &'static str,
    /// Names of what follows.
    pub(in crate::practice) args: &'static [&'static str],
    /// One line for `--list`.
    pub(in crate::practice) about: &'static str,
    act: fn(&mut World, &[String], Timestamp) -> Result<(), Misstep>,
}

/// Why a person's deed is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::practice) enum Misstep {
    /// No such verb.
    #[error("there is no verb `{0}`")]
    Verb(String),
    /// Too few or too many arguments.
    #[error("`{0}` takes {1} arguments, not {2}")]
    Arguments(&'static str, usize, usize),
    /// The named thing does not exist.
    #[error("there is no {0} `{1}`")]
    Unknown(&'static str, String),
    /// It is like that already, or cannot become so.
    #[error("{0}")]
    State(String),
}

/// All verbs.
pub(in crate::practice) const VERBS: &[Verb] = &[
    verb("assign-role", &["USER", "ROLE"], "gives an account a directory role", assign_role),
    verb("make-eligible", &["USER", "ROLE"], "makes an account eligible for a directory role in PIM, without activating it", make_eligible),
    verb("remove-role", &["USER", "ROLE"], "takes a directory role from an account", remove_role),
    verb("grant-consent", &["SCOPE"], "lets the practice client ask for a Graph permission", grant_consent),
    verb("revoke-consent", &["SCOPE"], "takes a Graph permission from the practice client; living tokens keep it", revoke_consent),
    verb(
        "register-certificate",
        &["FILE"],
        "registers a certificate (PEM) at the application that signs in by itself",
        register_certificate,
    ),
    verb("grant-app", &["PERMISSION"], "gives that application a Graph permission of its own", grant_app),
    verb("revoke-app", &["PERMISSION"], "takes a Graph permission from that application; living tokens keep it", revoke_app),
    verb(
        "leave-out",
        &["USER"],
        "moves an account of the domain out of what Entra Connect synchronises; the next cycle takes it out of the tenant",
        leave_out,
    ),
    verb("take-in", &["USER"], "moves it back; the next cycle brings it", take_in),
    verb("stop-machine", &["MACHINE"], "stops a machine in Azure, which then costs nothing: APP1, DC1 or CLIENT1", stop_machine),
    verb("shut-down", &["MACHINE"], "shuts a machine down from within: it is off, and still costs", shut_down),
    verb("start-machine", &["MACHINE"], "starts a machine, and waits until its agent answers", start_machine),
    verb("stop-agent", &["MACHINE"], "ends the service of Azure's agent on a machine: no script can be sent to it", stop_agent),
    verb("start-agent", &["MACHINE"], "starts the service of Azure's agent on a machine", start_agent),
    verb("grant-azure", &["USER", "ROLE"], "gives an account a role in Azure on the resource group of the lab", grant_azure),
    verb("revoke-azure", &["USER", "ROLE"], "takes a role in Azure from an account", revoke_azure),
    verb("sync", &[], "runs a delta cycle of Entra Connect now", sync),
    verb("stop-sync", &[], "suspends the scheduler of Entra Connect: the last cycle gets old", stop_sync),
    verb("start-sync", &[], "installs Entra Connect or resumes its scheduler, and runs a cycle", start_sync),
    verb("stop-service", &[], "stops the service of Entra Connect on APP1", stop_service),
    verb("start-service", &[], "starts it", start_service),
    verb("stage", &[], "puts Entra Connect into staging mode: it exports nothing and writes no password", stage),
    verb("unstage", &[], "ends that", unstage),
    verb(
        "tick-feature",
        &["FEATURE"],
        "walks through the wizard once and ticks an optional feature, such as `Password writeback`",
        tick_feature,
    ),
    verb("untick-feature", &["FEATURE"], "walks through the wizard once and unticks it", untick_feature),
    verb("block-relay", &[], "lets a firewall block APP1's way to the relay that password writeback listens at", block_relay),
    verb("allow-relay", &[], "opens it again", allow_relay),
    verb("set-app1-clock", &["SECONDS"], "sets by how much APP1's clock is ahead of the domain's; below 0 it is behind", set_app1_clock),
    verb("resize-app1", &["GIB"], "gives APP1 so much memory", resize_app1),
    verb("install-rsat", &[], "installs the AD tools of RSAT on APP1", install_rsat),
    verb("remove-rsat", &[], "removes them", remove_rsat),
    verb("enable-tls", &[], "switches TLS 1.2 on for Windows and .NET on APP1", enable_tls),
    verb("disable-tls", &[], "switches it off", disable_tls),
    verb("disable-sync", &[], "turns synchronisation off for the tenant", disable_sync),
    verb("buy-license", &["SKU"], "buys a product, for example SPE_E5, and gives it to every account", buy_license),
    verb("drop-license", &["SKU"], "cancels a product", drop_license),
    verb("add-domain", &["NAME"], "adds a domain to the tenant, not yet verified", add_domain),
    verb("verify-domain", &["NAME"], "proves the ownership of a domain whose DNS record is published", verify_domain),
    verb("publish-dns", &["NAME"], "publishes the DNS record that proves a domain, so that it can be verified", publish_dns),
    verb("remove-domain", &["NAME"], "takes a domain that no account uses out of the tenant", remove_domain),
    verb(
        "hire",
        &["COUNT"],
        "makes so many users in OU=Crowd of the domain, which is not synchronised; they have the practice password",
        hire,
    ),
    verb("lock-out", &["USER"], "locks an account of the domain, as too many wrong passwords do", lock_out),
    verb("protect", &["USER"], "puts an account into Account Operators of the domain, and lets AdminSDHolder run", protect),
    verb("block-inheritance", &["DN"], "turns inheritance off on an object of the domain", block_inheritance),
    verb("leave-group", &["USER", "GROUP"], "takes an account of the domain out of a group", leave_group),
    verb("allow-inheritance", &["DN"], "turns it on again", allow_inheritance),
    verb("rename-user", &["USER", "NAME"], "gives an account of the domain another sign-in name", rename_user),
    verb(
        "harden-domain",
        &[],
        "takes Unexpire Password from Authenticated Users on the domain's head, as hardened domains do",
        harden_domain,
    ),
    verb("soften-domain", &[], "gives it back", soften_domain),
    verb("delegate", &["USER"], "does block B by hand: four entries for an account on the domain's head, for users below it", delegate),
    verb("set-minimum-age", &["DAYS"], "sets how old a password of the domain must be before its owner may change it", set_minimum_age),
    verb("open-wizard", &[], "opens the wizard of Entra Connect on APP1, which suspends its scheduler", open_wizard),
    verb("close-wizard", &[], "closes the wizard's window: what was not configured is forgotten", close_wizard),
    verb("wizard-choose", &["LABEL"], "chooses one of several on the wizard's page", |world, args, now| {
        touch_wizard(world, Touch::Choose, args, now)
    }),
    verb("wizard-tick", &["LABEL"], "ticks a box on the wizard's page, or unticks it", |world, args, now| {
        touch_wizard(world, Touch::Tick, args, now)
    }),
    verb(
        "wizard-enter",
        &["LABEL"],
        "fills a field on the wizard's page; what a person would type there is not given",
        |world, args, now| touch_wizard(world, Touch::Enter, args, now),
    ),
    verb("wizard-press", &["LABEL"], "presses a button on the wizard's page", |world, args, now| {
        touch_wizard(world, Touch::Press, args, now)
    }),
    verb(
        "configure-sspr",
        &["SETTING"],
        "sets a line of the portal's page Password reset: scope=none, scope=selected:USER, scope=all; writeback, unlock, administrators or method:NAME, each =on or =off",
        configure,
    ),
    verb("register-methods", &["USER"], "registers an account's phone and second address at aka.ms/ssprsetup", register_methods),
    verb(
        "reset-own-password",
        &["USER"],
        "resets an account's password at aka.ms/sspr as its owner does; the new one is nobody else's",
        reset_own,
    ),
    verb(
        "change-own-password",
        &["USER"],
        "changes an account's password as its owner does, signed in; the new one is nobody else's",
        change_own,
    ),
    verb(
        "reset-in-admin-center",
        &["USER"],
        "resets a password in the Microsoft 365 admin center: the wrong tool, for the cloud only",
        reset_in_admin_center,
    ),
    verb("revoke-tokens", &[], "ends every session: all tokens are dead", revoke_tokens),
];

const fn verb(
    name: &'static str,
    args: &'static [&'static str],
    about: &'static str,
    act: fn(&mut World, &[String], Timestamp) -> Result<(), Misstep>,
) -> Verb {
    Verb { name, args, about, act }
}

impl World {
    /// Does what a person does.
    pub(in crate::practice) fn person(&mut self, name: &str, args: &[String], now: Timestamp) -> Result<(), Misstep> {
        let verb = VERBS.iter().find(|verb| verb.name == name).ok_or_else(|| Misstep::Verb(name.to_owned()))?;
        if verb.args.len() != args.len() {
            return Err(Misstep::Arguments(verb.name, verb.args.len(), args.len()));
        }
        (verb.act)(self, args, now)
    }

    fn named_assignment(&self, args: &[String]) -> Result<Assignment, Misstep> {
        let (who, what) = (arg(args, 0), arg(args, 1));
        let user = self.directory.user_by_any_name(who).ok_or_else(|| Misstep::Unknown("account", who.to_owned()))?;
        let role = tables::role(what).ok_or_else(|| Misstep::Unknown("role", what.to_owned()))?;
        Ok(Assignment { principal: user.id.clone(), role: role.id.to_owned() })
    }

    fn administrator_id(&self) -> Result<String, Misstep> {
        let user = self.directory.administrator().ok_or_else(|| Misstep::Unknown("account", "admin".to_owned()))?;
        Ok(user.id.clone())
    }
}

fn arg(args: &[String], at: usize) -> &str {
    args.get(at).map_or("", String::as_str)
}

fn assign_role(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let wanted = world.named_assignment(args)?;
    if world.directory.assign(&wanted.principal, &wanted.role) {
        return Ok(());
    }
    Err(Misstep::State(format!("`{}` holds `{}` already", arg(args, 0), arg(args, 1))))
}

fn make_eligible(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let wanted = world.named_assignment(args)?;
    if world.directory.eligible.contains(&wanted) {
        return Err(Misstep::State(format!("`{}` is eligible for `{}` already", arg(args, 0), arg(args, 1))));
    }
    world.directory.eligible.push(wanted);
    Ok(())
}

fn remove_role(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let gone = world.named_assignment(args)?;
    if !world.directory.assignments.contains(&gone) {
        return Err(Misstep::State(format!("`{}` does not hold `{}`", arg(args, 0), arg(args, 1))));
    }
    if world.directory.is_last_administrator(&gone) {
        return Err(Misstep::State("the last Global Administrator keeps the role".to_owned()));
    }
    world.directory.assignments.retain(|one| *one != gone);
    Ok(())
}

fn known_scope(args: &[String]) -> Result<String, Misstep> {
    let name = arg(args, 0);
    tables::graph_scope(name).map(|scope| scope.name.to_owned()).ok_or_else(|| Misstep::Unknown("Graph permission", name.to_owned()))
}

fn grant_consent(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let scope = known_scope(args)?;
    let admin = world.administrator_id()?;
    world.consent(Resource::Graph, tables::PRACTICE_CLIENT, &admin, &[scope]);
    Ok(())
}

fn revoke_consent(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let scope = known_scope(args)?;
    let graph = |consent: &&mut super::Consent| consent.client == tables::PRACTICE_CLIENT && consent.resource == Resource::Graph;
    for consent in world.consents.iter_mut().filter(graph) {
        consent.scopes.retain(|one| *one != scope);
    }
    Ok(())
}

fn open_wizard(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    world.open_wizard(now)
}

fn close_wizard(world: &mut World, _args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    world.close_wizard()
}

fn touch_wizard(world: &mut World, touch: fn(String) -> Touch, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    world.touch_wizard(&touch(arg(args, 0).to_owned()), now)
}

fn stop_machine(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    stop(world, args, Power::Deallocated, now)
}

fn shut_down(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    stop(world, args, Power::Stopped, now)
}

fn stop(world: &mut World, args: &[String], how: Power, now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let machine = world.azure.machine_mut(name).ok_or_else(|| Misstep::Unknown("machine", name.to_owned()))?;
    // A machine that was shut down from within can still be stopped in Azure, and not the other way round.
    if machine.power == how || machine.power == Power::Deallocated {
        return Err(Misstep::State(format!("`{}` does not run", machine.name)));
    }
    machine.stop(how, now);
    Ok(())
}

fn start_machine(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let machine = world.azure.machine_mut(name).ok_or_else(|| Misstep::Unknown("machine", name.to_owned()))?;
    if machine.power == Power::On {
        return Err(Misstep::State(format!("`{}` runs already", machine.name)));
    }
    machine.start(now, SignedDuration::ZERO);
    Ok(())
}

fn agent(world: &mut World, args: &[String], mute: bool) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let machine = world.azure.machine_mut(name).ok_or_else(|| Misstep::Unknown("machine", name.to_owned()))?;
    if machine.mute == mute {
        let how = if mute { "does not run" } else { "runs already" };
        return Err(Misstep::State(format!("the agent on `{}` {how}", machine.name)));
    }
    machine.mute = mute;
    Ok(())
}

fn stop_agent(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    agent(world, args, true)
}

fn start_agent(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    agent(world, args, false)
}

fn azure_grant(world: &World, args: &[String]) -> Result<(String, &'static str), Misstep> {
    let (who, what) = (arg(args, 0), arg(args, 1));
    let user = world.directory.user_by_any_name(who).ok_or_else(|| Misstep::Unknown("account", who.to_owned()))?;
    let role = azure_role(what).ok_or_else(|| Misstep::Unknown("role in Azure", what.to_owned()))?;
    Ok((user.id.clone(), role.name))
}

fn grant_azure(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let (principal, role) = azure_grant(world, args)?;
    if world.azure.grant(&principal, role) { Ok(()) } else { Err(Misstep::State(format!("`{}` has `{role}` already", arg(args, 0)))) }
}

fn revoke_azure(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let (principal, role) = azure_grant(world, args)?;
    let before = world.azure.grants.len();
    world.azure.grants.retain(|one| !(one.principal == principal && one.role == role));
    if world.azure.grants.len() < before { Ok(()) } else { Err(Misstep::State(format!("`{}` does not have `{role}`", arg(args, 0)))) }
}

fn known_product(args: &[String]) -> Result<String, Misstep> {
    let key = arg(args, 0);
    tables::product(key).map(|product| product.part.to_owned()).ok_or_else(|| Misstep::Unknown("product", key.to_owned()))
}

fn buy_license(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let part = known_product(args)?;
    if world.directory.products.contains(&part) {
        return Err(Misstep::State(format!("`{part}` is bought already")));
    }
    world.directory.products.push(part.clone());
    for user in world.directory.users.iter_mut().filter(|user| !user.products.contains(&part)) {
        user.products.push(part.clone());
    }
    Ok(())
}

fn drop_license(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let part = known_product(args)?;
    if !world.directory.products.contains(&part) {
        return Err(Misstep::State(format!("`{part}` was not bought")));
    }
    world.directory.products.retain(|one| *one != part);
    for user in &mut world.directory.users {
        user.products.retain(|one| *one != part);
    }
    Ok(())
}

fn add_domain(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    if !is_domain_name(name) {
        return Err(Misstep::State(format!("`{name}` is no domain name")));
    }
    let added = world.directory.add_domain(name);
    added.map(drop).ok_or_else(|| Misstep::State(format!("`{name}` is a domain of the tenant already")))
}

fn publish_dns(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let domain = world.directory.domains.iter_mut().find(|domain| domain.name.eq_ignore_ascii_case(name));
    domain.ok_or_else(|| Misstep::Unknown("domain", name.to_owned()))?.dns = true;
    Ok(())
}

fn verify_domain(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let domain = world.directory.domains.iter_mut().find(|domain| domain.name.eq_ignore_ascii_case(name));
    let domain = domain.ok_or_else(|| Misstep::Unknown("domain", name.to_owned()))?;
    if !domain.dns && !domain.verified {
        return Err(Misstep::State(format!("no DNS record proves `{name}`; `publish-dns` publishes it")));
    }
    domain.verified = true;
    Ok(())
}

fn remove_domain(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    if !world.directory.domains.iter().any(|domain| domain.name.eq_ignore_ascii_case(name)) {
        return Err(Misstep::Unknown("domain", name.to_owned()));
    }
    if name.eq_ignore_ascii_case(INITIAL_DOMAIN) {
        return Err(Misstep::State("the first domain of the tenant stays".to_owned()));
    }
    if world.directory.is_used(name) {
        return Err(Misstep::State(format!("an account uses `{name}`")));
    }
    world.directory.domains.retain(|domain| !domain.name.eq_ignore_ascii_case(name));
    Ok(())
}

fn hire(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let count = arg(args, 0).parse::<usize>().ok().filter(|count| (1..=MOST_HIRED).contains(count));
    let count = count.ok_or_else(|| Misstep::State(format!("`{}` is no number from 1 to {MOST_HIRED}", arg(args, 0))))?;
    if world.domain.all().count() + count > 2 * MOST_HIRED {
        return Err(Misstep::State(format!("the practice domain takes no more than {} objects", 2 * MOST_HIRED)));
    }
    world.domain.make_mut().hire(count, now);
    Ok(())
}

/// The key of an account or group of the domain.
fn in_domain(world: &World, sam: &str, kind: &'static str) -> Result<String, Misstep> {
    let found = world.domain.by_sam(sam).map(|object| object.name().key());
    found.ok_or_else(|| Misstep::Unknown(kind, sam.to_owned()))
}

fn set_minimum_age(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    // The longest that Windows' own dialog takes; kept as a negative count of 100 ns (MS-ADA2 2.49).
    const LONGEST: i64 = 998;
    const DAY: i64 = 864_000_000_000;
    let days = arg(args, 0).parse::<i64>().ok().filter(|days| (0..=LONGEST).contains(days));
    let days = days.ok_or_else(|| Misstep::State(format!("`{}` is no number of days from 0 to {LONGEST}", arg(args, 0))))?;
    world.domain.make_mut().set_minimum_age(-days * DAY, now);
    Ok(())
}

fn lock_out(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let key = in_domain(world, arg(args, 0), "account of the domain")?;
    world.domain.make_mut().lock(&key, now).ok_or_else(|| Misstep::State(format!("`{}` is no account", arg(args, 0))))
}

fn protect(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = in_domain(world, arg(args, 0), "account of the domain")?;
    let id = world.domain.at(&user).map(|object| object.id).unwrap_or_default();
    let group = in_domain(world, "Account Operators", "group of the domain")?;
    let domain = world.domain.make_mut();
    domain.change(&group, now, |group| group.members.insert(id));
    domain.protect(now);
    Ok(())
}

fn leave_group(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = in_domain(world, arg(args, 0), "account of the domain")?;
    let id = world.domain.at(&user).map(|object| object.id).unwrap_or_default();
    let group = in_domain(world, arg(args, 1), "group of the domain")?;
    let left = world.domain.make_mut().change(&group, now, |group| group.members.remove(&id));
    if left == Some(true) { Ok(()) } else { Err(Misstep::State(format!("`{}` is not in `{}`", arg(args, 0), arg(args, 1)))) }
}

fn block_inheritance(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let unknown = || Misstep::Unknown("object of the domain", arg(args, 0).to_owned());
    let key = Dn::parse(arg(args, 0)).map(|name| name.key()).ok_or_else(unknown)?;
    world.domain.make_mut().protect_dacl(&key, now).ok_or_else(unknown)
}

fn allow_inheritance(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let unknown = || Misstep::Unknown("object of the domain", arg(args, 0).to_owned());
    let key = Dn::parse(arg(args, 0)).map(|name| name.key()).ok_or_else(unknown)?;
    world.domain.make_mut().open_dacl(&key, now).ok_or_else(unknown)
}

fn rename_user(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let (user, name) = (in_domain(world, arg(args, 0), "account of the domain")?, arg(args, 1));
    if name.is_empty() || name.chars().count() > 20 || world.domain.by_sam(name).is_some() {
        return Err(Misstep::State(format!("`{name}` cannot be a sign-in name here, or is one already")));
    }
    world.domain.make_mut().change(&user, now, |object| object.set("sAMAccountName", name));
    Ok(())
}

fn delegate(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let user = in_domain(world, arg(args, 0), "account of the domain")?;
    let granted = world.domain.make_mut().delegate(&user, now);
    granted.ok_or_else(|| Misstep::State(format!("`{}` has the entries already", arg(args, 0))))
}

fn harden_domain(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let done = world.domain.make_mut().unexpire(false, now);
    done.ok_or_else(|| Misstep::State("Authenticated Users has no such entry".to_owned()))
}

fn soften_domain(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    let done = world.domain.make_mut().unexpire(true, now);
    done.ok_or_else(|| Misstep::State("Authenticated Users has the entry already".to_owned()))
}

fn revoke_tokens(world: &mut World, _args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    if world.tokens.revoke_all() {
        return Ok(());
    }
    Err(Misstep::State("nobody is signed in".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;

    fn world(preset: Preset) -> World {
        World::new(preset, "canary".to_owned(), Timestamp::UNIX_EPOCH)
    }

    fn does(world: &mut World, words: &str) -> Result<(), Misstep> {
        let mut words = words.split('|').map(str::to_owned);
        let verb = words.next().unwrap();
        world.person(&verb, &words.collect::<Vec<_>>(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_last_global_administrator_keeps_the_role() {
        let mut world = world(Preset::PhaseOne);
        assert!(does(&mut world, "remove-role|admin|Global Administrator").is_err());
        does(&mut world, "assign-role|User1|global administrator").unwrap();
        does(&mut world, "remove-role|admin|Global Administrator").unwrap();
        assert!(does(&mut world, "remove-role|User1|Global Administrator").is_err());
    }

    #[test]
    fn user1_arrives_by_synchronisation_and_takes_the_verified_suffix() {
        let mut world = world(Preset::Start);
        assert!(does(&mut world, "sync").is_err());
        does(&mut world, "start-sync").unwrap();
        assert_eq!(world.directory.user_by_any_name("User1").unwrap().upn, "User1@contoso.onmicrosoft.com");
        does(&mut world, "add-domain|testlab.contoso.example").unwrap();
        does(&mut world, "sync").unwrap();
        assert_eq!(world.directory.user_by_any_name("User1").unwrap().upn, "User1@testlab.contoso.example");
    }

    #[test]
    fn each_wrong_word_is_named() {
        let mut world = world(Preset::PhaseOne);
        for (words, named) in [
            ("fly", "`fly`"),
            ("assign-role|User1", "takes 2"),
            ("assign-role|Nobody|Global Reader", "`Nobody`"),
            ("assign-role|User1|King", "`King`"),
            ("grant-consent|Mail.Read", "`Mail.Read`"),
            ("buy-license|X", "`X`"),
            ("add-domain|no domain", "`no domain`"),
            ("verify-domain|x.example", "`x.example`"),
            ("verify-domain|fabrikam.example", "`publish-dns`"),
            ("remove-domain|x.example", "`x.example`"),
            ("remove-domain|contoso.onmicrosoft.com", "first domain"),
            ("remove-domain|testlab.contoso.example", "an account uses"),
            ("leave-out|admin", "`admin`"),
            ("take-in|User1", "not left out"),
            ("stop-machine|APP2", "`APP2`"),
            ("stop-machine|client1", "`CLIENT1` does not run"),
            ("start-machine|app1", "`APP1` runs already"),
            ("start-agent|DC1", "runs already"),
            ("grant-azure|User1|King", "`King`"),
            ("grant-azure|admin|virtual machine contributor", "already"),
            ("revoke-azure|admin|Owner", "does not have"),
        ] {
            let error = does(&mut world, words).unwrap_err().to_string();
            assert!(error.contains(named), "{words}: {error}");
        }
    }

    #[test]
    fn without_app1_no_cycle_runs_and_a_machine_that_was_shut_down_can_be_stopped_too() {
        let mut world = world(Preset::PhaseOne);
        does(&mut world, "shut-down|app1").unwrap();
        assert!(does(&mut world, "sync").unwrap_err().to_string().contains("`start-machine`"));
        does(&mut world, "stop-machine|APP1").unwrap();
        assert!(does(&mut world, "shut-down|APP1").is_err());
        does(&mut world, "start-machine|APP1").unwrap();
        does(&mut world, "sync").unwrap();
    }

    #[test]
    fn an_account_that_is_left_out_goes_with_its_roles_at_the_next_cycle_and_comes_back_without_them() {
        let mut world = world(Preset::Done);
        does(&mut world, "leave-out|user1").unwrap();
        assert!(does(&mut world, "leave-out|User1").is_err());
        assert!(world.directory.user_by_any_name("User1").is_some());
        does(&mut world, "sync").unwrap();
        assert_eq!((world.directory.user_by_any_name("User1"), world.directory.assignments.len()), (None, 1));
        does(&mut world, "take-in|USER1").unwrap();
        does(&mut world, "sync").unwrap();
        assert_eq!(world.directory.user_by_any_name("User1").unwrap().upn, "User1@testlab.contoso.example");
        assert_eq!(world.directory.assignments.len(), 1);
    }

    #[test]
    fn a_domain_is_verified_only_by_its_published_record_and_can_be_removed_when_nobody_uses_it() {
        let mut world = world(Preset::Start);
        does(&mut world, "remove-domain|Contoso.example").unwrap();
        does(&mut world, "add-domain|contoso.example").unwrap();
        assert!(does(&mut world, "verify-domain|contoso.example").is_err());
        does(&mut world, "publish-dns|contoso.example").unwrap();
        does(&mut world, "verify-domain|contoso.example").unwrap();
        assert!(world.directory.domains.iter().any(|domain| domain.name == "contoso.example" && domain.verified));
    }

    #[test]
    fn a_subdomain_of_a_verified_domain_is_verified_at_once() {
        let mut world = world(Preset::Start);
        does(&mut world, "add-domain|testlab.contoso.example").unwrap();
        does(&mut world, "add-domain|sub.fabrikam.example").unwrap();
        let verified = |name: &str| world.directory.domains.iter().find(|domain| domain.name == name).map(|domain| domain.verified);
        assert_eq!((verified("testlab.contoso.example"), verified("sub.fabrikam.example")), (Some(true), Some(false)));
    }
}
