//! The tenant over Graph: organisation, products, domains, synchronisation. Who may call is in the table.

use super::{Answer, Call, Fault, Item, may};
use crate::practice::{
    chance,
    entra::{odata::Collection, shapes},
    world::{Domain, INITIAL_DOMAIN, Party, TENANT, is_domain_name},
};
use serde_json::{Map, Value, json};

/// More domains are refused.
const MOST_DOMAINS: usize = 50;
const DNS_RECORDS: Collection = shapes::plain("domains('{id}')/verificationDnsRecords", "domainDnsRecord", &[]);

fn tenant(call: &mut Call<'_>) -> Item {
    let directory = call.shown();
    let whole = shapes::organization(call.live.world(), &directory);
    if may::ORGANIZATION.iter().filter(|scope| !["User.Read", "User.Read.All"].contains(scope)).any(|scope| call.has(&[scope])) {
        whole
    } else {
        shapes::organization_basics(whole)
    }
}

pub(super) fn organization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let tenant = tenant(call);
    call.list(&shapes::ORGANIZATION)?.page(vec![tenant])
}

pub(super) fn one_organization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    if !call.value().eq_ignore_ascii_case(TENANT) {
        return Err(Fault::not_found(call.value()));
    }
    let tenant = tenant(call);
    call.one(&shapes::ORGANIZATION)?.entity(200, &tenant)
}

pub(super) fn skus(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.one(&shapes::SKUS)?.page(shapes::skus(&directory))
}

pub(super) fn domains(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let items = directory.domains.iter().map(|domain| shapes::domain(domain, &directory.domains)).collect();
    call.list(&shapes::DOMAINS)?.page(items)
}

pub(super) fn one_domain(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let found = directory.domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(call.value()));
    let domain = found.ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&shapes::DOMAINS)?.entity(200, &shapes::domain(domain, &directory.domains))
}

pub(super) fn synchronization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&shapes::SYNCHRONIZATION)?.page(vec![shapes::synchronization(&directory)])
}

pub(super) fn one_synchronization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    if !call.value().eq_ignore_ascii_case(TENANT) {
        return Err(Fault::not_found(call.value()));
    }
    let directory = call.shown();
    call.one(&shapes::SYNCHRONIZATION)?.entity(200, &shapes::synchronization(&directory))
}

fn named_domain(call: &Call<'_>) -> Result<Domain, Fault> {
    let found = call.live.world().directory.domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(call.value()));
    found.cloned().ok_or_else(|| Fault::not_found(call.value()))
}

pub(super) fn add_domain(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let body = call.body()?;
    let name = body.get("id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if !is_domain_name(&name) {
        return Err(Fault::bad("Invalid value specified for property 'id' of resource 'Domain'."));
    }
    if call.live.world().directory.domains.len() >= MOST_DOMAINS {
        return Err(Fault::quota());
    }
    let added = call.change(("Add unverified domain", "DirectoryManagement", Party::thing(&name, "Other")), |world| {
        let message = format!("Domain '{name}' already exists. A conflicting object with one or more of the specified property values is present in the directory.");
        world.directory.add_domain(&name).ok_or_else(|| Fault::bad(message))
    })?;
    let all = call.live.world().directory.domains.clone();
    call.one(&shapes::DOMAINS)?.entity(201, &shapes::domain(&added, &all))
}

