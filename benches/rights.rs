//! How long it takes to read a descriptor of 50 entries and to say what a delegate may do; what a survey pays per user. Not a test of
//! what comes out.
#![expect(clippy::unwrap_used, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use guidepost::rights::delegation::{known, wanted};
use guidepost::rights::descriptor::Glance;
use guidepost::rights::inherit::{Child, inherited};
use guidepost::rights::{Ace, AceFlags, Acl, Asked, Descriptor, Mask, Right, Sid, Target, Token, decide};
use std::hint::black_box;

const ENTRIES: u32 = 50;
const DOMAIN: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333]);

/// The delegate's entry last, behind 49 for other groups: every one of them has to be looked at.
fn descriptor() -> Descriptor {
    let others = (1..ENTRIES).map(|rid| Ace::allow(AceFlags::CONTAINER_INHERIT, Mask::FULL, DOMAIN.child(rid)));
    let own = wanted(&[Right::ResetPassword], DOMAIN.child(1105));
    let child = Child { classes: vec![known::USER], owner: None, group: None };
    let parent = Acl { aces: others.chain(own).collect(), ..Acl::default() };
    let mut descriptor = Descriptor::default();
    descriptor.owner = Some(Sid::ADMINISTRATORS);
    descriptor.dacl = Some(Acl { aces: inherited(&parent, &child), ..Acl::default() });
    descriptor
}

fn bench(c: &mut Criterion) {
    let bytes = descriptor().write();
    let token = Token::of(DOMAIN.child(1105), (1200..1230).map(|rid| DOMAIN.child(rid)));
    let target = Target { classes: vec![known::USER], sid: Some(DOMAIN.child(1106)) };
    let asked = Asked::extended(known::RESET_PASSWORD);
    assert!(decide(&Descriptor::read(&bytes).unwrap(), &token, &target, asked).by == Some(49));
    c.bench_function("read and decide, 50 entries", |b| {
        b.iter(|| decide(&Descriptor::read(black_box(&bytes)).unwrap(), &token, &target, asked));
    });
    c.bench_function("read and write back, 50 entries", |b| b.iter(|| Descriptor::read(black_box(&bytes)).unwrap().write()));
    c.bench_function("glance over 50 entries", |b| {
        b.iter(|| Glance::at(black_box(&bytes)).unwrap().dacl.unwrap().filter(|ace| ace.is_ok_and(|ace| ace.body.is_empty())).count());
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
