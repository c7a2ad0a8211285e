//! Reading what a person pasted: the whole address that the browser was sent to at the end of the sign-in. Not for asking.

use super::loopback::{Answer, Brought, bring};
use crate::base::Secret;
use url::Url;

/// The longest address that is read; a code has up to about 2 kB.
const LONGEST: usize = 16 * 1024;

/// Why what was pasted does not end the sign-in; it can be pasted again. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheAddress {
    /// Nothing, or no address.
    #[error("that is no address; paste all of it, from `http://localhost` to the end")]
    NoAddress,
    /// A code or a piece of an address: without `state` nobody can tell whose it is.
    #[error("that is a part of the address only; paste all of it, from `http://localhost` to the end")]
    PartOnly,
    /// Longer than any address of a sign-in.
    #[error("that is too long for the address of a sign-in")]
    TooLong,
    /// An address of another machine.
    #[error("that is not the last address; sign in there first, then copy the address that begins with `http://localhost`")]
    OtherHost,
    /// Neither a code nor an error is in it.
    #[error("there is no answer in that address; copy it once more when the sign-in is through")]
    NoAnswer,
    /// The answer to another sign-in.
    #[error("that is the answer to another sign-in; use the address that is shown now")]
    OtherSignIn,
}

/// The answer in what was pasted.
pub(super) fn read(pasted: &Secret, state: &Secret) -> Result<Answer, NotTheAddress> {
    let text = pasted.expose().trim();
    if text.len() > LONGEST {
        return Err(NotTheAddress::TooLong);
    }
    let url = address(text)?;
    if !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        return Err(NotTheAddress::OtherHost);
    }
    match bring(&url, state) {
        Brought::Answer(answer) => Ok(answer),
        Brought::NotOurs => Err(NotTheAddress::OtherSignIn),
        Brought::Nothing => Err(NotTheAddress::NoAnswer),
    }
}

/// Browsers leave `http://` out when an address is copied.
fn address(text: &str) -> Result<Url, NotTheAddress> {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(NotTheAddress::NoAddress);
    }
    let bare = ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| text.starts_with(host));
    let whole = if bare { format!("http://{text}") } else { text.to_owned() };
    match Url::parse(&whole) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        // `code=…`, `?code=…`, `/?code=…` or the code alone: no spaces, and long.
        _ if text.contains("code=") || text.len() > 40 => Err(NotTheAddress::PartOnly),
        _ => Err(NotTheAddress::NoAddress),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, NotTheAddress, read};
    use crate::base::Secret;

    fn judge(pasted: &str) -> Result<Answer, NotTheAddress> {
        read(&Secret::new(pasted), &Secret::new("st4te"))
    }

    #[test]
    fn the_whole_address_brings_its_code_as_browsers_copy_it() {
        for host in ["http://localhost:41234/", "localhost:41234/", "http://127.0.0.1:41234/", "  http://localhost/", "[::1]:41234/"] {
            let Ok(Answer::Code(code)) = judge(&format!("{host}?code=c0de&state=st4te&session_state=x \n")) else { panic!("{host}") };
            assert_eq!(code.expose(), "c0de");
        }
        let refused = judge("http://localhost/?error=access_denied&error_description=AADSTS65004%3a%1b[2J&state=st4te");
        assert!(
            matches!(refused, Ok(Answer::Error { error, message }) if error == "access_denied" && message == "AADSTS65004:\u{fffd}[2J")
        );
    }

    #[test]
    fn anything_else_says_what_is_wrong_and_can_be_pasted_again() {
        use NotTheAddress::{NoAddress, NoAnswer, OtherHost, OtherSignIn, PartOnly, TooLong};
        let long = format!("http://localhost/?code={}&state=st4te", "x".repeat(20_000));
        for (pasted, why) in [
            ("", NoAddress),
            ("hello", NoAddress),
            ("two words", NoAddress),
            ("http://localhost/?code=c\u{1b}[2J&state=st4te", NoAddress),
            ("javascript:alert(1)", NoAddress),
            ("?code=c0de&state=st4te", PartOnly),
            ("0.AXoAabcdefghijklmnopqrstuvwxyz0123456789abcdefghij", PartOnly),
            (&long, TooLong),
            ("https://login.microsoftonline.com/x/oauth2/v2.0/authorize?state=st4te", OtherHost),
            ("http://localhost.evil.example/?code=c0de&state=st4te", OtherHost),
            ("http://localhost/", NoAnswer),
            ("http://localhost/?state=st4te", NoAnswer),
            ("http://localhost/?code=c0de", OtherSignIn),
            ("http://localhost/?code=c0de&state=other", OtherSignIn),
            ("http://localhost/?code=c0de&state=other&state=st4te", OtherSignIn),
        ] {
            let judged = judge(pasted).err();
            assert_eq!(judged, Some(why), "{pasted:.60}");
            assert!(!why.to_string().contains("c0de"));
        }
    }
}
