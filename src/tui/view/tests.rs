//! What each screen state looks like, in text and style, on each size and look; and that nothing makes drawing panic.

use super::{Ink, screen::MemoryScreen, text as setting};
use crate::{
    engine::{
        page::{
            Page,
            mirror::Operation,
            scenes::{self, window},
        },
        run::View,
    },
    guide::prose::Block,
    tui::{
        keys::{Key, KeyMap},
        model::{Layer, Look, Model},
    },
};
use proptest::prelude::*;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use std::{fmt::Write as _, sync::Arc};

const COLOUR: Look = Look { ascii: false, colour: true };
const MONO: Look = Look { ascii: false, colour: false };
const ASCII: Look = Look { ascii: true, colour: true };

/// A model over a view.
pub(crate) fn model(view: View, look: Look) -> Model {
    Model::new(Arc::new(view), look, Arc::new(KeyMap::built_in().unwrap()))
}

/// A buffer's lines; the right half of a wide character is nothing.
pub(crate) fn text(buf: &Buffer) -> String {
    by_cell(buf, |cell| Some(cell.symbol().to_owned()))
}

/// A sign for each cell's style: a letter for a colour (upper case is bold), else what the legend below says.
fn styles(buf: &Buffer) -> String {
    by_cell(buf, |cell| Some(style_sign(cell).to_string()))
}

fn by_cell(buf: &Buffer, mut sign: impl FnMut(&Cell) -> Option<String>) -> String {
    let mut out = String::new();
    for row in buf.content().chunks(usize::from(buf.area.width)) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line.extend(sign(cell));
                skip = setting::width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `-` dim, `B` bold, `/` italic, `#` reverse.
fn style_sign(cell: &Cell) -> char {
    let bold = cell.modifier.contains(Modifier::BOLD);
    if cell.modifier.contains(Modifier::DIM) {
        return if cell.symbol() == " " { ' ' } else { '-' };
    }
    if cell.modifier.contains(Modifier::REVERSED) {
        return '#';
    }
    if cell.modifier.contains(Modifier::ITALIC) {
        return '/';
    }
    let letter = match cell.fg {
        Color::Green => 'g',
        Color::Red => 'r',
        Color::Yellow => 'y',
        Color::Magenta => 'm',
        Color::Cyan => 'c',
        // On the white of a QR code.
        Color::Black => 'k',
        Color::Reset => return if bold { 'B' } else { ' ' },
        other => panic!("{other:?} is no role's colour"),
    };
    if bold { letter.to_ascii_uppercase() } else { letter }
}

fn drawn(model: &mut Model, width: u16, height: u16) -> Buffer {
    let mut screen = MemoryScreen::in_memory(width, height);
    screen.draw(model).unwrap();
    screen.buffer().clone()
}

/// Compares a screen state on several screens with its snapshot.
fn holds(name: &str, model: &Model, screens: &[(u16, u16, Look)]) {
    let mut out = String::new();
    for (width, height, look) in screens {
        let mut model = Model { look: *look, ..model.clone() };
        let buf = drawn(&mut model, *width, *height);
        let mode = match (look.ascii, look.colour) {
            (true, _) => " ascii",
            (false, false) => " mono",
            (false, true) => "",
        };
        writeln!(out, "== {width}x{height}{mode}: text\n{}== {width}x{height}{mode}: style\n{}", text(&buf), styles(&buf)).unwrap();
    }
    insta::with_settings!({ snapshot_path => "../../../tests/snapshots/tui", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, out);
    });
}

const USUAL: [(u16, u16, Look); 2] = [(120, 40, COLOUR), (80, 24, COLOUR)];
const ALL: [(u16, u16, Look); 7] =
    [(120, 40, COLOUR), (80, 24, COLOUR), (60, 16, COLOUR), (120, 40, MONO), (80, 24, MONO), (120, 40, ASCII), (80, 24, ASCII)];

#[test]
fn the_step_page_shows_each_state_as_its_snapshot_says() {
    let states: [(&str, View); 13] = [
        ("connecting", scenes::connecting()),
        ("no-connection", scenes::no_connection()),
        ("pending", scenes::pending()),
        ("pass", scenes::pass()),
        ("unknown", scenes::unknown()),
        ("blocked", scenes::blocked()),
        ("drifted", scenes::drifted()),
        ("waived", scenes::waived()),
        ("read-only", scenes::read_only()),
        ("wizard", scenes::wizard()),
        ("attested-only", scenes::attested_only()),
        ("hostile", scenes::hostile()),
        ("sending", scenes::sending()),
    ];
    for (name, view) in states {
        holds(name, &model(view, COLOUR), &USUAL);
    }
}

#[test]
fn a_failing_step_and_a_plan_look_right_on_every_screen() {
    holds("fail", &model(scenes::fail(), COLOUR), &ALL);
    let mut plan = model(scenes::plan(), COLOUR);
    "global-adm".clone_into(&mut plan.typed);
    holds("plan", &plan, &ALL);
}

