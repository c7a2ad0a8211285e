//! Refusals, word for word as the measured controller says them: of passwords, of attributes, of the tree.

use crate::dc::{Dc, PASSWORD, change, one, quoted, read, reset, said, sd_flags, set, text, write_dacl};
use ldap3::Mod;
use std::collections::HashSet;

crate::promises!(
    a_password_must_be_long_complex_new_and_old_enough,
    a_reset_skips_age_and_history_but_not_length,
    each_wrong_write_of_a_password_has_its_own_sentence,
    each_wrong_write_of_a_descriptor_has_its_own_sentence,
    each_wrong_write_of_an_attribute_has_its_own_sentence,
    each_wrong_change_of_the_tree_has_its_own_sentence,
    a_stranger_may_change_nothing,
);

fn policy(number: &str, why: &str) -> (u32, String) {
    (19, format!("{number}: Constraint violation - check_password_restrictions: {why}"))
}

async fn a_password_must_be_long_complex_new_and_old_enough(dc: &Dc) {
    let stage = dc.stage("policy").await;
    let (mut admin, mut user) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let short = policy("0000052D", "the password is too short. It should be equal or longer than 7 characters!");
    let simple = policy("0000052D", "the password does not meet the complexity criteria!");
    for (new, refused) in [("Ab1!", &short), ("aaaaaaaaaa", &simple), ("aaaa1111", &simple)] {
        assert_eq!(&reset(&mut admin, &stage.target, new).await, refused, "{new}");
        assert_eq!(&change(&mut user, &stage.target, PASSWORD, new).await, refused, "{new}");
    }
    assert_eq!(
        change(&mut user, &stage.target, "Wr0ng-Passw0rd", "Second-Passw0rd2").await,
        policy("00000056", "The old password specified doesn't match!")
    );
    assert_eq!(
        change(&mut user, &stage.target, PASSWORD, PASSWORD).await,
        policy("0000052D", "the password was already used (previous password)!")
    );
    assert_eq!(change(&mut user, &stage.target, PASSWORD, "Second-Passw0rd2").await, (0, String::new()));
    let earlier = policy("0000052D", "the password was already used (in history)!");
    assert_eq!(change(&mut user, &stage.target, "Second-Passw0rd2", PASSWORD).await, earlier);
    assert_eq!(set(&mut admin, &dc.base, "minPwdAge", "-864000000000").await.0, 0);
    let young = policy("0000052D", "password is too young to change!");
    assert_eq!(change(&mut user, &stage.target, "Second-Passw0rd2", "Third-Passw0rd3").await, young);
    assert_eq!(set(&mut admin, &dc.base, "minPwdAge", "0").await.0, 0);
    dc.done(stage).await;
}

async fn a_reset_skips_age_and_history_but_not_length(dc: &Dc) {
    let stage = dc.stage("reset").await;
    let mut admin = dc.admin().await;
    assert_eq!(set(&mut admin, &dc.base, "minPwdAge", "-864000000000").await.0, 0);
    for new in [PASSWORD, PASSWORD, "Second-Passw0rd2", PASSWORD] {
        assert_eq!(reset(&mut admin, &stage.target, new).await, (0, String::new()), "{new}");
    }
    assert_eq!(set(&mut admin, &dc.base, "minPwdAge", "0").await.0, 0);
    dc.done(stage).await;
}

async fn each_wrong_write_of_a_password_has_its_own_sentence(dc: &Dc) {
    let stage = dc.stage("unicode").await;
    let mut admin = dc.admin().await;
    let name = || b"unicodePwd".to_vec();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let hash = "00002035: setup_io: it's not allowed to set the NT hash password directly'";
    let rows: Vec<(Vec<Mod<Vec<u8>>>, &str)> = vec![
        (vec![Mod::Replace(name(), one("unquoted"))], hash),
        (vec![Mod::Replace(name(), one(utf16("unq")))], hash),
        (vec![Mod::Add(name(), one(quoted("New-Passw0rd1")))], "00002035: Only the add action for a password change specified!"),
        (
            vec![Mod::Delete(name(), one(quoted(PASSWORD)))],
            "00002035: setup_io: It's not possible to delete the password (changes using the LAN Manager hash alone could be deactivated)!",
        ),
        (vec![Mod::Replace(name(), HashSet::new())], "00002035: setup_io: it's only allowed to set the old password once!"),
    ];
    for (mods, words) in rows {
        assert_eq!(said(admin.modify(&stage.target, mods).await), (53, words.to_owned()));
    }
    assert_eq!(reset(&mut admin, &stage.ou, "New-Passw0rd1").await.0, 50);
    assert!(!read(&mut admin, &stage.target, &["unicodePwd", "cn"]).await.contains_key("unicodePwd"));
    dc.done(stage).await;
}

