//! A password that nobody needs to know: made when it is sent, in memory only, and gone after. Not for passwords that people use.

use crate::base::Secret;
use zeroize::{Zeroize as _, Zeroizing};

/// How many characters; the cloud takes up to 256, and a domain's policy seldom asks for more than 14.
const LENGTH: usize = 24;
/// Without what looks alike or needs quoting anywhere.
const KINDS: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"-_.+=!#*"];

/// Makes one, with all four kinds of characters in it.
///
/// # Errors
/// The machine has no random numbers.
pub(super) fn made() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0u8; 2 * LENGTH]);
    loop {
        getrandom::fill(bytes.as_mut_slice())?;
        let mut text = String::with_capacity(LENGTH);
        for pair in bytes.chunks_exact(2) {
            let [kind, place] = pair else { continue };
            // Each kind as often as another; a slight preference within a kind costs nothing that matters at this length.
            let letters = KINDS[usize::from(*kind) % KINDS.len()];
            text.push(char::from(letters[usize::from(*place) % letters.len()]));
        }
        if KINDS.iter().all(|kind| text.bytes().any(|byte| kind.contains(&byte))) {
            return Ok(Secret::new(text));
        }
        text.zeroize();
    }
}

/// The text without the password, should a system have sent it back.
pub(super) fn without(text: &str, password: &Secret) -> String {
    text.replace(password.expose(), "‹password›")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn passwords_are_long_of_all_kinds_and_never_the_same() {
        let made: HashSet<String> = (0..200).map(|_| made().unwrap().expose().to_owned()).collect();
        assert_eq!(made.len(), 200);
        for password in made {
            assert!(password.len() == LENGTH && KINDS.iter().all(|kind| password.bytes().any(|byte| kind.contains(&byte))), "{password}");
        }
    }

    #[test]
    fn a_password_that_comes_back_is_taken_out_of_what_was_said() {
        assert_eq!(without("`x1` is too short", &Secret::new("x1")), "`‹password›` is too short");
    }
}
