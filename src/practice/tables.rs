//! The fixed data of the practice tenant: roles, permissions, products, clients. No logic.

use super::world::Resource;

/// A built-in directory role.
#[derive(Debug)]
pub(super) struct Role {
    /// Template id, which is also the id of the definition.
    pub(super) id: &'static str,
    /// Its name today.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
}

/// Holds every right in the tenant.
pub(super) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
/// May assign roles.
pub(super) const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
/// May read everything.
pub(super) const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
/// May read the directory, roles included.
pub(super) const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";

/// May reset the sign-in methods of any account.
pub(super) const PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: &str = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13";
/// May reset the sign-in methods of accounts without a role.
pub(super) const AUTHENTICATION_ADMINISTRATOR: &str = "c4e39bd9-1100-46d3-8c65-fb160da0071f";
/// May manage the policy of sign-in methods.
pub(super) const AUTHENTICATION_POLICY_ADMINISTRATOR: &str = "0526716b-113d-4c15-b2c8-68e3c22b9f80";
/// May manage domains.
pub(super) const DOMAIN_NAME_ADMINISTRATOR: &str = "8329153b-31d0-4727-b945-745eb3bc5f31";
/// May manage accounts and groups.
pub(super) const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
/// May manage the licenses of accounts.
pub(super) const LICENSE_ADMINISTRATOR: &str = "4d6ac14f-3453-41d0-bef9-a3e0c569773a";
/// May read sign-in and audit reports.
pub(super) const REPORTS_READER: &str = "4a5d8f65-41da-4de4-8968-e035b65339cf";
/// May read security information and reports.
pub(super) const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";
/// May manage security policies.
pub(super) const SECURITY_ADMINISTRATOR: &str = "194ae4cb-b126-40b2-bd5b-6091b380977d";
/// May manage applications, except the application proxy.
pub(super) const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";

/// The roles of the tenant (entra-docs permissions-reference.md).
pub(super) const ROLES: &[Role] = &[
    Role { id: GLOBAL_ADMINISTRATOR, name: "Global Administrator", about: "Can manage every part of the tenant." },
    Role { id: PRIVILEGED_ROLE_ADMINISTRATOR, name: "Privileged Role Administrator", about: "Can manage role assignments." },
    Role { id: GLOBAL_READER, name: "Global Reader", about: "Can read what a Global Administrator can, and change nothing." },
    Role { id: DIRECTORY_READERS, name: "Directory Readers", about: "Can read basic directory information." },
    Role {
        id: PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
        name: "Privileged Authentication Administrator",
        about: "Can reset the sign-in methods of any account.",
    },
    Role {
        id: AUTHENTICATION_ADMINISTRATOR,
        name: "Authentication Administrator",
        about: "Can reset the sign-in methods of accounts without a privileged role.",
    },
    Role {
        id: AUTHENTICATION_POLICY_ADMINISTRATOR,
        name: "Authentication Policy Administrator",
        about: "Can manage the policy of sign-in methods and of password protection.",
    },
    Role {
        id: "966707d0-3269-4727-9be2-8c3a10f19b9d",
        name: "Password Administrator",
        about: "Can reset passwords of accounts without a privileged role.",
    },
    Role {
        id: "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        name: "Hybrid Identity Administrator",
        about: "Can manage synchronisation with a domain on premises.",
    },
    Role { id: DOMAIN_NAME_ADMINISTRATOR, name: "Domain Name Administrator", about: "Can manage the tenant's domain names." },
    Role {
        id: "d29b2b05-8046-44ba-8758-1e26182fcf32",
        name: "Directory Synchronization Accounts",
        about: "Held by the account that Entra Connect signs in with.",
    },
    Role { id: USER_ADMINISTRATOR, name: "User Administrator", about: "Can manage accounts and groups." },
    Role { id: LICENSE_ADMINISTRATOR, name: "License Administrator", about: "Can manage the licenses of accounts." },
    Role { id: REPORTS_READER, name: "Reports Reader", about: "Can read sign-in and audit reports." },
    Role { id: SECURITY_READER, name: "Security Reader", about: "Can read security information and reports." },
    Role { id: SECURITY_ADMINISTRATOR, name: "Security Administrator", about: "Can manage security policies." },
    Role {
        id: CLOUD_APPLICATION_ADMINISTRATOR,
        name: "Cloud Application Administrator",
        about: "Can manage applications, except the application proxy.",
    },
];

