//! Requests to the token endpoint, and where the two endpoints are. Not for keeping tokens.

use super::reply::{self, DeviceCode, Tokens};
use super::{EntraSettings, Purpose, SignInError};
use crate::base::http::{Http, Method, Request};
use crate::base::{Secret, clock::Clock, encode};
use crate::services::retry::{Again, Limits, Pause, retrying};
use std::sync::Arc;
use url::Url;

/// The token endpoint of one lab.
#[derive(Clone)]
pub(super) struct TokenEndpoint {
    pub(super) http: Http,
    pub(super) settings: EntraSettings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) pause: Arc<dyn Pause>,
}

impl TokenEndpoint {
    /// Tokens for a code. A code is good once: it is sent again only if the service said that it is busy.
    pub(super) async fn redeem(
        &self,
        purpose: Purpose,
        code: &Secret,
        verifier: &Secret,
        redirect_uri: &str,
        claims: &str,
    ) -> Result<Tokens, SignInError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", self.settings.client_id(purpose)),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier.expose()),
            ("scope", &self.settings.scope(purpose)),
            ("claims", claims),
        ];
        self.ask(&fields, again_if_told).await
    }

    /// Tokens for a refresh token, which may be used more than once.
    pub(super) async fn refresh(&self, purpose: Purpose, refresh: &Secret, claims: &str) -> Result<Tokens, SignInError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.settings.client_id(purpose)),
            ("refresh_token", refresh.expose()),
            ("scope", &self.settings.scope(purpose)),
            ("claims", claims),
        ];
        self.ask(&fields, again_if_busy).await
    }

    /// A code for a person to enter elsewhere (RFC 8628 3.1).
    pub(super) async fn device_code(&self, purpose: Purpose) -> Result<DeviceCode, SignInError> {
        let url = endpoint(&self.settings, "devicecode")?;
        let fields = [("client_id", self.settings.client_id(purpose)), ("scope", &self.settings.scope(purpose))];
        let request = Request::new(Method::POST, url).form(&fields).header("accept", "application/json");
        retrying(self.limits, &self.pause, again_if_busy, || {
            Box::pin(async { reply::device_code(&self.http.send(request.clone()).await?, self.clock.now()) })
        })
        .await
    }

    /// Asks once whether the code was entered (RFC 8628 3.4). Under the long name of the grant, which all servers know.
    pub(super) async fn device_token(&self, purpose: Purpose, device_code: &Secret, claims: &str) -> Result<Tokens, SignInError> {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", self.settings.client_id(purpose)),
            ("device_code", device_code.expose()),
            ("claims", claims),
        ];
        self.once(self.request(&fields)?).await
    }

    pub(super) fn request(&self, fields: &[(&str, &str)]) -> Result<Request, SignInError> {
        let url = endpoint(&self.settings, "token")?;
        Ok(Request::new(Method::POST, url).form(fields).header("accept", "application/json"))
    }

    async fn ask(&self, fields: &[(&str, &str)], again: fn(&SignInError) -> Again) -> Result<Tokens, SignInError> {
        let request = self.request(fields)?;
        retrying(self.limits, &self.pause, again, || Box::pin(self.once(request.clone()))).await
    }

    pub(super) async fn once(&self, request: Request) -> Result<Tokens, SignInError> {
        let reply = self.http.send(request).await?;
        reply::read(&reply, self.clock.now())
    }
}

fn again_if_told(error: &SignInError) -> Again {
    let SignInError::Busy { status: 429 | 503, retry_after: Some(time) } = error else { return Again::Never };
    Again::After(*time)
}

pub(super) fn again_if_busy(error: &SignInError) -> Again {
    let SignInError::Busy { retry_after, .. } = error else { return Again::Never };
    retry_after.map_or(Again::Later, Again::After)
}

/// `{authority}/{tenant}/oauth2/v2.0/{name}`.
pub(super) fn endpoint(settings: &EntraSettings, name: &str) -> Result<Url, SignInError> {
    let wrong = |why: String| reply::not_understood(format!("its address cannot be made: {why}"));
    let tenant = encode::path_segment(&settings.tenant).map_err(|error| wrong(error.to_string()))?;
    let base = settings.authority.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}/{tenant}/oauth2/v2.0/{name}")).map_err(|error| wrong(error.to_string()))
}
