//! The debug sections of a binary, read at once. What they say is in `dwarf.rs`.

use std::fs::File;
use std::thread::ScopedJoinHandle;

use gimli::{Dwarf, DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use hashbrown::HashMap;
use object::{CompressionFormat, Object, ObjectSection};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use super::binary::Binary;
use super::dwarf::{Reader, endian};

/// Those that tell of variables and macros, of which nobody asks here.
const UNUSED: [SectionId; 4] =
    [SectionId::DebugLoc, SectionId::DebugLocLists, SectionId::DebugMacinfo, SectionId::DebugMacro];

/// So many bytes are worth a thread of their own.
const WORTH_A_THREAD: u64 = 4 << 20;

/// The debug sections of a binary, decompressed.
pub(crate) struct Sections {
    sections: DwarfSections<Vec<u8>>,
    endian: RunTimeEndian,
}

/// The content of a section.
enum Content<'scope> {
    Read(Vec<u8>),
    BeingRead(ScopedJoinHandle<'scope, Option<Vec<u8>>>),
}

impl Sections {
    /// None if the binary has no debug info. What is damaged counts as empty.
    pub(crate) fn load(binary: &Binary<'_>) -> Option<Sections> {
        let object = &binary.object;
        object.section_by_name(SectionId::DebugInfo.name())?;
        let mut known: HashMap<SectionId, Vec<u8>> = std::thread::scope(|scope| {
            let mut contents = Vec::new();
            let _ = DwarfSections::load(|id: SectionId| {
                let begun = content(binary, id, |offset, size| {
                    let file = binary.file;
                    if size < WORTH_A_THREAD {
                        return read(file, offset, size).map(Content::Read);
                    }
                    // Of debug info there is much, and memory has to be found for it.
                    Some(Content::BeingRead(scope.spawn(move || read(file, offset, size))))
                });
                contents.extend(begun.map(|content| (id, content)));
                Ok::<(), ()>(())
            });
            let read = |(id, content)| match content {
                Content::Read(bytes) => Some((id, bytes)),
                Content::BeingRead(thread) => Some((id, thread.join().expect("reading does not panic")?)),
            };
            contents.into_iter().filter_map(read).collect()
        });
        let section = |id: SectionId| Ok::<_, ()>(known.remove(&id).unwrap_or_default());
        Some(Sections { sections: DwarfSections::load(section).ok()?, endian: endian(object) })
    }

    pub(super) fn dwarf(&self) -> Dwarf<Reader<'_>> {
        self.sections.borrow(|section| EndianSlice::new(section, self.endian))
    }
}

/// The content of a section, if there is one; `read` begins to read it from an offset of the file.
fn content<'scope>(
    binary: &Binary<'_>,
    id: SectionId,
    read: impl FnOnce(u64, u64) -> Option<Content<'scope>>,
) -> Option<Content<'scope>> {
    if UNUSED.contains(&id) {
        return None;
    }
    let section = binary.object.section_by_name(id.name())?;
    let range = section.compressed_file_range().ok()?;
    if range.format == CompressionFormat::None {
        return read(range.offset, range.uncompressed_size);
    }
    section.uncompressed_data().ok().map(|bytes| Content::Read(bytes.into_owned()))
}

/// So many bytes of a file from an offset on, if there are. Memory is taken only for what there is.
fn read(file: &File, offset: u64, size: u64) -> Option<Vec<u8>> {
    if offset.checked_add(size)? > file.metadata().ok()?.len() {
        return None;
    }
    let size = usize::try_from(size).ok()?;
    // Not filled with zeros first, which would take as long as to read.
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let position = offset + bytes.len() as u64;
        match pread(file, spare_capacity(&mut bytes), position) {
            Ok(0) => return None,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(size);
    Some(bytes)
}
