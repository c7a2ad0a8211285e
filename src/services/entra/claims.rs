//! Claims: what a token must say beyond its scopes. We say that we understand challenges, and pass on what Graph asks for.
//!
//! Continuous access evaluation: a client that declares `cp1` gets tokens that live up to 28 h and may be refused at any
//! moment with a challenge (learn: claims-challenge).

use crate::base::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A challenge is a few hundred bytes; longer ones are not sent on.
const LONGEST: usize = 8 * 1024;

/// The `claims` parameter of every request for a token: our capability, and what a challenge asks for.
pub(super) fn parameter(challenge: Option<&Value>) -> String {
    let mut claims = challenge.and_then(Value::as_object).cloned().unwrap_or_default();
    let access = claims.entry("access_token").or_insert_with(|| Value::Object(Map::new()));
    if !access.is_object() {
        *access = Value::Object(Map::new());
    }
    if let Some(access) = access.as_object_mut() {
        access.insert("xms_cc".to_owned(), json!({"values": ["cp1"]}));
    }
    Value::Object(claims).to_string()
}

/// The challenge in a 401: `WWW-Authenticate: Bearer …, error="insufficient_claims", claims="<base64>"`.
pub(super) fn challenge(headers: &HeaderMap) -> Option<Value> {
    headers.get_all("www-authenticate").into_iter().find_map(|header| {
        let header = header.to_str().ok().filter(|header| header.len() <= LONGEST)?;
        (quoted(header, "error")? == "insufficient_claims").then_some(())?;
        read(&decode(quoted(header, "claims")?)?)
    })
}

/// A challenge as JSON, as the token endpoint sends it too; `None` for anything but an object of bounded size.
pub(super) fn read(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok().filter(|_| text.len() <= LONGEST)?;
    value.is_object().then_some(value)
}

fn quoted<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    let mut rest = header;
    loop {
        let (before, after) = rest.split_once(start.as_str())?;
        // `xerror="` is another parameter.
        if before.chars().next_back().is_none_or(|c| c == ' ' || c == ',') {
            return after.split('"').next();
        }
        rest = after;
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok().or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{challenge, parameter, read};
    use crate::base::http::{HeaderMap, HeaderValue};
    use serde_json::json;

    fn asked(header: &str) -> Option<serde_json::Value> {
        let mut headers = HeaderMap::new();
        headers.insert("www-authenticate", HeaderValue::from_str(header).unwrap());
        challenge(&headers)
    }

    #[test]
    fn the_capability_is_declared_always_and_a_challenge_is_kept_beside_it() {
        assert_eq!(parameter(None), r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
        let challenge = json!({"access_token": {"nbf": {"essential": true, "value": "1"}}, "id_token": {"a": null}});
        let merged: serde_json::Value = serde_json::from_str(&parameter(Some(&challenge))).unwrap();
        assert_eq!(merged.pointer("/access_token/nbf/value"), Some(&json!("1")));
        assert_eq!(merged.pointer("/access_token/xms_cc/values/0"), Some(&json!("cp1")));
        assert!(merged.get("id_token").is_some());
        assert_eq!(parameter(Some(&json!({"access_token": 7}))), parameter(None));
    }

    #[test]
    fn a_challenge_is_read_from_the_header_and_nonsense_is_none() {
        // {"access_token":{"nbf":{"essential":true, "value":"1604106651"}}} as in Microsoft's sample.
        let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0=";
        let header = format!(r#"Bearer realm="", authorization_uri="https://x/", error="insufficient_claims", claims="{claims}""#);
        assert_eq!(asked(&header).unwrap().pointer("/access_token/nbf/value"), Some(&json!("1604106651")));
        let plain = r#"Bearer realm="", error="invalid_token""#;
        for nonsense in [plain, "", r#"Bearer error="insufficient_claims""#, r#"error="insufficient_claims", claims="%%""#] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
        assert_eq!(asked(&header.replace(" error=", " xerror=")), None);
        assert_eq!(asked(&header.replace(claims, &"QUFB".repeat(5000))), None);
        assert_eq!(read("[1]"), None);
    }
}
