//! The sockets of a server.

use std::sync::Arc;

use tokio::sync::watch;

use super::stop;
use crate::cli::output::AnyError;
use peppol_authz_console::{Console, router as console_router};
use peppol_authz_server::callers::ListenerName;
use peppol_authz_server::config::{CallerAdmission, Config, Listen};
use peppol_authz_server::http::{
    App, Front, Listener, PassedSockets, router, router_of_administration, router_of_questions,
    serve, serve_envoy,
};

/// The sockets of a server.
pub(super) struct Listeners {
    questions: Listener,
    /// For Envoy's gRPC, if it is set.
    envoy: Option<Listener>,
    /// For administration, if it has one of its own.
    administration: Option<Listener>,
    /// True if the supervisor has opened some of them.
    are_passed: bool,
}

impl Listeners {
    /// Takes those that the supervisor has opened, and binds the others.
    pub(super) async fn bind(
        config: &Config,
        app: &App,
        mut passed: PassedSockets,
    ) -> Result<Self, AnyError> {
        let are_passed = !passed.is_empty();
        let tls = |name: ListenerName| {
            let mut all = app.tls.iter();
            let found = all.find(|(of, _)| *of == name.name());
            found.map(|(_, tls)| Arc::clone(tls))
        };
        let mut bind = async |address: &Listen, name: ListenerName| -> Result<Listener, AnyError> {
            // One that has no certificate of its own has that of questions.
            let tls = tls(name).or_else(|| tls(ListenerName::Questions));
            let listener = Listener::of(&mut passed, address).await?;
            Ok(listener.with_tls(tls).named(name))
        };
        let questions = bind(&config.listen, ListenerName::Questions).await?;
        let envoy = match &config.gateway.envoy_grpc_listen {
            Some(address) => Some(bind(address, ListenerName::Envoy).await?),
            None => None,
        };
        let administration = match &config.admin.listen {
            Some(address) => Some(bind(address, ListenerName::Administration).await?),
            None => None,
        };
        passed.are_all_taken()?;
        Ok(Self {
            questions,
            envoy,
            administration,
            are_passed,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Listener> {
        let others = [&self.envoy, &self.administration].into_iter().flatten();
        std::iter::once(&self.questions).chain(others)
    }

    /// True if the supervisor has opened some of them.
    pub(super) fn are_passed(&self) -> bool {
        self.are_passed
    }

    /// Where questions are answered.
    pub(super) fn address(&self) -> String {
        self.questions.local_addr().to_string()
    }

    pub(super) fn report(&self, admit: CallerAdmission) {
        for listener in self.all() {
            let address = listener.local_addr();
            if admit == CallerAdmission::Anyone && !address.is_local() {
                let address = address.to_string();
                tracing::warn!(
                    address,
                    "anyone who reaches this port may ask, as `callers.admit` says"
                );
            }
        }
        if let Some(envoy) = &self.envoy {
            let address = envoy.local_addr().to_string();
            tracing::info!(address, "listening for Envoy's gRPC");
        }
        if let Some(administration) = &self.administration {
            let address = administration.local_addr().to_string();
            tracing::info!(address, "listening for administration");
        }
        let address = self.address();
        tracing::info!(address, "listening");
    }

    /// Answers until `stop` is true. Returns the number of connections that were cut then.
    pub(super) async fn answer(
        self,
        config: &Config,
        app: &Arc<App>,
        stop: &watch::Receiver<bool>,
        console: Option<Console>,
    ) -> usize {
        let limits = &config.server;
        self.all()
            .for_each(|listener| app.counts_connections_of(listener));
        let told = || stop::told(stop.clone());
        let envoy = async {
            match self.envoy {
                Some(envoy) => serve_envoy(envoy, Arc::clone(app), limits, told()).await,
                None => 0,
            }
        };
        let pages = console.map(console_router).unwrap_or_default();
        let (questions, pages) = match self.administration {
            Some(_) => (router_of_questions(Arc::clone(app)), Some(pages)),
            None => (router(Arc::clone(app)).merge(pages), None),
        };
        let administration = async {
            match self.administration {
                Some(listener) => {
                    let router = router_of_administration(Arc::clone(app));
                    let router = router.merge(pages.unwrap_or_default());
                    serve(listener, router, None, limits, told()).await
                }
                None => 0,
            }
        };
        let front = Some(Front::new(Arc::clone(app)));
        let questions = serve(self.questions, questions, front, limits, told());
        let cut: [usize; 3] = tokio::join!(questions, envoy, administration).into();
        cut.into_iter().sum()
    }
}
