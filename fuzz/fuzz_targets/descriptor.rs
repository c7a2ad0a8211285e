//! Whatever bytes come from a domain controller: the decoder never panics, and what it reads it writes back byte for byte.
#![no_main]

use guidepost::rights::descriptor::Glance;
use guidepost::rights::{Asked, Descriptor, Home, Mask, Sid, Target, Token, decide, sddl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let glance = Glance::at(bytes).map(|glance| glance.dacl.into_iter().flatten().count());
    let Ok(read) = Descriptor::read(bytes) else { return };
    assert_eq!(read.write(), bytes);
    assert_eq!(glance, Ok(read.dacl.as_ref().map_or(0, |acl| acl.aces.len())));
    let text = sddl::print(&read);
    let again = sddl::parse(&text, &Home::default()).expect("what is printed is read");
    assert_eq!((again.owner, again.group), (read.owner, read.group));
    assert_eq!(again.dacl.map(|acl| acl.aces), read.dacl.as_ref().map(|acl| acl.aces.clone()));
    let _ = decide(&read, &Token::of(Sid::SYSTEM, []), &Target::default(), Asked::whole(Mask::FULL));
});
