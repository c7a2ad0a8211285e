//! Which delegated permissions let which operation in: names and sets as in permissions.json of microsoft-graph-devx-content. No logic.

/// `GET /me`.
pub(super) const ME: &[&str] = &[
    "User.Read",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite",
    "User.ReadWrite.All",
];
/// `GET /users`.
pub(super) const USERS_LIST: &[&str] = &[
    "User.ReadBasic.All",
    "User.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "DeviceManagementApps.Read.All",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "User.Read.All",
];
/// `POST /users`.
pub(super) const USERS_CREATE: &[&str] = &[
    "User.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Directory.ReadWrite.All",
];
/// `GET /users/{user-id}`.
pub(super) const USERS_ONE: &[&str] = &[
    "User.ReadBasic.All",
    "User.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "DeviceManagementApps.Read.All",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "User.Read",
    "User.Read.All",
    "User.ReadWrite",
];
/// `PATCH /users/{user-id}`.
pub(super) const USERS_UPDATE: &[&str] = &[
    "User.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Directory.ReadWrite.All",
    "User-Mail.ReadWrite.All",
    "User-PasswordProfile.ReadWrite.All",
    "User-Phone.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User.ManageIdentities.All",
    "User.ReadWrite",
];
/// `DELETE /users/{user-id}`.
pub(super) const USERS_DELETE: &[&str] = &[
    "User.DeleteRestore.All",
    "User.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
];
/// `GET /users/{user-id}/authentication/methods`.
pub(super) const METHODS: &[&str] = &[
    "UserAuthenticationMethod.Read.All",
    "UserAuthenticationMethod.Read",
    "UserAuthenticationMethod.ReadWrite",
    "UserAuthenticationMethod.ReadWrite.All",
];
/// `POST /users/{user-id}/authentication/methods/{authenticationMethod-id}/resetPassword`.
pub(super) const RESET: &[&str] = &["UserAuthenticationMethod.ReadWrite.All"];
/// `GET /roleManagement/directory/roleAssignments`.
pub(super) const ROLES_READ: &[&str] = &[
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "RoleManagement.Read.All",
];
/// `POST /roleManagement/directory/roleAssignments`.
pub(super) const ROLES_WRITE: &[&str] = &["RoleManagement.ReadWrite.Directory"];
/// `GET /directoryRoles`.
pub(super) const ACTIVE_ROLES: &[&str] =
    &["RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "Directory.Read.All", "Directory.ReadWrite.All"];
/// `GET /subscribedSkus`.
pub(super) const SKUS: &[&str] =
    &["LicenseAssignment.Read.All", "Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All"];
/// `GET /organization`.
pub(super) const ORGANIZATION: &[&str] = &[
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "User.Read",
    "User.Read.All",
];
/// `GET /domains`.
pub(super) const DOMAINS: &[&str] = &["Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All"];
/// `POST /domains`.
pub(super) const DOMAINS_WRITE: &[&str] = &["Domain.ReadWrite.All"];
/// `GET /domains/{domain-id}/verificationDnsRecords`.
pub(super) const DNS_RECORDS: &[&str] = &["Domain.Read.All", "Domain.ReadWrite.All"];
/// `GET /directory/onPremisesSynchronization`.
pub(super) const SYNC_LIST: &[&str] = &["OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All"];
/// `GET /directory/onPremisesSynchronization/{onPremisesDirectorySynchronization-id}`.
pub(super) const SYNC_ONE: &[&str] = &["OnPremDirectorySynchronization.ReadWrite.All"];
/// `GET /policies/authorizationPolicy`.
pub(super) const AUTHORIZATION: &[&str] = &["Policy.Read.All", "Policy.ReadWrite.Authorization"];
/// `PATCH /policies/authorizationPolicy`.
pub(super) const AUTHORIZATION_WRITE: &[&str] = &["Policy.ReadWrite.Authorization"];
/// `POST /users/{user-id}/assignLicense`.
pub(super) const LICENSES_WRITE: &[&str] = &[
    "LicenseAssignment.ReadWrite.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "Directory.ReadWrite.All",
    "User.ReadWrite.All",
];
/// `GET /users/{user-id}/licenseDetails`.
pub(super) const LICENSES: &[&str] = &[
    "LicenseAssignment.Read.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "User.Read",
    "User.Read.All",
    "User.ReadWrite.All",
];
/// `POST /users/{user-id}/revokeSignInSessions`.
pub(super) const REVOKE: &[&str] = &[
    "User.RevokeSessions.All",
    "AgentIdUser.ReadWrite.All",
    "AgentIdUser.ReadWrite.IdentityParentedBy",
    "Directory.ReadWrite.All",
    "User.ReadWrite.All",
];
/// `GET /users/{user-id}/authentication/passwordMethods`.
pub(super) const PASSWORD_METHODS: &[&str] = &[
    "UserAuthMethod-Password.Read",
    "UserAuthMethod-Password.Read.All",
    "UserAuthMethod-Password.ReadWrite",
    "UserAuthMethod-Password.ReadWrite.All",
    "UserAuthenticationMethod.Read",
    "UserAuthenticationMethod.Read.All",
    "UserAuthenticationMethod.ReadWrite",
    "UserAuthenticationMethod.ReadWrite.All",
];
/// `GET /auditLogs/signIns`.
pub(super) const REPORTS: &[&str] = &["AuditLog.Read.All"];
/// `GET /auditLogs/directoryAudits`.
pub(super) const AUDITS: &[&str] = &["AuditLog.Read.All", "Directory.Read.All"];
/// `GET /policies/identitySecurityDefaultsEnforcementPolicy`.
pub(super) const SECURITY_DEFAULTS: &[&str] = &["Policy.Read.All", "Policy.ReadWrite.SecurityDefaults"];
/// `GET /policies/authenticationMethodsPolicy`.
pub(super) const METHODS_POLICY: &[&str] =
    &["Policy.Read.AuthenticationMethod", "Policy.ReadWrite.AuthenticationMethod", "Policy.Read.All"];
/// `GET /servicePrincipals`.
pub(super) const APPLICATIONS: &[&str] =
    &["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// `GET /oauth2PermissionGrants`.
pub(super) const GRANTS: &[&str] = &["Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"];
/// `DELETE /oauth2PermissionGrants/{oAuth2PermissionGrant-id}`, and PATCH (Graph docs, oauth2permissiongrant-update.md).
pub(super) const GRANTS_DELETE: &[&str] = &["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"];
/// `GET /roleManagement/directory/roleEligibilityScheduleInstances`.
pub(super) const ELIGIBLE: &[&str] = &[
    "RoleEligibilitySchedule.Read.Directory",
    "RoleEligibilitySchedule.ReadWrite.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
];

/// These let in only what is the caller's own.
pub(super) const OWN: &[&str] = &[
    "User.Read",
    "User.ReadWrite",
    "UserAuthenticationMethod.Read",
    "UserAuthenticationMethod.ReadWrite",
    "UserAuthMethod-Password.Read",
    "UserAuthMethod-Password.ReadWrite",
];
/// These count only beside another one.
pub(super) const BESIDE: &[(&str, &str)] = &[("Policy.ReadWrite.SecurityDefaults", "Policy.Read.All")];
/// These let in a change of these properties of an account and no other.
pub(super) const PARTIAL: &[(&str, &[&str])] = &[
    ("User.EnableDisableAccount.All", &["accountEnabled"]),
    ("User.ManageIdentities.All", &["identities"]),
    ("User-Mail.ReadWrite.All", &["otherMails"]),
    ("User-PasswordProfile.ReadWrite.All", &["passwordProfile"]),
    ("User-Phone.ReadWrite.All", &["businessPhones", "mobilePhone"]),
];
