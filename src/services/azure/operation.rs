//! Asynchronous operations: accepted now, done later. Neither of the two addresses nor `Retry-After` is certain (`facts/wire.md`).

use super::{Answer, Azure, AzureError};
use crate::base::text;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The longest wait between two looks that a service may ask for.
const LONGEST: Duration = Duration::from_mins(1);

impl Azure {
    /// Waits until what was accepted has ended; the body of its end, null when there is none.
    pub(super) async fn finished(&self, what: &str, accepted: Answer) -> Result<Value, AzureError> {
        let limit = self.patience.operation;
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        let own = |address: Option<&str>| address.map(|address| self.own(what, address)).transpose();
        let operation = own(accepted.address("azure-asyncoperation"))?;
        let result = own(accepted.address("location"))?;
        let Some(watched) = operation.as_ref().or(result.as_ref()) else { return Ok(accepted.body) };
        let mut after = accepted.after;
        // What ends soon is seen soon; a run command in Azure takes 20 s and more, and is looked at a few times more.
        let mut growing = self.patience.every / 8;
        loop {
            growing = (growing * 2).min(self.patience.every);
            let wait = after.unwrap_or(growing).min(LONGEST);
            if began.elapsed().max(waited) + wait > limit {
                return Err(AzureError::StillRunning { what: what.to_owned(), after: limit });
            }
            self.pause.pause(wait).await;
            waited += wait;
            let look = self.look_at(what, watched).await?;
            after = look.after;
            let ended = if operation.is_some() { ended(what, &look.body)? } else { look.status != 202 };
            if ended {
                return self.outcome(what, look, operation.is_some().then_some(result.as_ref()).flatten()).await;
            }
        }
    }

    /// The operation's own output; else what stands at the address of the result.
    async fn outcome(&self, what: &str, look: Answer, result: Option<&url::Url>) -> Result<Value, AzureError> {
        if let Some(output) = look.body.pointer("/properties/output") {
            return Ok(output.clone());
        }
        match result {
            Some(result) => Ok(self.look_at(what, result).await?.body),
            None => Ok(look.body),
        }
    }

    /// Reads about what was accepted: a refusal of the look, such as a 403, is none of the operation.
    pub(super) async fn look_at(&self, what: &str, url: &url::Url) -> Result<Answer, AzureError> {
        self.read(what, url).await.map_err(|why| AzureError::Unwatched { why: Box::new(why) })
    }
}

/// Whether the operation has ended well; any word that is none of the three ends means that it runs.
fn ended(what: &str, body: &Value) -> Result<bool, AzureError> {
    let Some(status) = body.get("status").and_then(Value::as_str) else {
        return Err(AzureError::NotUnderstood { what: what.to_owned(), why: "the operation has no status".to_owned() });
    };
    if status.eq_ignore_ascii_case("Succeeded") {
        return Ok(true);
    }
    if !(status.eq_ignore_ascii_case("Failed") || status.eq_ignore_ascii_case("Canceled")) {
        return Ok(false);
    }
    let said = |name: &str, most| body.pointer(&format!("/error/{name}")).and_then(Value::as_str).map(|said| text::short(said, most));
    Err(AzureError::Failed {
        what: what.to_owned(),
        status: text::short(status, 40),
        code: said("code", 80),
        message: said("message", 400),
    })
}
