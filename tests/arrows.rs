//! Which room may know which: every `crate::`, `super::`, `self::` and `guidepost::` path under `src`, and the outer crates that are kept
//! to a few rooms. It reads the code as `syn` does; it cannot see through a macro that builds paths out of pieces.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use syn::buffer::{Cursor, TokenBuffer};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, MetaList, Token, UseTree, VisRestricted};

/// Each room and the rooms it may name; ARCHITECTURE.md shows the same table.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("rights", &[]),
    ("services", &["base", "rights"]),
    ("guide", &["base"]),
    ("practice", &["base", "rights"]),
    ("lab", &["base", "guide", "services"]),
    ("engine", &["base", "rights", "guide", "lab", "services"]),
    ("report", &["base", "guide", "engine"]),
    ("plain", &["base", "guide", "engine", "report"]),
    ("tui", &["base", "guide", "engine", "report"]),
    ("cli", &["base", "rights", "services", "guide", "practice", "lab", "engine", "report", "plain", "tui"]),
    ("main", &["cli", "base"]),
    ("lib", &[]),
];

/// Arrows that one file of a room may have and the rest of it may not.
const DOORS: &[(&[&str], &str)] = &[(&["lab", "connect"], "practice")];

/// Outer crates and modules, and the only places that may name them.
const KEPT: &[(&[&str], &[&[&str]])] = &[
    (&["ratatui"], &[&["tui", "view"], &["tui", "model"]]),
    (&["crossterm"], &[&["tui", "term"], &["tui", "input"]]),
    (&["std", "process"], &[&["services", "host"], &["lab", "connect"]]),
    (&["std", "os", "unix", "process"], &[&["services", "host"], &["lab", "connect"]]),
    (&["std", "os", "windows", "process"], &[&["services", "host"], &["lab", "connect"]]),
    (&["tokio", "process"], &[&["services", "host"], &["lab", "connect"]]),
    (&["open"], &[&["services", "host"], &["lab", "connect"]]),
];

/// What `std::process` holds that starts no child.
const HARMLESS: &[&str] = &["ExitCode", "Termination", "id"];

/// What one file says about the rest of the house.
struct Reader {
    /// The file, for messages.
    file: String,
    /// Where in the crate we are; `["main"]` in the binary, empty in `lib.rs`.
    module: Vec<String>,
    arrows: BTreeSet<(String, String)>,
    faults: BTreeSet<String>,
}

impl Reader {
    fn new(file: &str) -> Self {
        let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
        let module = if inner == "lib" { Vec::new() } else { inner.split('/').map(str::to_owned).collect() };
        Self { file: file.to_owned(), module, arrows: BTreeSet::new(), faults: BTreeSet::new() }
    }

    fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    fn fault(&mut self, path: &[String], why: &str) {
        self.faults.insert(format!("{}: `{}`: {why}", self.file, path.join("::")));
    }

    /// Judges one path as written.
    fn judge(&mut self, path: &[String]) {
        let Some(first) = path.first() else { return };
        match first.as_str() {
            "crate" if self.room() != "main" => self.judge_ours(path, path.get(1..).unwrap_or_default()),
            "guidepost" if self.room() == "main" => self.judge_ours(path, path.get(1..).unwrap_or_default()),
            "guidepost" => self.fault(path, "say `crate`"),
            "self" | "super" => self.judge_ours(path, &self.absolute(path)),
            _ => self.judge_outer(path),
        }
    }

    fn absolute(&self, path: &[String]) -> Vec<String> {
        let up = path.iter().filter(|part| *part == "super").count();
        let here = self.module.len().saturating_sub(up);
        let below = path.iter().skip_while(|part| *part == "self" || *part == "super");
        self.module.iter().take(here).chain(below).cloned().collect()
    }

    fn judge_ours(&mut self, written: &[String], target: &[String]) {
        let Some(to) = target.first().filter(|to| *to != "*") else {
            return self.fault(written, "names the whole house; name the room");
        };
        let from = self.room().to_owned();
        if from == *to {
            return;
        }
        self.arrows.insert((from.clone(), to.clone()));
        let row = ROOMS.iter().find(|(room, _)| *room == from);
        let by_row = row.is_some_and(|(_, may)| may.contains(&to.as_str()));
        let by_door = DOORS.iter().any(|(place, room)| room == to && begins(&self.module, place));
        if !by_row && !by_door {
            self.fault(written, &format!("`{from}` may not know `{to}`"));
        }
    }

