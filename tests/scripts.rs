//! The PowerShell in the binary: it parses, uses only what is known to exist, and says of itself what it does. There is no PowerShell here, so none of
//! it has been run; the parser is tree-sitter's, which knows syntax only.

#![expect(clippy::unwrap_used, reason = "tests")]

use guidepost::services::directory::dc1;
use guidepost::services::host::app1;
use guidepost::services::host::script::Script;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tree_sitter::{Node, Parser};

/// Commands that scripts may use, and how we know them.
const COMMANDS: [(&str, &str); 40] = [
    // Windows PowerShell 5.1's own.
    ("Add-Type", "in Windows PowerShell"),
    ("ConvertFrom-Json", "in Windows PowerShell"),
    ("ConvertTo-Json", "in Windows PowerShell"),
    ("ForEach-Object", "in Windows PowerShell"),
    ("Get-CimInstance", "in Windows PowerShell; domain.md D14, `TotalPhysicalMemory`"),
    ("Get-Command", "in Windows PowerShell"),
    ("Get-Service", "in Windows PowerShell; domain.md 2.11, service `ADSync`"),
    ("Get-WinEvent", "domain.md 2.11, events"),
    ("Get-WindowsFeature", "domain.md D18"),
    ("Import-Module", "in Windows PowerShell; domain.md 2.11, software"),
    ("New-Object", "in Windows PowerShell"),
    ("Out-String", "in Windows PowerShell"),
    ("Receive-Job", "in Windows PowerShell"),
    ("Remove-Job", "in Windows PowerShell"),
    ("Select-Object", "in Windows PowerShell"),
    ("Set-StrictMode", "in Windows PowerShell"),
    ("Sort-Object", "in Windows PowerShell"),
    ("Start-Job", "in Windows PowerShell"),
    ("Start-Sleep", "in Windows PowerShell"),
    ("Stop-Job", "in Windows PowerShell"),
    ("Test-Path", "in Windows PowerShell"),
    ("Wait-Job", "in Windows PowerShell"),
    ("Where-Object", "in Windows PowerShell"),
    // Entra Connect's.
    ("Get-ADSyncAADPasswordResetConfiguration", "domain.md 2.11, writeback on?; undocumented today"),
    ("Get-ADSyncAADPasswordSyncConfiguration", "domain.md 2.11, PHS state; undocumented today"),
    ("Get-ADSyncADConnectorAccount", "domain.md 2.11, which AD account is used"),
    ("Get-ADSyncConnector", "domain.md 2.11, connectors"),
    ("Get-ADSyncConnectorRunStatus", "domain.md 2.11, is it idle"),
    ("Get-ADSyncScheduler", "domain.md 2.11, scheduler"),
    ("Set-ADSyncAADPasswordResetConfiguration", "domain.md 2.11, turn writeback on; undocumented today"),
    ("Start-ADSyncSyncCycle", "domain.md 2.11, run now"),
    // The prelude's.
    ("Complete-Request", "prelude"),
    ("ConvertFrom-Base64Text", "prelude"),
    ("ConvertTo-AsciiJson", "prelude"),
    ("ConvertTo-Line", "prelude"),
    ("Get-EntraConnector", "prelude"),
    ("Get-Field", "prelude"),
    ("Get-Now", "prelude"),
    ("Get-Sha256", "prelude"),
    ("Get-Trouble", "prelude"),
];
/// The rest of the prelude's own.
const MORE: [&str; 5] = ["Import-Connect", "New-DaclOnly", "Open-Directory", "Write-Line", "Write-Result"];

/// Commands that change something outside the script; each stands in one script only.
const CHANGING: [(&str, &str); 2] = [("Set-ADSyncAADPasswordResetConfiguration", "set-writeback"), ("Start-ADSyncSyncCycle", "sync-delta")];

/// Scripts that change the directory, by requests of `System.DirectoryServices.Protocols`.
const WRITING: [&str; 4] = ["write-dacl", "add-user", "modify", "delete"];

fn all() -> Vec<Script> {
    dc1::SCRIPTS.into_iter().chain(app1::SCRIPTS).collect()
}

#[test]
fn the_scripts_that_a_guide_may_name_are_those_of_app1() {
    let of_the_guide: Vec<_> =
        guidepost::guide::scripts::SCRIPTS.iter().map(|script| (script.name, script.machine.key(), script.changes)).collect();
    // The watch is a trip's own: no pack names it.
    let named = app1::SCRIPTS.iter().filter(|script| **script != app1::WATCH);
    let of_the_program: Vec<_> = named.map(|script| (script.name, "app1", script.changes)).collect();
    assert_eq!(of_the_guide, of_the_program, "`SCRIPTS` in src/guide/scripts.rs are not those of src/services/host/app1.rs");
    for script in guidepost::guide::scripts::SCRIPTS {
        let text = app1::SCRIPTS.iter().find(|known| known.name == script.name).unwrap().text;
        let values = text.lines().find(|line| line.starts_with("# Values: ")).unwrap();
        assert!(script.values.iter().all(|(name, _)| values.contains(&format!("\"{name}\":"))), "{}: {values}", script.name);
        assert_eq!(values == "# Values: {}", script.values.is_empty() && !script.within, "{}: {values}", script.name);
        assert_eq!(values.contains("\"within\""), script.within, "{}", script.name);
    }
    let prelude = std::fs::read_to_string(folder().join("prelude.ps1")).unwrap();
    assert!(prelude.contains(&format!("throw '{}'", app1::NOT_INSTALLED)));
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/scripts")
}

