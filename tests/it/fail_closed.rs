//! Every known way in which Cedar, left alone, says Allow because something went
//! wrong: here each is a denial with a code, an error, or policies that do not
//! load.

mod absent;
mod evaluation;
mod loading;
mod nesting;
mod shared;
mod slice;
mod store_fails;
mod tags;

/// A small tenancy with a bit of everything that the traps need.
const SCHEMA: &str = r#"
entity Group in [Group];
entity User in [Group] = {
  blocked: Bool,
  name: String,
  manager?: User,
  desk?: { keeper?: User, floor?: Long },
} tags User;
entity Doc in [Group] = {
  owner: User,
  size: Long,
  key: String,
} tags Bool;
action everything;
action change in [everything];
action read appliesTo {
  principal: User,
  resource: Doc,
  context: { via?: User, seen?: Set<User>, note?: { by: User } },
};
action write in [change] appliesTo { principal: User, resource: Doc };
"#;

/// A forbid with an id and a code of its own.
fn forbid(name: &str, scope: &str, condition: &str) -> String {
    let code = name.to_uppercase();
    format!("@id(\"p/{name}\") @code(\"{code}\") forbid ({scope}) when {{ {condition} }};\n")
}