/// The role of this id or name; names in any case.
pub(super) fn role(key: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(key) || role.name.eq_ignore_ascii_case(key))
}

/// A service plan of a product.
#[derive(Debug)]
pub(super) struct Plan {
    /// `servicePlanId`.
    pub(super) id: &'static str,
    /// `servicePlanName`.
    pub(super) name: &'static str,
}

/// A product that can be bought.
#[derive(Debug)]
pub(super) struct Product {
    /// `skuId`.
    pub(super) id: &'static str,
    /// `skuPartNumber`.
    pub(super) part: &'static str,
    /// What is in it.
    pub(super) plans: &'static [Plan],
}

/// Entra ID P1.
pub(super) const P1: Plan = Plan { id: "41781fb2-bc02-4b7c-bd55-b576c07bb09d", name: "AAD_PREMIUM" };
/// Entra ID P2.
pub(super) const P2: Plan = Plan { id: "eec0eb4f-6444-4f95-aba0-50c24d67f998", name: "AAD_PREMIUM_P2" };
const EXCHANGE: Plan = Plan { id: "efb87545-963c-4e0d-99df-69c6916d9eb0", name: "EXCHANGE_S_ENTERPRISE" };

/// The products of the guide and its stack (`facts/domain.md` 2.4).
pub(super) const PRODUCTS: &[Product] = &[
    Product { id: "06ebc4ee-1bb5-47dd-8120-11324bc54e06", part: "SPE_E5", plans: &[EXCHANGE, P1, P2] },
    Product { id: "c7df2760-2c81-4ef7-b578-5b5392b571df", part: "ENTERPRISEPREMIUM", plans: &[EXCHANGE] },
    Product { id: "b05e124f-c7cc-45a0-a6aa-8cf78c946968", part: "EMSPREMIUM", plans: &[P1, P2] },
];

/// The product of this part number or id, in any case.
pub(super) fn product(key: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.id.eq_ignore_ascii_case(key) || product.part.eq_ignore_ascii_case(key))
}

/// An application that the tenant knows. All are public clients with `http://localhost` as redirect.
#[derive(Debug)]
pub(super) struct Client {
    /// `client_id`.
    pub(super) id: &'static str,
    /// As the consent page names it.
    pub(super) name: &'static str,
    /// What Microsoft gave its own application beforehand; nobody is asked for that, and nothing else of that resource can be had.
    pub(super) before: Before,
}

/// What Microsoft gave one of its own applications beforehand (`facts/domain.md` 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: it is no application of Microsoft's.
    Nothing,
    /// Nothing, but Graph may be asked for by consent; Resource Manager is closed to it (AADSTS65002). No source says so of this pair of
    /// application and resource (`facts/domain.md` 5.6): the lab takes the worse case.
    GraphByConsent,
    /// Resource Manager, and of Graph these permissions.
    Azure(&'static [&'static str]),
}

/// The practice lab's own registration of Guidepost.
pub(super) const PRACTICE_CLIENT: &str = "6b1f0a52-3c7e-4d18-9a64-2f85c0d7e913";

/// An application that signs in by itself, by a certificate.
pub(super) const PRACTICE_APP: &str = "9d47c2e5-6a83-4f10-b5d9-31e8a7f0c264";
/// Its name.
pub(super) const PRACTICE_APP_NAME: &str = "Guidepost pipeline (practice)";

