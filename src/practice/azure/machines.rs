//! Subscriptions, the resource group and its machines: what they look like, and starting one.

use super::{Call, Refusal, operations};
use crate::practice::{
    chance,
    wire::Answer,
    world::{Deed, GROUP, LOCATION, Machine, Power, SUBSCRIPTION, TENANT},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Few, so that whoever forgets `nextLink` misses a machine.
const PAGE: usize = 2;

/// An id below the resource group.
pub(super) fn id(below: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}{below}")
}

/// As Azure writes a time.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// For an account without any right in it, the list is empty (`facts/wire.md` 27).
#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn subscriptions(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let one = json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "tags": {},
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Practice subscription",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    });
    let seen = if call.live.world().azure.knows(&call.caller.id) { vec![one] } else { Vec::new() };
    Ok(Answer::json(200, json!({"value": seen})))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn group(_call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let shape = json!({
        "id": id(""),
        "name": GROUP,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCATION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    });
    Ok(Answer::json(200, shape))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn has_group(_call: &mut Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::empty(204))
}

/// Of the whole subscription, as far as the account may see.
pub(super) fn all(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    if call.live.world().azure.may(&call.caller.id, super::READ) { list(call) } else { Ok(Answer::json(200, json!({"value": []}))) }
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let shapes: Vec<Value> = call.live.world().azure.machines.iter().map(machine).collect();
    page(call, &shapes)
}

/// A page of a list, and where the next one stands.
pub(super) fn page(call: &Call<'_>, all: &[Value]) -> Result<Answer, Refusal> {
    let skip = match call.question.param("$skiptoken") {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| Refusal::parameter("$skiptoken", "It was not given out here."))?,
    };
    let mut body = json!({"value": all.iter().skip(skip).take(PAGE).collect::<Vec<_>>()});
    if skip.saturating_add(PAGE) < all.len()
        && let Some(object) = body.as_object_mut()
    {
        let path = call.question.path.join("/");
        let next = format!("{}?api-version={}&$skiptoken={}", call.address(&format!("/{path}")), call.version(), skip + PAGE);
        object.insert("nextLink".to_owned(), next.into());
    }
    Ok(Answer::json(200, body))
}

pub(super) fn one(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let found = call.machine()?;
    let mut shape = machine(&found);
    match call.question.param("$expand") {
        None => {}
        Some(name) if name.eq_ignore_ascii_case("instanceView") => {
            if let Some(properties) = shape.get_mut("properties").and_then(Value::as_object_mut) {
                properties.insert("instanceView".to_owned(), instance(&found, call.live.now()));
            }
        }
        Some(name) if name.eq_ignore_ascii_case("userData") => {}
        Some(_) => return Err(Refusal::parameter("$expand", "It is instanceView or userData.")),
    }
    Ok(Answer::json(200, shape))
}

pub(super) fn view(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::json(200, instance(&call.machine()?, call.live.now())))
}

/// Also of a machine that runs: then there is nothing to do, and the operation ends at once.
pub(super) fn start(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let (found, now, span) = (call.machine()?, call.live.now(), call.live.settings.consistency);
    let due = call.change(|world| {
        let machine = world.azure.machine_mut(&found.name)?;
        machine.start(now, span);
        Some(machine.runs_from().max(now))
    })?;
    operations::accept(call, Deed::Start, &found.name, due.unwrap_or(now))
}

fn machine(machine: &Machine) -> Value {
    let name = &machine.name;
    let small = name.to_ascii_lowercase();
    json!({
        "name": name,
        "id": id(&format!("/providers/Microsoft.Compute/virtualMachines/{name}")),
        "type": "Microsoft.Compute/virtualMachines",
        "location": LOCATION,
        "tags": {},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
            "provisioningState": "Succeeded",
            "vmId": chance::guid_of(&format!("machine {name}")),
            "storageProfile": {
                "imageReference": {
                    "publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2016-Datacenter", "version": "latest",
                    "exactVersion": "14393.7159.240703",
                },
                "osDisk": {
                    "osType": "Windows", "name": format!("{small}_OsDisk_1"), "createOption": "FromImage", "caching": "ReadWrite",
                    "managedDisk": {"id": id(&format!("/providers/Microsoft.Compute/disks/{small}_OsDisk_1"))},
                },
                "dataDisks": [],
            },
            "osProfile": {
                "computerName": name, "adminUsername": "User1", "secrets": [], "allowExtensionOperations": true,
                "requireGuestProvisionSignal": true,
                "windowsConfiguration": {"provisionVMAgent": true, "enableAutomaticUpdates": true},
            },
            "networkProfile": {"networkInterfaces": [{"id": id(&format!("/providers/Microsoft.Network/networkInterfaces/{name}-NIC"))}]},
        },
    })
}

/// A deallocated machine has no name, no system and no agent to tell of.
fn instance(machine: &Machine, now: Timestamp) -> Value {
    let state = machine.state(now);
    let mut view = json!({
        "disks": [{
            "name": format!("{}_OsDisk_1", machine.name.to_ascii_lowercase()),
            "statuses": [{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": time(machine.since)}],
        }],
        "hyperVGeneration": "V1",
        "isVMInStandbyPool": false,
        "statuses": [
            {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": time(machine.since)},
            {"code": format!("PowerState/{state}"), "level": "Info", "displayStatus": format!("VM {state}")},
        ],
    });
    let Some(fields) = view.as_object_mut() else { return view };
    if machine.power != Power::Deallocated {
        fields.insert("vmAgent".to_owned(), agent(machine, now));
    }
    if machine.is_ready(now) {
        fields.insert("computerName".to_owned(), machine.name.as_str().into());
        fields.insert("osName".to_owned(), "Windows Server 2016 Datacenter".into());
        fields.insert("osVersion".to_owned(), "Microsoft Windows NT 10.0.14393.0".into());
    }
    view
}

fn agent(machine: &Machine, now: Timestamp) -> Value {
    let (code, level, status, message) = if machine.is_ready(now) {
        ("ProvisioningState/succeeded", "Info", "Ready", "GuestAgent is running and processing the extensions.")
    } else {
        ("ProvisioningState/Unavailable", "Warning", "Not Ready", "VM status blob is found but not yet populated.")
    };
    json!({
        "vmAgentVersion": if machine.is_ready(now) { "2.7.41491.1172" } else { "Unknown" },
        "statuses": [{"code": code, "level": level, "displayStatus": status, "message": message, "time": time(now)}],
        "extensionHandlers": [],
    })
}
