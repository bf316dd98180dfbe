//! A disk that tears writes, reorders and drops syncs, and fails when it is told to; and the power that goes out.

#![allow(dead_code, reason = "not every test uses all of it")]

use lockstep_persist::Storage;
use redb::StorageBackend;
use std::{
    collections::BTreeMap,
    fmt, io, mem,
    sync::{Arc, Mutex, MutexGuard, Weak},
};

const SECTOR: usize = 512;

/// Random numbers that are the same in every run of a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64, by its definition.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// How the disk misbehaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// The power goes out at this call from now on.
    pub crash_at: Option<u64>,
    /// One call in so many fails.
    pub fail_one_in: Option<u64>,
    /// Every call of which this is a divisor fails.
    pub fail_every: Option<u64>,
    /// This call alone fails.
    pub fail_at: Option<u64>,
    /// One sync in so many does nothing, and says that it did.
    pub lie_one_in: Option<u64>,
    /// Nothing can be changed.
    pub full: bool,
}

enum Pending {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<Pending>,
}

struct Inner {
    files: Vec<Content>,
    live: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// The states of the names since they were synced.
    pending: Vec<BTreeMap<String, usize>>,
    random: Random,
    faults: Faults,
    calls: u64,
    /// It goes up with every power cut: handles of earlier lives are dead.
    life: u64,
    is_off: bool,
    user: Weak<()>,
    written: u64,
}

/// The disk. Its clones are the same disk.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            files: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            random: Random::new(seed ^ 0xD15C),
            faults: Faults::default(),
            calls: 0,
            life: 0,
            is_off: false,
            user: Weak::new(),
            written: 0,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The folder, for one life of a process.
    pub fn folder(&self) -> SimFolder {
        SimFolder { disk: self.clone(), user: Arc::new(()), life: self.inner().life }
    }

    pub fn misbehave(&self, faults: Faults) {
        let mut inner = self.inner();
        inner.faults = faults;
        inner.calls = 0;
    }

    /// How many calls there were since it was told how to misbehave.
    pub fn calls(&self) -> u64 {
        self.inner().calls
    }

    pub fn is_off(&self) -> bool {
        self.inner().is_off
    }

    /// Cuts the power, and turns it on again: what was not synced is there, or not, or in parts.
    pub fn power_cycle(&self) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        inner.life += 1;
        inner.is_off = false;
        inner.faults = Faults::default();
        for file in &mut inner.files {
            for pending in mem::take(&mut file.pending) {
                apply_some(&mut file.durable, pending, &mut inner.random);
            }
            file.live.clone_from(&file.durable);
        }
        let known = inner.pending.len() as u64;
        if let Some(kept) = inner.random.below(known + 1).checked_sub(1) {
            inner.durable = inner.pending.swap_remove(kept as usize);
        }
        inner.pending.clear();
        inner.live.clone_from(&inner.durable);
    }

    pub fn names(&self) -> Vec<String> {
        self.inner().live.keys().cloned().collect()
    }

    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let inner = self.inner();
        inner.live.get(name).map(|file| inner.files[*file].live.clone())
    }

    /// Replaces a file's content from outside; `None` removes it.
    pub fn tamper(&self, name: &str, bytes: Option<Vec<u8>>) {
        let mut inner = self.inner();
        match bytes {
            Some(bytes) => {
                inner.files.push(Content { durable: bytes.clone(), live: bytes, pending: Vec::new() });
                let file = inner.files.len() - 1;
                inner.live.insert(name.to_owned(), file);
                inner.durable.insert(name.to_owned(), file);
            }
            None => {
                inner.live.remove(name);
                inner.durable.remove(name);
            }
        }
    }
}