/// Graph itself, the same everywhere.
pub(super) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// Resource Manager as a resource; its id is the same everywhere.
pub(super) const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
/// Its one delegated permission.
pub(super) const IMPERSONATION: &str = "user_impersonation";

/// What Azure's own tools may ask Graph for.
const OF_GRAPH: &[&str] = &["AuditLog.Read.All", "User.ReadWrite.All"];

/// The applications of the tenant; all but the first are Microsoft's own (`facts/domain.md` 5.6).
pub(super) const CLIENTS: &[Client] = &[
    Client { id: PRACTICE_CLIENT, name: "Guidepost (practice)", before: Before::Nothing },
    Client { id: "14d82eec-204b-4c2f-b7e8-296a70dab67e", name: "Microsoft Graph Command Line Tools", before: Before::GraphByConsent },
    Client { id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", name: "Microsoft Azure CLI", before: Before::Azure(OF_GRAPH) },
    Client { id: "1950a258-227b-4e31-a9cf-717495945fc2", name: "Microsoft Azure PowerShell", before: Before::Azure(OF_GRAPH) },
];

/// The application with this id.
pub(super) fn client(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id.eq_ignore_ascii_case(id))
}

/// A delegated permission of Graph.
#[derive(Debug)]
pub(super) struct Scope {
    /// Its value in a token.
    pub(super) name: &'static str,
    /// As the consent page explains it.
    pub(super) about: &'static str,
    /// Whether only an administrator may consent.
    pub(super) admin: bool,
    /// Whether the practice client holds it for the practice administrator from the start.
    pub(super) given: bool,
}

const fn scope(name: &'static str, about: &'static str, admin: bool, given: bool) -> Scope {
    Scope { name, about, admin, given }
}