pub(super) fn delete_domain(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let gone = named_domain(call)?;
    if gone.name == INITIAL_DOMAIN {
        return Err(Fault::bad("The initial domain of the tenant cannot be deleted."));
    }
    if call.live.world().directory.is_used(&gone.name) {
        return Err(Fault::bad(format!("Domain '{}' cannot be deleted: accounts or other objects use it.", gone.name)));
    }
    call.change(("Remove domain", "DirectoryManagement", Party::thing(&gone.name, "Other")), |world| {
        world.directory.domains.retain(|one| *one != gone);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

/// Without the record 400; the words of the refusal are not documented (`facts/domain.md` 2.5).
pub(super) fn verify_domain(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let mut domain = named_domain(call)?;
    if domain.verified {
        return Err(Fault::bad(format!("Domain '{}' is verified already.", domain.name)));
    }
    if !domain.dns {
        return Err(Fault::bad("Domain verification failed with the following error: 'DNS record not found.'"));
    }
    domain.verified = true;
    call.change(("Verify domain", "DirectoryManagement", Party::thing(&domain.name, "Other")), |world| {
        for one in world.directory.domains.iter_mut().filter(|one| one.name == domain.name) {
            one.verified = true;
        }
        Ok(())
    })?;
    let all = call.live.world().directory.domains.clone();
    call.one(&shapes::DOMAINS)?.entity(200, &shapes::domain(&domain, &all))
}

/// One of them is enough; each says of which type it is.
pub(super) fn dns_records(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let domain = named_domain(call)?;
    let proof = proof(&domain.name);
    let record = |kind: &str, more: Value| {
        let mut record = shapes::item(json!({
            "@odata.type": format!("#microsoft.graph.domainDns{kind}Record"),
            "id": chance::guid_of(&format!("{kind} {}", domain.name)),
            "isOptional": false,
            "label": domain.name,
            "recordType": kind,
            "supportedService": "Email",
            "ttl": 3600,
        }));
        record.extend(shapes::item(more));
        record
    };
    let text = record("Txt", json!({"text": format!("MS={proof}")}));
    let mail = record("Mx", json!({"mailExchange": format!("{proof}.msv1.invalid"), "preference": 32767}));
    call.list(&DNS_RECORDS)?.of(&domain.name).page(vec![text, mail])
}

/// `ms` and eight digits, the same each time.
fn proof(name: &str) -> String {
    let digits =
        chance::guid_of(&format!("proof {name}")).bytes().fold(0_u64, |number, byte| (number * 31 + u64::from(byte)) % 100_000_000);
    format!("ms{digits:08}")
}

/// `features` are merged: what is not named stays.
pub(super) fn update_synchronization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    if !call.value().eq_ignore_ascii_case(TENANT) {
        return Err(Fault::not_found(call.value()));
    }
    let body = call.body()?;
    let known = shapes::synchronization(&call.live.world().directory);
    let features = features(&body, &known)?;
    let threshold = threshold(&body)?;
    if let Some(other) = body.keys().find(|name| !name.starts_with('@') && !["features", "configuration"].contains(&name.as_str())) {
        return Err(Fault::bad(format!("Property '{other}' cannot be set on resource 'OnPremisesDirectorySynchronization'.")));
    }
    call.change(("Set DirSync feature", "DirectoryManagement", Party::thing(TENANT, "Other")), |world| {
        world.directory.sync_features.extend(features);
        world.directory.deletion_threshold = threshold.or(world.directory.deletion_threshold);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

fn features(body: &Map<String, Value>, known: &Item) -> Result<Map<String, Value>, Fault> {
    let Some(features) = body.get("features") else { return Ok(Map::new()) };
    let wrong =
        |name: &str| Fault::bad(format!("Invalid value specified for property '{name}' of resource 'OnPremisesDirectorySynchronization'."));
    let features = features.as_object().ok_or_else(|| wrong("features"))?;
    for (name, value) in features.iter().filter(|(name, _)| !name.starts_with('@')) {
        // Documented as not in use, and writing it as unsupported (`facts/wire.md` 17).
        if name == "passwordWritebackEnabled" || !value.is_boolean() || known["features"].get(name).is_none() {
            return Err(wrong(name));
        }
    }
    Ok(features.iter().filter(|(name, _)| !name.starts_with('@')).map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn threshold(body: &Map<String, Value>) -> Result<Option<i64>, Fault> {
    let Some(configuration) = body.get("configuration") else { return Ok(None) };
    let Some(threshold) = configuration.pointer("/accidentalDeletionPrevention/alertThreshold") else { return Ok(None) };
    let in_range = threshold.as_i64().filter(|number| (0..=1_000_000).contains(number));
    in_range.map(Some).ok_or_else(|| Fault::bad("Invalid value specified for property 'alertThreshold'."))
}
