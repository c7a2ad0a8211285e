//! Secrets that whoever started the program hands over, by an open file. Not for keeping them.

use crate::base::{Problem, Secret};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The refresh token's name, in `--secrets-fd` and for `[secrets] command`.
pub const REFRESH_TOKEN: &str = "refresh-token";

/// The domain account's password's name there.
pub const DOMAIN_PASSWORD: &str = "domain-password";

/// The name of the password that opens the certificate's key.
pub const CERTIFICATE_PASSWORD: &str = "certificate-password";

/// Every name that somebody asks for.
#[cfg(any(unix, test))]
const NAMES: [&str; 3] = [REFRESH_TOKEN, DOMAIN_PASSWORD, CERTIFICATE_PASSWORD];

/// The most bytes that are read.
#[cfg(any(unix, test))]
const LONGEST: u64 = 64 * 1024;

/// Secrets by name; never seen in debug output.
#[derive(Clone, Default)]
pub struct Given(Arc<BTreeMap<String, Secret>>);

impl Given {
    /// Reads one JSON object from an open file of this process, by its number.
    ///
    /// # Errors
    /// There is no such file, or it holds something else.
    #[cfg(unix)]
    pub fn from_descriptor(number: u32) -> Result<Self, Problem> {
        use std::io::Read as _;
        use zeroize::Zeroizing;
        let cannot = |error: std::io::Error| {
            Problem::usage(format!("cannot read descriptor {number} of `--secrets-fd`: {error}"))
                .hint("open it for the program, for example `--secrets-fd 3 3<secrets.json`")
        };
        let mut text = Zeroizing::new(String::new());
        let file = std::fs::File::open(format!("/dev/fd/{number}")).map_err(cannot)?;
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(cannot)?;
        Self::parse(&text)
    }

    /// Windows hands no files over by number.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn from_descriptor(_number: u32) -> Result<Self, Problem> {
        Err(Problem::usage("`--secrets-fd` works on Unix only").hint("use `[secrets] command` in the lab's profile"))
    }

    /// Its text is never repeated, nor serde's words on it.
    #[cfg(any(unix, test))]
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |why: &str| Problem::usage(format!("what `--secrets-fd` gives {why}"));
        if text.len() as u64 > LONGEST {
            return Err(wrong("is too long"));
        }
        let secrets: BTreeMap<String, Secret> = serde_json::from_str(text).map_err(|_| wrong("is no JSON object of texts"))?;
        // A misspelt name would be a secret that is never asked for.
        if secrets.keys().any(|name| !NAMES.contains(&name.as_str())) {
            return Err(wrong("has a name that nobody asks for").hint(format!("the names are `{}`", NAMES.join("`, `"))));
        }
        Ok(Self(Arc::new(secrets)))
    }

    /// The secret with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.0.get(name).cloned()
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{CERTIFICATE_PASSWORD, Given, REFRESH_TOKEN};

    #[test]
    fn secrets_are_read_by_name_and_a_wrong_text_is_not_repeated() {
        let given = Given::parse(r#"{"refresh-token": "canary"}"#).unwrap();
        assert!(given.get(REFRESH_TOKEN).unwrap().expose() == "canary" && given.get("x").is_none());
        assert!(!format!("{given:?}").contains("canary"));
        let both = Given::parse(r#"{"refresh-token": "canary", "certificate-password": "canary2"}"#).unwrap();
        assert!(both.get(CERTIFICATE_PASSWORD).unwrap().expose() == "canary2");
        let long = format!("{{\"refresh-token\": \"{}\"}}", "x".repeat(70_000));
        for wrong in ["", "canary", "[\"canary\"]", "{\"refresh-token\": [\"canary\"]}", "{\"refresh_token\": \"canary\"}", long.as_str()] {
            let problem = Given::parse(wrong).unwrap_err();
            assert!(!problem.to_string().contains("canary"), "{problem}");
        }
    }
}
