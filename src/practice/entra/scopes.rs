//! The `scope` parameter: which Graph permissions are asked for, under which of their names. Not whether they are given.

use super::refusal::Refusal;
use crate::practice::tables;

/// Ways to name Graph as the resource of a scope.
const GRAPH: &[&str] = &["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000/"];
const OPENID: &[&str] = &["openid", "profile", "email", "offline_access"];

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// As it was written, word by word.
    pub(super) words: Vec<String>,
    /// Names of Graph permissions.
    pub(super) graph: Vec<String>,
    /// `…/.default`: whatever was consented to.
    pub(super) default: bool,
}

impl Asked {
    /// Reads the parameter. `base` is Graph's own address, which names it too.
    pub(super) fn read(text: &str, base: &str) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for word in text.split_ascii_whitespace() {
            if !OPENID.contains(&word) {
                asked.read_word(word, base)?;
            }
            asked.words.push(word.to_owned());
        }
        if asked.words.is_empty() {
            return Err(Refusal::missing("scope"));
        }
        Ok(asked)
    }

    fn read_word(&mut self, word: &str, base: &str) -> Result<(), Refusal> {
        let name = match GRAPH.iter().find_map(|prefix| word.strip_prefix(prefix)).or_else(|| after_own(word, base)) {
            Some(name) => name.trim_start_matches('/'),
            None if word.contains("://") => return Err(no_resource(word)),
            None => word,
        };
        if name == ".default" {
            self.default = true;
            return Ok(());
        }
        let scope = tables::graph_scope(name).ok_or_else(|| no_scope(word))?;
        if !self.graph.iter().any(|one| one == scope.name) {
            self.graph.push(scope.name.to_owned());
        }
        Ok(())
    }

    /// Whether this `openid` scope was asked for.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|one| one == word)
    }

    /// What the reply's `scope` says: what was asked for as it was written, then what was consented to before
    /// (`facts/wire.md`, "what real clients need"). `offline_access` shows as the refresh token.
    pub(super) fn reply(&self, consented: &[String]) -> String {
        let asked = self.words.iter().filter(|word| *word != "offline_access").map(String::as_str);
        let older = consented.iter().filter(|scope| !self.graph.contains(scope)).map(String::as_str);
        asked.chain(older).collect::<Vec<_>>().join(" ")
    }
}

/// What follows Graph's own address, under whichever of this machine's names.
fn after_own<'a>(word: &'a str, base: &str) -> Option<&'a str> {
    let (_, port) = base.rsplit_once(':')?;
    ["127.0.0.1", "localhost", "[::1]"].iter().find_map(|host| word.strip_prefix(&format!("https://{host}:{port}/")))
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

    #[test]
    fn graph_is_known_by_each_of_its_names() {
        let text = "https://graph.microsoft.com/User.Read user.read.all https://localhost:1/Domain.Read.All openid offline_access";
        let asked = Asked::read(text, "https://127.0.0.1:1").unwrap();
        assert_eq!(asked.graph, ["User.Read", "User.Read.All", "Domain.Read.All"]);
        assert_eq!(
            asked.reply(&["User.Read".to_owned(), "AuditLog.Read.All".to_owned()]),
            "https://graph.microsoft.com/User.Read user.read.all https://localhost:1/Domain.Read.All openid AuditLog.Read.All"
        );
    }

    #[test]
    fn another_resource_and_an_unknown_permission_are_refused_by_their_codes() {
        assert_eq!(Asked::read("https://management.azure.com/.default", "https://x").unwrap_err().code, 500_011);
        assert_eq!(Asked::read("Fly.All", "https://x").unwrap_err().code, 70_011);
        assert_eq!(Asked::read("  ", "https://x").unwrap_err().code, 900_144);
    }
}