#[test]
fn boxes_over_the_page_look_as_their_snapshots_say() {
    holds("sign-in", &model(scenes::sign_in(), COLOUR), &USUAL);
    holds("sign-in-code", &model(scenes::code(), COLOUR), &ALL);
    holds("sign-in-ended", &model(scenes::sign_in_ended(), COLOUR), &USUAL);
    holds("sign-in-paste-wrong", &model(scenes::pasting(), COLOUR), &USUAL);
    holds("plan-before-consent", &model(scenes::plan_before_consent(), COLOUR), &[(120, 40, COLOUR), (80, 24, COLOUR), (80, 24, ASCII)]);
    holds("sign-in-to-write", &model(scenes::sign_in_to_write(), COLOUR), &USUAL);
    let mut metered = model(View { page: Page { overlay: None, ..scenes::plan_before_consent().page }, ..scenes::fail() }, COLOUR);
    metered.layer = Some(Layer::Help);
    holds("help-with-meter", &metered, &[(120, 60, COLOUR)]);
    let mut pasting = model(scenes::pasting(), COLOUR);
    "http://localhost/?code=secret".chars().for_each(|c| pasting.pasted.push(c));
    holds("sign-in-paste", &pasting, &[(120, 40, COLOUR), (80, 24, COLOUR), (80, 24, ASCII)]);
    holds("doubt", &model(scenes::doubt(), COLOUR), &USUAL);
    for (name, layer) in [("help", Layer::Help), ("wire", Layer::Wire), ("leave", Layer::Leave)] {
        let mut model = model(scenes::sending(), COLOUR);
        model.layer = Some(layer);
        holds(name, &model, &USUAL);
    }
}

/// The wizard's mirror over a view, with the keys where the guide leads.
fn mirrored(view: View) -> Model {
    let mut model = model(view, COLOUR);
    let keys = [Key::parse("m").unwrap()];
    for key in keys {
        crate::tui::update::update(&mut model, crate::tui::update::Msg::Key(key));
    }
    assert_eq!(model.layer, Some(Layer::Wizard));
    model
}

#[test]
fn the_wizards_mirror_looks_as_its_snapshots_say() {
    holds("mirror-pages", &mirrored(window::pages()), &[(120, 40, COLOUR), (80, 24, COLOUR), (60, 16, COLOUR), (80, 24, ASCII)]);
    holds("mirror-closed", &mirrored(window::closed()), &USUAL);
    holds("mirror-features", &mirrored(window::features(true, false, 1)), &ALL);
    holds("mirror-differs", &mirrored(window::features(false, true, 1)), &USUAL);
    holds("mirror-choices", &mirrored(window::tasks("Configure staging mode", 1)), &USUAL);
    holds("mirror-credentials", &mirrored(window::credentials(true, false)), &[(120, 40, COLOUR), (80, 24, COLOUR), (80, 24, ASCII)]);
    holds("mirror-elsewhere", &mirrored(window::elsewhere()), &USUAL);
    holds("mirror-unreachable", &mirrored(window::unreachable()), &[(80, 24, COLOUR)]);
}

#[test]
fn what_has_the_keys_in_the_wizard_is_always_in_view() {
    for (width, height) in [(120, 40), (80, 24), (60, 16)] {
        let mut model = mirrored(window::features(true, false, 1));
        let last = model.open_page().unwrap().operations().len();
        for focus in (0..last).chain((0..last).rev()) {
            (model.mirror.focus, model.mirror.follow) = (focus, true);
            let label = match model.focused().unwrap() {
                Operation::Tick(label) | Operation::Press(label) => label.split(' ').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            };
            let buf = drawn(&mut model, width, height);
            let marked: Vec<_> = text(&buf)
                .lines()
                .zip(styles(&buf).lines())
                .filter(|(_, style)| style.contains('#'))
                .map(|(line, _)| line.to_owned())
                .collect();
            assert!(marked.iter().any(|line| line.contains(&label)), "{label} at {width}x{height}: {marked:?}");
        }
    }
}

#[test]
fn a_screen_that_is_too_small_says_so_and_says_what_is_needed() {
    holds("too-small", &model(scenes::fail(), COLOUR), &[(59, 16, COLOUR), (60, 15, COLOUR), (20, 6, COLOUR)]);
}

#[test]
fn our_own_frame_is_ascii_when_asked() {
    let mut view = scenes::pending();
    // What the guide and the servers say is theirs: only what we add is judged.
    view.page.activity = None;
    for layer in [None, Some(Layer::Help), Some(Layer::Wire), Some(Layer::Leave)] {
        for (width, height) in [(120, 40), (80, 24), (60, 16), (30, 8)] {
            let mut model = Model { layer, ..model(view.clone(), ASCII) };
            let text = text(&drawn(&mut model, width, height));
            assert!(text.is_ascii(), "{text}");
        }
    }
}

