//! A client's id that stays the same over restarts.

use crate::id::random_id;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use thiserror::Error;

/// A client's id that could not be read or kept.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file system.
    #[error("the client's id at {path} cannot be read or kept: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Something else is in the file. It is left as it is.
    #[error("{path} holds something else than a client's id: move it away")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// The client's id in a file, which is made if it is not there.
///
/// # Errors
/// [`IdentityError`]: the file is left as it is.
pub fn client_id_at(path: impl AsRef<Path>) -> Result<String, IdentityError> {
    let path = path.as_ref();
    let failed = |source: io::Error| IdentityError::Io { path: path.to_owned(), source: Arc::new(source) };
    match fs::read_to_string(path) {
        Ok(text) => check(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = random_id();
            let draft = path.with_extension(format!("{id}.draft"));
            let mut file = fs::File::create_new(&draft).map_err(failed)?;
            file.write_all(id.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            // Of two processes that do so at the same time, one is first, and both read what it has written.
            let linked = fs::hard_link(&draft, path);
            fs::remove_file(&draft).map_err(failed)?;
            match linked {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
            check(path, &fs::read_to_string(path).map_err(failed)?)
        }
        Err(error) => Err(failed(error)),
    }
}

fn check(path: &Path, text: &str) -> Result<String, IdentityError> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    Err(IdentityError::Foreign { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_the_same_and_nothing_else_is_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client-id");
        let id = client_id_at(&path).unwrap();
        assert_eq!(client_id_at(&path).unwrap(), id);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&path, "my notes").unwrap();
        assert!(matches!(client_id_at(&path), Err(IdentityError::Foreign { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "my notes");
        assert!(matches!(client_id_at(dir.path()), Err(IdentityError::Io { .. })));
    }
}
