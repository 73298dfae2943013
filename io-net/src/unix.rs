//! Unix-domain sockets: the file of a listening one, which the system leaves behind, and connecting to a busy one.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A socket's file. Dropping it removes the file, if it is still the same one.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| id(&file) == self.id) {
            // Best effort: a file that stays is taken over by the next listener.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path`, in place of a listener that is gone. Two processes that find the same file stale at the same
/// moment may both replace it, and the later one is then reached.
pub(crate) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path)?;
            UnixListener::bind(path)?
        }
        result => result?,
    };
    let path = std::path::absolute(path)?;
    let id = id(&fs::symlink_metadata(&path)?);
    Ok((listener, SocketFile { path, id }))
}

fn id(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |what| Err(io::Error::new(ErrorKind::AddrInUse, what));
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return in_use("a file that is not a socket is in the way");
    }
    match knock(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => in_use("another process listens there"),
    }
}

/// Connects, and waits for at most `timeout` (at least 1 ms) for a listener that is busy.
///
/// # Errors
/// The system's, or `TimedOut`.
pub fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Zero would mean "for ever".
    socket.set_write_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
        result => {
            result?;
            socket.set_write_timeout(None)?;
            Ok(OwnedFd::from(socket).into())
        }
    }
}

/// Connects without waiting for a listener that is busy.
pub(crate) fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("sealock-net-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_stale_socket_is_replaced_and_ours_removed() {
        let path = path("stale");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (listener, file) = bind(&path).unwrap();
        drop(listener);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_listener_keeps_its_path() {
        let path = path("live");
        let (_listener, _file) = bind(&path).unwrap();
        let error = bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains("another process"), "{error}");
    }

    #[test]
    fn other_files_are_left_alone() {
        let path = path("file");
        fs::write(&path, "mine").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        fs::remove_file(&path).unwrap();
        let (listener, file) = bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        drop((listener, file));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        fs::remove_file(&path).unwrap();
    }
}
