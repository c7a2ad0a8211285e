//! Whatever text is taken for SDDL: the parser never panics, and what it reads it prints so that it reads the same again.
#![no_main]

use guidepost::rights::{Home, Sid, sddl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let home = Home::of(Sid::known(5, &[21, 1, 2, 3]));
    let Ok(read) = sddl::parse(text, &home) else { return };
    assert_eq!(sddl::parse(&sddl::print(&read), &Home::default()), Ok(read));
});
