//! The control address of a lab that offers one: its clock, its wizard, what persons do in it. Not for what a real lab offers.

pub mod wizard;

use super::connect::Endpoint;
use crate::base::{
    Problem,
    http::{Http, HttpSettings, Method, Request, WireLog},
    text,
};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// What a lab's control can do; faces act on these, never on which lab it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// The wizard of Entra Connect is shown and operated.
    Wizard,
    /// Time passes on demand.
    Clock,
    /// Things break and heal on demand.
    Faults,
    /// Persons do what is theirs to do.
    Person,
}

impl Capability {
    fn word(self) -> &'static str {
        match self {
            Self::Wizard => "wizard",
            Self::Clock => "clock",
            Self::Faults => "faults",
            Self::Person => "person",
        }
    }
}

/// The way to steer a lab, and what it said once that it can.
#[derive(Clone, Debug)]
pub struct Offered {
    control: Control,
    words: Vec<String>,
}

impl Offered {
    /// Asks a control what it can; `None` when it does not answer, for a lab can be walked without.
    pub(super) async fn by(control: Control) -> Option<Self> {
        let said = control.get("").await.ok()?;
        let words = said.get("capabilities")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Some(Self { control, words })
    }

    /// The control, if it has a capability.
    #[must_use]
    pub fn with(&self, capability: Capability) -> Option<&Control> {
        self.words.iter().any(|word| word == capability.word()).then_some(&self.control)
    }
}

/// The way to steer a lab.
#[derive(Clone, Debug)]
pub struct Control {
    http: Http,
    address: Url,
}

impl Control {
    /// The control of a running lab.
    ///
    /// # Errors
    /// It names none, or its certificate cannot be read.
    pub fn of(endpoint: &Endpoint) -> Result<Self, Problem> {
        let address = endpoint.control.clone().filter(|address| !address.cannot_be_a_base());
        let address = address.ok_or_else(|| Problem::new("the practice lab names no control address"))?;
        let http = Http::new(HttpSettings { ca_file: Some(endpoint.ca_file.clone()), ..HttpSettings::default() }, WireLog::default())?;
        Ok(Self { http, address })
    }

    /// Does what a person would do, with a verb of `guidepost practice person --list`.
    ///
    /// # Errors
    /// What the lab says against it.
    pub async fn person(&self, verb: &str, args: &[String]) -> Result<(), Problem> {
        self.post("person", &json!({"verb": verb, "args": args})).await.map(drop)
    }

    /// Lets time pass in the lab, by whole seconds.
    ///
    /// # Errors
    /// What the lab says against it.
    pub async fn advance(&self, by: Duration) -> Result<(), Problem> {
        self.post("clock", &json!({"advance": format!("{}s", by.as_secs())})).await.map(drop)
    }

    /// Asks for something under a name below the control address.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    pub async fn get(&self, name: &str) -> Result<Value, Problem> {
        self.ask(Request::new(Method::GET, self.below(name))).await
    }

    /// As [`Self::get`], with something to do.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    pub async fn post(&self, name: &str, body: &Value) -> Result<Value, Problem> {
        self.ask(Request::new(Method::POST, self.below(name)).json(body)).await
    }

    fn below(&self, name: &str) -> Url {
        let mut address = self.address.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().push(name);
        }
        address
    }

    async fn ask(&self, request: Request) -> Result<Value, Problem> {
        let hint = "`guidepost practice person --list` shows what a person can do";
        self.answer(request).await?.map_err(|why| Problem::new(format!("the practice lab refused: {why}")).hint(hint))
    }

    /// What came back, or why the lab refused.
    async fn answer(&self, request: Request) -> Result<Result<Value, String>, Problem> {
        let reply = self.http.send(request).await?;
        let value: Value =
            serde_json::from_slice(&reply.body).map_err(|error| Problem::new(format!("the practice lab's answer is no JSON: {error}")))?;
        if reply.status == 200 {
            return Ok(Ok(value));
        }
        let why = value.get("error").and_then(Value::as_str).unwrap_or("it did not say why");
        Ok(Err(text::line(why)))
    }
}
