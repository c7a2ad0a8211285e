//! What the sign-in service's documented numbers mean, in plain words, and what to do. A table; not for deciding anything.
//!
//! The program's way never depends on a number, because Microsoft says that they may change (reference-error-codes): they
//! only choose the words.

/// One meaning, and the numbers that have it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The numbers, without `AADSTS`.
    pub codes: &'static [u32],
    /// What it means, to stand after "sign-in was refused: ".
    pub means: &'static str,
    /// What to do about it.
    pub todo: &'static str,
}

const fn known(codes: &'static [u32], means: &'static str, todo: &'static str) -> Known {
    Known { codes, means, todo }
}

const AGAIN: &str = "sign in again";
const ADMINISTRATOR: &str = "ask an administrator of the tenant";

/// The numbers of `facts/domain.md` 5.8, from what is most particular to what is most general.
pub const KNOWN: &[Known] = &[
    known(&[50034], "the tenant knows no such account", "check the name; an account that was made a moment ago may need minutes to show"),
    known(&[50126], "the name or the password is wrong", "sign in again with the right password; this program never sees it"),
    known(
        &[50053],
        "the account is locked, after too many wrong passwords or from a suspicious address",
        "wait a few minutes, then sign in again",
    ),
    known(
        &[50055, 50144],
        "the password has expired",
        "change it in a browser, for example at https://myaccount.microsoft.com, then sign in again",
    ),
    known(&[50057], "the account is disabled", "enable it, or sign in with another account"),
    known(&[50058], "nobody is signed in in that browser", AGAIN),
    known(
        &[50072, 50079],
        "the account must first register a second factor",
        "sign in in a browser once and register it, then sign in again here",
    ),
    known(&[50074, 50076, 50078], "a second factor is wanted", "sign in again and answer with the second factor"),
    known(
        &[50105],
        "the account is not assigned to this application",
        "assign it in the application's `Users and groups`, or use another `client_id`",
    ),
    known(
        &[50020],
        "the account belongs to another tenant",
        "sign in with an account of this lab's tenant, or check `tenant` in the profile",
    ),
    known(
        &[50134],
        "the code was entered at another data centre than it was made for",
        "sign in again with a new code, or in another way: `browser` or `paste`",
    ),
    known(&[50173], "the earlier sign-in has ended, because it was revoked or the password was changed", AGAIN),
    known(
        &[53000, 53001, 53002],
        "a Conditional Access policy wants a device that is managed or compliant",
        "sign in by `browser` on such a device: a device code can never prove one",
    ),
    known(
        &[53003],
        "a Conditional Access policy blocks this sign-in",
        "try another way (`browser` or `paste`): many tenants block device codes; else ask who looks after Conditional Access",
    ),
    known(&[530_035], "security defaults block this sign-in", "try another way: `browser` or `paste`"),
    known(
        &[65001],
        "nobody has consented to these permissions for this application",
        "an administrator of the tenant must consent to the permissions that this guide names; one who signs in here is asked",
    ),
    known(
        &[65002],
        "this application of Microsoft's is not authorised beforehand for what is asked",
        "register an application of your own and set `client_id`, or `azure_client_id` where Azure alone refuses",
    ),
    known(&[65004], "you declined the permissions that were asked for", "start the sign-in again and accept in the browser"),
    known(
        &[90094],
        "an administrator must consent to these permissions",
        "an administrator of the tenant must consent to the permissions that this guide names; one who signs in here is asked",
    ),
    known(&[70011], "a permission that was asked for does not exist here", "check `[graph] base` and `cloud` in the lab's profile"),
    known(&[70016], "the code was not entered yet", "enter the code in a browser"),
    known(&[70018], "the code is wrong", "sign in again with a new code"),
    known(&[70019, 70020], "the code has expired", "sign in again with a new code"),
    known(&[90120], "the code was used already", "sign in again with a new code"),
    known(&[70008, 700_082], "the earlier sign-in has expired: it was not used for a long time", AGAIN),
    known(&[70043], "the earlier sign-in has ended: a policy limits how long one lasts", AGAIN),
    known(
        &[700_025],
        "the application is registered as one without a secret, but a proof came along",
        "register the certificate in the application's `Certificates & secrets`, or sign in as a person",
    ),
    known(&[70002], "the application's proof of itself was not accepted", "check `client_id` in the lab's profile"),
    known(
        &[7_000_218],
        "the application may not sign persons in without a secret",
        "set `Allow public client flows` to yes in the application's registration",
    ),
    known(&[700_011, 700_016], "the tenant does not know this application", "check `client_id` and `tenant` in the lab's profile"),
    known(&[500_011], "the service that is asked for is not in this tenant", "check `[graph] base` and `cloud` in the lab's profile"),
    known(
        &[650_057],
        "this application's registration does not list the service that is asked for",
        "add Microsoft Graph's delegated permissions to the registration",
    ),
    known(&[90002], "there is no such tenant", "check `tenant` in the lab's profile, and whether it lives in another `cloud`"),
    known(&[90038], "the tenant lives in another cloud", "set `cloud` in the lab's profile"),
    known(
        &[700_027],
        "the certificate is not registered at this application, or the proof was not made with its key",
        "upload the certificate in the application's `Certificates & secrets`; check `client_id` and `certificate` in the lab's profile",
    ),
    known(
        &[700_024],
        "the proof is not good at the sign-in service's time",
        "set this machine's clock: `guidepost lab test` shows how far it is off",
    ),
    known(&[1_000_502], "the certificate has expired, or is not good yet", "make a new certificate and register it at the application"),
    known(
        &[700_021, 700_023],
        "the proof is for another application or another sign-in service",
        "check `client_id`, `tenant` and `authority` in the lab's profile",
    ),
    known(
        &[1_002_012],
        "the service that is asked for is not named as an application must name it",
        "check `[graph] base` in the lab's profile",
    ),
    known(&[50097], "the device must prove itself", "sign in by `browser` on a device that the tenant manages"),
    known(&[28000], "permissions of two services were asked for at once", ADMINISTRATOR),
];

