//! The `scope` parameter: which permissions of Graph or of Resource Manager are asked for, under which of their names. Not who gave them.

use super::refusal::Refusal;
use crate::practice::{
    live::Live,
    tables::{self, Before, Client},
    world::Resource,
};

/// Ways to name Graph as the resource of a scope.
const GRAPH: &[&str] = &["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000/"];
/// The same of Resource Manager; the older audience is written with two slashes (`facts/domain.md` 5.6).
const AZURE: &[&str] = &["https://management.azure.com/", "https://management.core.windows.net/", "797f4846-ba00-4fd7-ba43-dac1f8f63013/"];
const OPENID: &[&str] = &["openid", "profile", "email", "offline_access"];

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// As it was written, word by word.
    pub(super) words: Vec<String>,
    /// Whose permissions; Graph's when none is named.
    pub(super) resource: Resource,
    /// Names of permissions.
    pub(super) names: Vec<String>,
    /// `…/.default`: whatever was consented to.
    pub(super) default: bool,
    named: bool,
}

/// Where the two resources are in this lab: their own addresses name them too.
#[derive(Clone, Copy)]
pub(super) struct Bases<'a> {
    graph: &'a str,
    azure: &'a str,
}

impl<'a> Bases<'a> {
    /// Of this lab.
    pub(super) fn of(live: &'a Live) -> Self {
        Self { graph: &live.settings.base, azure: &live.settings.azure }
    }
}

/// What a client may have of a resource without anybody's consent, and then nothing else of it; `None` when consent decides.
pub(super) fn beforehand(client: &Client, resource: Resource) -> Option<&'static [&'static str]> {
    match (client.before, resource) {
        (Before::Nothing, _) | (Before::GraphByConsent, Resource::Graph) => None,
        (Before::GraphByConsent, Resource::Azure) => Some(&[]),
        (Before::Azure(_), Resource::Azure) => Some(&[tables::IMPERSONATION]),
        (Before::Azure(names), Resource::Graph) => Some(names),
    }
}

impl Asked {
    /// Reads the parameter.
    pub(super) fn read(text: &str, bases: Bases<'_>) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for word in text.split_ascii_whitespace() {
            if !OPENID.contains(&word) {
                asked.read_word(word, bases, text)?;
            }
            asked.words.push(word.to_owned());
        }
        if asked.words.is_empty() {
            return Err(Refusal::missing("scope"));
        }
        Ok(asked)
    }

    fn read_word(&mut self, word: &str, bases: Bases<'_>, whole: &str) -> Result<(), Refusal> {
        let behind = |known: &[&str], base| known.iter().find_map(|prefix| word.strip_prefix(prefix)).or_else(|| after_own(word, base));
        let (resource, name) = match (behind(GRAPH, bases.graph), behind(AZURE, bases.azure)) {
            (Some(name), _) => (Resource::Graph, name.trim_start_matches('/')),
            (None, Some(name)) => (Resource::Azure, name.trim_start_matches('/')),
            (None, None) if word.contains("://") => return Err(no_resource(word)),
            (None, None) => (Resource::Graph, word),
        };
        if self.named && self.resource != resource {
            return Err(two_resources(whole));
        }
        (self.named, self.resource) = (true, resource);
        if name == ".default" {
            self.default = true;
            return Ok(());
        }
        let scope = tables::scope_of(resource, name).ok_or_else(|| no_scope(word))?;
        if !self.names.iter().any(|one| one == scope.name) {
            self.names.push(scope.name.to_owned());
        }
        Ok(())
    }

    /// What a person is asked for: `.default` of Resource Manager is all that it has.
    pub(super) fn wanted(&self) -> Vec<String> {
        if self.default && self.resource == Resource::Azure { vec![tables::IMPERSONATION.to_owned()] } else { self.names.clone() }
    }

    /// Whether a client may ask for this at all.
    pub(super) fn check(&self, client: &Client) -> Result<(), Refusal> {
        let Some(given) = beforehand(client, self.resource) else { return Ok(()) };
        if !given.is_empty() && self.names.iter().all(|name| given.contains(&name.as_str())) {
            return Ok(());
        }
        let resource = match self.resource {
            Resource::Graph => tables::GRAPH,
            Resource::Azure => tables::AZURE,
        };
        Err(not_beforehand(client.id, resource))
    }

    /// Whether this `openid` scope was asked for.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|one| one == word)
    }

    /// What the reply's `scope` says: what was asked for as it was written, then what was consented to before
    /// (`facts/wire.md`, "what real clients need"). `offline_access` shows as the refresh token.
    pub(super) fn reply(&self, consented: &[String]) -> String {
        let asked = self.words.iter().filter(|word| *word != "offline_access").map(String::as_str);
        let older = consented.iter().filter(|scope| !self.names.contains(scope)).map(String::as_str);
        asked.chain(older).collect::<Vec<_>>().join(" ")
    }
}

