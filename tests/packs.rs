//! The loader on good and bad packs: a bad one is refused with the whole message that stands beside it.
//! `UPDATE=1 cargo test --test packs` writes the messages anew; read them before they are committed.
#![expect(clippy::unwrap_used, reason = "tests")]

use guidepost::guide::{
    finding::Finding,
    load::{self, Examined},
    pack::VariableKind,
    rehearsal::{Beginning, VERBS},
    schema,
    source::{COUNT_LIMIT, FILE_LIMIT, Files, PACK_LIMIT},
    variables::{Part, Pointer, Reference, Template, check_value, parse_duration},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs").join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn told(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect::<Vec<_>>().join("\n")
}

/// Compares with a committed file, or writes it when `UPDATE` is set.
fn compare(file: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file, text).unwrap();
    }
    let expected = fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    if expected == text { Ok(()) } else { Err(format!("{}:\n--- expected\n{expected}\n--- got\n{text}", file.display())) }
}

#[test]
fn good_packs_load_without_a_word() {
    for path in fixtures("good") {
        let Examined { guide, findings } = load::examine_directory(&path);
        assert_eq!(told(&findings), "", "{}", path.display());
        assert!(guide.is_some());
    }
}

#[test]
fn each_bad_pack_is_refused_with_the_message_beside_it() {
    let bad = fixtures("bad");
    assert!(bad.len() >= 30, "{} bad packs", bad.len());
    let mut wrong = Vec::new();
    for path in bad {
        let examined = load::examine_directory(&path);
        assert!(examined.guide.is_none(), "{} was loaded", path.display());
        assert!(load::directory(&path).is_err());
        wrong.extend(compare(&path.join("expected.txt"), &told(&examined.findings)).err());
    }
    assert!(wrong.is_empty(), "{}\nUPDATE=1 cargo test --test packs writes them anew", wrong.join("\n"));
}

#[test]
fn each_finding_shows_its_line_with_the_caret_in_it_and_a_hint() {
    for path in fixtures("bad") {
        for finding in load::examine_directory(&path).findings {
            assert!(finding.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{}: {finding}", path.display());
            let Some(shown) = &finding.source_line else { continue };
            let bytes = fs::read(path.join(&finding.file)).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let line = text.lines().nth(finding.line - 1).unwrap_or_default();
            let cut = shown.starts_with('…') || shown.ends_with('…');
            assert!(cut || line.trim_end().chars().count() == shown.chars().count(), "{}: {finding}", path.display());
            assert!(finding.column >= 1 && finding.column <= line.chars().count() + 1, "{}: {finding}", path.display());
        }
    }
}

#[test]
fn built_in_packs_load_without_a_word() {
    for id in load::built_in_ids() {
        let examined = load::examine_named(&id).unwrap();
        assert_eq!(told(&examined.findings), "", "{id}");
        assert!(load::built_in(&id).unwrap().built_in);
    }
}

#[test]
fn a_built_in_pack_and_its_directory_are_the_same_pack() {
    for id in load::built_in_ids() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/packs").join(&id);
        assert_eq!(load::built_in(&id).unwrap().hash, load::directory(&path).unwrap().hash, "{id}");
    }
}

#[test]
fn an_unknown_guide_is_said_to_be_unknown() {
    let error = load::built_in("no-such-guide").unwrap_err();
    assert!(error.to_string().starts_with("there is no guide `no-such-guide`\nhint: "), "{error}");
}

fn good() -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/good/minimal");
    let paths = [
        "pack.yaml",
        "steps/find-user/step.yaml",
        "steps/find-user/en.md",
        "steps/find-user/rehearsal.yaml",
        "steps/give-role/step.yaml",
        "steps/give-role/en.md",
    ];
    paths.iter().map(|path| ((*path).to_owned(), fs::read(root.join(path)).unwrap())).collect()
}

fn examine(files: BTreeMap<String, Vec<u8>>) -> Examined {
    load::examine(&Files::memory("minimal", files))
}

#[test]
fn a_file_that_is_too_large_is_refused_by_name() {
    let mut files = good();
    files.insert("pack.yaml".into(), vec![b'#'; FILE_LIMIT + 1]);
    let examined = examine(files);
    assert_eq!(
        told(&examined.findings),
        "error: this file is larger than 256 KiB\n --> pack.yaml\nhint: a step is a few pages; split it\n"
    );
}

#[test]
fn a_pack_that_is_too_large_is_refused_and_reading_stops() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..=PACK_LIMIT / FILE_LIMIT {
        fs::write(dir.path().join(format!("{number}.txt")), vec![b'x'; FILE_LIMIT]).unwrap();
    }
    let message = "error: the pack is too large: larger than 4 MiB\n --> .\nhint: is this the directory of a pack?\n";
    assert_eq!(told(&load::examine_directory(dir.path()).findings), message);
}

