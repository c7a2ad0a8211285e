//! The domain controller from outside, by another client than ours: what the measured one answers, the practice one answers too. Each
//! promise is tried on the practice controller; on a real one as well where `GUIDEPOST_DC` names it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests: helpers outside of test functions fail the test too")]

mod dc;
mod delegation;
mod hostile;
#[path = "../practice/lab.rs"]
mod lab;
mod objects;
mod ours;
mod refusals;
mod search;
mod sign_on;
mod windows;

/// Each promise as a test of its own on a fresh practice controller, and all of a file one after the other for the real one.
macro_rules! promises {
    ($($name:ident),+ $(,)?) => {
        mod practice {
            use super::super::dc::Dc;
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&Dc::practice().await).await;
                }
            )+
        }

        /// All of them on one controller, for the real one.
        pub(crate) async fn all(dc: &crate::dc::Dc) {
            $(
                eprintln!("{}", stringify!($name));
                $name(dc).await;
            )+
        }
    };
}
pub(crate) use promises;

/// One after the other: some of them change the policy of the whole domain, and give it back.
#[tokio::test]
async fn a_real_domain_controller_keeps_the_same_promises() {
    let Some(dc) = dc::Dc::real() else { return };
    sign_on::all(&dc).await;
    refusals::all(&dc).await;
    delegation::all(&dc).await;
    search::all(&dc).await;
    objects::all(&dc).await;
}
