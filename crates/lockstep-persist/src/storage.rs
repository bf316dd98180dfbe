//! The door to the disk. Everything that is read or written goes through it, so that a test can tear, reorder and refuse.

use redb::{StorageBackend, backends::FileBackend};
use std::{
    fmt::Debug,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::PathBuf,
    sync::Mutex,
};

/// A folder with files.
///
/// Nothing is certain to survive a power cut before it was synced: a file's content by its `sync_data`, the names of
/// files by [`Storage::sync`].
pub trait Storage: Debug + Send + Sync + 'static {
    /// Makes sure that nobody else uses the folder as long as this value lives. Says no where somebody does.
    ///
    /// # Errors
    /// If the folder cannot be made or written.
    fn lock(&self) -> io::Result<bool>;

    /// Opens a file; where there is none, makes an empty one, or says `None`.
    ///
    /// # Errors
    /// If the file cannot be opened for reading and writing.
    fn open(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn StorageBackend>>>;

    /// Gives a file another name, in place of the file that has that.
    ///
    /// # Errors
    /// If that is not possible; then the names are as before.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes sure that the files' names survive a power cut.
    ///
    /// # Errors
    /// If that is not certain.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Folder {
    /// The folder at this path. It is made when it is needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: Mutex::default() }
    }
}

impl Storage for Folder {
    fn lock(&self) -> io::Result<bool> {
        fs::create_dir_all(&self.path)?;
        let path = self.path.join("lockstep.lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            // A file system without locks is used without one.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut lock = self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *lock = Some(file);
        Ok(true)
    }

    fn open(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn StorageBackend>>> {
        if create {
            fs::create_dir_all(&self.path)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(self.path.join(name));
        match file {
            Ok(file) => Ok(Some(Box::new(FileBackend::new(file).map_err(io::Error::other)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    #[cfg(unix)]
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Here a folder cannot be synced; NTFS keeps its names in a journal.
    #[cfg(not(unix))]
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file's whole content; `None` where there is no such file.
pub(crate) fn read(storage: &dyn Storage, name: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = storage.open(name, false)? else { return Ok(None) };
    let mut bytes = vec![0; usize::try_from(file.len()?.min(1 << 20)).unwrap_or(0)];
    file.read(0, &mut bytes)?;
    file.close()?;
    Ok(Some(bytes))
}

/// Gives a file another content, in one step: after a power cut it has either the old one or the new one.
pub(crate) fn replace(storage: &dyn Storage, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = format!("{name}.new");
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let file = storage.open(&new, true)?.ok_or_else(missing)?;
    file.set_len(0)?;
    file.set_len(bytes.len() as u64)?;
    file.write(0, bytes)?;
    file.sync_data()?;
    file.close()?;
    drop(file);
    put_in_place(storage, name)
}

/// Lets `name.new`, which is synced, take the place of `name`.
pub(crate) fn put_in_place(storage: &dyn Storage, name: &str) -> io::Result<()> {
    storage.rename(&format!("{name}.new"), name)?;
    storage.sync()
}