#[test]
fn a_pack_of_too_many_files_is_refused_and_reading_stops() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..COUNT_LIMIT + 5 {
        fs::write(dir.path().join(format!("{number}.txt")), "").unwrap();
    }
    let message = "error: the pack is too large: more than 2000 files\n --> .\nhint: is this the directory of a pack?\n";
    assert_eq!(told(&load::examine_directory(dir.path()).findings), message);
}

#[test]
fn a_directory_that_is_not_there_is_said_to_be_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let error = load::directory(&dir.path().join("nothing")).unwrap_err();
    assert!(error.to_string().contains("cannot read this directory"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_pack_is_refused_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("minimal");
    fs::create_dir(&pack).unwrap();
    fs::write(dir.path().join("secret"), "s3cret").unwrap();
    std::os::unix::fs::symlink(dir.path().join("secret"), pack.join("pack.yaml")).unwrap();
    let message = "error: a symbolic link, which could lead out of the pack\n --> pack.yaml\nhint: put a copy of the file here\n";
    assert_eq!(told(&load::examine_directory(&pack).findings), message);
}

#[test]
fn what_is_there_for_nothing_is_a_warning_and_the_pack_loads_all_the_same() {
    let mut files = good();
    let yaml = String::from_utf8(files["pack.yaml"].clone()).unwrap().replace("constants:\n", "constants:\n  spare: x\n");
    files.insert("pack.yaml".into(), yaml.into_bytes());
    let Examined { guide, findings } = examine(files);
    let message = "warning: nothing uses the constant `spare`\n --> pack.yaml:10:3\n   |\n10 |   spare: x\n   |   ^\nhint: take it out\n";
    assert_eq!(told(&findings), message.replace(" --> ", "  --> "));
    assert!(guide.is_some());
}

#[test]
fn many_steps_are_read_on_several_threads_and_come_out_in_walking_order() {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let step = |id: &str| format!("id: {id}\nkind: manual\nwhere: here\n").into_bytes();
    let words = b"---\ntitle: T\nsummary: S\n---\n\n## Why {#why}\n\nSo.\n".to_vec();
    let ids: Vec<String> = (0..200).rev().map(|number| format!("step-{number}")).collect();
    for id in &ids {
        files.insert(format!("steps/{id}/step.yaml"), step(id));
        files.insert(format!("steps/{id}/en.md"), words.clone());
    }
    let pack = String::from_utf8(good()["pack.yaml"].clone()).unwrap();
    let head = pack.split("variables:").next().unwrap();
    let yaml = format!("{head}phases:\n  - {{id: all, title: All, steps: [{}]}}\n", ids.join(", "));
    files.insert("pack.yaml".into(), yaml.into_bytes());
    let Examined { guide, findings } = examine(files);
    assert_eq!(told(&findings), "");
    assert_eq!(guide.unwrap().steps.keys().cloned().collect::<Vec<_>>(), ids);
}

#[test]
fn windows_line_ends_make_no_difference() {
    let crlf = good().into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap().replace('\n', "\r\n").into_bytes()));
    let (ours, theirs) = (examine(good()).guide.unwrap(), examine(crlf.collect()));
    assert_eq!(told(&theirs.findings), "");
    assert_eq!(ours.prose, theirs.guide.unwrap().prose);
}

#[test]
fn words_come_out_as_written_in_blocks_and_styles() {
    let guide = examine(good()).guide.unwrap();
    insta::assert_debug_snapshot!(guide.prose["find-user"]);
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schema/pack.schema.json");
    let text = format!("{:#}\n", schema::document());
    let same = compare(&file, &text);
    assert!(same.is_ok(), "the schema changed; write it anew: UPDATE=1 cargo test --test packs\n{}", same.unwrap_err());
}

#[test]
fn the_schema_knows_every_key_of_the_good_pack() {
    let schema = schema::document();
    for (of, file) in [("Pack", "pack.yaml"), ("Step", "steps/give-role/step.yaml"), ("Rehearsal", "steps/find-user/rehearsal.yaml")] {
        let properties = &schema["$defs"][of]["properties"];
        let text = String::from_utf8(good()[file].clone()).unwrap();
        for key in text.lines().filter(|line| !line.starts_with([' ', '-'])).filter_map(|line| line.split_once(':')).map(|(key, _)| key) {
            assert!(properties[key].is_object() || properties[key].is_boolean(), "{of}.{key}");
        }
    }
}

