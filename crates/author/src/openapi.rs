//! OpenAPI descriptions held against the route table: no operation is forgotten, and no entry reads
//! what its operation does not have.
//!
//! A description (3.0 or 3.1, JSON or YAML) becomes a tree with places (`tree`), and that a list of
//! operations (`description`). `compare` finds the entries that are about each operation, and holds
//! what they read (`reads`) against its parameters and its body (`lookup`, `fitting`).
//!
//! - **An entry is about the operations of its own template**, whatever their parameters are called.
//!   One that has none is about those that it answers as well, as `GET /x/{any}` where the service has
//!   `/x/a` and `/x/b`. An operation that no entry is about is missing, also where an entry that is about
//!   another one would answer it: `GET /users/me` where the service and the table have `GET /users/{id}`.
//! - **Questions under conditions** are checked like all others: each may be asked.
//! - **`HEAD`** is answered by the entry for `GET`, as in the table. `OPTIONS` is an operation as any
//!   other. `TRACE` is in no table, and always denied.
//! - **Bodies** are read as JSON alone; an entry that reads a body of another type denies every request.

mod compare;
mod description;
mod finding;
mod fitting;
mod json;
mod lookup;
mod path;
mod reads;
mod skeleton;
mod tree;
mod yaml;

pub use compare::{TableCheck, check_table};
pub use description::Description;
pub use finding::Finding;
