//! Routes whose answers are lists of rows that the service has itself.

use super::{TABLE, assert_fault, author};

#[test]
fn a_collection_that_makes_no_sense() {
    for (old, new, message) in [
        (
            "public = \"anybody may see the door\"",
            "public = \"anybody may see the door\"\ncollection = «true»\nrows = { action = \"look\", resource = \"Desk\" }",
            "a collection that nothing is asked for: its rows are those of who asks",
        ),
        (
            "[[route]]\nrequest = [",
            "«[[route]]»\ncollection = true\nrequest = [",
            "a collection without `rows`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = false\nrows = «{ action = \"look\", resource = \"Desk\" }»\nrequest = [",
            "rows of a route that is no `collection`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = «\"yes\"»\nrequest = [",
            "`true` or `false` is wanted",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = true\nrows = «{ action = \"look\" }»\nrequest = [",
            "rows without `resource`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = true\nrows = { action = «\"fly\"», resource = \"Desk\" }\nrequest = [",
            "no action is called `fly`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = true\nrows = { action = \"look\", resource = «\"Chair\"» }\nrequest = [",
            "no entity type is called `Chair`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = true\nrows = { action = \"greet\", resource = «\"Desk\"» }\nrequest = [",
            "`Shop::Action::\"greet\"` is no action on a `Shop::Desk`",
        ),
        (
            "[[route]]\nrequest = [",
            "[[route]]\ncollection = true\nrows = { action = «\"move\"», resource = \"Desk\" }\nrequest = [",
            "its context has `mode`, which a collection does not say",
        ),
        (
            "request = \"PUT /desks/{id=d-*}\"",
            "request = \"PUT /desks/{id=d-*}\"\ncollection = «true»\nrows = { action = \"look\", resource = \"Desk\" }",
            "a collection is asked for with GET, or POST for a search",
        ),
    ] {
        assert_fault(old, new, message);
    }
}

#[test]
fn a_collection_without_a_fault() {
    let table = TABLE.replacen(
        "[[route]]\nrequest = [",
        "[[route]]\ncollection = true\nrows = { action = \"look\", resource = \"desk\" }\nrequest = [",
        1,
    );
    let ended = author(&table).run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
