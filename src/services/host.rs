//! This machine: opening the browser. Scripts on APP1 and DC1 come with a later issue.

use crate::base::{Problem, http::is_loopback};
use url::Url;

/// Opens the address in the person's browser and does not wait for it.
///
/// # Errors
/// The address is neither https nor on this machine, or no browser could be started.
pub async fn open_in_browser(address: &Url) -> Result<(), Problem> {
    // Whatever else an address may name (`file:`, `ms-settings:`, an app's own scheme) would be run by the desktop.
    if address.scheme() != "https" && !(address.scheme() == "http" && is_loopback(address)) {
        return Err(Problem::new(format!("a `{}` address is not opened in a browser", address.scheme())));
    }
    let address = address.to_string();
    // The launcher is watched for a moment; that blocks.
    let opened = tokio::task::spawn_blocking(move || open::that_detached(address)).await;
    let why = match opened {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(stopped) => stopped.to_string(),
    };
    let why = crate::base::text::short(&why, 200);
    Err(Problem::new(format!("no browser could be opened: {why}")).hint("copy the address into a browser on this machine"))
}

#[cfg(test)]
mod tests {
    use super::open_in_browser;
    use url::Url;

    #[tokio::test]
    async fn only_web_addresses_reach_the_desktop() {
        for address in ["file:///etc/passwd", "http://login.example/", "ms-settings:network", "javascript:alert(1)", "mailto:a@b.example"] {
            let refused = open_in_browser(&Url::parse(address).unwrap()).await.unwrap_err();
            assert!(refused.what.ends_with("address is not opened in a browser"), "{address}: {refused}");
        }
    }
}
