//! A request whose reply never ends: it tells a server that somebody is there. Nothing of it is kept.

use super::{Http, HttpError, Request, build};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Longer than anybody walks; reqwest knows no "never" for one request.
const LONG: Duration = Duration::from_hours(30 * 24);

/// Ends the request when its last owner drops it.
#[derive(Clone, Debug)]
pub struct Hold {
    _task: Arc<AbortOnDrop>,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http {
    /// Opens the request in the background and reads until it ends or the [`Hold`] is dropped; a failure is silent, because
    /// whatever matters is asked by other requests.
    #[must_use]
    pub fn hold(&self, request: Request) -> Hold {
        let http = self.clone();
        let task = tokio::spawn(async move {
            let _ = http.read_forever(request).await;
        });
        Hold { _task: Arc::new(AbortOnDrop(task)) }
    }

    async fn read_forever(&self, request: Request) -> Result<(), HttpError> {
        super::trust::check_address(&request.url)?;
        let client = self.shared.clients.for_url(&request.url).await?;
        let Ok(mut response) = build(&client, request)?.timeout(LONG).send().await else { return Ok(()) };
        while let Ok(Some(_)) = response.chunk().await {}
        Ok(())
    }
}