    fn judge_outer(&mut self, path: &[String]) {
        // ratatui brings crossterm along under its own roof.
        let inner = if begins(path, &["ratatui", "crossterm"]) { &path[1..] } else { path };
        let Some((kept, places)) = KEPT.iter().find(|(kept, _)| begins(inner, kept)) else { return };
        let harmless = *kept == ["std", "process"] && inner.get(2).is_some_and(|name| HARMLESS.contains(&name.as_str()));
        if !harmless && !places.iter().any(|place| begins(&self.module, place)) {
            let places: Vec<String> = places.iter().map(|place| format!("`{}`", place.join("/"))).collect();
            self.fault(path, &format!("`{}` belongs to {} only", kept.join("::"), places.join(" and ")));
        }
    }

    /// Paths among tokens that `syn` does not parse: the insides of macros and attributes.
    fn scan(&mut self, mut cursor: Cursor) {
        let mut after_dot = false;
        while !cursor.eof() {
            if let Some((name, after)) = cursor.ident() {
                if after_dot {
                    cursor = after;
                } else {
                    cursor = self.scan_path(name.to_string(), after);
                }
                after_dot = false;
            } else if let Some((group, _, _, after)) = cursor.any_group() {
                self.scan(group);
                (cursor, after_dot) = (after, false);
            } else if let Some((sign, after)) = cursor.punct() {
                // What follows `.` is a field or a method, such as `file.open(…)`.
                after_dot = sign.as_char() == '.';
                cursor = after;
            } else if let Some((literal, after)) = cursor.literal() {
                self.scan_text(&literal.to_string());
                (cursor, after_dot) = (after, false);
            } else if let Some((_, after)) = cursor.token_tree() {
                (cursor, after_dot) = (after, false);
            } else {
                return;
            }
        }
    }

    /// Follows `name::…` to its end, judges it, and gives back where it ended.
    fn scan_path<'a>(&mut self, name: String, mut cursor: Cursor<'a>) -> Cursor<'a> {
        let mut path = vec![name];
        while let Some(after) = double_colon(cursor) {
            if let Some((next, after)) = after.ident() {
                path.push(next.to_string());
                cursor = after;
            } else if let Some((group, _, _, after)) = after.any_group() {
                let trees = Punctuated::<UseTree, Token![,]>::parse_terminated.parse2(group.token_stream());
                for tree in trees.into_iter().flatten() {
                    self.judge_tree(&path, &tree);
                }
                return after;
            } else if let Some((_, after)) = after.punct().filter(|(sign, _)| sign.as_char() == '*') {
                path.push("*".to_owned());
                cursor = after;
            } else {
                break;
            }
        }
        if path.len() > 1 {
            self.judge(&path);
        }
        cursor
    }

    /// A text that is a path: `#[serde(with = "super::time")]`.
    fn scan_text(&mut self, literal: &str) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(literal) else { return };
        if let Ok(path) = text.parse::<syn::Path>() {
            self.visit_path(&path);
        }
    }

    fn judge_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &dyn ToString| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.judge_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.judge(before),
            UseTree::Name(name) => self.judge(&with(&name.ident)),
            UseTree::Rename(name) if name.ident == "self" => self.judge(before),
            UseTree::Rename(name) => self.judge(&with(&name.ident)),
            UseTree::Glob(_) => self.judge(&with(&"*")),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.judge_tree(before, tree);
                }
            }
        }
    }
}

fn double_colon(cursor: Cursor) -> Option<Cursor> {
    let (first, cursor) = cursor.punct()?;
    let (second, cursor) = cursor.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(cursor)
}

fn begins(path: &[String], with: &[&str]) -> bool {
    path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b)
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.judge_tree(&[], &item.tree);
    }

    /// `pub(crate)` and `pub(super)` name nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.judge(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.scan(TokenBuffer::new2(mac.tokens.clone()).begin());
        visit::visit_macro(self, mac);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("path") {
            self.fault(&["#[path]".to_owned()], "a file's place is its name");
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.scan(TokenBuffer::new2(list.tokens.clone()).begin());
        visit::visit_meta_list(self, list);
    }
}