/// The permissions that the tenant offers (microsoft-graph-devx-content permissions.json; `facts/domain.md` 2.2).
pub(super) const SCOPES: &[Scope] = &[
    scope("User.Read", "Sign you in and read your profile", false, true),
    scope("User.ReadBasic.All", "Read all users' basic profiles", false, true),
    scope("User.Read.All", "Read all users' full profiles", true, true),
    scope("User.ReadWrite.All", "Read and write all users' full profiles", true, true),
    scope("Organization.Read.All", "Read organization information", true, true),
    scope("Directory.Read.All", "Read directory data", true, false),
    scope("Directory.ReadWrite.All", "Read and write directory data", true, false),
    scope("Domain.Read.All", "Read domains", true, true),
    scope("Domain.ReadWrite.All", "Read and write domains", true, false),
    scope("LicenseAssignment.Read.All", "Read all license assignments", false, true),
    scope("RoleManagement.Read.Directory", "Read directory role settings", true, true),
    scope("RoleManagement.Read.All", "Read role management data", true, false),
    scope("RoleManagement.ReadWrite.Directory", "Read and write directory role settings", true, true),
    scope("OnPremDirectorySynchronization.Read.All", "Read on-premises directory synchronization", true, true),
    scope("OnPremDirectorySynchronization.ReadWrite.All", "Read and write on-premises directory synchronization", true, false),
    scope("AuditLog.Read.All", "Read audit log data", true, true),
    scope("Policy.Read.All", "Read your organization's policies", true, true),
    scope("UserAuthenticationMethod.Read.All", "Read all users' authentication methods", true, true),
    scope("UserAuthenticationMethod.ReadWrite.All", "Read and write all users' authentication methods", true, true),
    scope("AgentIdUser.ReadWrite.All", "Read and write agent users", true, false),
    scope("AgentIdUser.ReadWrite.IdentityParentedBy", "Read and write agent users of an agent identity", true, false),
    scope("Application.Read.All", "Read applications", true, false),
    scope("Application.ReadWrite.All", "Read and write applications", true, false),
    scope("DelegatedPermissionGrant.ReadWrite.All", "Manage delegated permission grants", true, false),
    scope("DeviceManagementApps.Read.All", "Read Intune apps", true, false),
    scope("DeviceManagementApps.ReadWrite.All", "Read and write Intune apps", true, false),
    scope("DeviceManagementConfiguration.Read.All", "Read Intune configuration", true, false),
    scope("DeviceManagementConfiguration.ReadWrite.All", "Read and write Intune configuration", true, false),
    scope("DeviceManagementManagedDevices.Read.All", "Read Intune devices", true, false),
    scope("DeviceManagementManagedDevices.ReadWrite.All", "Read and write Intune devices", true, false),
    scope("DeviceManagementServiceConfig.Read.All", "Read Intune service configuration", true, false),
    scope("DeviceManagementServiceConfig.ReadWrite.All", "Read and write Intune service configuration", true, false),
    scope("LicenseAssignment.ReadWrite.All", "Manage all license assignments", true, false),
    scope("Organization.ReadWrite.All", "Read and write organization information", true, false),
    scope("Policy.Read.AuthenticationMethod", "Read authentication method policies", true, false),
    scope("Policy.ReadWrite.AuthenticationMethod", "Read and write authentication method policies", true, false),
    scope("Policy.ReadWrite.Authorization", "Read and write your organization's authorization policy", true, false),
    scope("Policy.ReadWrite.SecurityDefaults", "Read and write your organization's security defaults policy", true, false),
    scope("RoleEligibilitySchedule.Read.Directory", "Read eligible role assignments", true, false),
    scope("RoleEligibilitySchedule.ReadWrite.Directory", "Read and write eligible role assignments", true, false),
    scope("User-Mail.ReadWrite.All", "Read and write all users' other mail addresses", true, false),
    scope("User-PasswordProfile.ReadWrite.All", "Read and write all users' password profiles", true, false),
    scope("User-Phone.ReadWrite.All", "Read and write all users' phone numbers", true, false),
    scope("User.DeleteRestore.All", "Delete and restore all users", true, false),
    scope("User.EnableDisableAccount.All", "Enable and disable user accounts", true, false),
    scope("User.ManageIdentities.All", "Manage all users' identities", true, false),
    scope("User.ReadWrite", "Read and update your profile", false, false),
    scope("User.RevokeSessions.All", "Revoke all sign-in sessions", true, false),
    scope("UserAuthMethod-Password.Read", "Read your password method", true, false),
    scope("UserAuthMethod-Password.Read.All", "Read all users' password methods", true, false),
    scope("UserAuthMethod-Password.ReadWrite", "Read and write your password method", true, false),
    scope("UserAuthMethod-Password.ReadWrite.All", "Read and write all users' password methods", true, false),
    scope("UserAuthenticationMethod.Read", "Read your authentication methods", true, false),
    scope("UserAuthenticationMethod.ReadWrite", "Read and write your authentication methods", true, false),
];

/// Permissions that no application can have: those over one's own account, and those of `facts/domain.md` 2.2.
pub(super) const PERSONS_ONLY: &[&str] = &[
    "OnPremDirectorySynchronization.Read.All",
    "OnPremDirectorySynchronization.ReadWrite.All",
    "User.Read",
    "User.ReadWrite",
    "UserAuthMethod-Password.Read",
    "UserAuthMethod-Password.ReadWrite",
    "UserAuthenticationMethod.Read",
    "UserAuthenticationMethod.ReadWrite",
];

/// The permission of Resource Manager.
const OF_AZURE: Scope = scope(IMPERSONATION, "Access Azure Resource Manager as you", false, true);

/// The permission of this name, in any case, of this resource.
pub(super) fn scope_of(resource: Resource, name: &str) -> Option<&'static Scope> {
    match resource {
        Resource::Graph => graph_scope(name),
        Resource::Azure => Some(&OF_AZURE).filter(|scope| scope.name.eq_ignore_ascii_case(name)),
    }
}

/// The Graph permission of this name, in any case.
pub(super) fn graph_scope(name: &str) -> Option<&'static Scope> {
    SCOPES.iter().find(|scope| scope.name.eq_ignore_ascii_case(name))
}
