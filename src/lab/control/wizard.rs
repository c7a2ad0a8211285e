//! The wizard of Entra Connect as a lab's control shows it, and what can be done in it. No secret goes over: a field is filled by its name.

use super::Control;
use crate::base::{
    Problem,
    http::{Method, Request},
    text,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// More of one kind on a page is not taken over.
const MOST: usize = 64;
/// The longest label or sentence.
const LONGEST: usize = 1_000;

/// The wizard's window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Window {
    /// Whether there is one.
    pub open: bool,
    /// What it shows.
    #[serde(default)]
    pub page: Option<WindowPage>,
}

/// A page of the wizard as it stands now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct WindowPage {
    /// Its name, the same as in a guide.
    pub id: String,
    /// Its title.
    pub title: String,
    /// One of these is chosen, or none.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// Any of these are ticked.
    #[serde(default)]
    pub boxes: Vec<TickBox>,
    /// What a person types.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// The last one leads on.
    #[serde(default)]
    pub buttons: Vec<String>,
    /// What the page says besides.
    #[serde(default)]
    pub says: Option<String>,
}

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Choice {
    /// Its label.
    pub label: String,
    /// It is the one.
    pub chosen: bool,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TickBox {
    /// Its label.
    pub label: String,
    /// It is ticked.
    pub ticked: bool,
    /// It is grey.
    #[serde(default)]
    pub locked: bool,
    /// As it stood when the wizard opened; `None` when the lab does not say.
    #[serde(default)]
    pub was: Option<bool>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Field {
    /// Its label.
    pub label: String,
    /// Something was typed.
    pub filled: bool,
    /// What is typed does not show.
    #[serde(default)]
    pub secret: bool,
}

/// What a person does with the wizard; labels as they stand on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opens the wizard.
    Open,
    /// Closes its window: what was not configured is forgotten.
    Close,
    /// Chooses one of several.
    Choose(String),
    /// Ticks a box, or unticks it.
    Tick(String),
    /// Fills a field.
    Enter(String),
    /// Presses a button.
    Press(String),
}

impl Operation {
    fn body(&self) -> Value {
        match self {
            Self::Open => json!({"open": true}),
            Self::Close => json!({"open": false}),
            Self::Choose(label) => json!({"choose": label}),
            Self::Tick(label) => json!({"tick": label}),
            Self::Enter(label) => json!({"enter": label}),
            Self::Press(label) => json!({"press": label}),
        }
    }
}

impl Control {
    /// The wizard's window as it stands.
    ///
    /// # Errors
    /// It cannot be reached, or says something else than a window.
    pub async fn wizard(&self) -> Result<Window, Problem> {
        window(self.get("wizard").await?)
    }

    /// Does in the wizard what a person does, and gives the window after it.
    ///
    /// # Errors
    /// What the page does not take, in the lab's own words.
    pub async fn operate(&self, operation: &Operation) -> Result<Window, Problem> {
        let request = Request::new(Method::POST, self.below("wizard")).json(&operation.body());
        window(self.answer(request).await?.map_err(Problem::new)?)
    }
}

/// What came, cleaned and cut.
fn window(value: Value) -> Result<Window, Problem> {
    let mut window: Window =
        serde_json::from_value(value).map_err(|error| Problem::unknown(format!("the lab shows no window of a wizard: {error}")))?;
    let page = window.page.take().filter(|_| window.open);
    Ok(Window { open: window.open, page: page.map(cleaned) })
}

fn cleaned(page: WindowPage) -> WindowPage {
    let clean = |words: &str| text::short(&text::line(words), LONGEST);
    WindowPage {
        id: clean(&page.id),
        title: clean(&page.title),
        choices: page.choices.into_iter().take(MOST).map(|one| Choice { label: clean(&one.label), ..one }).collect(),
        boxes: page.boxes.into_iter().take(MOST).map(|one| TickBox { label: clean(&one.label), ..one }).collect(),
        fields: page.fields.into_iter().take(MOST).map(|one| Field { label: clean(&one.label), ..one }).collect(),
        buttons: page.buttons.iter().take(MOST).map(|label| clean(label)).collect(),
        says: page.says.as_deref().map(clean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lab_shows_is_cleaned_and_cut_before_anybody_sees_it() {
        let buttons: Vec<String> = (0..200).map(|n| format!("b\u{1b}[31m{n}")).collect();
        let page = json!({"id": "x", "title": "T\u{1b}]0;t\u{7}", "buttons": buttons, "says": "s".repeat(5_000), "more": 1});
        let page = window(json!({"open": true, "page": page})).unwrap().page.unwrap();
        assert_eq!(page.buttons.len(), MOST);
        assert!(!format!("{page:?}").contains("\\u{1b}"), "{page:?}");
        assert!(page.says.unwrap().chars().count() <= LONGEST);
        assert_eq!(window(json!({"open": false, "page": {"id": "x", "title": "y"}})).unwrap(), Window::default());
        assert!(window(json!({"page": null})).unwrap_err().what.contains("shows no window"));
    }
}
