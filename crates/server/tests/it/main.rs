//! The table of doors against the API's description.

#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

use countersign_server::{description, doors};

#[test]
fn every_described_endpoint_has_a_row_and_every_row_of_the_api_is_described() {
    let described = serde_json::to_value(description()).unwrap();
    let mut endpoints: Vec<(String, String)> = Vec::new();
    for (path, item) in described["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|k| *k != "parameters");
        endpoints.extend(methods.map(|m| (m.to_uppercase(), path.clone())));
    }
    for (method, path) in &endpoints {
        assert!(
            doors::find(method, path).is_some(),
            "{method} {path} has no row: nobody could open it"
        );
    }
    for door in doors::DOORS.iter().filter(|d| d.path.starts_with("/api/v1/")) {
        let is_described = endpoints.iter().any(|(m, p)| m == door.method && p == door.path);
        assert!(
            is_described,
            "{} {} has a row and is not there",
            door.method, door.path
        );
    }
}

#[test]
fn every_endpoint_is_described_under_a_name_of_its_own() {
    let described = serde_json::to_value(description()).unwrap();
    let mut names: Vec<&str> = Vec::new();
    for item in described["paths"].as_object().unwrap().values() {
        let endpoints = item.as_object().unwrap().values();
        names.extend(endpoints.filter_map(|endpoint| endpoint["operationId"].as_str()));
    }
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "clients are made from these names: {twice:?}");
}

#[test]
fn a_workflow_is_started_on_repositories_by_name_and_one_is_registered_by_path_or_by_name() {
    let described = serde_json::to_value(description()).unwrap();
    let form = |pointer: &str| {
        let name = described.pointer(pointer).and_then(|v| v.as_str()).unwrap();
        let form = described.pointer(name.trim_start_matches('#')).unwrap();
        form.clone()
    };
    let started = "/components/schemas/NewWorkflow/properties/repositories/items/$ref";
    let registered = "/paths/~1api~1v1~1repositories/post/requestBody/content/application~1json/schema/$ref";
    assert_eq!(form(started)["required"], serde_json::json!(["name"]));
    let places: Vec<String> = form(registered)["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(places, ["github", "path"]);
}

#[test]
fn the_description_is_openapi_3_1() {
    let text = description().to_pretty_json().unwrap();
    assert!(text.contains("\"openapi\": \"3.1"), "{}", &text[..80]);
}

#[test]
fn no_key_decides_and_nobody_unknown_gets_in() {
    use countersign_core::member::Role;
    use countersign_ports::access::Scope;
    use doors::{Caller, Need, open};
    let every = [Scope::Read, Scope::Submit];
    for door in doors::DOORS {
        let by_key = open(
            door.need,
            Caller::Key {
                scopes: &every,
                role: Role::Owner,
            },
        )
        .is_ok();
        let decides = matches!(door.need, Need::PersonLately(_));
        assert!(!(by_key && decides), "{} {}", door.method, door.path);
        let by_nobody = open(door.need, Caller::Nobody).is_ok();
        assert!(
            !by_nobody || matches!(door.need, Need::Nothing | Need::Signature),
            "{} {}",
            door.method,
            door.path
        );
        if by_nobody && door.need == Need::Nothing && door.path.starts_with("/api/v1/") {
            assert_eq!(door.path, "/api/v1/sessions", "the one that lets in");
        }
    }
}
