//! Addresses, and what may be in the place of a Unix socket.

use std::os::unix::net;

use super::*;

fn socket_in(directory: &tempfile::TempDir) -> (PathBuf, Listen) {
    let path = directory.path().join("authz.sock");
    (path.clone(), Listen::Unix(path))
}

/// The names in a directory.
fn files(directory: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn port_0_becomes_the_port_that_the_kernel_chose() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = Listener::bind(&address.parse().unwrap()).await.unwrap();
        let Listen::Tcp(bound) = listener.local_addr() else {
            panic!("{listener:?}")
        };
        assert_ne!(bound.port(), 0);
        std::net::TcpStream::connect(bound).unwrap();
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let first = Listener::bind(&"127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let error = Listener::bind(first.local_addr()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on `{}`: ", first.local_addr())),
        "{error}"
    );
}

#[tokio::test]
async fn a_unix_socket_has_mode_0660_no_companions_and_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    let listener = Listener::bind(&address).await.unwrap();
    assert_eq!(listener.local_addr(), &address);
    assert_eq!(
        fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o660
    );
    assert_eq!(files(&directory), ["authz.sock"]);
    net::UnixStream::connect(&path).unwrap();
    drop(listener);
    assert!(files(&directory).is_empty());
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    drop(net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _listener = Listener::bind(&address).await.unwrap();
    net::UnixStream::connect(&path).unwrap();
    assert_eq!(files(&directory), ["authz.sock"]);
}

#[tokio::test]
async fn a_live_socket_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    let first = Listener::bind(&address).await.unwrap();
    let error = Listener::bind(&address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(
        error.to_string(),
        format!("cannot listen on `{address}`: another server answers there")
    );
    net::UnixStream::connect(&path).unwrap();
    drop(first);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_server_whose_queue_is_full_is_a_live_one() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(&path).unwrap();
    let _busy = socket.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).await.unwrap();
    let error = Listener::bind(&address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(
        error
            .to_string()
            .contains("the socket is there and may be in use: "),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_a_socket_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    for make in [
        |path: &Path| fs::write(path, "x").unwrap(),
        |path: &Path| fs::create_dir(path).unwrap(),
        |path: &Path| {
            std::os::unix::fs::symlink("elsewhere", path).unwrap();
        },
    ] {
        make(&path);
        let error = Listener::bind(&address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(files(&directory), ["authz.sock"]);
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir(&path))
            .unwrap();
    }
    fs::remove_dir(directory.path()).unwrap();
    assert_eq!(
        Listener::bind(&address).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_socket_that_took_our_place_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, address) = socket_in(&directory);
    let listener = Listener::bind(&address).await.unwrap();
    fs::remove_file(&path).unwrap();
    let _successor = net::UnixListener::bind(&path).unwrap();
    drop(listener);
    net::UnixStream::connect(&path).unwrap();
}