fn apply(bytes: &mut Vec<u8>, pending: &Pending) {
    match pending {
        Pending::Write(at, data) => {
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
        Pending::Len(len) => bytes.resize(*len, 0),
    }
}

/// What a power cut lets happen of a change: sectors are whole, and everything else may be missing.
fn apply_some(bytes: &mut Vec<u8>, pending: Pending, random: &mut Random) {
    match pending {
        Pending::Len(_) if random.one_in(2) => {}
        Pending::Write(..) if random.one_in(3) => {}
        Pending::Write(at, data) if random.one_in(2) => {
            let mut from = 0;
            while from < data.len() {
                let to = data.len().min((at + from) / SECTOR * SECTOR + SECTOR - at);
                if random.one_in(2) {
                    apply(bytes, &Pending::Write(at + from, data[from..to].to_vec()));
                }
                from = to;
            }
        }
        whole => apply(bytes, &whole),
    }
}

impl Inner {
    /// Every call to the disk begins here.
    fn call(&mut self, life: u64) -> io::Result<()> {
        self.calls += 1;
        if self.faults.crash_at.is_some_and(|at| self.calls >= at) {
            self.is_off = true;
        }
        if self.is_off || life != self.life {
            return Err(io::Error::other("the power is out"));
        }
        let fails = self.faults.fail_at == Some(self.calls)
            || self.faults.fail_every.is_some_and(|times| self.calls.is_multiple_of(times))
            || self.faults.fail_one_in.is_some_and(|times| self.random.one_in(times));
        if fails {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn writable(&self) -> io::Result<()> {
        if self.faults.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn lies(&mut self) -> bool {
        self.faults.lie_one_in.is_some_and(|times| self.random.one_in(times))
    }
}

pub struct SimFolder {
    disk: Disk,
    user: Arc<()>,
    life: u64,
}

impl fmt::Debug for SimFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimFolder")
    }
}

impl Storage for SimFolder {
    fn lock(&self) -> io::Result<bool> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        let mine = inner.user.upgrade().is_none_or(|user| Arc::ptr_eq(&user, &self.user));
        if mine {
            inner.user = Arc::downgrade(&self.user);
        }
        Ok(mine)
    }

    fn open(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn StorageBackend>>> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        if !inner.live.contains_key(name) {
            if !create {
                return Ok(None);
            }
            inner.writable()?;
            inner.files.push(Content::default());
            let file = inner.files.len() - 1;
            inner.live.insert(name.to_owned(), file);
            let names = inner.live.clone();
            inner.pending.push(names);
        }
        let file = inner.live[name];
        Ok(Some(Box::new(SimFile { disk: self.disk.clone(), file, life: self.life })))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        inner.writable()?;
        let file = inner.live.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.live.insert(to.to_owned(), file);
        let names = inner.live.clone();
        inner.pending.push(names);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        if !inner.lies() {
            inner.durable = inner.live.clone();
            inner.pending.clear();
        }
        Ok(())
    }
}

struct SimFile {
    disk: Disk,
    file: usize,
    life: u64,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({})", self.file)
    }
}

impl SimFile {
    fn change(&self, pending: Pending) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.writable()?;
        let called = inner.call(self.life);
        let half = called.is_err() && inner.life == self.life && !inner.is_off && inner.random.one_in(2);
        let pending = match pending {
            // A disk that is full takes the beginning.
            Pending::Write(at, data) if half => Pending::Write(at, data[..data.len() / 2].to_vec()),
            _ if called.is_err() => return called,
            whole => whole,
        };
        if let Pending::Write(_, data) = &pending {
            inner.written += data.len() as u64;
        }
        let file = &mut inner.files[self.file];
        apply(&mut file.live, &pending);
        file.pending.push(pending);
        called
    }
}

impl StorageBackend for SimFile {
    fn len(&self) -> io::Result<u64> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        Ok(inner.files[self.file].live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.call(self.life)?;
        let live = &inner.files[self.file].live;
        let from = offset as usize;
        let part = live.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Pending::Len(len as usize))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Pending::Write(offset as usize, data.to_vec()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let called = inner.call(self.life);
        if inner.is_off || inner.life != self.life {
            return called;
        }
        let inner = &mut *inner;
        if called.is_err() {
            // As Linux does: what could not be written counts as written, and can be read until the power is cut.
            if inner.random.one_in(2) {
                inner.files[self.file].pending.clear();
            }
            return called;
        }
        if !inner.lies() {
            let file = &mut inner.files[self.file];
            for pending in mem::take(&mut file.pending) {
                apply(&mut file.durable, &pending);
            }
        }
        Ok(())
    }
}