/// Each file by name.
fn files() -> Vec<(String, String)> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(read).collect();
    files.sort();
    files
}

struct Parsed {
    /// Where the syntax is wrong, by line.
    wrong: Vec<usize>,
    commands: BTreeSet<String>,
    /// Commands that are not named but computed, such as `& $Job`.
    computed: Vec<String>,
}

fn parse(text: &str) -> Parsed {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    let tree = parser.parse(text, None).unwrap();
    let mut parsed = Parsed { wrong: Vec::new(), commands: BTreeSet::new(), computed: Vec::new() };
    visit(tree.root_node(), text, &mut parsed);
    parsed
}

fn visit(node: Node<'_>, text: &str, parsed: &mut Parsed) {
    if node.is_error() || node.is_missing() {
        parsed.wrong.push(node.start_position().row + 1);
    }
    let said = || node.utf8_text(text.as_bytes()).unwrap().to_owned();
    match node.kind() {
        "command_name" => drop(parsed.commands.insert(said())),
        "command_invokation_operator" => parsed.computed.push(node.parent().unwrap().utf8_text(text.as_bytes()).unwrap().to_owned()),
        _ => {}
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        visit(child, text, parsed);
    }
}

#[test]
fn every_script_parses_and_the_parser_finds_what_is_wrong() {
    for (name, text) in files() {
        assert_eq!(parse(&text).wrong, Vec::<usize>::new(), "{name}");
    }
    for script in all() {
        let held = script.holding(&serde_json::json!({"values": {"dn": "x"}}));
        assert_eq!(parse(&held).wrong, Vec::<usize>::new(), "{}", script.name);
    }
    // A parser that takes everything would prove nothing: each of these is one slip away from a real line.
    let good = include_str!("../assets/scripts/scheduler.ps1");
    for (from, to) in [
        ("[bool] $scheduler.SyncCycleEnabled", "[bool $scheduler.SyncCycleEnabled"),
        ("{ $_ }).Count", "{ $_ ).Count"),
        ("if ($null -ne $next) {", "if ($null -ne $next {"),
        ("param($values)", "param($values"),
        ("Utc).ToString('o')", "Utc.ToString('o')"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(!parse(&bad).wrong.is_empty(), "{to}");
    }
}

#[test]
fn scripts_use_only_commands_that_are_known() {
    let known: BTreeSet<&str> = COMMANDS.iter().map(|(name, _)| *name).chain(MORE).collect();
    let mut used = BTreeSet::new();
    for (name, text) in files() {
        let parsed = parse(&text);
        for command in &parsed.commands {
            assert!(known.contains(command.as_str()), "{name} uses {command}");
            for (changing, only) in CHANGING {
                assert!(command != changing || name == only, "{name} uses {command}");
            }
        }
        // What is called by a variable is the job in the prelude, and the script in the bootstrap.
        let computed: &[&str] = match name.as_str() {
            "prelude" => &["& $Job $asked.values"],
            "bootstrap" => &["& ([scriptblock]::Create($text)) -Request $document.request -Secret $document.secret"],
            _ => &[],
        };
        assert_eq!(parsed.computed, computed, "{name}");
        for evil in ["Invoke-Expression", "iex ", "DownloadString", "Invoke-WebRequest", "FromBase64String($values.script"] {
            assert!(!text.contains(evil), "{name}: {evil}");
        }
        used.extend(parsed.commands);
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), known, "the table names what nothing uses");
}

#[test]
fn every_file_is_a_script_and_says_first_whether_it_reads_or_changes() {
    let scripts = all();
    let mut names: Vec<_> =
        scripts.iter().map(|script| script.name.to_owned()).chain(["bootstrap", "prelude"].map(str::to_owned)).collect();
    names.sort();
    assert_eq!(files().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
    for (name, text) in files() {
        assert!(text.is_ascii() && !text.contains('\r') && !text.contains('\t'), "{name}: one way to write it, whatever the code page");
    }
    for script in scripts {
        let word = if script.changes { "Changing: " } else { "Reading: " };
        assert!(script.about().starts_with(word), "{}", script.about());
        let mut head = script.text.lines().take_while(|line| line.starts_with('#'));
        assert!(head.any(|line| line.starts_with("# Values: {")) && head.any(|line| line.starts_with("# Result: {")), "{}", script.name);
        // A script that is sent to another's place answers nothing but that.
        assert!(script.text.contains(&format!("\nComplete-Request '{}' {{\n    param($values)\n", script.name)), "{}", script.name);
        let job = parse(script.text);
        let changes =
            job.commands.iter().any(|command| CHANGING.iter().any(|(changing, _)| command == changing)) || WRITING.contains(&script.name);
        assert_eq!(changes, script.changes, "{}", script.name);
    }
}

#[test]
fn every_script_leaves_room_for_a_request() {
    for script in all() {
        let whole = script.whole();
        assert!(whole.len() < 16 * 1024, "{}: {}", script.name, whole.len());
        assert_eq!(whole.lines().filter(|line| line.starts_with("param(")).count(), 1, "{}", script.name);
    }
}