/// The first meaning that one of these numbers has.
#[must_use]
pub fn meaning(codes: &[u32]) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.codes.iter().any(|code| codes.contains(code)))
}

/// The number in `AADSTS65004: …`: a redirect brings no `error_codes`.
pub(super) fn number_in(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("AADSTS")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, meaning, number_in};
    use std::collections::BTreeSet;

    /// `facts/domain.md` 5.8.
    const DOCUMENTED: &[u32] = &[
        50034, 50126, 50053, 50055, 50144, 50057, 50058, 50072, 50074, 50076, 50078, 50079, 50105, 50020, 50134, 50173, 53000, 53001,
        53002, 53003, 530_035, 65001, 65002, 65004, 90094, 70011, 70016, 70018, 70019, 90120, 70008, 700_082, 70043, 700_025, 70002,
        7_000_218, 700_011, 700_016, 500_011, 650_057, 90002, 90038,
    ];

    #[test]
    fn every_documented_number_has_words_of_its_own_and_something_to_do() {
        for code in DOCUMENTED {
            assert!(meaning(&[*code]).is_some(), "AADSTS{code}");
        }
        let mut seen = BTreeSet::new();
        for known in KNOWN {
            assert!(!known.todo.is_empty() && known.todo.len() < 160 && known.means.len() < 120, "{known:?}");
            assert!(!known.todo.ends_with('.') && known.means.starts_with(char::is_lowercase), "{known:?}");
            assert!(known.codes.iter().all(|code| seen.insert(*code)), "{known:?} stands twice");
        }
        assert!(meaning(&[1, 2]).is_none() && meaning(&[]).is_none());
    }

    #[test]
    fn the_number_is_found_in_a_message_and_nonsense_is_none() {
        assert_eq!(number_in("AADSTS65004: declined"), Some(65004));
        for nonsense in ["", "AADSTS", "AADSTS: x", "65004", "AADSTS99999999999999999999"] {
            assert_eq!(number_in(nonsense), None, "{nonsense}");
        }
    }
}