#[test]
fn without_colours_no_cell_has_one() {
    for view in [scenes::fail(), scenes::plan(), scenes::pass(), scenes::unknown()] {
        let buf = drawn(&mut model(view, MONO), 120, 40);
        assert!(buf.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    }
}

#[test]
fn ages_grow_and_countdowns_shrink_with_time() {
    let mut model = model(scenes::pending(), COLOUR);
    let at = |model: &mut Model, ms| {
        model.elapsed = std::time::Duration::from_millis(ms);
        text(&drawn(model, 120, 40))
    };
    assert!(at(&mut model, 0).contains("just now · next in 3 s"));
    assert!(at(&mut model, 500).contains("just now · next in 2 s"));
    assert!(at(&mut model, 2_400).contains("just now · next now"));
    assert!(at(&mut model, 60_000).contains("1 min ago"));
}

#[test]
fn every_task_can_be_scrolled_into_view() {
    let mut model = model(scenes::fail(), COLOUR);
    let marks = ["portal.microsoft.com", "Open Users", "Pick user1", "Manage roles", "close the pane"];
    for (task, mark) in marks.into_iter().enumerate() {
        (model.task, model.follow) = (task, true);
        let text = text(&drawn(&mut model, 80, 24));
        assert!(text.contains(mark), "{mark} in\n{text}");
    }
}

#[test]
fn widgets_draw_on_nothing_and_on_a_single_cell() {
    for (width, height) in [(0, 0), (1, 1), (0, 5), (5, 0), (1, 50), (200, 1)] {
        for (view, layer) in [
            (scenes::fail(), None),
            (scenes::plan(), None),
            (scenes::hostile(), None),
            (window::features(true, true, 1), Some(Layer::Wizard)),
            (window::pages(), Some(Layer::Wizard)),
        ] {
            let mut model = Model { layer, ..model(view, COLOUR) };
            let ink = Ink::of(&model);
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            super::draw(&mut model, area, &mut buf);
            let page = model.page().clone();
            let wide = usize::from(width);
            super::rail::lines(&ink, &page.rail, wide);
            super::rail::progress(&ink, &page, wide);
            super::header::line(&ink, &page, wide);
            super::checks::lines(&ink, &page, false, wide);
            super::step::lines(&ink, &page, &model.keys, 0, false, wide);
            super::foot::hints(&ink, &model, wide);
            if let Some(over) = super::over::over(&ink, &model, area) {
                let place = super::over::place(&over, area);
                super::over::draw(&ink, &over, 3, place, &mut buf);
            }
        }
    }
}

/// Puts a text wherever the engine, the guide or a server may put one.
fn flood(page: &mut Page, text: &str) {
    let span = || vec![crate::guide::prose::Span::plain(text)];
    text.clone_into(&mut page.guide);
    page.lab.account = Some(text.to_owned());
    text.clone_into(&mut page.lab.environment);
    for phase in &mut page.rail {
        text.clone_into(&mut phase.title);
        phase.steps.iter_mut().for_each(|step| text.clone_into(&mut step.title));
    }
    text.clone_into(&mut page.step.title);
    page.step.verdict_note = Some(text.to_owned());
    page.step.why = vec![Block::Item(span()), Block::Code(text.to_owned()), Block::Paragraph(span())];
    for task in &mut page.step.tasks {
        task.text = span();
        task.covers = Some(text.to_owned());
    }
    for wizard in &mut page.step.pages {
        wizard.title = span();
        wizard.lines.iter_mut().for_each(|(_, what)| text.clone_into(what));
    }
    if let Some(crate::engine::page::Mirror { showing: crate::engine::page::Showing::Page(open), refused, .. }) = &mut page.step.mirror {
        open.page.boxes.iter_mut().for_each(|one| text.clone_into(&mut one.label));
        open.page.buttons.iter_mut().for_each(|label| text.clone_into(label));
        (open.page.says, *refused, open.differs) = (Some(text.to_owned()), Some(text.to_owned()), vec![text.to_owned()]);
    }
    for pane in &mut page.checks {
        pane.title = span();
        pane.found = Some(text.to_owned());
        pane.way_out = vec![text.to_owned()];
    }
    page.activity = Some(text.to_owned());
    if let Some(crate::engine::page::Overlay::Plan(plan)) = &mut page.overlay {
        text.clone_into(&mut plan.title);
        plan.ops.iter_mut().for_each(|op| text.clone_into(&mut op.body));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn drawing_never_panics(width in 1u16..=200, height in 1u16..=70, words in "\\PC{0,120}", which in 0usize..6, top in 0usize..500, layer in 0usize..5, ascii: bool) {
        let scene: [fn() -> View; 6] =
            [scenes::fail, scenes::plan, window::pages, scenes::unknown, window::elsewhere, || window::features(false, true, 1)];
        let mut view = scene[which]();
        flood(&mut view.page, &words);
        let mut model = model(view, Look { ascii, colour: true });
        model.layer = [None, Some(Layer::Help), Some(Layer::Wire), Some(Layer::Leave), Some(Layer::Wizard)][layer];
        (model.step.top, model.checks.top, model.over.top) = (top, top, top);
        model.typed = words;
        drawn(&mut model, width, height);
    }
}