/// Reads one file as it stands in `src`.
fn read(file: &str, code: &str) -> Reader {
    let mut reader = Reader::new(file);
    match syn::parse_file(code) {
        Ok(parsed) => reader.visit_file(&parsed),
        Err(error) => reader.fault(&[], &format!("does not parse: {error}")),
    }
    if !ROOMS.iter().any(|(room, _)| *room == reader.room()) {
        let room = reader.room().to_owned();
        reader.fault(&[room], "is no room; say in ROOMS what it may know");
    }
    reader
}

fn faults(file: &str, code: &str) -> Vec<String> {
    read(file, code).faults.into_iter().collect()
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn source_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_house_has_only_its_allowed_arrows() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    source_files(&top.join("src"), &mut files);
    let (mut faults, mut arrows) = (Vec::new(), BTreeSet::new());
    for file in &files {
        let name = file.strip_prefix(top).unwrap().to_string_lossy().replace('\\', "/");
        let read = read(&name, &fs::read_to_string(file).unwrap());
        faults.extend(read.faults);
        arrows.extend(read.arrows);
    }
    assert!(faults.is_empty(), "{} forbidden:\n{}", faults.len(), faults.join("\n"));
    let seen = |from: &str, to: &str| arrows.contains(&(from.to_owned(), to.to_owned()));
    assert!(seen("main", "cli") && seen("cli", "base") && seen("engine", "guide"), "the reader saw too little: {arrows:?}");
}

#[test]
fn a_forbidden_arrow_is_found_wherever_it_hides() {
    let cases: &[(&str, &str, &str)] = &[
        ("src/base/text.rs", "use crate::guide::Pack;", "src/base/text.rs: `crate::guide::Pack`: `base` may not know `guide`"),
        ("src/guide.rs", "use super::engine;", "src/guide.rs: `super::engine`: `guide` may not know `engine`"),
        (
            "src/guide/pack.rs",
            "use super::super::engine::page as p;",
            "src/guide/pack.rs: `super::super::engine::page`: `guide` may not know `engine`",
        ),
        (
            "src/services/entra.rs",
            "use crate::{base::Secret, lab::{self, connect}};",
            "src/services/entra.rs: `crate::lab`: `services` may not know `lab`",
        ),
        ("src/tui/view.rs", "fn f(x: crate::lab::Profile) {}", "src/tui/view.rs: `crate::lab::Profile`: `tui` may not know `lab`"),
        (
            "src/tui/view.rs",
            "fn f() { let _ = <crate::services::A as Into<u8>>::into; }",
            "src/tui/view.rs: `crate::services::A`: `tui` may not know `services`",
        ),
        (
            "src/plain.rs",
            "fn f() { println!(\"{}\", crate::services::vault::name()); }",
            "src/plain.rs: `crate::services::vault::name`: `plain` may not know `services`",
        ),
        ("src/plain.rs", "fn f() { wild! { use crate::{lab::A, tui}; } }", "src/plain.rs: `crate::lab::A`: `plain` may not know `lab`"),
        (
            "src/guide/step.rs",
            "struct A { #[serde(with = \"crate::engine::time\")] b: u8 }",
            "src/guide/step.rs: `crate::engine::time`: `guide` may not know `engine`",
        ),
        (
            "src/guide/step.rs",
            "mod tests { mod inner { use super::super::super::super::tui::x; } }",
            "src/guide/step.rs: `super::super::super::super::tui::x`: `guide` may not know `tui`",
        ),
        (
            "src/guide.rs",
            "#[cfg(test)] mod tests { fn f() { crate::practice::serve(); } }",
            "src/guide.rs: `crate::practice::serve`: `guide` may not know `practice`",
        ),
        (
            "src/lab/profile.rs",
            "use crate::practice::serve;",
            "src/lab/profile.rs: `crate::practice::serve`: `lab` may not know `practice`",
        ),
        ("src/report.rs", "pub use crate::*;", "src/report.rs: `crate::*`: names the whole house; name the room"),
        ("src/report.rs", "use crate as house;", "src/report.rs: `crate`: names the whole house; name the room"),
        ("src/report.rs", "use super::*;", "src/report.rs: `super::*`: names the whole house; name the room"),
        ("src/main.rs", "use guidepost::{base::Exit, engine::run};", "src/main.rs: `guidepost::engine::run`: `main` may not know `engine`"),
        ("src/cli.rs", "use guidepost::base;", "src/cli.rs: `guidepost::base`: say `crate`"),
        ("src/attic.rs", "", "src/attic.rs: `attic`: is no room; say in ROOMS what it may know"),
        (
            "src/tui/update.rs",
            "use ratatui::style::Color;",
            "src/tui/update.rs: `ratatui::style::Color`: `ratatui` belongs to `tui/view` and `tui/model` only",
        ),
        (
            "src/tui/view.rs",
            "use ratatui::crossterm::event::Event;",
            "src/tui/view.rs: `ratatui::crossterm::event::Event`: `crossterm` belongs to `tui/term` and `tui/input` only",
        ),
        (
            "src/engine/run.rs",
            "fn f() { crossterm::terminal::size(); }",
            "src/engine/run.rs: `crossterm::terminal::size`: `crossterm` belongs to `tui/term` and `tui/input` only",
        ),
        (
            "src/engine/run.rs",
            "fn f() { std::process::Command::new(\"x\"); }",
            "src/engine/run.rs: `std::process::Command::new`: `std::process` belongs to `services/host` and `lab/connect` only",
        ),
        (
            "src/engine/run.rs",
            "use std::{fs, process::{self, ExitCode}};",
            "src/engine/run.rs: `std::process`: `std::process` belongs to `services/host` and `lab/connect` only",
        ),
        (
            "src/cli/walk.rs",
            "async fn f() { tokio::process::Command::new(\"x\"); }",
            "src/cli/walk.rs: `tokio::process::Command::new`: `tokio::process` belongs to `services/host` and `lab/connect` only",
        ),
        (
            "src/cli/walk.rs",
            "fn f() { open::that(\"x\"); }",
            "src/cli/walk.rs: `open::that`: `open` belongs to `services/host` and `lab/connect` only",
        ),
        ("src/base.rs", "#[path = \"elsewhere.rs\"] mod a;", "src/base.rs: `#[path]`: a file's place is its name"),
    ];
    for (file, code, expected) in cases {
        assert!(faults(file, code).contains(&(*expected).to_owned()), "{code}\n found: {:?}", faults(file, code));
    }
}

