//! JUnit XML, for pipelines: a suite per step, a case per check. The de-facto schema (windyroad/JUnit-Schema), as far as readers need it.

use super::{CheckReport, Report, StepReport};
use crate::engine::check::Verdict;
use std::fmt::Write as _;

/// The report as JUnit XML: fail, pending and blocked are failures, unknown is an error, waived and not-applicable are skipped.
#[must_use]
pub fn junit(report: &Report) -> String {
    let cases: usize = report.steps.iter().map(|step| step.checks.len()).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"{}\" tests=\"{cases}\">", escape(&report.guide));
    for step in report.steps.iter().filter(|step| !step.checks.is_empty()) {
        suite(&mut out, report, step);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, report: &Report, step: &StepReport) {
    let count = |wanted: &[Verdict]| step.checks.iter().filter(|check| wanted.contains(&check.verdict)).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" timestamp=\"{:.0}\">",
        escape(&step.id),
        step.checks.len(),
        count(&[Verdict::Fail, Verdict::Pending, Verdict::Blocked]),
        count(&[Verdict::Unknown]),
        count(&[Verdict::Waived, Verdict::NotApplicable]),
        report.at,
    );
    for check in &step.checks {
        case(out, step, check);
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, step: &StepReport, check: &CheckReport) {
    let millis = check.took_ms.unwrap_or(0);
    let time = format!("{}.{:03}", millis / 1000, millis % 1000);
    let _ = write!(out, "    <testcase classname=\"{}\" name=\"{}\" time=\"{time}\"", escape(&step.id), escape(&check.id));
    let element = match check.verdict {
        Verdict::Pass => {
            out.push_str("/>\n");
            return;
        }
        Verdict::Fail | Verdict::Pending | Verdict::Blocked => "failure",
        Verdict::Unknown => "error",
        Verdict::Waived | Verdict::NotApplicable => "skipped",
    };
    let message = format!("{}: {}", check.verdict.word(), check.why.as_deref().unwrap_or(&check.title));
    let _ = writeln!(out, ">\n      <{element} message=\"{}\">{}</{element}>\n    </testcase>", escape(&message), escape(&details(check)));
}

fn details(check: &CheckReport) -> String {
    let lines = [("expected", &check.expected), ("found", &check.found), ("code", &check.code), ("hint", &check.hint)];
    lines.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}: {value}"))).collect::<Vec<_>>().join("\n")
}

fn escape(text: &str) -> String {
    crate::base::text::block(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
