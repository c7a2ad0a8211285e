//! The control address of a lab that offers one: its clock, what persons do in it. Not for what a real lab offers.

use super::connect::Endpoint;
use crate::base::{
    Problem,
    http::{Http, HttpSettings, Method, Request, WireLog},
    text,
};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

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
        let reply = self.http.send(request).await?;
        let value: Value =
            serde_json::from_slice(&reply.body).map_err(|error| Problem::new(format!("the practice lab's answer is no JSON: {error}")))?;
        if reply.status == 200 {
            return Ok(value);
        }
        let why = value.get("error").and_then(Value::as_str).unwrap_or("it did not say why");
        let hint = "`guidepost practice person --list` shows what a person can do";
        Err(Problem::new(format!("the practice lab refused: {}", text::line(why))).hint(hint))
    }
}
