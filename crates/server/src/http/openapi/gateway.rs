//! The requests of gateways, and the answers to them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
    ResponsesBuilder, Type,
};
use utoipa::{IntoParams, IntoResponses};

use super::schema::{object, string};

/// The headers that nginx and HAProxy are told to set.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "they are read by name, as they may come more than once"
)]
pub(in crate::http) struct Original {
    /// The method of the request.
    #[param(rename = "X-Original-Method", required = false)]
    method: String,
    /// Its path and query, as they were sent.
    #[param(rename = "X-Original-URI", required = false)]
    target: String,
}

/// The headers that Kubernetes' ingress-nginx sets.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "they are read by name, as they may come more than once"
)]
pub(in crate::http) struct OriginalUrl {
    /// The method of the request.
    #[param(rename = "X-Original-Method", required = false)]
    method: String,
    /// Its scheme, host, path and query.
    #[param(rename = "X-Original-URL", required = false)]
    target: String,
}

/// The headers that Traefik, Caddy and APISIX set.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "they are read by name, as they may come more than once"
)]
pub(in crate::http) struct Forwarded {
    /// The method of the request.
    #[param(rename = "X-Forwarded-Method", required = false)]
    method: String,
    /// Its path and query, as they were sent.
    #[param(rename = "X-Forwarded-Uri", required = false)]
    target: String,
}

/// All that a gateway is ever answered.
pub(in crate::http) struct GatewayAnswers;

const DENIED: [(&str, &str); 4] = [
    (
        "401",
        "No token, key or certificate that is accepted says who asks",
    ),
    ("403", "The request is denied"),
    (
        "500",
        "A fault of the program, or of the contents of the store; never an Allow",
    ),
    (
        "503",
        "Not ready, more is asked than can be answered, or the store or the keys are away; never an Allow",
    ),
];

const ALLOWED: [(&str, &str); 7] = [
    (
        "X-Authz-Subject",
        "Who asks; percent-encoded where it is not printable",
    ),
    ("X-Authz-Subject-Type", "The type of who asks"),
    (
        "X-Authz-Resource",
        "What was decided on: `Type::\"id\"; member=Type::\"id\"`, percent-encoded, parted by commas",
    ),
    (
        "X-Authz-Plan",
        "Of a collection: the plan of its rows, as `POST /v1/plan` answers it, percent-encoded",
    ),
    (
        "X-Authz-Plan-Id",
        "In its place where it is too long: the id to fetch it by, `GET /v1/plan/{id}`",
    ),
    ("X-Authz-Decision-Id", "What the log calls the decision"),
    ("X-Authz-Obligations", "What is to be done with it"),
];

/// Why a request may not go through; `code` never changes its meaning.
pub(super) fn schemas() -> Map<String, Json> {
    let required = ["type", "title", "status", "code", "detail"];
    let members = [
        ("type", string()),
        ("title", string()),
        ("status", json!({"type": "integer"})),
        ("code", string()),
        ("detail", string()),
        ("decisionId", json!({"type": "string", "format": "uuid"})),
    ];
    Map::from_iter([("Denial".to_owned(), object(&required, members))])
}

impl IntoResponses for GatewayAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let allowed = ALLOWED.iter().fold(
            ResponseBuilder::new().description("It may"),
            |response, (name, description)| {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let header = HeaderBuilder::new()
                    .schema(Some(text))
                    .description(Some(*description));
                response.header(*name, header.build())
            },
        );
        let all = ResponsesBuilder::new().response("200", allowed);
        let denied = |description: &str| {
            let problem = Ref::from_schema_name("Denial");
            let problem = ContentBuilder::new().schema(Some(problem)).build();
            // Of the shape that `gateway.denial` sets.
            let own = ContentBuilder::new()
                .schema(Some(ObjectBuilder::new()))
                .build();
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", problem)
                .content("application/json", own)
        };
        DENIED
            .iter()
            .fold(all, |all, (status, description)| {
                all.response(*status, denied(description))
            })
            .build()
            .into()
    }
}