/// The guide room knows no lab, and has the names all the same, so that a dead verb shows its line.
#[test]
fn the_verbs_and_beginnings_of_rehearsals_are_those_of_the_practice_lab() {
    let mut lab: Vec<(String, usize)> = guidepost::practice::person_verbs()
        .iter()
        .map(|(usage, _)| (usage.split(' ').next().unwrap().to_owned(), usage.split(' ').count() - 1))
        .collect();
    let mut known: Vec<(String, usize)> = VERBS.iter().map(|(name, args)| ((*name).to_owned(), *args)).collect();
    lab.sort();
    known.sort();
    assert_eq!(known, lab, "`VERBS` in src/guide/rehearsal.rs are not those of src/practice/world/person.rs");
    assert!(Beginning::ALL.iter().all(|from| guidepost::practice::Preset::named(from.word()).is_some()));
}

/// Bytes that look like a pack here and there, so that more than the first line is reached.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "id: ",
        "probes:\n",
        "  user: ",
        "{",
        "}",
        "[",
        "]",
        "graph",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "    ",
        "{{ var:x }}",
        "{{",
        "}}",
        "&a ",
        "*a",
        "<<: ",
        "---\n",
        "\"",
        "'",
        "|\n",
        ">\n",
        "# ",
        "## ",
        "### ",
        "{#why}",
        "{#checks}",
        "**",
        "*",
        "`",
        "<b>",
        "!x ",
        "? ",
        "%YAML 1.2\n",
        "\t",
        "\u{1b}",
        "é",
        "\u{202e}",
        "expect",
        "steps: ",
        "title: x\n",
        "summary: y\n",
        "&#x1b;",
        "[x](y)",
        "1. ",
        "~",
        "null",
    ]);
    let text = prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes());
    prop_oneof![3 => text, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

/// A reference as an author may write it.
fn reference() -> impl Strategy<Value = Part> {
    let name = "[a-z][a-z0-9]{0,8}";
    let pointer = prop::collection::vec("[a-zA-Z0-9@.]{1,6}", 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    let not_reserved = |name: &String| !["var", "const", "captured"].contains(&name.as_str());
    prop_oneof![
        name.prop_map(Reference::Variable),
        name.prop_map(Reference::Constant),
        name.prop_map(Reference::Captured),
        (name.prop_filter("reserved", not_reserved), pointer)
            .prop_map(|(probe, pointer)| Reference::Probe { probe, pointer: Pointer::parse(&pointer).unwrap() }),
    ]
    .prop_map(Part::Reference)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_template_that_is_printed_and_read_again_is_the_same(parts in prop::collection::vec((r"[^{}\x00-\x1f]{1,12}", reference()), 0..6)) {
        let parts: Vec<Part> = parts.into_iter().flat_map(|(text, reference)| [Part::Text(text), reference]).collect();
        let printed = Template { source: String::new(), parts: parts.clone() }.to_string();
        let read = Template::parse(&printed).unwrap();
        prop_assert_eq!(&read.parts, &parts);
        prop_assert_eq!(&read.source, &printed);
        prop_assert_eq!(read.to_string(), printed);
    }

    #[test]
    fn no_text_makes_a_template_a_pointer_a_duration_or_a_value_panic(text in any::<String>()) {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(Template::parse(&template.to_string()).unwrap().parts, template.parts);
        }
        let _ = Pointer::parse(&text);
        let _ = parse_duration(&text);
        for kind in [VariableKind::DnsName, VariableKind::SamName, VariableKind::Guid, VariableKind::Text] {
            let _ = check_value(kind, &text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_loader_panic_or_speak_in_escape_sequences(bytes in nearly(), which in 0..6_usize, tail in any::<bool>()) {
        let mut files = good();
        let (path, content) = files.iter().nth(which).map(|(path, content)| (path.clone(), content.clone())).unwrap();
        let cut = content.len() / 2;
        files.insert(path, if tail { [&content[..cut], &bytes].concat() } else { bytes });
        for finding in examine(files).findings {
            let text = finding.to_string();
            prop_assert!(!text.chars().any(|c| c != '\n' && guidepost::base::text::is_hostile(c)), "{text:?}");
        }
    }

    #[test]
    fn one_changed_byte_never_makes_the_loader_panic(which in 0..6_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut files = good();
        if let Some((_, content)) = files.iter_mut().nth(which) {
            let at = at.index(content.len());
            content[at] = byte;
        }
        let Examined { guide, findings } = examine(files);
        prop_assert_eq!(guide.is_none(), findings.iter().any(Finding::is_error));
    }
}
