//! The certificate of a lab whose way is `certificate`: its file, and where its password comes from. Not for what is signed with it.

use super::given::{CERTIFICATE_PASSWORD, Given};
use super::profile::Profile;
use crate::base::{Problem, Secret};
use crate::services::{
    entra::{BadCertificate, Certificate},
    host,
    vault::Vault,
};
use std::{fs::File, io::Read as _, path::Path};
use zeroize::Zeroizing;

/// A certificate with its chain and key takes a few KiB.
const LONGEST: u64 = 64 * 1024;

/// Where the password lies in the keyring.
pub(super) fn vault_key(lab: &str) -> String {
    format!("{lab}/{CERTIFICATE_PASSWORD}")
}

/// The certificate of this profile, opened.
///
/// # Errors
/// The file cannot be read, lies open to others, or its key cannot be opened.
pub(super) async fn of(lab: &str, path: &Path, profile: &Profile, given: &Given, vault: &Vault) -> Result<Certificate, Problem> {
    let text = read(path)?;
    let password = if Certificate::wants_password(&text) { password(lab, profile, given, vault).await? } else { None };
    open(path, &text, password.as_ref())
}

/// Whether the key is encrypted and nobody gives its password.
pub(super) async fn wants_password(lab: &str, path: &Path, profile: &Profile, given: &Given, vault: &Vault) -> Result<bool, Problem> {
    Ok(Certificate::wants_password(&read(path)?) && password(lab, profile, given, vault).await?.is_none())
}

/// Keeps a password in the vault, if it opens the key.
pub(super) async fn keep(lab: &str, path: &Path, password: Secret, vault: &Vault) -> Result<(), Problem> {
    open(path, &read(path)?, Some(&password))?;
    vault.put(&vault_key(lab), password).await
}

/// In the order of DESIGN section 6.
async fn password(lab: &str, profile: &Profile, given: &Given, vault: &Vault) -> Result<Option<Secret>, Problem> {
    if let Some(kept) = vault.get(&vault_key(lab)).await {
        return Ok(Some(kept));
    }
    let printed = match &profile.secrets.command {
        Some(command) => host::secret(command, CERTIFICATE_PASSWORD, host::PATIENCE).await?,
        None => None,
    };
    Ok(printed.or_else(|| given.get(CERTIFICATE_PASSWORD)))
}

fn open(path: &Path, text: &[u8], password: Option<&Secret>) -> Result<Certificate, Problem> {
    Certificate::read(text, password).map_err(|why: BadCertificate| {
        Problem::usage(format!("the certificate `{}` cannot be used: {why}", path.display())).hint(why.hint())
    })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let cannot = |why: String| Problem::usage(format!("the certificate `{}` cannot be read: {why}", path.display()));
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    // At once, because a buffer that grows leaves copies behind that nobody wipes.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or_default() + 1));
    (&file).take(LONGEST + 1).read_to_end(&mut text).map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(cannot("it is too long for one".to_owned()));
    }
    if !Certificate::wants_password(&text) && open_to_others(&file) {
        return Err(cannot("its key is not encrypted, and other accounts of this machine may read it".to_owned())
            .hint("`chmod 600` closes it, and `openssl pkcs8 -topk8` encrypts the key"));
    }
    Ok(text)
}

/// As ssh decides it for its keys.
#[cfg(unix)]
fn open_to_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Windows has access lists, which are not looked at.
#[cfg(not(unix))]
fn open_to_others(_file: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::{keep, password, vault_key};
    use crate::base::Secret;
    use crate::lab::{given::Given, profile::Profile};
    use crate::services::vault::Vault;
    use std::path::Path;

    fn profile(more: &str) -> Profile {
        let signin = "[signin]\ntenant = \"t\"\nclient_id = \"c\"\nway = \"certificate\"\ncertificate = \"c.pem\"\n";
        Profile::parse(&format!("format = 1\nenvironment = \"test\"\n{signin}{more}"), Path::new("x.toml")).unwrap()
    }

    #[tokio::test]
    async fn the_password_comes_from_the_keyring_then_the_command_then_what_was_handed_over() {
        let (vault, given) = (Vault::memory(), Given::parse(r#"{"certificate-password": "given"}"#).unwrap());
        let found = async |profile: &Profile, given: &Given| {
            let found = password("t", profile, given, &vault).await.unwrap();
            found.map(|secret| secret.expose().to_owned())
        };
        assert_eq!(found(&profile(""), &Given::default()).await, None);
        assert_eq!(found(&profile(""), &given).await.as_deref(), Some("given"));
        #[cfg(unix)]
        assert_eq!(
            found(&profile("[secrets]\ncommand = [\"printf\", \"printed %s\"]\n"), &given).await.as_deref(),
            Some("printed certificate-password")
        );
        vault.put(&vault_key("t"), Secret::new("kept")).await.unwrap();
        assert_eq!(found(&profile("[secrets]\ncommand = [\"/nowhere\"]\n"), &given).await.as_deref(), Some("kept"));
    }

    #[tokio::test]
    async fn only_a_password_that_opens_the_key_is_kept() {
        let (vault, path) = (Vault::memory(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates/encrypted.pem"));
        let wrong = keep("t", &path, Secret::new("canary-wrong"), &vault).await.unwrap_err();
        assert!(wrong.what.contains("does not open its key") && !wrong.what.contains("canary"), "{wrong}");
        assert!(vault.get(&vault_key("t")).await.is_none());
        keep("t", &path, Secret::new("canary-password-5"), &vault).await.unwrap();
        assert!(vault.get(&vault_key("t")).await.is_some());
    }
}
