//! Whether a lab can be reached, who is signed in, and how far the clocks are apart. Begins no sign-in and changes nothing.

use super::super::{
    Globals,
    context::{DEFAULT_GUIDE, block_on, choose},
    finding::{self, Finding, clock},
};
use crate::base::{
    Exit, Problem,
    clock::{Clock as _, SignedDuration, SystemClock, Timestamp},
    encode,
    http::{Http, Method, Reply, Request, WireLog},
    text,
};
use crate::guide::{load, step::MachinePart};
use crate::lab::{
    connect::{NoDomain, NoHost, Reached, reach},
    profile::Places,
};
use crate::services::entra::{GraphGet, Purpose, SignInError};
use crate::services::host::app1::Service;
use std::sync::Arc;
use url::Url;

pub(super) fn run(name: Option<&str>, places: &Places, globals: &Globals) -> Result<Exit, Problem> {
    let lab = choose(name, places, globals)?;
    let guide = load::named(DEFAULT_GUIDE)?;
    let findings = block_on(async {
        let reached = reach(&lab, &guide.pack, &WireLog::default(), Arc::new(SystemClock)).await?;
        Ok(look(&lab.name, &reached).await)
    })?;
    Ok(finding::tell(&findings, globals.ascii))
}

async fn look(lab: &str, reached: &Reached) -> Vec<Finding> {
    let mut findings = vec![sign_in_service(reached).await];
    findings.extend(reached.certificate.as_ref().map(|certificate| until(certificate.not_after(), SystemClock.now())));
    findings.extend(graph(reached).await);
    findings.extend(account(lab, reached).await);
    findings.push(domain(reached).await);
    findings.push(azure(reached).await);
    findings.extend(scripts(reached).await);
    findings
}

/// Its own description is there for everybody, and a wrong tenant is refused (OpenID Connect Discovery 4).
async fn sign_in_service(reached: &Reached) -> Finding {
    const WHAT: &str = "sign-in";
    let settings = reached.session.settings();
    let tenant = encode::path_segment(&settings.tenant).unwrap_or_default();
    let address = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", settings.authority.as_str().trim_end_matches('/'));
    match get(&reached.http, &address).await {
        Ok(reply) if reply.status == 200 => Finding::fine(WHAT, format!("{} knows the tenant", text::line(settings.authority.as_str()))),
        Ok(reply) => {
            let says = format!("the sign-in service answers {} for the tenant `{}`", reply.status, text::short(&settings.tenant, 80));
            Finding::bad(WHAT, Exit::Not, says, "check `tenant`, `cloud` and `authority` in the lab's profile")
        }
        Err(problem) => Finding::of(WHAT, problem),
    }
}

/// Whoever renews it needs days, not hours.
fn until(end: Timestamp, now: Timestamp) -> Finding {
    const WHAT: &str = "certificate";
    let says = format!("good until {end:.0}");
    let hint = "make a new certificate and register it at the application";
    match end.duration_since(now) {
        left if left.is_negative() || left.is_zero() => Finding::bad(WHAT, Exit::Not, format!("it was {says}"), hint),
        left if left < SignedDuration::from_hours(24 * 14) => Finding::bad(WHAT, Exit::Unknown, says, hint),
        _ => Finding::fine(WHAT, says),
    }
}

/// Asked without a token: any answer shows the way, and names the lab's time.
async fn graph(reached: &Reached) -> Vec<Finding> {
    let base = reached.session.settings().graph.as_str().trim_end_matches('/');
    match get(&reached.http, &format!("{base}/v1.0/organization")).await {
        Ok(reply) => {
            let found = Finding::fine("graph", format!("{} answers within {} ms", text::line(base), reply.took.as_millis()));
            let clock = match reply.date {
                Some(date) => clock(date.duration_since(SystemClock.now())),
                None => Finding::bad("clock", Exit::Unknown, "Microsoft Graph names no time", "a proxy may have taken it out of the reply"),
            };
            vec![found, clock]
        }
        Err(problem) => vec![Finding::of("graph", problem)],
    }
}

