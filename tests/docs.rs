//! README says what is so: its key table is made from `assets/keys.toml`, its commands are the program's, its profile parses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

use clap::CommandFactory as _;
use guidepost::cli::Cli;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

const README: &str = "README.md";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands between two markers of README; with `UPDATE=1` it is written anew.
fn compare(marker: &str, made: &str) {
    let readme = read(README);
    let (begin, end) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("README has no `{begin}`"));
    let (found, after) = rest.split_once(&end).unwrap_or_else(|| panic!("README has no `{end}`"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(README), format!("{before}{begin}{made}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(found, made, "README's {marker} table is not what the program has; `UPDATE=1 cargo test --test docs` writes it anew");
}

#[test]
fn the_key_table_is_made_from_the_key_map() {
    let keys: toml::Value = toml::from_str(&read("assets/keys.toml")).unwrap();
    let mut table = String::from("| key | what it does |\n|---|---|\n");
    for context in ["screen", "wizard", "global"] {
        let place = if context == "wizard" { "in the wizard: " } else { "" };
        for binding in keys.get(context).and_then(toml::Value::as_array).unwrap() {
            let names = binding["keys"].as_array().unwrap().iter().map(|key| format!("`{}`", key.as_str().unwrap()));
            let names = names.collect::<Vec<_>>().join(" ");
            let _ = writeln!(table, "| {names} | {place}{} |", binding["help"].as_str().unwrap());
        }
    }
    compare("keys", &table);
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let readme = read(README);
    let named: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `guidepost "))
        .filter_map(|rest| rest.split([' ', '`', '[']).next().map(str::to_owned))
        .collect();
    let real: BTreeSet<String> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert_eq!(named, real);
}

#[test]
fn every_flag_that_the_readme_names_exists() {
    let mut flags = BTreeSet::new();
    collect_flags(&Cli::command(), &mut flags);
    for line in read(README).lines().filter(|line| line.starts_with("| `guidepost")) {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter_map(|word| word.strip_prefix("--")) {
            assert!(flags.contains(word), "README names `--{word}`, which no command has: {line}");
        }
    }
}

fn collect_flags(command: &clap::Command, flags: &mut BTreeSet<String>) {
    flags.extend(command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)));
    command.get_subcommands().for_each(|command| collect_flags(command, flags));
}