async fn each_wrong_write_of_a_descriptor_has_its_own_sentence(dc: &Dc) {
    let stage = dc.stage("descriptor").await;
    let (mut admin, mut user) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let bytes = crate::dc::dacl_bytes(&mut admin, &stage.ou).await.unwrap();
    assert_eq!(
        write_dacl(&mut user, &stage.ou, bytes.clone()).await,
        (50, format!("00002098: Object {} has no write dacl access\n", stage.ou))
    );
    for garbage in [&b"\x01\x00\x04"[..], b"", &bytes[..40]] {
        let (code, words) = write_dacl(&mut admin, &stage.ou, garbage.to_vec()).await;
        assert!(
            (code == 1 && words == "00002020: operations error at ../../source4/dsdb/samdb/ldb_modules/descriptor.c:896")
                || garbage.is_empty(),
            "{code} {words}"
        );
        assert_ne!(code, 0);
    }
    let name = b"nTSecurityDescriptor".to_vec();
    let swap = vec![Mod::Delete(name.clone(), one(bytes.clone())), Mod::Add(name, one(bytes.clone()))];
    let (code, words) = said(admin.with_controls(sd_flags(4)).modify(&stage.ou, swap).await);
    assert!(code == 53 && words.starts_with("00002035: MOD_DELETE for nTSecurityDescriptor not supported yet"), "{code} {words}");
    assert_eq!(crate::dc::dacl_bytes(&mut admin, &stage.ou).await.unwrap(), bytes);
    dc.done(stage).await;
}

async fn each_wrong_write_of_an_attribute_has_its_own_sentence(dc: &Dc) {
    let stage = dc.stage("attribute").await;
    let (mut admin, dn, group) = (dc.admin().await, stage.target.clone(), format!("CN=Domain Admins,CN=Users,{}", dc.base));
    let replace = |name: &'static str, values: &[&'static str]| Mod::Replace(name, values.iter().copied().collect::<HashSet<_>>());
    let only = |value: &'static str| HashSet::from([value]);
    let (code, words) = set(&mut admin, &dn, "pwdLastSet", "5").await;
    assert!(code == 80 && words.starts_with("00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only!"), "{code} {words}");
    let single = |name: &str| format!("0000200D: SINGLE-VALUE attribute {name} on {dn} specified more than once");
    let rows: Vec<(Mod<&str>, u32, String)> = vec![
        (replace("noSuchAttr", &["x"]), 16, format!("acl_modify: attribute 'noSuchAttr' on entry '{dn}' was not found in the schema!")),
        (Mod::Delete("description", HashSet::new()), 16, format!("attribute 'description': no such attribute for delete on '{dn}'")),
        (Mod::Delete("sAMAccountName", only("y")), 53, "00002077: samldb: 'samAccountName' can't be deleted/empty!".to_owned()),
        (Mod::Add("description", only("y")), 0, String::new()),
        (
            Mod::Delete("description", only("z")),
            16,
            format!("attribute 'description': no matching attribute value while deleting attribute on '{dn}'"),
        ),
        (Mod::Add("description", only("z")), 20, single("description")),
        (replace("displayName", &["y", "z"]), 20, single("displayName")),
        (replace("objectSid", &["y"]), 53, "00002035: samldb: objectSid must not be specified!".to_owned()),
        (
            replace("uSNChanged", &["5"]),
            19,
            format!("0000202F: objectclass_attrs: attribute 'uSNChanged' on entry '{dn}' can only be modified as system"),
        ),
        (
            replace("adminCount", &["abc"]),
            21,
            format!("0000200B: objectclass_attrs: attribute 'adminCount' on entry '{dn}' contains at least one invalid value!"),
        ),
        (replace("cn", &["abc"]), 67, format!("00002016: Modify of RDN 'CN' on {dn} not permitted, must use 'rename' operation instead")),
        (
            replace("tokenGroups", &["x"]),
            19,
            format!("0000202F: objectclass_attrs: attribute 'tokenGroups' on entry '{dn}' is constructed!"),
        ),
        (
            Mod::Replace("memberOf", HashSet::from([group.as_str()])),
            53,
            format!(
                "00002035: objectclass_attrs: attribute 'memberOf' on entry '{dn}' must not be modified directly, it is a linked attribute"
            ),
        ),
    ];
    for (wish, code, words) in rows {
        let shown = format!("{wish:?}");
        assert_eq!(said(admin.modify(&dn, vec![wish]).await), (code, words), "{shown}");
    }
    // All of it or nothing.
    let both = vec![replace("description", &["never"]), replace("displayName", &["y", "z"])];
    assert_eq!(said(admin.modify(&dn, both).await).0, 20);
    assert_eq!(text(&mut admin, &dn, "description").await, "y");
    dc.done(stage).await;
}

