//! Answers with an error, which are the same on every path of a surface.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder};

/// The problems of a question, as `application/problem+json`.
pub(in crate::http) struct Problems;

/// The problem of a search that would have to look at too much.
pub(in crate::http) struct TooWide;

/// The problems of what no plan can say.
pub(in crate::http) struct NoPlan;

/// The problem of a plan that is not kept, or no longer.
pub(in crate::http) struct NoSuchPlan;

/// The problem of a question that is to be explained to a caller who may not know.
pub(in crate::http) struct NotExplained;

/// The problems of a path that takes nothing.
pub(in crate::http) struct OwnProblems;

/// The problems of a question as the clients of Amazon Verified Permissions read them.
pub(in crate::http) struct AwsErrors;

/// The problems of a plan as Cerbos's clients read them.
pub(in crate::http) struct CerbosErrors;

const OF_THE_QUESTION: [(&str, &str); 4] = [
    ("400", "The request does not fit the schema, or is no JSON"),
    ("408", "The body did not arrive in time, or not whole"),
    (
        "409",
        "`atLeast` names a revision of another history of the store",
    ),
    ("413", "The request is larger than the limits allow"),
];

const OWN: [(&str, &str); 2] = [
    (
        "500",
        "A fault of the program, or of the contents of the store; never an Allow",
    ),
    (
        "503",
        "Not ready, more is asked than can be answered, the store is away or behind, or the decision log takes no more; never an Allow",
    ),
];

type Responses = BTreeMap<String, RefOr<Response>>;

fn responses<'a>(
    statuses: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
    content_type: &str,
    schema: &str,
) -> Responses {
    let response = |description: &str| {
        let schema = Ref::from_schema_name(schema);
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new()
            .description(description)
            .content(content_type, content)
    };
    statuses
        .into_iter()
        .fold(ResponsesBuilder::new(), |all, (status, description)| {
            all.response(*status, response(description))
        })
        .build()
        .into()
}

impl IntoResponses for Problems {
    fn responses() -> Responses {
        let all = OF_THE_QUESTION.iter().chain(&OWN);
        responses(all, "application/problem+json", "Problem")
    }
}

impl IntoResponses for TooWide {
    fn responses() -> Responses {
        let too_wide = (
            "422",
            "More candidates would have to be decided than the limit",
        );
        responses(&[too_wide], "application/problem+json", "Problem")
    }
}

impl IntoResponses for NoPlan {
    fn responses() -> Responses {
        let no_plan = (
            "422",
            "The condition would be longer than the limit, or cannot be said exactly",
        );
        responses(&[no_plan], "application/problem+json", "Problem")
    }
}

impl IntoResponses for NoSuchPlan {
    fn responses() -> Responses {
        let gone = ("404", "There is no such plan, or no longer");
        responses(&[gone], "application/problem+json", "Problem")
    }
}

impl IntoResponses for NotExplained {
    fn responses() -> Responses {
        let not_explained = ("403", "The caller may not have decisions explained");
        responses(&[not_explained], "application/problem+json", "Problem")
    }
}

impl IntoResponses for OwnProblems {
    fn responses() -> Responses {
        responses(&OWN, "application/problem+json", "Problem")
    }
}

impl IntoResponses for AwsErrors {
    fn responses() -> Responses {
        let all = OF_THE_QUESTION.iter().chain(&OWN);
        responses(all, "application/x-amz-json-1.0", "AwsError")
    }
}

impl IntoResponses for CerbosErrors {
    fn responses() -> Responses {
        let all = OF_THE_QUESTION.iter().chain(&OWN);
        responses(all, "application/json", "CerbosError")
    }
}
