//! A PostgreSQL server of the tests' own: a throw-away cluster in a temporary
//! directory, on a socket and a free port, that goes when the tests end.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::eventually::eventually;

/// The cluster that most tests share, each with a database of its own.
pub(crate) static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    directory: TempDir,
    /// Ends the server when the pipe to it closes, however this process ends.
    keeper: Child,
}

/// A database on a server.
pub(crate) struct Database {
    pub(crate) name: String,
    host: String,
    pub(crate) port: u16,
}

/// Where the server's programs are: Debian keeps them out of the path.
fn program(name: &str) -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut found: Vec<PathBuf> = installed
        .map(|entry| entry.unwrap().path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// A command as the server's own user: it refuses to run as root.
pub(crate) fn command(name: &str) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|metadata| {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == 0
    });
    if !is_root {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program(name));
    command
}

pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `make tools` installs PostgreSQL"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A directory that the server's own user may write to.
pub(crate) fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    directory
}

impl Server {
    /// A new cluster with these settings, as `max_connections=10`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let directory = directory();
        let data = directory.path().join("data");
        succeed(
            command("initdb")
                .current_dir(directory.path())
                .args([
                    "--auth=trust",
                    "--username=postgres",
                    "--no-sync",
                    "--encoding=UTF8",
                ])
                .args(["--locale=C.UTF-8", "--pgdata"])
                .arg(&data),
        );
        Self::run(directory, settings)
    }

    /// A replica of another server, which follows it.
    pub(crate) fn replica_of(primary: &Self, settings: &[&str]) -> Self {
        let directory = directory();
        succeed(
            command("pg_basebackup")
                .current_dir(directory.path())
                .args([
                    "--host=127.0.0.1",
                    "--username=postgres",
                    "--write-recovery-conf",
                ])
                .args(["--checkpoint=fast", "--no-sync", "--wal-method=stream"])
                .arg(format!("--port={}", primary.port))
                .arg("--pgdata")
                .arg(directory.path().join("data")),
        );
        Self::run(directory, settings)
    }

    fn run(directory: TempDir, settings: &[&str]) -> Self {
        let port = free_port();
        // A shell that waits for the end of its input, and then for the server's.
        let mut keeper = Command::new("sh");
        let server = {
            let mut server = command("postgres");
            server
                .args(["-D", "data", "-k"])
                .arg(directory.path())
                .arg(format!("-p{port}"));
            server.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
            for setting in settings {
                server.args(["-c", setting]);
            }
            server
        };
        let keeper = keeper
            .current_dir(directory.path())
            .args([
                "-c",
                // The server's own file names its process: a test may have restarted it.
                "\"$@\" >log 2>&1 & read line; kill -QUIT $(head -n1 data/postmaster.pid); wait",
                "keeper",
            ])
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            port,
            directory,
            keeper,
        };
        server.wait();
        server
    }

    /// Waits until it answers.
    pub(crate) fn wait(&self) {
        eventually("the server answers", || {
            let is_listening = std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if is_listening && self.answers("postgres") {
                return Ok(());
            }
            Err(self.log())
        });
    }

    /// Its log since it was started.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("log"));
        log.unwrap_or_else(|error| format!("its log: {error}"))
    }

    fn answers(&self, database: &str) -> bool {
        self.psql(database)
            .args(["-c", "SELECT 1"])
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-U", "postgres", "-d", database])
            .arg(format!("-p{}", self.port));
        psql
    }

    /// The directory of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.directory.path()
    }

    /// `pg_ctl`, as `restart` or `promote`, with further arguments.
    pub(crate) fn control(&self, arguments: &[&str]) {
        succeed(
            command("pg_ctl")
                .current_dir(self.directory.path())
                .args(["-D", "data", "-w", "-s", "-l", "log.again"])
                .args(arguments),
        );
    }

    /// Keeps a copy of all that a stopped server has stored.
    pub(crate) fn keep(&self, name: &str) {
        let [from, to] = ["data", name].map(|name| self.directory.path().join(name));
        succeed(Command::new("cp").arg("-a").args([from, to]));
    }

    /// Puts a copy in the place of it.
    pub(crate) fn put_back(&self, name: &str) {
        std::fs::remove_dir_all(self.directory.path().join("data")).unwrap();
        let [from, to] = [name, "data"].map(|name| self.directory.path().join(name));
        std::fs::rename(from, to).unwrap();
    }

    /// Limits the size of the server's files, for new connections.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let pid = std::fs::read_to_string(self.directory.path().join("data/postmaster.pid"));
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        succeed(
            command("prlimit")
                .arg(format!("--pid={}", pid.unwrap().lines().next().unwrap()))
                // The soft limit, which can be raised again.
                .arg(format!("--fsize={limit}:")),
        );
    }

    /// An empty database.
    pub(crate) fn database(&self) -> Database {
        self.database_with("")
    }

    /// An empty database, made with further options of `CREATE DATABASE`.
    pub(crate) fn database_with(&self, options: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} {options}"));
        self.named(&name)
    }

    /// A database that is there already, as on a replica.
    pub(crate) fn named(&self, name: &str) -> Database {
        Database {
            name: name.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: self.port,
        }
    }

    fn sql(&self, database: &str, sql: &str) -> String {
        succeed(self.psql(database).args(["-c", sql]))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Database {
    /// As a tenancy source, for the superuser.
    pub(crate) fn url(&self) -> String {
        self.url_of("postgres", self.port)
    }

    /// As a tenancy source, for a role and through a port (of a proxy).
    pub(crate) fn url_of(&self, role: &str, port: u16) -> String {
        format!("postgres://{role}@{}:{port}/{}", self.host, self.name)
    }

    /// Runs statements, one after the other unless in a transaction of their own.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let mut child = self
            .psql()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(sql.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// `psql` on it, that reads statements from its input.
    pub(crate) fn psql(&self) -> Command {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", &self.host, "-U", "postgres", "-d", &self.name])
            .arg(format!("-p{}", self.port));
        psql
    }
}
