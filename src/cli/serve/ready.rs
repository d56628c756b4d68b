//! From a server that listens to one that is ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::prune;
use crate::cli::import::{ignored_lines, import_files};
use crate::cli::output::AnyError;
use crate::cli::source::import_of;
use peppol_authz_database::{Database, Import};
use peppol_authz_engine::store::StoreError;
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::http::App;

/// Imports documents, reads the store for the first time and follows its changes. After that the
/// server is ready.
pub(super) async fn make_ready(
    config: &Config,
    app: &Arc<App>,
    database: Option<Database>,
    address: &str,
) -> Result<(), AnyError> {
    if let Some(database) = database.as_ref().filter(|_| !config.import.is_empty()) {
        let import = import_of(config.schema.as_deref(), config.additions.as_deref())?;
        reach(database).await;
        import_all(database.clone(), import, config.import.clone()).await?;
    }
    // Not before: who learns that the server is ready gets the imported documents.
    first_look(config, app).await?;
    let poll_interval = config.freshness.poll_interval;
    if !poll_interval.is_zero() {
        let app = Arc::clone(app);
        tokio::spawn(async move { app.engine.follow(poll_interval).await });
    }
    if let Some(database) = database {
        prune::follow(database, config.store.keep_records);
    }
    app.readiness.started();
    tracing::info!(
        address,
        tenancy = %config.tenancy,
        policies = &*app.engine.state().bundle.revision,
        "ready"
    );
    Ok(())
}

async fn import_all(
    database: Database,
    import: Import,
    files: Vec<PathBuf>,
) -> Result<(), AnyError> {
    let imported =
        move || import_files(&database, &import, &files, |line| tracing::info!("{line}"));
    let imported = tokio::task::spawn_blocking(imported).await??;
    for line in ignored_lines(&imported.ignored) {
        tracing::warn!("{line}");
    }
    tracing::info!(
        documents = imported.documents,
        revision = %imported.revision,
        "imported"
    );
    Ok(())
}

/// Waits for a PostgreSQL server that is away: documents are read once, and standard input cannot be
/// read again.
async fn reach(database: &Database) {
    let mut pause = Duration::from_millis(50);
    let mut said = false;
    while let Err(error) = database.reach().await {
        if !said {
            tracing::warn!(%error, "the import waits for the tenancy store");
            said = true;
        }
        tokio::time::sleep(pause).await;
        pause = Duration::from_secs(1).min(pause * 2);
    }
}

/// Looks at the store for the first time. It waits for a PostgreSQL server that is away, or whose
/// tables are not up to date yet.
async fn first_look(config: &Config, app: &App) -> Result<(), StoreError> {
    let mut pause = Duration::from_millis(50);
    while let Err(error) = app.engine.look().await {
        if !matches!(config.tenancy, Source::Postgres(_)) {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = Duration::from_secs(1).min(pause * 2);
    }
    Ok(())
}
