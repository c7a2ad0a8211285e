//! The attributes of the practice domain: their GUIDs, property sets and syntaxes, as the schema of Windows Server 2016 has them. No values.

use crate::rights::{Asked, Guid, Mask};

/// How values are compared and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Text, compared without case.
    Text,
    /// A number of 32 or 64 bits.
    Number,
    /// A distinguished name.
    Name,
    /// Bytes.
    Bytes,
    /// A security descriptor.
    Descriptor,
    /// `20261122184742.0Z`.
    Time,
    /// `TRUE` or `FALSE`.
    Truth,
}

/// Where a value comes from, and with it whether a client may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Kept as it is written.
    Free,
    /// Kept, and every write has rules of its own.
    Account,
    /// Computed when it is read, and only when it is asked for.
    Constructed,
    /// Made by the directory.
    System,
    /// Part of the name.
    Naming,
    /// The other end of `member`.
    Link,
    /// Written, never read.
    Secret,
}

/// A line of the schema.
#[derive(Debug)]
pub(super) struct Attribute {
    /// As the schema spells it.
    pub(super) name: &'static str,
    guid: Guid,
    set: Option<Guid>,
    /// How values are compared.
    pub(super) syntax: Syntax,
    /// Whether there is one value at most.
    pub(super) single: bool,
    /// Where values come from.
    pub(super) source: Source,
}

const fn line(name: &'static str, guid: u128, set: u128, syntax: Syntax, single: bool, source: Source) -> Attribute {
    Attribute { name, guid: Guid::of(guid), set: if set == 0 { None } else { Some(Guid::of(set)) }, syntax, single, source }
}

const RESTRICTIONS: u128 = 0x4c16_4200_20c0_11d0_a768_00aa_006e_0529;
const LOGON: u128 = 0x5f20_2010_79a5_11d0_9020_00c0_4fc2_d4cf;
const PUBLIC: u128 = 0xe48d_0154_bcf8_11d1_8702_00c0_4fb9_6050;
const GENERAL: u128 = 0x59ba_2f42_79a2_11d0_9020_00c0_4fc2_d3cf;
const DOMAIN_PASSWORD: u128 = 0xc740_7360_20bf_11d0_a768_00aa_006e_0529;
const MEMBERSHIP: u128 = 0xbc0a_c240_79a9_11d0_9020_00c0_4fc2_d4cf;
const PERSONAL: u128 = 0x77b5_b886_944a_11d1_aebd_0000_f803_67c1;
const REMOTE_ACCESS: u128 = 0x0370_88f8_0ae1_11d2_b422_00a0_c968_f939;
const DNS_NAME: u128 = 0x72e3_9547_7b18_11d1_adef_00c0_4fd8_d5cd;

