//! Keys that are not valid, one after the other: told when to come back, and nobody else is locked out.

use crate::api_keys::admin;
use crate::auth::with_auth;
use crate::harness::{Answer, Api, Calls, Harness};
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use serde_json::json;

const ATTEMPTS: usize = 20;

async fn get<S: Calls>(api: &Api<S>, from: &str, key: &str) -> Answer {
    let request = TestRequest::get().uri("/api/jobs").peer_addr(format!("{from}:4711").parse().unwrap());
    api.send(request.insert_header(("authorization", format!("Bearer {key}")))).await
}

async fn sign_in<S: Calls>(api: &Api<S>, from: &str, key: &str) -> Answer {
    let request = TestRequest::post().uri("/api/session").set_json(json!({"key": key}));
    api.send(request.peer_addr(format!("{from}:4711").parse().unwrap())).await
}

#[actix_web::test]
async fn an_address_that_goes_on_with_wrong_keys_is_told_when_to_come_back() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    for number in 0..ATTEMPTS {
        let guess = format!("oneoff_{number:064x}");
        match number % 2 {
            0 => get(&api, "192.0.2.1", &guess).await.problem(401, "unauthorized"),
            _ => sign_in(&api, "192.0.2.1", &guess).await.problem(401, "unauthorized"),
        };
    }
    let guess = format!("oneoff_{:064x}", ATTEMPTS);
    for answer in [get(&api, "192.0.2.1", &guess).await, sign_in(&api, "192.0.2.1", "oneoff_cut").await] {
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=61).contains(&wait), "{wait}");
        let problem = answer.problem(429, "too_many_failed_keys");
        assert!(!problem.to_string().contains(&guess[..20]), "{problem}");
    }
    // Whoever has a key is not locked out, and what brings none tries none.
    assert_eq!(get(&api, "192.0.2.1", &root.key).await.status, 200);
    assert_eq!(sign_in(&api, "192.0.2.1", &root.key).await.status, 201);
    let without = TestRequest::get().uri("/api/jobs").peer_addr("192.0.2.1:4711".parse().unwrap());
    api.send(without).await.problem(401, "unauthorized");
    get(&api, "192.0.2.2", &guess).await.problem(401, "unauthorized");
}

#[actix_web::test]
async fn behind_a_proxy_that_is_trusted_each_client_counts_for_itself() {
    let harness = Harness::start().await;
    let trusted_proxies = vec!["192.0.2.9".parse().unwrap()];
    let api = harness.api_with(ApiSettings { trusted_proxies, ..with_auth() }).await;
    let ask = |client: &'static str| {
        let request = TestRequest::get().uri("/api/jobs").peer_addr("192.0.2.9:4711".parse().unwrap());
        let request = request.insert_header(("x-forwarded-for", client));
        api.send(request.insert_header(("x-api-key", "oneoff_wrong")))
    };
    for _ in 0..ATTEMPTS {
        ask("203.0.113.1").await.problem(401, "unauthorized");
    }
    ask("203.0.113.1").await.problem(429, "too_many_failed_keys");
    ask("203.0.113.2").await.problem(401, "unauthorized");
}

#[actix_web::test]
async fn sessions_that_have_ended_are_no_guesses() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    for _ in 0..=ATTEMPTS {
        let request = TestRequest::get().uri("/api/jobs").peer_addr("192.0.2.1:4711".parse().unwrap());
        let request = request.insert_header(("cookie", "oneoff_session=0123"));
        api.send(request).await.problem(401, "unauthorized");
    }
}

#[actix_web::test]
async fn setup_links_are_not_guessed_either() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let guess = || {
        let request = TestRequest::post().uri("/api/setup").set_json(json!({"token": "0123"}));
        api.send(request.peer_addr("192.0.2.1:4711".parse().unwrap()))
    };
    for _ in 0..ATTEMPTS {
        guess().await.problem(404, "not_found");
    }
    guess().await.problem(429, "too_many_failed_keys");
}
