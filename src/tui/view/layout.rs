//! Where everything stands: three columns on a wide screen, one below the other on a narrow one. Measures nothing but space.

use ratatui::layout::Rect;

/// The smallest screen that is drawn, columns and rows.
pub(crate) const LEAST: (u16, u16) = (60, 16);

/// From here on three columns stand side by side.
const WIDE: (u16, u16) = (110, 20);

/// The rail's columns, its rule not counted.
const RAIL: u16 = 28;

/// The verification's columns on a wide screen.
const CHECKS: u16 = 42;

/// Lines longer than this are tiring to read.
const MEASURE: u16 = 78;

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) header: Rect,
    /// `None` when it folds to the progress line.
    pub(crate) rail: Option<Rect>,
    pub(crate) progress: Option<Rect>,
    pub(crate) step: Rect,
    pub(crate) step_track: Rect,
    pub(crate) checks_title: Rect,
    pub(crate) checks: Rect,
    pub(crate) checks_track: Rect,
    pub(crate) notice: Rect,
    pub(crate) activity: Rect,
    pub(crate) hints: Rect,
    pub(crate) rules: Vec<Rect>,
    pub(crate) bars: Vec<Rect>,
}

impl Places {
    /// Whether room is short, so that blank lines and what stands elsewhere are left out.
    pub(crate) fn tight(&self) -> bool {
        self.rail.is_none()
    }
}

/// Whether anything but the sentence about the size can be drawn.
pub(crate) fn fits(area: Rect) -> bool {
    area.width >= LEAST.0 && area.height >= LEAST.1
}

/// Where everything stands on a screen that [`fits`]; `check_lines` says how many lines the verification has at a width.
pub(crate) fn places(area: Rect, notice: usize, check_lines: impl Fn(u16) -> usize) -> Places {
    let notice = u16::try_from(notice).unwrap_or(3).min(3);
    let hints = row(area, area.height - 1);
    let activity = row(area, area.height - 2);
    let notice_area = Rect { y: activity.y - notice, height: notice, ..area };
    let rule = row(area, area.height - 3 - notice);
    let base = Places { header: row(area, 0), notice: notice_area, activity, hints, rules: vec![rule], ..Places::default() };
    if area.width >= WIDE.0 && area.height >= WIDE.1 { wide(area, rule.y, base) } else { narrow(area, rule.y, check_lines, base) }
}

fn row(area: Rect, y: u16) -> Rect {
    Rect { y: area.y + y, height: 1, ..area }
}

fn wide(area: Rect, bottom: u16, base: Places) -> Places {
    let top = area.y + 2;
    let height = bottom.saturating_sub(top);
    let column = |x: u16, width: u16| Rect { x, y: top, width, height };
    let spare = area.width.saturating_sub(RAIL + 1 + MEASURE + 2 + 1 + CHECKS);
    let checks_width = CHECKS + spare.min(18);
    let checks_x = area.right() - checks_width;
    let left_bar = column(area.x + RAIL, 1);
    let right_bar = column(checks_x - 1, 1);
    let step_x = left_bar.x + 2;
    let step_width = right_bar.x.saturating_sub(step_x + 1).min(MEASURE);
    let mut rules = base.rules;
    rules.push(row(area, 1));
    Places {
        rail: Some(column(area.x, RAIL)),
        step: column(step_x, step_width),
        step_track: right_bar,
        checks_title: Rect { height: 1, ..column(checks_x + 1, checks_width - 2) },
        checks: Rect { y: top + 2, height: height.saturating_sub(2), ..column(checks_x + 1, checks_width - 2) },
        checks_track: column(area.right() - 1, 1),
        rules,
        bars: vec![left_bar, right_bar],
        progress: None,
        header: base.header,
        notice: base.notice,
        activity: base.activity,
        hints: base.hints,
    }
}

fn narrow(area: Rect, bottom: u16, check_lines: impl Fn(u16) -> usize, base: Places) -> Places {
    let top = area.y + 3;
    let height = bottom.saturating_sub(top);
    // As high as it needs to be, with its rule, but never more than half.
    let wanted = u16::try_from(check_lines(area.width.saturating_sub(3))).unwrap_or(u16::MAX).saturating_add(1);
    let checks = wanted.clamp(3, (height / 2).max(3)).min(height.saturating_sub(3));
    let step_height = height.saturating_sub(checks);
    let inner = |y: u16, height: u16| Rect { x: area.x + 1, y, width: area.width.saturating_sub(3), height };
    let track = |y: u16, height: u16| Rect { x: area.right() - 1, y, width: 1, height };
    let middle = top + step_height;
    let mut rules = base.rules;
    rules.push(row(area, 2));
    rules.push(Rect { y: middle, height: 1, ..area });
    Places {
        rail: None,
        progress: Some(row(area, 1)),
        step: inner(top, step_height),
        step_track: track(top, step_height),
        checks_title: Rect { width: 24, ..inner(middle, 1) },
        checks: inner(middle + 1, checks.saturating_sub(1)),
        checks_track: track(middle + 1, checks.saturating_sub(1)),
        rules,
        bars: Vec::new(),
        header: base.header,
        notice: base.notice,
        activity: base.activity,
        hints: base.hints,
    }
}
