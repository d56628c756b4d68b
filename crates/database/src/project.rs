//! A project as a whole: what of its schema, additions and documents does not fit together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::added_documents::place;
use super::additions::{Additions, DialectAdditions};
use super::import::Import;
use super::sql::{SqlDialect, statements};
use super::sqlite::{MadeDatabase, Unmade, made};
use super::views;
use peppol_authz_engine::policy::{Bundle, Fault, Severity, SourceFile, Sources};
use peppol_authz_engine::schema::{EntityType, LINKS_VIEW, Schema, document_types};
use peppol_authz_engine::store::LinksView;

/// Finds the parts that do not fit together. A part that cannot be used is [`Severity::Invalid`], one of no
/// use is a warning.
#[must_use]
pub fn misfits(bundle: &Bundle, file: &Arc<SourceFile>, additions: &Arc<Additions>) -> Vec<Fault> {
    let schema = &*bundle.schema;
    let mut project = Project {
        schema,
        file,
        additions,
        faults: Vec::new(),
    };
    match Import::with(file, Arc::clone(additions)) {
        Ok(_) => project.look_at_documents(),
        Err(error) => project.faults.extend(error.0),
    }
    project.look_at_migrations();
    project.look_at_columns();
    match made(schema, &additions.sqlite) {
        Ok(made) => {
            project.look_at_views(&made);
            project.look_at_links(&made, bundle);
        }
        Err(Unmade::Statement(fault)) => project.faults.push(*fault),
        Err(Unmade::Other(text)) => {
            let fault = Fault::new(project.file_of_views(), Severity::Invalid, text);
            project.faults.push(fault.at(0, 0));
        }
    }
    project.faults
}

struct Project<'a> {
    schema: &'a Schema,
    file: &'a Arc<SourceFile>,
    additions: &'a Arc<Additions>,
    faults: Vec<Fault>,
}

