//! The practice tenant and an application that proves itself by a certificate: every part of the proof is checked, permissions are its own.

use crate::lab::{Lab, wish};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const APP: &str = "9d47c2e5-6a83-4f10-b5d9-31e8a7f0c264";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn blocks(name: &str) -> Vec<pem::Pem> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name);
    pem::parse_many(std::fs::read(path).unwrap()).unwrap()
}

async fn tenant() -> Lab {
    let lab = Lab::start(&[]).await;
    lab.person("register-certificate", &[&pem::encode(&blocks("plain.pem")[0])]).await;
    lab.person("grant-app", &["User.Read.All"]).await;
    lab
}

/// Header and claims of a good proof.
fn good(lab: &Lab, jti: &str) -> (Value, Value) {
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(blocks("plain.pem")[0].contents()));
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({"aud": lab.tenant("oauth2/v2.0/token"), "iss": APP, "sub": APP, "jti": jti, "nbf": now, "exp": now + 300});
    (json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}), claims)
}

fn signed(header: &Value, claims: &Value, key: &str, encoding: &'static dyn RsaEncoding) -> String {
    let key = KeyPair::from_pkcs8(blocks(key)[1].contents()).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(encoding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn ask(lab: &Lab, proof: &str) -> (u16, Value) {
    let scope = format!("{}/.default", lab.text("graph"));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("scope", scope.as_str()),
        ("client_assertion_type", TYPE),
        ("client_assertion", proof),
    ];
    let (status, body) = lab.token_request(&form).await;
    (status.as_u16(), body)
}

async fn token(lab: &Lab, jti: &str) -> String {
    let (header, claims) = good(lab, jti);
    let (status, body) = ask(lab, &signed(&header, &claims, "plain.pem", &RSA_PSS_SHA256)).await;
    assert_eq!(status, 200, "{body}");
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "expires_in", "ext_expires_in", "token_type"], "no refresh token, no scope, no id token");
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_proof_is_good_in_both_signatures_and_once_only() {
    let lab = tenant().await;
    assert_eq!(lab.text("app_client_id"), APP);
    token(&lab, "one").await;
    let (mut header, claims) = good(&lab, "two");
    header["alg"] = json!("RS256");
    let proof = signed(&header, &claims, "plain.pem", &RSA_PKCS1_SHA256);
    assert_eq!(ask(&lab, &proof).await.0, 200);
    let (status, body) = ask(&lab, &proof).await;
    assert_eq!((status, &body["error_codes"]), (400, &json!([50027])), "{body}");
}

#[tokio::test]
async fn each_part_of_a_proof_is_checked() {
    type Spoil = fn(&mut Value, &mut Value);
    let lab = tenant().await;
    let spoiled: [(&str, u32, Spoil); 8] = [
        ("another certificate", 700_027, |header, _| header["x5t#S256"] = json!("x")),
        ("no algorithm", 50_027, |header, _| header["alg"] = json!("none")),
        ("another application", 700_021, |_, claims| claims["iss"] = json!("6b1f0a52-3c7e-4d18-9a64-2f85c0d7e913")),
        ("another subject", 700_021, |_, claims| claims["sub"] = json!("x")),
        ("another audience", 700_023, |_, claims| claims["aud"] = json!("https://login.microsoftonline.com/common/oauth2/v2.0/token")),
        ("over", 700_024, |_, claims| claims["exp"] = json!(claims["nbf"].as_i64().unwrap() - 301)),
        ("not begun", 700_024, |_, claims| claims["nbf"] = json!(claims["nbf"].as_i64().unwrap() + 600)),
        ("without an id", 50_027, |_, claims| claims["jti"] = Value::Null),
    ];
    for (what, code, spoil) in spoiled {
        let (mut header, mut claims) = good(&lab, what);
        spoil(&mut header, &mut claims);
        let (status, body) = ask(&lab, &signed(&header, &claims, "plain.pem", &RSA_PSS_SHA256)).await;
        assert!(status >= 400 && body["error_codes"] == json!([code]), "{what}: {body}");
    }
    let (header, claims) = good(&lab, "another key");
    let (status, body) = ask(&lab, &signed(&header, &claims, "other.pem", &RSA_PSS_SHA256)).await;
    assert_eq!((status, &body["error"], &body["error_codes"]), (401, &json!("invalid_client"), &json!([700_027])), "{body}");
    for nonsense in ["x", "a.b.c", "e30.e30.", &"A".repeat(9000)] {
        let (status, body) = ask(&lab, nonsense).await;
        assert_eq!((status, &body["error_codes"]), (400, &json!([50_027])), "{nonsense}: {body}");
    }
    token(&lab, "and still a good one passes").await;
}

#[tokio::test]
async fn the_application_needs_its_proof_in_every_grant_and_its_scope_is_default() {
    let lab = tenant().await;
    for grant in ["client_credentials", "refresh_token", "authorization_code"] {
        let (status, body) = lab.token_request(&[("grant_type", grant), ("client_id", APP), ("scope", "User.Read.All")]).await;
        assert_eq!((status.as_u16(), &body["error_codes"]), (401, &json!([7_000_218])), "{grant}: {body}");
    }
    let (header, claims) = good(&lab, "scope");
    let proof = signed(&header, &claims, "plain.pem", &RSA_PSS_SHA256);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("scope", "User.Read.All"),
        ("client_assertion_type", TYPE),
        ("client_assertion", proof.as_str()),
    ];
    let (_, body) = lab.token_request(&form).await;
    assert_eq!(body["error_codes"], json!([1_002_012]), "{body}");
}

#[tokio::test]
async fn an_application_may_what_it_was_given_and_never_what_is_of_persons_only() {
    let lab = tenant().await;
    let held = token(&lab, "held").await;
    let status = async |token: &str, path: &str| lab.get(token, path).await.0.as_u16();
    assert_eq!(status(&held, "/v1.0/users").await, 200);
    assert_eq!(status(&held, "/v1.0/domains").await, 403);
    assert_eq!(status(&held, "/v1.0/roleManagement/directory/roleAssignments").await, 403);
    lab.person("grant-app", &["Directory.Read.All"]).await;
    assert_eq!(status(&held, "/v1.0/domains").await, 403, "a token keeps what it was given with");
    let more = token(&lab, "more").await;
    for path in ["/v1.0/domains", "/v1.0/roleManagement/directory/roleAssignments", "/v1.0/organization", "/v1.0/servicePrincipals"] {
        assert_eq!(status(&more, path).await, 200, "{path}: an application needs no role");
    }
    assert_eq!(lab.assign(&more, &wish(crate::lab::USER1)).await.0.as_u16(), 403);
    assert_eq!(status(&more, "/v1.0/directory/onPremisesSynchronization").await, 403);
    for me in ["/v1.0/me", "/v1.0/users/me-token-to-replace", "/v1.0/me/licenseDetails"] {
        let (status, body) = lab.get(&more, me).await;
        assert_eq!((status.as_u16(), &body["error"]["code"]), (400, &json!("BadRequest")), "{body}");
        assert_eq!(body["error"]["message"], "/me request is only valid with delegated authentication flow.");
    }
}