#[test]
fn what_is_allowed_is_left_alone() {
    let cases: &[(&str, &str)] = &[
        ("src/lib.rs", "pub mod base; pub(crate) mod cli;"),
        ("src/main.rs", "use guidepost::{base::{Exit, http}, cli::{self, Cli}}; use std::process::ExitCode;"),
        ("src/tui/view.rs", "use super::model::Model; use ratatui::Frame; use crate::engine::page::Page;"),
        ("src/tui/term.rs", "use crossterm::event; fn f() { self::size(); super::model::x(); }"),
        ("src/tui.rs", "mod view; use self::view::draw; #[cfg(test)] mod tests { use super::*; }"),
        ("src/lab/connect.rs", "use crate::practice; fn f() { tokio::process::Command::new(\"x\"); }"),
        ("src/services/host.rs", "fn f() { open::that_detached(\"x\"); }"),
        ("src/cli/practice.rs", "use crate::{base::Exit, practice::{self, Options}}; use super::Globals;"),
        ("src/engine/run.rs", "fn f(open: bool) { file.open(true); say!(open, std::process::id()); }"),
        ("src/base/text.rs", "pub(super) fn f() { let text = \"crate::engine is only mentioned\"; }"),
    ];
    for (file, code) in cases {
        assert_eq!(faults(file, code), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn architecture_shows_the_same_table() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    for (room, may) in ROOMS.iter().filter(|(room, _)| *room != "lib") {
        let may = match *room {
            "cli" => "every room".to_owned(),
            "lab" => format!("{}; `practice` in `lab/connect.rs` only", list(may)),
            _ if may.is_empty() => "nothing of ours".to_owned(),
            _ => list(may),
        };
        let row = format!("| `{room}` | {may} |");
        assert!(text.contains(&row), "ARCHITECTURE.md lacks the row {row}");
    }
}

fn list(rooms: &[&str]) -> String {
    rooms.iter().map(|room| format!("`{room}`")).collect::<Vec<_>>().join(", ")
}
