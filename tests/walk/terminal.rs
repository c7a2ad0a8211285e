//! The terminal: sizes, signs, colours, signals, noise; and that it is given back.

use crate::{
    flow::{closes, opens_plan, role_is},
    house::{House, PROGRAM, Start},
};
use rustix::process::Signal;

#[test]
fn every_size_shows_what_it_has_room_for_and_says_when_it_has_none() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &["walk", "--step", "global-administrator"]);
    role_is(&mut pty, "✗");
    pty.resize(80, 24);
    pty.sees("4/10");
    pty.sees("✗ fail");
    opens_plan(&mut pty, "a");
    pty.sees("needs   RoleManagement.ReadWrite.Directory");
    closes(&mut pty, "High risk");
    pty.resize(60, 16);
    pty.sees("4/10");
    pty.sees("Verification");
    pty.resize(50, 10);
    pty.sees("the terminal is 50x10, Guidepost needs 60x16");
    pty.resize(120, 40);
    pty.sees("Step 4 of 10");
    role_is(&mut pty, "✗");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
}

#[test]
fn a_small_terminal_shows_how_long_a_change_may_take_and_that_it_is_open() {
    let house = House::new();
    let mut pty = house.walk(80, 24, &["walk", "--step", "global-administrator"]);
    pty.sees("✗ fail");
    opens_plan(&mut pty, "a");
    pty.types("apply\r");
    pty.sees("… pending");
    pty.sees("1 change open");
    pty.sees("it may take 2 min to show");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}

#[test]
fn every_end_gives_the_terminal_back_and_says_by_its_exit_code_what_it_was() {
    let house = House::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut pty = house.walk(120, 40, &[]);
        pty.sees("Step 1 of 10");
        assert!(pty.on_alternate_screen() && pty.cursor_is_hidden());
        pty.signal(signal);
        assert_eq!(pty.ends(), code, "{signal:?}");
        pty.is_given_back();
    }
    for key in ["q", "\x03"] {
        let mut pty = house.walk(120, 40, &[]);
        pty.sees("Step 1 of 10");
        pty.types(key);
        assert_eq!(pty.ends(), 0);
        pty.is_given_back();
        let written = String::from_utf8_lossy(&pty.written).into_owned();
        assert!(written.contains("\x1b[?2004l"), "pasting is as it was");
        // Cursor position, device attributes, colours, keyboard flags, modes: this terminal answers nothing.
        for query in ["\x1b[6n", "\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b]10;?", "\x1b]11;?", "\x1b[?u", "$p"] {
            assert!(!written.contains(query), "asked {query:?}");
        }
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_goes_on_in_the_same_place() {
    let house = House::new();
    let script = format!("set -m; {PROGRAM}; stty -a; echo stopped here; read line; fg; echo over $?");
    let mut pty = house.starts(120, 40, "sh", &["-c", &script], &[]);
    pty.sees("Step 1 of 10");
    pty.types("n");
    pty.sees("Step 2 of 10");
    pty.types("\x1a");
    pty.sees("stopped here");
    pty.is_given_back();
    pty.types("\n");
    pty.until("the walk to come back", |pty| pty.on_alternate_screen() && pty.text().contains("Step 2 of 10"));
    pty.types("n");
    pty.sees("Step 3 of 10");
    pty.types("q");
    pty.ends();
    pty.is_given_back();
    assert!(pty.text().contains("over 0"), "{}", pty.text());
}

#[test]
fn ascii_draws_its_frame_with_nothing_else() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &["walk", "--ascii", "--step", "global-administrator"]);
    pty.sees(&format!("> NO {}", crate::house::ROLE));
    opens_plan(&mut pty, "a");
    assert_eq!(pty.text().chars().filter(|c| !c.is_ascii()).collect::<String>(), "", "{}", pty.text());
    closes(&mut pty, "High risk");
    for (key, text) in [("w", "Wire log"), ("?", "In a box like this one")] {
        pty.types(key);
        pty.sees(text);
        assert_eq!(pty.text().chars().filter(|c| !c.is_ascii()).collect::<String>(), "", "{}", pty.text());
        closes(&mut pty, text);
    }
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}