/// What follows Graph's own address, under whichever of this machine's names.
fn after_own<'a>(word: &'a str, base: &str) -> Option<&'a str> {
    let (_, port) = base.rsplit_once(':')?;
    ["127.0.0.1", "localhost", "[::1]"].iter().find_map(|host| word.strip_prefix(&format!("https://{host}:{port}/")))
}

/// As a real redirect reads (Azure/logicapps#1349).
fn not_beforehand(client: &str, resource: &str) -> Refusal {
    let text = format!(
        "Consent between first party application '{client}' and first party resource '{resource}' must be configured via preauthorization - applications owned and operated by Microsoft must get approval from the API owner before requesting tokens for that API."
    );
    Refusal::new("invalid_request", 65_002, text)
}

/// As a real reply reads (AzureAD/microsoft-authentication-library-for-js#1487).
fn two_resources(whole: &str) -> Refusal {
    let text = format!(
        "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {whole} is not valid."
    );
    Refusal::new("invalid_request", 28_000, text)
}

fn no_scope(word: &str) -> Refusal {
    let text = format!(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {word} is not valid."
    );
    Refusal::new("invalid_scope", 70_011, text)
}

fn no_resource(word: &str) -> Refusal {
    let resource = word.rsplit_once('/').map_or(word, |(resource, _)| resource);
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
    );
    Refusal::new("invalid_resource", 500_011, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASES: Bases<'_> = Bases { graph: "https://127.0.0.1:1", azure: "https://127.0.0.1:2" };

    #[test]
    fn graph_is_known_by_each_of_its_names() {
        let text = "https://graph.microsoft.com/User.Read user.read.all https://localhost:1/Domain.Read.All openid offline_access";
        let asked = Asked::read(text, BASES).unwrap();
        assert_eq!(asked.names, ["User.Read", "User.Read.All", "Domain.Read.All"]);
        assert_eq!(
            asked.reply(&["User.Read".to_owned(), "AuditLog.Read.All".to_owned()]),
            "https://graph.microsoft.com/User.Read user.read.all https://localhost:1/Domain.Read.All openid AuditLog.Read.All"
        );
    }

    #[test]
    fn another_resource_and_an_unknown_permission_are_refused_by_their_codes() {
        assert_eq!(Asked::read("https://vault.azure.net/.default", BASES).unwrap_err().code, 500_011);
        assert_eq!(Asked::read("Fly.All", BASES).unwrap_err().code, 70_011);
        assert_eq!(Asked::read("https://management.azure.com/User.Read", BASES).unwrap_err().code, 70_011);
        assert_eq!(Asked::read("  ", BASES).unwrap_err().code, 900_144);
    }

    #[test]
    fn resource_manager_is_known_by_each_of_its_names_and_two_resources_are_one_too_many() {
        for word in [
            "https://management.azure.com/user_impersonation",
            "https://management.core.windows.net//user_impersonation",
            "797f4846-ba00-4fd7-ba43-dac1f8f63013/user_impersonation",
            "https://localhost:2/user_impersonation",
        ] {
            let asked = Asked::read(&format!("openid {word}"), BASES).unwrap();
            assert_eq!((asked.resource, asked.names), (Resource::Azure, vec!["user_impersonation".to_owned()]), "{word}");
        }
        let default = Asked::read("https://127.0.0.1:2/.default offline_access", BASES).unwrap();
        assert_eq!((default.default, default.wanted()), (true, vec!["user_impersonation".to_owned()]));
        for both in ["User.Read https://127.0.0.1:2/.default", "https://127.0.0.1:2/.default https://graph.microsoft.com/.default"] {
            assert_eq!(Asked::read(both, BASES).unwrap_err().code, 28_000, "{both}");
        }
    }

    #[test]
    fn microsofts_own_applications_get_what_was_arranged_for_them_and_nothing_else() {
        let asks = |client: &str, text: &str| {
            let asked = Asked::read(text, BASES).unwrap();
            asked.check(tables::client(client).unwrap()).map_err(|refusal| refusal.code)
        };
        let (ours, graph_tools, azure_cli) =
            (tables::PRACTICE_CLIENT, "14d82eec-204b-4c2f-b7e8-296a70dab67e", "04b07795-8ddb-461a-bbee-02f9e1bf7b46");
        let azure = "https://127.0.0.1:2/.default";
        assert_eq!([ours, graph_tools, azure_cli].map(|client| asks(client, azure)), [Ok(()), Err(65_002), Ok(())]);
        assert_eq!([ours, graph_tools, azure_cli].map(|client| asks(client, "Domain.Read.All")), [Ok(()), Ok(()), Err(65_002)]);
        assert_eq!(asks(azure_cli, "https://graph.microsoft.com/.default"), Ok(()));
    }
}