/// The schema; attributes of the real one that nothing here uses are left out.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    line("accountExpires", 0xbf96_7915_0de6_11d0_a285_00aa_0030_49e2, RESTRICTIONS, Syntax::Number, true, Source::Account),
    line("adminCount", 0xbf96_7918_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Number, true, Source::Free),
    line("allowedAttributesEffective", 0x9a7a_d941_ca53_11d1_bbd0_0080_c766_70c0, PUBLIC, Syntax::Text, false, Source::Constructed),
    line("badPasswordTime", 0xbf96_792d_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Number, true, Source::Account),
    line("badPwdCount", 0xbf96_792e_0de6_11d0_a285_00aa_0030_49e2, LOGON, Syntax::Number, true, Source::Account),
    line("c", 0xbf96_7945_0de6_11d0_a285_00aa_0030_49e2, PERSONAL, Syntax::Text, true, Source::Free),
    line("canonicalName", 0x9a7a_d945_ca53_11d1_bbd0_0080_c766_70c0, 0, Syntax::Text, false, Source::Constructed),
    line("cn", 0xbf96_793f_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Naming),
    line("codePage", 0xbf96_7938_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Number, true, Source::Free),
    line("comment", 0xbf96_7a6a_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Text, true, Source::Free),
    line("company", 0xf0f8_ff88_1191_11d0_a060_00aa_006c_33ed, PUBLIC, Syntax::Text, true, Source::Free),
    line("countryCode", 0x5fd4_2471_1262_11d0_a060_00aa_006c_33ed, GENERAL, Syntax::Number, true, Source::Free),
    line("dc", 0x1919_5a55_6da0_11d0_afd3_00c0_4fd9_30c9, 0, Syntax::Text, true, Source::Naming),
    line("department", 0xbf96_794f_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Free),
    line("description", 0xbf96_7950_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Free),
    line("displayName", 0xbf96_7953_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Text, true, Source::Free),
    line("distinguishedName", 0xbf96_79e4_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Name, true, Source::System),
    line("dNSHostName", 0x72e3_9547_7b18_11d1_adef_00c0_4fd8_d5cd, DNS_NAME, Syntax::Text, true, Source::Free),
    line("employeeID", 0xbf96_7962_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Text, true, Source::Free),
    line("givenName", 0xf0f8_ff8e_1191_11d0_a060_00aa_006c_33ed, PUBLIC, Syntax::Text, true, Source::Free),
    line("groupType", 0x9a9a_021e_4a5b_11d1_a9c3_0000_f803_67c1, 0, Syntax::Number, true, Source::Free),
    line("homeDirectory", 0xbf96_7985_0de6_11d0_a285_00aa_0030_49e2, LOGON, Syntax::Text, true, Source::Free),
    line("info", 0xbf96_793e_0de6_11d0_a285_00aa_0030_49e2, PERSONAL, Syntax::Text, true, Source::Free),
    line("initials", 0xf0f8_ff90_1191_11d0_a060_00aa_006c_33ed, PUBLIC, Syntax::Text, true, Source::Free),
    line("instanceType", 0xbf96_798c_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Number, true, Source::System),
    line("isCriticalSystemObject", 0x00fb_f30d_91fe_11d1_aebc_0000_f803_67c1, 0, Syntax::Truth, true, Source::Free),
    line("l", 0xbf96_79a2_0de6_11d0_a285_00aa_0030_49e2, PERSONAL, Syntax::Text, true, Source::Free),
    line("lockoutDuration", 0xbf96_79a5_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("lockOutObservationWindow", 0xbf96_79a4_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("lockoutThreshold", 0xbf96_79a6_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("lockoutTime", 0x2863_0ebf_41d5_11d1_a9c1_0000_f803_67c1, 0, Syntax::Number, true, Source::Account),
    line("mail", 0xbf96_7961_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Free),
    line("manager", 0xbf96_79b5_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Name, true, Source::Free),
    line("maxPwdAge", 0xbf96_79bb_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("member", 0xbf96_79c0_0de6_11d0_a285_00aa_0030_49e2, MEMBERSHIP, Syntax::Name, false, Source::Account),
    line("memberOf", 0xbf96_7991_0de6_11d0_a285_00aa_0030_49e2, MEMBERSHIP, Syntax::Name, false, Source::Link),
    line("minPwdAge", 0xbf96_79c2_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("minPwdLength", 0xbf96_79c3_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("mobile", 0xf0f8_ffa3_1191_11d0_a060_00aa_006c_33ed, PERSONAL, Syntax::Text, true, Source::Free),
    line("mS-DS-ConsistencyGuid", 0x2377_3dc2_b63a_11d2_90e1_00c0_4fd9_1ab1, 0, Syntax::Bytes, true, Source::Free),
    line("ms-DS-MachineAccountQuota", 0xd064_fb68_1480_11d3_91c1_0000_f87a_57d4, 0, Syntax::Number, true, Source::Free),
    line("msDS-Behavior-Version", 0xd31a_8757_2447_4545_8081_3bb6_10ca_cbf2, 0, Syntax::Number, true, Source::System),
    line("msDS-PrincipalName", 0x564e_9325_d057_c143_9e3b_4f9e_5ef4_6f93, 0, Syntax::Text, true, Source::Constructed),
    line("msDS-ResultantPSO", 0xb77e_a093_88d0_4780_9a98_911f_8e8b_1dca, 0, Syntax::Name, true, Source::Constructed),
    line(
        "msDS-User-Account-Control-Computed",
        0x2cc4_b836_b63f_4940_8d23_ea7a_cf06_af56,
        RESTRICTIONS,
        Syntax::Number,
        true,
        Source::Constructed,
    ),
    line("name", 0xbf96_7a0e_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::System),
    line("nTSecurityDescriptor", 0xbf96_79e3_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Descriptor, true, Source::Account),
    line("objectCategory", 0x26d9_7369_6070_11d1_a9c6_0000_f803_67c1, PUBLIC, Syntax::Name, true, Source::Account),
    line("objectClass", 0xbf96_79e5_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, false, Source::System),
    line("objectGUID", 0xbf96_79e7_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Bytes, true, Source::System),
    line("objectSid", 0xbf96_79e8_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Bytes, true, Source::System),
    line("operatingSystem", 0x3e97_8925_8c01_11d0_afda_00c0_4fd9_30c9, 0, Syntax::Text, true, Source::Free),
    line("ou", 0xbf96_79f0_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, false, Source::Naming),
    line("physicalDeliveryOfficeName", 0xbf96_79f7_0de6_11d0_a285_00aa_0030_49e2, PERSONAL, Syntax::Text, true, Source::Free),
    line("primaryGroupID", 0xbf96_7a00_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Number, true, Source::Account),
    line("profilePath", 0xbf96_7a05_0de6_11d0_a285_00aa_0030_49e2, LOGON, Syntax::Text, true, Source::Free),
    line("proxyAddresses", 0xbf96_7a06_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, false, Source::Free),
    line("pwdHistoryLength", 0xbf96_7a09_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("pwdLastSet", 0xbf96_7a0a_0de6_11d0_a285_00aa_0030_49e2, RESTRICTIONS, Syntax::Number, true, Source::Account),
    line("pwdProperties", 0xbf96_7a0b_0de6_11d0_a285_00aa_0030_49e2, DOMAIN_PASSWORD, Syntax::Number, true, Source::Free),
    line("sAMAccountName", 0x3e0a_bfd0_126a_11d0_a060_00aa_006c_33ed, GENERAL, Syntax::Text, true, Source::Free),
    line("sAMAccountType", 0x6e7b_626c_64f2_11d0_afd2_00c0_4fd9_30c9, GENERAL, Syntax::Number, true, Source::Account),
    line("scriptPath", 0xbf96_79a8_0de6_11d0_a285_00aa_0030_49e2, LOGON, Syntax::Text, true, Source::Free),
    line("sDRightsEffective", 0xc3db_afa6_33df_11d2_98b2_0000_f87a_57d4, GENERAL, Syntax::Number, true, Source::Constructed),
    line("servicePrincipalName", 0xf3a6_4788_5306_11d1_a9c5_0000_f803_67c1, PUBLIC, Syntax::Text, false, Source::Free),
    line("showInAdvancedViewOnly", 0xbf96_7984_0de6_11d0_a285_00aa_0030_49e2, GENERAL, Syntax::Truth, true, Source::Free),
    line("sn", 0xbf96_7a41_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Free),
    line("streetAddress", 0xf0f8_ff84_1191_11d0_a060_00aa_006c_33ed, PERSONAL, Syntax::Text, true, Source::Free),
    line("telephoneNumber", 0xbf96_7a49_0de6_11d0_a285_00aa_0030_49e2, PERSONAL, Syntax::Text, true, Source::Free),
    line("thumbnailPhoto", 0x8d3b_ca50_1d7e_11d0_a081_00aa_006c_33ed, PERSONAL, Syntax::Bytes, true, Source::Free),
    line("title", 0xbf96_7a55_0de6_11d0_a285_00aa_0030_49e2, PUBLIC, Syntax::Text, true, Source::Free),
    line("tokenGroups", 0xb7c6_9e6d_2cc7_11d2_854e_00a0_c983_f608, REMOTE_ACCESS, Syntax::Bytes, false, Source::Constructed),
    line("unicodePwd", 0xbf96_79e1_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Bytes, true, Source::Secret),
    line("userAccountControl", 0xbf96_7a68_0de6_11d0_a285_00aa_0030_49e2, RESTRICTIONS, Syntax::Number, true, Source::Account),
    line("userPassword", 0xbf96_7a6e_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Bytes, false, Source::Secret),
    line("userPrincipalName", 0x2863_0ebb_41d5_11d1_a9c1_0000_f803_67c1, PUBLIC, Syntax::Text, true, Source::Free),
    line("userWorkstations", 0xbf96_79d7_0de6_11d0_a285_00aa_0030_49e2, LOGON, Syntax::Text, true, Source::Free),
    line("uSNChanged", 0xbf96_7a6f_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Number, true, Source::System),
    line("uSNCreated", 0xbf96_7a70_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Number, true, Source::System),
    line("whenChanged", 0xbf96_7a77_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Time, true, Source::System),
    line("whenCreated", 0xbf96_7a78_0de6_11d0_a285_00aa_0030_49e2, 0, Syntax::Time, true, Source::System),
];

/// The attribute of this name, in any case.
pub(super) fn attribute(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|line| line.name.eq_ignore_ascii_case(name))
}

impl Attribute {
    /// The right to read it.
    pub(super) fn reading(&self) -> Asked {
        Asked { mask: Mask::READ_PROPERTY, object: Some(self.guid), property_set: self.set }
    }

    /// The right to write it.
    pub(super) fn writing(&self) -> Asked {
        Asked::write(self.guid, self.set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_of_the_guide_have_the_guids_that_the_documentation_gives() {
        for (name, guid, set) in [
            ("lockoutTime", "28630ebf-41d5-11d1-a9c1-0000f80367c1", None),
            ("pwdLastSet", "bf967a0a-0de6-11d0-a285-00aa003049e2", Some("4c164200-20c0-11d0-a768-00aa006e0529")),
            ("mS-DS-ConsistencyGuid", "23773dc2-b63a-11d2-90e1-00c04fd91ab1", None),
        ] {
            let line = attribute(name).unwrap();
            assert_eq!((line.guid.to_string(), line.set.map(|set| set.to_string())), (guid.to_owned(), set.map(str::to_owned)));
        }
    }
}