/// Whether a colour is chosen anywhere: `ESC [ … m` with 30–38, 40–48, 90–97 or 100–107. 39 and 49 are the terminal's own.
fn coloured(written: &[u8]) -> bool {
    let text = String::from_utf8_lossy(written);
    let styles = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest.get(end..)?.starts_with('m').then(|| rest.get(..end))?
    });
    styles
        .flat_map(|style| style.split(';'))
        .filter_map(|code| code.parse::<u16>().ok())
        .any(|code| matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

#[test]
fn no_color_means_no_colour_and_colour_is_there_without_it() {
    let house = House::new();
    let cases: [(Start<'_>, bool); 4] = [
        ((&[], &[]), true),
        ((&[], &[("NO_COLOR", "1")]), false),
        ((&["--color", "never"], &[]), false),
        ((&["--color", "always"], &[("NO_COLOR", "1")]), true),
    ];
    for ((args, env), expected) in cases {
        let mut pty = house.walk_with(120, 40, args, env);
        pty.sees("✓ Subscription");
        pty.types("q");
        assert_eq!(pty.ends(), 0);
        assert_eq!(coloured(&pty.written), expected, "{args:?} {env:?}");
    }
}

/// Bytes as a broken line or a cat on the keyboard makes them, the same each time; without those that end the walk on purpose and
/// Ctrl-Z: what comes after it is the shell's.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        // Knuth's MMIX generator; its high bits are good enough for noise.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).filter(|byte| !matches!(byte, b'q' | 0x03 | 0x1a)).take(count).collect()
}

#[test]
fn noise_and_pasted_text_neither_change_anything_nor_break_anything() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &["walk", "--step", "global-administrator"]);
    role_is(&mut pty, "✗");
    assert!(String::from_utf8_lossy(&pty.written).contains("\x1b[?2004h"), "pasted text is told from keys");
    pty.types("\x1b[200~a\rapply\rapply\ru\r\ry\rapply\r q\x1b[201~");
    let sequences = [
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b[<0;10;10M\x1b[<0;10;10m",
        "\x1b[1;1R\x1b[?1;2c\x1b]11;rgb:0000/0000/0000\x1b\\",
        "\x1b[999999999999;99999999999u\x1b[27;5;9~\x1b[I\x1b[O",
        "\x1bP1$r0m\x1b\\\x1b_junk\x1b\\",
    ];
    for sequence in sequences {
        pty.types(sequence);
    }
    for seed in 1..6 {
        pty.types(noise(seed, 2_000));
    }
    // Whatever was half typed or half pasted ends here; then the way out works as before.
    let mut tries = 0;
    pty.until("the walk to answer again", |pty| {
        match tries % 50 {
            0 => pty.types("\x1b[201~\x1b"),
            25 => pty.types("\x03"),
            _ => {}
        }
        tries += 1;
        !pty.on_alternate_screen()
    });
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
    assert!(!String::from_utf8_lossy(&pty.written).contains("panicked"), "{}", pty.text());
    assert_eq!(house.sent(), [""; 0]);
}

#[test]
fn a_signal_while_an_address_is_pasted_gives_the_terminal_back() {
    let house = House::new();
    let labs = house.path("config/guidepost/labs");
    std::fs::create_dir_all(&labs).unwrap();
    let profile =
        "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"http://127.0.0.1:1\"\ntenant = \"contoso.example\"\nway = \"paste\"\n";
    std::fs::write(labs.join("mine.toml"), profile).unwrap();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut pty = house.walk(120, 40, &["signin", "--lab", "mine"]);
        pty.sees("paste it here:");
        pty.types("http://localhost/?code=canary-code");
        pty.sees("***");
        pty.signal(signal);
        assert_ne!(pty.ends(), 0);
        assert!(!pty.text().contains("canary"), "what is pasted is not shown");
        pty.is_given_back();
    }
}
