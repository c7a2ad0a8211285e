//! What the events of password writeback and of Entra Connect are called, and how grave each is. Not when one is written.

/// An event as its source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) struct EventName {
    /// Its number.
    pub(in crate::practice) id: u32,
    /// Microsoft's name for it; `InPut`, `UnKnown` and `Mutli` are its own spellings.
    pub(in crate::practice) name: &'static str,
    /// 2 error, 3 warning, 4 information.
    pub(in crate::practice) level: u32,
}

/// The event of this number; `None` for one that Microsoft's troubleshooting page does not list.
pub(in crate::practice) fn event_name(id: u32) -> Option<&'static EventName> {
    NAMES.binary_search_by_key(&id, |one| one.id).ok().and_then(|at| NAMES.get(at))
}

const fn told(id: u32, name: &'static str) -> EventName {
    EventName { id, name, level: 4 }
}

const fn warned(id: u32, name: &'static str) -> EventName {
    EventName { id, name, level: 3 }
}

const fn failed(id: u32, name: &'static str) -> EventName {
    EventName { id, name, level: 2 }
}

/// By number (`facts/domain.md` 3.7; MIR troubleshoot-sspr-writeback.md): first those of ADSync, then those of PasswordResetService.
const NAMES: &[EventName] = &[
    failed(6306, "UnexpectedError"),
    failed(6329, "PasswordOperationError"),
    failed(6800, "EndpointNotStarted"),
    told(31001, "PasswordResetStart"),
    told(31002, "PasswordResetSuccess"),
    failed(31003, "PasswordResetFail"),
    told(31004, "OnboardingEventStart"),
    told(31005, "OnboardingEventSuccess"),
    told(31006, "ChangePasswordStart"),
    told(31007, "ChangePasswordSuccess"),
    failed(31008, "ChangePasswordFail"),
    told(31009, "ResetUserPasswordByAdminStart"),
    told(31010, "ResetUserPasswordByAdminSuccess"),
    failed(31011, "ResetUserPasswordByAdminFail"),
    told(31012, "OffboardingEventStart"),
    told(31013, "OffboardingEventSuccess"),
    failed(31014, "OffboardingEventFail"),
    told(31015, "WriteBackServiceStarted"),
    told(31016, "WriteBackServiceStopped"),
    told(31017, "AuthTokenSuccess"),
    told(31018, "KeyPairCreationSuccess"),
    told(31019, "ServiceBusHeartBeat"),
    failed(31034, "ServiceBusListenerError"),
    failed(31044, "PasswordResetService"),
    failed(32000, "UnknownError"),
    failed(32001, "ServiceError"),
    failed(32002, "ServiceBusError"),
    failed(32003, "InPutValidationError"),
    failed(32004, "DecryptionError"),
    failed(32005, "ConfigurationError"),
    failed(32007, "OnBoardingConfigUpdateError"),
    failed(32008, "ValidationError"),
    failed(32009, "AuthTokenError"),
    failed(32010, "CryptoError"),
    failed(32011, "OnBoardingServiceError"),
    failed(32013, "OffBoardingError"),
    warned(32014, "ServiceBusWarning"),
    failed(32015, "ReportServiceHealthError"),
    failed(33001, "ADUnKnownError"),
    failed(33002, "ADUserNotFoundError"),
    failed(33003, "ADMutliMatchError"),
    failed(33004, "ADPermissionsError"),
    failed(33005, "ADUserAccountDisabled"),
    failed(33006, "ADUserAccountLockedOut"),
    failed(33007, "ADUserIncorrectPassword"),
    failed(33008, "ADPasswordPolicyError"),
    failed(33009, "ADConfigurationError"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_number_and_no_other() {
        assert!(NAMES.is_sorted_by(|one, next| one.id < next.id));
        for id in 0..40_000 {
            assert_eq!(event_name(id), NAMES.iter().find(|one| one.id == id));
        }
    }
}
