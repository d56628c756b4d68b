//! PgBouncer, between a sidecar and a server.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::{Database, Server, command, directory, free_port};
use crate::eventually::until;

/// Where Debian has it.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A pooler on a port of its own, until it is dropped.
pub(crate) struct Pooler {
    port: u16,
    /// Ends it when the pipe to it closes, however this process ends.
    keeper: Child,
    _directory: TempDir,
}

impl Pooler {
    /// In the mode `session` or `transaction`, with so many sessions of the server for each database.
    pub(crate) fn to(server: &Server, mode: &str, sessions: usize) -> Self {
        let directory = directory();
        let port = free_port();
        let users = directory.path().join("users");
        std::fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = trust\nauth_file = {}\nunix_socket_dir =\npool_mode = {mode}\ndefault_pool_size = {sessions}\n",
            server.port,
            users.display()
        );
        let file = directory.path().join("settings.ini");
        std::fs::write(&file, settings).unwrap();
        let pooler = command(PROGRAM);
        let keeper = Command::new("sh")
            .current_dir(directory.path())
            .args([
                "-c",
                "\"$@\" >log 2>&1 & read line; kill -KILL $!; wait",
                "keeper",
            ])
            .arg(pooler.get_program())
            .args(pooler.get_args())
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pooler = Self {
            port,
            keeper,
            _directory: directory,
        };
        until("the pooler listens; `make tools` installs it", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        pooler
    }

    /// A database of the server, through it.
    pub(crate) fn database(&self, server: &Server, database: &Database) -> Database {
        let mut through = server.named(&database.name);
        through.port = self.port;
        through
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
