//! Reads a reply's body and stops at the limit. Not for what the bytes mean.

use super::error::{self, HttpError};
use reqwest::Response;
use std::time::Duration;

/// Reads at most `limit` bytes; a longer body ends the connection, so the rest is never received.
pub(super) async fn read(mut response: Response, host: &str, limit: usize, timeout: Duration) -> Result<Vec<u8>, HttpError> {
    let too_large = || HttpError::TooLarge { host: host.to_owned(), limit };
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|error| error::from_body(host, &error, timeout))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