async fn each_wrong_change_of_the_tree_has_its_own_sentence(dc: &Dc) {
    let stage = dc.stage("tree").await;
    let (mut admin, ou, base) = (dc.admin().await, stage.ou.clone(), dc.base.clone());
    let user = || vec![("objectClass", HashSet::from(["user"]))];
    let nobody = format!("CN=nobody,{ou}");
    assert_eq!(set(&mut admin, &nobody, "description", "x").await, (32, format!("00002030: No such Base DN: {nobody}")));
    assert_eq!(set(&mut admin, "nonsense", "description", "x").await, (34, "00002032: ldb_modify: invalid dn '(null)'".to_owned()));
    let gone = format!("00002030: objectclass: Cannot delete {nobody}, entry does not exist!");
    assert_eq!(said(admin.delete(&nobody).await), (32, gone));
    let children = "00002015: subtree_delete: Unable to delete a non-leaf node (it has 2 children)!".to_owned();
    assert_eq!(said(admin.delete(&ou).await), (66, children));
    let kept = format!("00002035: objectclass: Cannot delete CN=Users,{base}, it isn't permitted!");
    assert_eq!(said(admin.delete(&format!("CN=Users,{base}")).await), (53, kept));
    assert_eq!(said(admin.add(&stage.target, user()).await), (68, format!("Entry {} already exists", stage.target)));
    let mut taken = user();
    taken.push(("sAMAccountName", HashSet::from([stage.delegate.as_str()])));
    let in_use = format!("00002071: samldb: samAccountName '{}' already in use!", stage.delegate);
    assert_eq!(said(admin.add(&format!("CN=new,{ou}"), taken).await), (68, in_use));
    let nowhere = format!("CN=new,OU=none,{base}");
    let no_parent = format!("00002030: objectclass: Cannot add {nowhere}, parent does not exist!");
    assert_eq!(said(admin.add(&nowhere, user()).await), (32, no_parent));
    let strange = vec![("objectClass", HashSet::from(["nonsense"]))];
    let no_class = "0000200A: objectclass nonsense is not a valid objectClass in schema".to_owned();
    assert_eq!(said(admin.add(&format!("CN=new,{ou}"), strange).await), (16, no_class));
    let (group, member) = (format!("CN=Domain Admins,CN=Users,{base}"), HashSet::from([stage.target.as_str()]));
    assert_eq!(said(admin.modify(&group, vec![Mod::Add("member", member.clone())]).await).0, 0);
    let twice = said(admin.modify(&group, vec![Mod::Add("member", member.clone())]).await);
    assert!(twice.0 == 68 && twice.1.starts_with("Attribute member already exists for target GUID "), "{twice:?}");
    assert_eq!(said(admin.modify(&group, vec![Mod::Delete("member", member.clone())]).await).0, 0);
    let again = said(admin.modify(&group, vec![Mod::Delete("member", member)]).await);
    assert!(again.0 == 53 && again.1.starts_with("Attribute member already deleted for target GUID "), "{again:?}");
    dc.done(stage).await;
}

async fn a_stranger_may_change_nothing(dc: &Dc) {
    let stage = dc.stage("stranger").await;
    let mut user = dc.user(&stage.delegate, PASSWORD).await;
    let made = user.add(&format!("CN=new,{}", stage.ou), vec![("objectClass", HashSet::from(["user"]))]).await;
    assert_eq!(said(made), (50, format!("acl: unable to get access to CN=new,{}\n", stage.ou)));
    assert_eq!(said(user.delete(&stage.target).await), (50, format!("dsdb_access: Access check failed on {}", stage.ou)));
    let moved = user.modifydn(&stage.target, "CN=other", true, Some(&format!("OU=people,{}", stage.ou))).await;
    assert_eq!(said(moved), (50, format!("00002098: Object {} has no wp on name\n", stage.target)));
    let mut nobody = dc.sealed().await;
    let refused = set(&mut nobody, &stage.target, "description", "x").await;
    assert!(refused.0 == 1 && refused.1.contains("without authentication"), "{refused:?}");
    dc.done(stage).await;
}
