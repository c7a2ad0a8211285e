//! What a person said is done: tasks, and the pages of a wizard, which stand for the task that they belong to. Not what a look says of it.

use super::{
    core::Engine,
    journal::Event,
    ledger::{Attestation, Ledger},
};
use crate::base::Problem;
use crate::guide::Step;

/// A person's word for a task or a page of a step: a task's pages together are the word for it, and a word for the whole task is one for each
/// of its pages.
#[must_use]
pub fn word<'l>(ledger: &'l Ledger, step: &Step, id: &str) -> Option<&'l Attestation> {
    let direct = |id: &str| ledger.attested.get(&(step.id.clone(), id.to_owned()));
    let task_of_page = || step.pages.iter().find(|page| page.id == id)?.task.as_deref();
    let pages = || pages(step, id).map(direct).collect::<Option<Vec<_>>>()?.into_iter().max_by_key(|word| word.at);
    direct(id).or_else(|| task_of_page().and_then(direct)).or_else(pages)
}

/// How many tasks of a step a person attested.
#[must_use]
pub fn count(ledger: &Ledger, step: &Step) -> usize {
    step.tasks.iter().filter(|task| word(ledger, step, &task.id).is_some()).count()
}

/// The pages that belong to a task.
fn pages<'s>(step: &'s Step, task: &'s str) -> impl Iterator<Item = &'s str> {
    step.pages.iter().filter(move |page| page.task.as_deref() == Some(task)).map(|page| page.id.as_str())
}

/// The names that are written down for a task or a page: a task with pages is said page by page.
fn lines(ledger: &Ledger, step: Option<&Step>, id: &str, withdrawn: bool) -> Vec<String> {
    let Some(step) = step else { return vec![id.to_owned()] };
    let of_task: Vec<String> = pages(step, id).map(str::to_owned).collect();
    let direct = |id: &String| ledger.attested.contains_key(&(step.id.clone(), id.clone()));
    let mut all = if of_task.is_empty() { vec![id.to_owned()] } else { of_task };
    if withdrawn {
        // What was said of the whole task goes with one of its pages.
        all.extend(step.pages.iter().find(|page| page.id == id).and_then(|page| page.task.clone()));
        if !all.iter().any(|name| name == id) {
            all.push(id.to_owned());
        }
    }
    let wanted: Vec<String> = all.iter().filter(|id| direct(id) == withdrawn).cloned().collect();
    if wanted.is_empty() { vec![id.to_owned()] } else { wanted }
}

impl Engine {
    /// Writes down that a person says a task or a page is done, or takes that back; the names that were written.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn attest(&self, step: &str, id: &str, withdrawn: bool) -> Result<Vec<String>, Problem> {
        let names = lines(&self.ledger(), self.guide().steps.get(step), id, withdrawn);
        for name in &names {
            self.record(Some(step), Event::Attested { task: name.clone(), by: super::person(), withdrawn })?;
        }
        Ok(names)
    }

    /// Whether a person's word stands for a task, a page, or a consent of a step.
    #[must_use]
    pub fn is_attested(&self, step: &str, id: &str) -> bool {
        let ledger = self.ledger();
        match self.guide().steps.get(step) {
            Some(step) => word(&ledger, step, id).is_some(),
            None => ledger.attested.contains_key(&(step.to_owned(), id.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn step() -> Step {
        serde_saphyr::from_str(
            "{id: s, kind: wizard, where: APP1, tasks: [{id: open}, {id: pass}], pages: [{id: first, task: pass}, {id: second, task: pass}, {id: loose}]}",
        )
        .unwrap()
    }

    fn ledger(attested: &[&str]) -> Ledger {
        let word = |at| Attestation { by: "me".to_owned(), at: Timestamp::from_second(at).unwrap() };
        let attested = attested.iter().zip(1..).map(|(id, at)| (("s".to_owned(), (*id).to_owned()), word(at))).collect();
        Ledger { attested, ..Ledger::default() }
    }

    #[test]
    fn a_task_is_attested_by_itself_or_by_all_of_its_pages() {
        let table: [(&[&str], [bool; 5], usize); 5] = [
            (&[], [false; 5], 0),
            (&["first"], [false, false, true, false, false], 0),
            (&["first", "second"], [false, true, true, true, false], 1),
            (&["pass"], [false, true, true, true, false], 1),
            (&["open", "loose"], [true, false, false, false, true], 1),
        ];
        for (said, stands, counted) in table {
            let (ledger, step) = (ledger(said), step());
            let found = ["open", "pass", "first", "second", "loose"].map(|id| word(&ledger, &step, id).is_some());
            assert_eq!((found, count(&ledger, &step)), (stands, counted), "{said:?}");
        }
        let ledger = ledger(&["second", "first"]);
        assert_eq!(word(&ledger, &step(), "pass").unwrap().at.as_second(), 2, "the newest of the words");
    }

    #[test]
    fn a_task_with_pages_is_written_page_by_page_and_taken_back_with_all_of_them() {
        let table: [(&[&str], &str, bool, &[&str]); 7] = [
            (&[], "open", false, &["open"]),
            (&[], "pass", false, &["first", "second"]),
            (&["first"], "pass", false, &["second"]),
            (&["first", "second"], "pass", true, &["first", "second"]),
            (&["pass"], "first", true, &["pass"]),
            (&["pass", "first"], "first", true, &["first", "pass"]),
            (&[], "consent/7", false, &["consent/7"]),
        ];
        for (said, id, withdrawn, written) in table {
            assert_eq!(lines(&ledger(said), Some(&step()), id, withdrawn), written, "{said:?} {id}");
        }
    }
}
