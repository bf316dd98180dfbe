//! A file that is only read, whatever is written to it.

use redb::StorageBackend;
use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

const PAGE: u64 = 4096;

/// Keeps in memory what is written, and leaves the file as it is.
///
/// redb repairs a database when it opens it. After a sync that failed, also one of an earlier process, a file may show
/// what is not on disk; a repair that is on disk, of pages that are not, would damage what can still be read after a
/// power cut.
#[derive(Debug)]
pub(crate) struct Overlay {
    file: Box<dyn StorageBackend>,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    len: u64,
    /// How much of the file shows, where nothing is written.
    shown: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(crate) fn new(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = file.len()?;
        Ok(Self { file, written: Mutex::new(Written { len, shown: len, pages: BTreeMap::new() }) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file has there, and zeros where it ends.
    fn read_shown(&self, shown: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        let len = usize::try_from(shown.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        if len > 0 { self.file.read(offset, &mut out[..len]) } else { Ok(()) }
    }
}

/// The parts of the pages that a range touches: the page, where in it the part begins, and where in the range.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = offset + from as u64;
        let start = (at % PAGE) as usize;
        let to = len.min(from + PAGE as usize - start);
        let range = from..to;
        from = to;
        (!range.is_empty()).then_some((at / PAGE, start, range))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > written.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_shown(written.shown, offset, out)?;
        for (page, start, range) in parts(offset, out.len()) {
            if let Some(bytes) = written.pages.get(&page) {
                let len = range.len();
                out[range].copy_from_slice(&bytes[start..start + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut written = self.written();
        written.len = len;
        written.shown = written.shown.min(len);
        let _ = written.pages.split_off(&len.div_ceil(PAGE));
        if let Some(last) = written.pages.get_mut(&(len / PAGE)) {
            last[(len % PAGE) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written();
        for (page, start, range) in parts(offset, data.len()) {
            if !written.pages.contains_key(&page) {
                let mut bytes = vec![0; PAGE as usize];
                self.read_shown(written.shown, page * PAGE, &mut bytes)?;
                written.pages.insert(page, bytes);
            }
            let len = range.len();
            if let Some(bytes) = written.pages.get_mut(&page) {
                bytes[start..start + len].copy_from_slice(&data[range]);
            }
        }
        written.len = written.len.max(offset.saturating_add(data.len() as u64));
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        SetLen(u64),
        Read(u64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_000_u64, prop::collection::vec(1..=u8::MAX, 1..9_000)).prop_map(|(at, data)| Step::Write(at, data)),
            (0..20_000_u64).prop_map(Step::SetLen),
            (0..20_000_u64, 0..9_000_usize).prop_map(|(at, len)| Step::Read(at, len)),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_like_the_file_and_leaves_the_file_as_it_is(
            base in prop::collection::vec(1..=u8::MAX, 0..15_000),
            steps in prop::collection::vec(step(), 1..12),
        ) {
            let file = || {
                let file = InMemoryBackend::new();
                file.set_len(base.len() as u64).unwrap();
                file.write(0, &base).unwrap();
                file
            };
            let (shown, overlay) = (file(), Overlay::new(Box::new(file())).unwrap());
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        // The file in memory does not grow by itself.
                        let end = at + data.len() as u64;
                        for each in [&shown as &dyn StorageBackend, &overlay] {
                            if each.len().unwrap() < end {
                                each.set_len(end).unwrap();
                            }
                            each.write(at, &data).unwrap();
                        }
                    }
                    Step::SetLen(len) => {
                        shown.set_len(len).unwrap();
                        overlay.set_len(len).unwrap();
                    }
                    Step::Read(at, len) => {
                        let (mut expected, mut found) = (vec![0; len], vec![0; len]);
                        if at + len as u64 <= shown.len().unwrap() {
                            shown.read(at, &mut expected).unwrap();
                            overlay.read(at, &mut found).unwrap();
                            prop_assert!(expected == found, "at {at}, {len} bytes");
                        } else {
                            prop_assert!(overlay.read(at, &mut found).is_err());
                        }
                    }
                }
                prop_assert_eq!(shown.len().unwrap(), overlay.len().unwrap());
            }
            let mut kept = vec![0; base.len()];
            overlay.file.read(0, &mut kept).unwrap();
            prop_assert!(kept == base);
        }
    }
}