impl Project<'_> {
    /// The parts with their databases.
    fn parts(&self) -> [(SqlDialect, &DialectAdditions); 2] {
        [
            (SqlDialect::Sqlite, &self.additions.sqlite),
            (SqlDialect::Postgres, &self.additions.postgres),
        ]
    }

    /// The file in which SQLite's views are, or the schema.
    fn file_of_views(&self) -> &Arc<SourceFile> {
        let views = self.additions.sqlite.views_file.as_ref();
        views.unwrap_or(self.file)
    }

    /// Migrations that one database has and the other has not, where both have any.
    fn look_at_migrations(&mut self) {
        let [(_, one), (_, other)] = self.parts();
        if let (Some(first), true) = (one.migrations.first(), other.is_empty()) {
            let text = "there are additions for SQLite, and none for PostgreSQL";
            let fault = Fault::new(&first.file, Severity::Note, text).at(0, 0);
            self.faults.push(fault);
            return;
        }
        if one.migrations.is_empty() || other.migrations.is_empty() {
            return;
        }
        let lacks =
            |part: &DialectAdditions, name: &str| !part.migrations.iter().any(|it| it.name == name);
        let pairs = [(one, other, "PostgreSQL"), (other, one, "SQLite")];
        let found = pairs.into_iter().flat_map(|(part, beside, name)| {
            let alone = part.migrations.iter();
            let alone = alone.filter(move |migration| lacks(beside, &migration.name));
            alone.map(move |migration| {
                let text = format!("there is no migration of this name for {name}");
                Fault::new(&migration.file, Severity::Warning, text).at(0, 0)
            })
        });
        let found: Vec<_> = found.collect();
        self.faults.extend(found);
    }

    /// Members of documents that no statement of an import reads.
    fn look_at_documents(&mut self) {
        let Some(file) = &self.additions.documents else {
            return;
        };
        let added = document_types(&format!("{}\n{}", file.text, self.file.text));
        let mut found = Vec::new();
        for document in added.unwrap_or_default() {
            let names = document.members.attributes.keys().map(|name| Some(&**name));
            let kind = (!document.key.is_empty()).then_some(None);
            for member in kind.into_iter().chain(names) {
                let wanted = member.unwrap_or(&document.name);
                for (dialect, part) in self.parts() {
                    let (database, import) = (dialect.name(), part.import.as_ref());
                    let is_used = import.is_some_and(|it| mentions(it, dialect, wanted));
                    if is_used || part.is_empty() && part.import.is_none() {
                        continue;
                    }
                    let (at, length) = place(&file.text, &document.name, member);
                    let text = match member {
                        Some(member) => format!(
                            "`{member}` of `{}` goes to no column: no statement of the import for {database} \
                             reads it",
                            document.name
                        ),
                        None => format!(
                            "`{}` goes to no table: no statement of the import for {database} reads it",
                            document.name
                        ),
                    };
                    found.push(Fault::new(file, Severity::Warning, text).at(at, length));
                }
            }
        }
        self.faults.extend(found);
    }

    /// Columns of views that no attribute reads.
    fn look_at_columns(&mut self) {
        let types = self.schema.entity_types();
        let mut found = Vec::new();
        for (_, part) in self.parts() {
            let Some(file) = &part.views_file else {
                continue;
            };
            for view in &part.views {
                let columns = view.columns.iter().flatten();
                let of = types.iter().find(|of| of.name.to_string() == view.name);
                let base = view.name.split('.').next().unwrap_or(&view.name);
                let is_beside = types.iter().any(|of| of.name.to_string() == base);
                let Some(of) = of else {
                    if base.contains("::") && !is_beside {
                        let text = format!("the schema has no type `{base}`");
                        let fault = Fault::new(file, Severity::Warning, text);
                        found.push(fault.at(view.at, "CREATE VIEW".len()));
                    }
                    continue;
                };
                let is_read = |name: &str| name == "id" || of.shape.attributes.contains_key(name);
                for (name, at) in columns.filter(|(name, _)| !is_read(name)) {
                    let meant = of.shape.attribute_meant(name);
                    let text = format!(
                        "`{}` has no attribute `{name}`, so nothing reads the column{meant}",
                        of.name
                    );
                    let fault = Fault::new(file, Severity::Warning, text);
                    found.push(fault.at(*at, name.len()));
                }
            }
        }
        self.faults.extend(found);
    }

    /// Attributes that no column gives, and views whose changes nothing notes.
    fn look_at_views(&mut self, sqlite: &MadeDatabase) {
        let shipped_schema = Schema::parse(&Sources::shipped().schema.text).ok();
        let Ok(shipped) = made(self.schema, &DialectAdditions::default()) else {
            return;
        };
        let postgres = &self.additions.postgres;
        let skips_postgres = postgres.is_empty() && !self.additions.sqlite.is_empty();
        let mut found = Vec::new();
        for of in self.schema.entity_types() {
            let name = of.name.to_string();
            let in_postgres = |view: &str| match postgres.views.iter().find(|it| it.name == view) {
                Some(view) => Columns::of(view.columns.as_ref()),
                None => match shipped.views.get(view) {
                    Some(columns) => Columns::These(columns.iter().map(String::as_str).collect()),
                    None => Columns::NoView,
                },
            };
            let in_sqlite = |view: &str| match sqlite.views.get(view) {
                Some(columns) => Columns::These(columns.iter().map(String::as_str).collect()),
                None => Columns::NoView,
            };
            let mut databases = vec![(
                "SQLite",
                in_sqlite(&name),
                in_sqlite(&format!("{name}.tags")),
            )];
            if !skips_postgres {
                let tags = in_postgres(&format!("{name}.tags"));
                databases.push(("PostgreSQL", in_postgres(&name), tags));
            }
            let has_view = databases
                .iter()
                .any(|(_, of, _)| !matches!(of, Columns::NoView));
            if !has_view {
                let is_shipped = shipped_schema
                    .as_ref()
                    .is_some_and(|shipped| shipped.entity_type(&of.name).is_some());
                if of.choices.is_none() && !is_shipped {
                    let text = format!(
                        "there is no view `{name}`: the store holds none of its entities, and callers may describe them"
                    );
                    found.push(self.at_type(of, None, Severity::Note, text));
                }
                continue;
            }
            for attribute in of.shape.attributes.keys() {
                let lack = databases
                    .iter()
                    .filter(|(_, columns, _)| columns.lack(attribute));
                let lack: Vec<_> = lack.map(|(database, ..)| *database).collect();
                if !lack.is_empty() {
                    let text = format!(
                        "the view `{name}` has no column `{attribute}` in {}",
                        lack.join(" and ")
                    );
                    let fault = self.at_type(of, Some(attribute), Severity::Invalid, text);
                    found.push(fault.advise("a migration adds it to the table, and `views.sql` to the view: see `schema/additions/README.md`"));
                }
            }
            let lack = databases
                .iter()
                .filter(|(_, _, tags)| of.tags.is_some() && matches!(tags, Columns::NoView));
            for (database, ..) in lack {
                let text = format!("there is no view `{name}.tags` in {database}");
                found.push(self.at_type(of, None, Severity::Invalid, text));
            }
        }
        self.faults.extend(found);
        let untold: BTreeSet<&String> = sqlite.untold.iter().collect();
        for text in untold {
            let text = format!("all entities in memory are dropped with each write: {text}");
            let fault = Fault::new(self.file_of_views(), Severity::Warning, text);
            self.faults.push(fault.at(0, 0));
        }
    }

    /// Links of templates that one side knows of, and the other does not.
    fn look_at_links(&mut self, sqlite: &MadeDatabase, bundle: &Bundle) {
        let has_view = views::links(&sqlite.views) == LinksView::There;
        let text = match (has_view, bundle.reads_links()) {
            (true, false) if bundle.leaves_links_open() => format!(
                "the additions make `{LINKS_VIEW}`, and `links.toml` does not say `stored = true`: no sidecar starts with \
                 both"
            ),
            (true, false) if bundle.passes_over_links() => format!(
                "the additions make `{LINKS_VIEW}`, and the policies have no templates: nobody reads its links; if that \
                 is meant, write `link = []` and `stored = false` in `links.toml`"
            ),
            (false, true) if !self.additions.sqlite.is_empty() => format!(
                "`links.toml` says `stored = true`, and the additions make no `{LINKS_VIEW}`: see \
                 `schema/additions/sqlite/links.sql`"
            ),
            _ => return,
        };
        let fault = Fault::new(self.file_of_views(), Severity::Warning, text);
        self.faults.push(fault.at(0, 0));
    }

    fn at_type(
        &self,
        of: &EntityType,
        attribute: Option<&str>,
        severity: Severity,
        text: String,
    ) -> Fault {
        let (at, length) = place(&self.file.text, of.name.basename(), attribute);
        Fault::new(self.file, severity, text).at(at, length)
    }
}

/// The columns of a view.
enum Columns<'a> {
    NoView,
    /// Its text does not tell them.
    Unknown,
    These(BTreeSet<&'a str>),
}

impl<'a> Columns<'a> {
    fn of(columns: Option<&'a Vec<(String, usize)>>) -> Self {
        match columns {
            None => Self::Unknown,
            Some(columns) => Self::These(columns.iter().map(|(name, _)| name.as_str()).collect()),
        }
    }

    fn lack(&self, column: &str) -> bool {
        match self {
            Self::NoView => true,
            Self::Unknown => false,
            Self::These(columns) => !columns.contains(column),
        }
    }
}

/// Returns true if a text in quotes of a file has a word.
fn mentions(file: &SourceFile, dialect: SqlDialect, wanted: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let statements = statements(&file.text, dialect);
    let mut words = statements.iter().flat_map(|statement| &statement.words);
    words.any(|word| {
        word.text.starts_with('\'') && word.text.split(|c| !is_of_word(c)).any(|it| it == wanted)
    })
}
