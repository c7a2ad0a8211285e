//! A person with a browser, filling in the pages of sign-in. No promises.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; each binary uses its own part of it"
)]

use crate::lab::{CLI_TOOLS, Lab, REDIRECT, VERIFIER};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The pages of sign-in, filled in as a browser would.
pub(crate) struct Browser<'a> {
    lab: &'a Lab,
    pub(crate) page: String,
    /// Where the last redirect went.
    pub(crate) sent_to: Option<url::Url>,
}

impl<'a> Browser<'a> {
    pub(crate) async fn open(lab: &'a Lab, client: &str, scope: &str, more: &[(&str, &str)]) -> Self {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut query = vec![
            ("client_id", client),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", "s&t=1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        query.extend_from_slice(more);
        let address = url::Url::parse_with_params(&lab.tenant("oauth2/v2.0/authorize"), query).unwrap();
        Self::at(lab, address).await
    }

    /// Opens an address that an application made.
    pub(crate) async fn at(lab: &'a Lab, address: url::Url) -> Self {
        let mut browser = Self { lab, page: String::new(), sent_to: None };
        let reply = lab.http.get(address).send().await.unwrap();
        browser.take(reply).await;
        browser
    }

    pub(crate) async fn take(&mut self, reply: reqwest::Response) {
        let location = reply.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        self.sent_to = location.map(|to| to.parse().unwrap());
        self.page = reply.text().await.unwrap();
    }

    pub(crate) fn field(&self, name: &str) -> String {
        let at = self.page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.page));
        at.split('"').next().unwrap().to_owned()
    }

    pub(crate) async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) {
        let (flow, csrf) = (self.field("flow"), self.field("csrf"));
        let mut form = vec![("flow", flow.as_str()), ("csrf", csrf.as_str())];
        form.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        form.extend_from_slice(fields);
        let reply = self.lab.http.post(self.lab.tenant(action)).form(&form).send().await.unwrap();
        self.take(reply).await;
    }

    pub(crate) async fn log_in(&mut self, account: &str) {
        let password = self.lab.ready["admin"]["password"].as_str().unwrap().to_owned();
        self.submit("login", &[("account", account), ("password", &password), ("act", "next")]).await;
    }

    pub(crate) fn answer(&self, name: &str) -> Option<String> {
        let url = self.sent_to.as_ref().unwrap_or_else(|| panic!("no redirect but {}", self.page));
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

pub(crate) async fn redeem(lab: &Lab, client: &str, code: &str, verifier: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    lab.token_request(&fields).await
}

/// Signs in by page and approves; the access token carries these scopes only.
pub(crate) async fn token_with(lab: &Lab, account: &str, scope: &str) -> String {
    let mut browser = Browser::open(lab, CLI_TOOLS, scope, &[]).await;
    browser.log_in(account).await;
    browser.submit("consent", &[("act", "approve")]).await;
    let (status, body) = redeem(lab, CLI_TOOLS, &browser.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}