/// Its machines, by what the guide asks of the first of them.
async fn azure(reached: &Reached) -> Finding {
    const WHAT: &str = "azure";
    let Ok(machine) = reached.azure.machine(MachinePart::App1) else { return Finding::fine(WHAT, NO_DOMAIN) };
    match reached.azure.azure().look(&machine).await {
        Ok(_) => Finding::fine(WHAT, format!("{} knows {}", reached.azure.address(), text::short(&machine.name, 64))),
        Err(error) => Finding::of(WHAT, error.into()),
    }
}

/// Whether scripts run on the machine with Entra Connect, by one that only reads; nothing where nobody knows where that is.
async fn scripts(reached: &Reached) -> Option<Finding> {
    const WHAT: &str = "scripts";
    let app1 = match reached.hosts.app1() {
        Ok(app1) => app1,
        Err(NoHost::NotConfigured(_)) => return None,
        Err(error) => return Some(Finding::of(WHAT, error.into())),
    };
    Some(match app1.service().await {
        Ok(Service { service: Some(service), version, .. }) => {
            let version = version.map_or_else(String::new, |version| format!(" {}", text::short(&version, 40)));
            Finding::fine(WHAT, format!("APP1 runs them; Entra Connect{version} is there, its service is {}", text::short(&service, 40)))
        }
        Ok(Service { service: None, .. }) => Finding::fine(WHAT, "APP1 runs them; Entra Connect is not installed there"),
        Err(error) => Finding::of(WHAT, error.into()),
    })
}

/// A lab may well have none.
pub(in super::super) const NO_DOMAIN: &str = "none is configured; steps that look at it stay unknown";

/// The domain controller, asked as whoever the profile names: any answer shows the way, the certificate and the password.
async fn domain(reached: &Reached) -> Finding {
    const WHAT: &str = "domain";
    let directory = match reached.domain.open().await {
        Ok(directory) => directory,
        Err(NoDomain::NotConfigured { .. }) => return Finding::fine(WHAT, NO_DOMAIN),
        Err(error) => return Finding::of(WHAT, error.problem()),
    };
    match directory.root().await {
        Ok(root) => {
            let host = root.host.as_deref().map_or_else(|| reached.domain.address(), text::line);
            Finding::fine(WHAT, format!("{host} answers for {}", text::line(&root.naming_context)))
        }
        Err(error) => Finding::of(WHAT, error.into()),
    }
}

async fn get(http: &Http, address: &str) -> Result<Reply, Problem> {
    let url = Url::parse(address).map_err(|error| Problem::usage(format!("`{}` is no address: {error}", text::line(address))))?;
    Ok(http.send(Request::new(Method::GET, url)).await?)
}

async fn account(lab: &str, reached: &Reached) -> Vec<Finding> {
    const WHAT: &str = "account";
    let account = match reached.session.resume().await {
        Ok(account) => account,
        Err(SignInError::SignedOut) => {
            let hint = format!("`guidepost signin --lab {lab}` signs in");
            return vec![Finding::bad(WHAT, Exit::Unknown, "nobody is signed in", hint)];
        }
        Err(error) => return vec![Finding::of(WHAT, error.into())],
    };
    let mut findings = vec![Finding::fine(WHAT, format!("signed in as {}", account.upn.reveal()))];
    let granted = reached.session.granted(Purpose::Read);
    let short = granted.iter().map(|scope| scope.rsplit('/').next().unwrap_or(scope)).collect::<Vec<_>>().join(", ");
    let says = match short.as_str() {
        "" if reached.session.is_app() => {
            "an administrator gives an application its permissions; the sign-in service does not say which".to_owned()
        }
        "" => "the sign-in service does not say which".to_owned(),
        _ => short,
    };
    findings.push(Finding::fine("granted", says));
    let query = vec![("$select".to_owned(), "id".to_owned())];
    let asked = GraphGet { path: "/v1.0/organization".into(), query, eventual: false };
    if let Err(error) = reached.graph.get(asked).await {
        findings.push(Finding::of("reading", error.into()));
    }
    findings
}
