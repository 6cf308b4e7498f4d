use std::collections::BTreeSet;

use cromulent::bench::client::Reply;
use cromulent::protocol::error::ErrorCode;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, account, refused};

const VERBS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

async fn description(server: &TestServer) -> Value {
    let reply = server.send(Method::GET, "/api/openapi.json", "", Value::Null).await;
    assert_eq!(reply.status, StatusCode::OK);
    serde_json::from_str(&reply.body).unwrap()
}

/// What the description says there is, as `get /api/health`.
fn described(description: &Value) -> BTreeSet<String> {
    let paths = description["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, verbs)| verbs.as_object().unwrap().keys().map(move |verb| format!("{verb} {path}")))
        .collect()
}

/// What the router has, read off its source: it can tell nobody.
fn routed() -> BTreeSet<String> {
    let source = include_str!("../src/web/mod.rs");
    let mut found = BTreeSet::new();
    for (at, _) in source.match_indices(".route(\"") {
        let rest = &source[at + ".route(\"".len()..];
        let (path, rest) = rest.split_once('"').unwrap();
        let handlers = rest.split_once('\n').unwrap().0;
        let prefix = if path == "/auto_login" { "" } else { "/api" };
        for verb in VERBS {
            if handlers.contains(&format!(" {verb}(")) || handlers.contains(&format!(".{verb}(")) {
                found.insert(format!("{verb} {prefix}{path}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let server = TestServer::start().await;
    let description = description(&server).await;
    let (described, routed) = (described(&description), routed());
    assert!(routed.len() > 20, "the routes were not found in the source");
    assert_eq!(
        described.difference(&routed).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "described, not routed"
    );
    assert_eq!(
        routed.difference(&described).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "routed, not described"
    );
    for one in &described {
        let (verb, path) = one.split_once(' ').unwrap();
        let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
        let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
        let reply = server.send(method, &path, "", json!({})).await;
        assert_ne!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{one}");
        let missing = reply.status == StatusCode::NOT_FOUND && refused(&reply) == ErrorCode::UnknownRequest;
        assert!(!missing, "{one} is not there");
    }
}

/// What is wrong with `value` for a schema, in the part of JSON Schema that the description uses.
fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(&name[1..]).unwrap_or_else(|| panic!("{name} is nowhere"));
        return fault(root, target, value);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(all) = schema[choice].as_array() {
            let none = all.iter().all(|one| fault(root, one, value).is_some());
            return none.then(|| format!("{value} is none of {choice}"));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Some(format!("{value} is none of {allowed:?}"));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.contains(&json!(kind)),
        _ => panic!("a schema without a type: {schema}"),
    };
    if !fits {
        return Some(format!("{value} is not {}", schema["type"]));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| fault(root, &schema["items"], item)),
        Value::Object(fields) => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let missing = required.iter().find(|name| !fields.contains_key(name.as_str().unwrap()));
            if let Some(missing) = missing {
                return Some(format!("{missing} is missing in {value}"));
            }
            fields.iter().find_map(|(name, field)| match schema["properties"].get(name) {
                Some(schema) => fault(root, schema, field),
                None => Some(format!("{name} is not described")),
            })
        }
        _ => None,
    }
}

/// Holds a request and its reply to the description.
fn fits(root: &Value, operation: &str, sent: &Value, reply: &Reply) {
    let (verb, path) = operation.split_once(' ').unwrap();
    let described = &root["paths"][path][verb];
    let content = "/content/application~1json/schema";
    match described["requestBody"].pointer(content) {
        Some(schema) if reply.status.is_success() => {
            assert_eq!(fault(root, schema, sent), None, "{operation}")
        }
        Some(_) => {}
        None => assert!(sent.is_null(), "{operation} takes no body"),
    }
    let status = reply.status.as_u16().to_string();
    let key = if reply.status.is_client_error() { "4XX" } else { &status };
    let response = &described["responses"][key];
    assert!(response.is_object(), "{operation} does not answer {status}");
    match response.pointer(content) {
        Some(schema) => {
            let body: Value =
                serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{operation}: {reply:?}"));
            assert_eq!(fault(root, schema, &body), None, "{operation}");
        }
        None => assert_eq!(reply.body, "", "{operation}"),
    }
}

#[tokio::test]
async fn what_is_answered_is_what_is_described() {
    let server = TestServer::start().await;
    let root = description(&server).await;
    let admin = server.admin("root").await;
    let asks = async |operation: &str, id: &str, who: &str, body: Value| {
        let (verb, path) = operation.split_once(' ').unwrap();
        let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
        let reply = server.send(method, &path.replace("{id}", id), who, body.clone()).await;
        fits(&root, operation, &body, &reply);
        reply
    };
    let register = serde_json::to_value(account("ana")).unwrap();
    let ana = asks("post /api/accounts", "", "", register).await.cookie.unwrap();
    asks("get /api/server", "", &ana, Value::Null).await;
    asks("get /api/server", "", "", Value::Null).await;
    asks("post /api/session", "", "", json!({ "login": "ana", "password": PASSWORD })).await;
    asks("post /api/session", "", "", json!({ "login": "ana", "password": "wrong" })).await;
    let own = asks("get /api/account", "", &ana, Value::Null).await;
    asks("get /api/account", "", "", Value::Null).await;
    let profile = json!({ "display_name": "Ana", "avatar": { "kind": "none" } });
    asks("put /api/account/profile", "", &ana, profile).await;
    let list = asks("get /api/account/sessions", "", &ana, Value::Null).await;
    let list: Value = serde_json::from_str(&list.body).unwrap();
    let other =
        list["sessions"].as_array().unwrap().iter().find(|one| one["current"] == json!(false)).unwrap();
    asks("delete /api/account/sessions/{id}", other["id"].as_str().unwrap(), &ana, Value::Null).await;
    asks("put /api/account/email", "", &ana, json!({ "password": PASSWORD, "email": "ana@example.net" }))
        .await;
    asks("post /api/password/forgotten", "", "", json!({ "email": "ana@example.net" })).await;
    asks("post /api/confirmation", "", "", json!({ "token": "x" })).await;

    let login = json!({ "email": "ana", "password": PASSWORD, "device_name": "Desk", "device_type": "bot" });
    let tokens = asks("post /api/auth/login", "", "", login).await;
    asks("post /api/auth/login", "", "", json!({ "email": "ana", "password": "wrong" })).await;
    let token = |reply: &Reply| {
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        json!({ "refresh_token": body["refresh_token"] })
    };
    asks("post /api/auth/verify", "", "", token(&tokens)).await;
    let tokens = asks("post /api/auth/refresh", "", "", token(&tokens)).await;
    let tokens = asks("post /auto_login", "", "", token(&tokens)).await;
    asks("post /api/auth/logout", "", "", token(&tokens)).await;
    asks("post /api/auth/verify", "", "", token(&tokens)).await;

    let id = serde_json::from_str::<Value>(&own.body).unwrap()["user"]["id"].as_str().unwrap().to_owned();
    asks("put /api/users/{id}/role", &id, &admin.cookie, json!({ "role": "admin" })).await;
    asks("put /api/users/{id}/access", &id, &ana, json!({ "disabled": false })).await;
    let link = asks("post /api/users/{id}/reset-link", &id, &admin.cookie, Value::Null).await;
    let url = serde_json::from_str::<Value>(&link.body).unwrap()["url"].as_str().unwrap().to_owned();
    let reset = json!({ "token": url.rsplit('/').next().unwrap(), "password": "a wholly new sentence" });
    asks("post /api/password/reset", "", "", reset).await;
    let create = json!({ "username": "ben", "email": "ben@example.org", "password": PASSWORD });
    asks("post /api/users", "", &admin.cookie, create).await;
    let ben = asks("get /api/users", "", &admin.cookie, Value::Null).await;
    let ben = serde_json::from_str::<Value>(&ben.body).unwrap()["people"][1]["user"]["id"].clone();
    asks("delete /api/users/{id}", ben.as_str().unwrap(), &admin.cookie, Value::Null).await;
    asks("delete /api/users/{id}", ben.as_str().unwrap(), &admin.cookie, Value::Null).await;
    asks("get /api/users", "", &ana, Value::Null).await;
    asks("get /api/audit", "", &admin.cookie, Value::Null).await;
    asks("get /api/audit", "", "", Value::Null).await;
    asks("get /api/settings", "", &admin.cookie, Value::Null).await;
    let relays = json!({ "settings": [{ "relays": { "urls": ["turns:127.0.0.1"], "secret": "s" } }] });
    asks("put /api/settings", "", &admin.cookie, relays).await;
    asks("post /api/settings/relay-test", "", &admin.cookie, Value::Null).await;
    let change = json!({ "settings": [{ "voice": true }, { "registration": "closed" }] });
    asks("put /api/settings", "", &admin.cookie, change.clone()).await;
    asks("put /api/settings", "", &ana, change).await;
    asks("delete /api/account/sessions", "", &admin.cookie, Value::Null).await;
}
