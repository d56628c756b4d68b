//! A policy author's working directory, small and without a fault, to be changed
//! by a test and given to the author's commands.

use std::path::PathBuf;
use std::process::Output;

use tempfile::TempDir;

use crate::sidecar::program;

/// Where the commands look, if nothing else is named.
pub(crate) const SCHEMA: &str = "schema/peppol.cedarschema";
pub(crate) const POLICIES: &str = "policies/desk.cedar";
pub(crate) const RULES: &str = "policies/rules.toml";

const SCHEMA_TEXT: &str = r#"entity User = {
  active: Bool,
  name: String,
} tags Bool;
entity Desk = {
  owner: User,
  key: String,
};
action open, close appliesTo {
  principal: User,
  resource: Desk,
  context: { force?: Bool },
};
"#;

pub(crate) const POLICY_TEXT: &str = r#"// Who opens and closes a desk.
@id("desk/owner-opens")
@rule("DSK-1")
@obligation("LOCK_AGAIN")
permit (
  principal,
  action == Action::"open",
  resource
)
when { resource.owner == principal };

@id("desk/anyone-closes")
@rule("DSK-2")
permit (
  principal,
  action == Action::"close",
  resource
);

@id("desk/not-inactive")
@rule("USR-1")
@code("INACTIVE")
@message("the user is not active")
forbid (principal, action, resource)
unless { principal.active };

@id("desk/not-barred")
@rule("DSK-3")
@code("BARRED")
@message("the user is barred from this desk")
forbid (
  principal,
  action == Action::"open",
  resource
)
when { principal.hasTag(resource.key) && principal.getTag(resource.key) };
"#;

const RULES_TEXT: &str = r#"obligations = ["LOCK_AGAIN"]

[rules.DSK-1]
text = "an owner opens the desk"
held_by = "policies"
policies = ["desk/owner-opens"]

[rules.DSK-2]
text = "anyone closes a desk"
held_by = "policies"
policies = ["desk/anyone-closes"]

[rules.DSK-3]
text = "who is barred opens nothing"
codes = ["BARRED"]
held_by = "policies"
policies = ["desk/not-barred"]

[rules.USR-1]
text = "who is not active does nothing"
codes = ["INACTIVE"]
held_by = "policies"
policies = ["desk/not-inactive"]

[rules.GEN-1]
text = "what is not there is denied"
codes = ["UNKNOWN_PRINCIPAL"]
held_by = "engine"
why = "before any policy is asked"

[rules.GEN-3]
text = "what nothing permits is denied"
held_by = "engine"
why = "it has a code of its own"
"#;

/// Policies that hold no rules.
pub(crate) fn without_rules(text: &str) -> String {
    let mut parts = text.split("@rule(\"");
    let mut without = parts.next().unwrap_or_default().to_owned();
    for (_, rest) in parts.filter_map(|part| part.split_once("\")")) {
        without += rest.strip_prefix('\n').unwrap_or(rest);
    }
    without
}

/// The end of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A working directory.
pub(crate) struct Author {
    directory: TempDir,
}

impl Author {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// With a schema, policies and rules.
    pub(crate) fn new() -> Self {
        let author = Self::empty();
        author.write(SCHEMA, SCHEMA_TEXT);
        author.write(POLICIES, POLICY_TEXT);
        author.write(RULES, RULES_TEXT);
        author
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // In other directories there is no list of rules.
        let is_listed = !name.ends_with(".cedar") || name.starts_with("policies/");
        let text = match is_listed {
            true => text.to_owned(),
            false => without_rules(text),
        };
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces what has to be there in a file.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "no `{old}` in {name}");
        self.write(name, &text.replacen(old, new, 1));
    }

    /// Lists the policies in the list of rules, as `check` asks for it.
    pub(crate) fn list_policies(&self) {
        crate::reload::list_policies(&self.path("policies"));
    }

    /// Runs a command there.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        // A database of a busy machine is waited for.
        let output = program()
            .current_dir(self.directory.path())
            .env("PEPPOL_AUTHZ_STORE__TIMEOUT", "1m")
            .args(arguments)
            .output();
        Ended::from(output.unwrap())
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
