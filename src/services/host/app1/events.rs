//! What the events of password writeback mean, in words. Source: Microsoft's troubleshooting page for writeback (`facts/domain.md` 3.7); the spellings
//! `InPut`, `UnKnown` and `Mutli` are its own.

/// An event of the source `PasswordResetService` in the Application log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its number.
    pub id: u32,
    /// Microsoft's name for it.
    pub name: &'static str,
    /// What it says of the machine or the password.
    pub words: &'static str,
    /// Whether it tells of trouble.
    pub trouble: bool,
}

/// What an event means; `None` for one that the source of this table does not know.
#[must_use]
pub fn meaning(id: u32) -> Option<&'static Meaning> {
    MEANINGS.binary_search_by_key(&id, |one| one.id).ok().and_then(|at| MEANINGS.get(at))
}

const fn good(id: u32, name: &'static str, words: &'static str) -> Meaning {
    Meaning { id, name, words, trouble: false }
}

const fn bad(id: u32, name: &'static str, words: &'static str) -> Meaning {
    Meaning { id, name, words, trouble: true }
}

/// By number.
const MEANINGS: [Meaning; 44] = [
    good(31001, "PasswordResetStart", "a person's own reset arrived"),
    good(31002, "PasswordResetSuccess", "a person's own reset was written to the domain"),
    bad(31003, "PasswordResetFail", "a person's own reset was not written"),
    good(31004, "OnboardingEventStart", "writeback is being switched on"),
    good(31005, "OnboardingEventSuccess", "writeback was switched on"),
    good(31006, "ChangePasswordStart", "a person's change arrived"),
    good(31007, "ChangePasswordSuccess", "a person's change was written to the domain"),
    bad(31008, "ChangePasswordFail", "a person's change was not written"),
    good(31009, "ResetUserPasswordByAdminStart", "an administrator's reset arrived"),
    good(31010, "ResetUserPasswordByAdminSuccess", "an administrator's reset was written to the domain"),
    bad(31011, "ResetUserPasswordByAdminFail", "an administrator's reset was not written"),
    good(31012, "OffboardingEventStart", "writeback is being switched off"),
    good(31013, "OffboardingEventSuccess", "writeback was switched off"),
    bad(31014, "OffboardingEventFail", "writeback could not be switched off"),
    good(31015, "WriteBackServiceStarted", "the writeback service started"),
    good(31016, "WriteBackServiceStopped", "the writeback service stopped"),
    good(31017, "AuthTokenSuccess", "the machine has a token for switching writeback"),
    good(31018, "KeyPairCreationSuccess", "the key for passwords was made"),
    good(31019, "ServiceBusHeartBeat", "the machine listens; it says so about every five minutes"),
    bad(31034, "ServiceBusListenerError", "the relay in the cloud cannot be reached"),
    bad(31044, "PasswordResetService", "a part of the writeback service does not run"),
    bad(32000, "UnknownError", "something went wrong, and nobody knows what"),
    bad(32001, "ServiceError", "the cloud's side refused"),
    bad(32002, "ServiceBusError", "the network to the relay failed"),
    bad(32003, "InPutValidationError", "the request that arrived is not valid"),
    bad(32004, "DecryptionError", "the password could not be decrypted: switch writeback off and on again"),
    bad(32005, "ConfigurationError", "the tenant's configuration could not be read or is wrong"),
    bad(32007, "OnBoardingConfigUpdateError", "the configuration could not be sent to the tenant"),
    bad(32008, "ValidationError", "the cloud's answer is not valid"),
    bad(32009, "AuthTokenError", "the administrator could not sign in: wrong password, federated, or asked for a second factor"),
    bad(32010, "CryptoError", "the key for passwords does not fit: switch writeback off and on again"),
    bad(32011, "OnBoardingServiceError", "the cloud refused to switch writeback on"),
    bad(32013, "OffBoardingError", "the cloud refused to switch writeback off"),
    bad(32014, "ServiceBusWarning", "the connection to the relay was lost for a moment"),
    bad(32015, "ReportServiceHealthError", "the machine could not tell the cloud how it is"),
    bad(33001, "ADUnKnownError", "the domain refused, and nobody knows why"),
    bad(33002, "ADUserNotFoundError", "the account is not synchronised, or not by this connector"),
    bad(33003, "ADMutliMatchError", "two accounts have the same anchor"),
    bad(33004, "ADPermissionsError", "the connector account lacks a right, or the account is protected"),
    bad(33005, "ADUserAccountDisabled", "the account is disabled"),
    bad(33006, "ADUserAccountLockedOut", "the account is locked"),
    bad(33007, "ADUserIncorrectPassword", "the old password is wrong"),
    bad(33008, "ADPasswordPolicyError", "the domain's policy refused the password: its age, history or complexity"),
    bad(33009, "ADConfigurationError", "the connection to the domain is not configured rightly"),
];

#[cfg(test)]
mod tests {
    use super::{MEANINGS, meaning};

    #[test]
    fn every_event_of_the_table_is_found_and_no_other() {
        assert!(MEANINGS.is_sorted_by(|one, next| one.id < next.id));
        for id in 0..40_000 {
            assert_eq!(meaning(id), MEANINGS.iter().find(|one| one.id == id));
        }
        let failures = MEANINGS.iter().filter(|one| one.name.ends_with("Fail") || one.name.ends_with("Error"));
        assert!(failures.clone().count() > 15 && failures.into_iter().all(|one| one.trouble));
    }
}
