//! Debug info: an address → the functions that it lies in, with inlined ones, and their lines. Debug info that was
//! split off is found where the compiler left it (`.dwo` files) or where it was packed (`.dwp`). What is damaged counts
//! as absent. Which names are believed is decided in `names.rs`.

use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use addr2line::{Context, LookupContinuation, LookupResult, SplitDwarfLoad};
use gimli::{
    AttributeValue, DebugInfoOffset, Dwarf, DwarfPackage, DwarfPackageSections, DwarfSections, EndianSlice,
    RunTimeEndian, Section, SectionId, UnitOffset, UnitRef,
};
use hashbrown::HashMap;
use object::{Object, ObjectSection, ReadCache};

use prof_pprof::Text;

use super::demangle::demangle;
use super::sections::Sections;

pub(super) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// How often one entry may refer to the next in the search for a name.
const MOST_REFERENCES: usize = 16;

/// A function that an address lies in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The mangled name.
    pub(super) linkage_name: Option<Text>,
    /// That name, demangled.
    pub(super) demangled: Option<Text>,
    /// The name in the source, without its path.
    pub(super) name: Option<Text>,
    /// The source file, absolute if the compiler was told so.
    pub(super) file: Option<Text>,
    /// Where the function begins, 0 if unknown.
    pub(super) start_line: i64,
    /// 0 if unknown.
    pub(super) line: i64,
    /// 0 if unknown.
    pub(super) column: i64,
}

/// Debug info in files of its own. Each is read when an address first needs it.
#[derive(Default)]
pub(crate) struct Split {
    package: Option<(DwarfPackageSections<Vec<u8>>, RunTimeEndian)>,
    /// By the id that ties a file to its compilation unit.
    files: HashMap<u64, OnceLock<Option<SplitFile>>>,
}

struct SplitFile {
    sections: DwarfSections<Vec<u8>>,
    endian: RunTimeEndian,
}

impl Split {
    /// Finds out which split files the binary at `path` has.
    pub(crate) fn find(sections: &Option<Sections>, path: &Path) -> Split {
        let mut split = Split::default();
        let Some(sections) = sections else { return split };
        let dwarf = sections.dwarf();
        // Units that were split take their addresses from this section.
        if dwarf.debug_addr.reader().is_empty() {
            return split;
        }
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            if let Some(id) = dwarf.unit(header).ok().and_then(|unit| unit.dwo_id) {
                split.files.insert(id.0, OnceLock::new());
            }
        }
        if !split.files.is_empty() {
            let mut package = path.as_os_str().to_owned();
            package.push(".dwp");
            split.package = with_object(Path::new(&package), |object| {
                let load = |id: SectionId| Ok::<_, gimli::Error>(split_section(object, id));
                Some((DwarfPackageSections::load(load).ok()?, endian(object)))
            });
        }
        split
    }
}

/// The debug info of a binary.
pub(crate) struct DebugInfo<'a> {
    context: Context<Reader<'a>>,
    dwarf: Arc<Dwarf<Reader<'a>>>,
    split: &'a Split,
    package: Option<DwarfPackage<Reader<'a>>>,
    functions: RefCell<HashMap<FunctionKey, Rc<FunctionEntry>>>,
    /// Names of files by where they stand in memory, because the same few stand behind nearly all addresses.
    files: RefCell<HashMap<(usize, usize), Text>>,
}

/// The split unit, if it is one, and where the function's entry begins.
type FunctionKey = (Option<u64>, usize);

/// What is known of a function.
#[derive(Debug, Default)]
struct FunctionEntry {
    linkage_name: Option<Text>,
    demangled: Option<Text>,
    /// Only if there is no demangled one.
    name: Option<Text>,
    start_line: i64,
    /// Looked for when an address first needs it, which is rare.
    file: OnceCell<Option<Text>>,
}

/// What the entries about a function say.
#[derive(Default)]
struct Declaration<'a> {
    linkage_name: Option<Reader<'a>>,
    name: Option<Reader<'a>>,
    start_line: i64,
    wants_file: bool,
    file: Option<Text>,
}

/// A frame as the line table and the inlining tree have it.
struct RawFrame<'a> {
    entry: Option<UnitOffset>,
    file: Option<&'a str>,
    line: i64,
    column: i64,
}

impl<'a> DebugInfo<'a> {
    /// None if it is damaged.
    pub(crate) fn new(sections: &'a Sections, split: &'a Split) -> Option<DebugInfo<'a>> {
        let mut dwarf = sections.dwarf();
        dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
        let dwarf = Arc::new(dwarf);
        let context = Context::from_arc_dwarf(dwarf.clone()).ok()?;
        let package = split.package.as_ref().and_then(|(sections, endian)| {
            let reader = |section: &'a Vec<u8>| EndianSlice::new(section, *endian);
            sections.borrow(reader, EndianSlice::new(&[], *endian)).ok()
        });
        Some(DebugInfo { context, dwarf, split, package, functions: RefCell::default(), files: RefCell::default() })
    }

    /// The functions that `address` lies in, the innermost inlined one first; none if nothing is known.
    pub(crate) fn frames(&self, address: u64) -> Vec<Frame> {
        let raw = self.raw_frames(address).unwrap_or_default();
        let unit = self.complete(self.context.find_dwarf_and_unit(address));
        let outermost = raw.len().saturating_sub(1);
        let frame = |(depth, raw): (usize, RawFrame<'_>)| {
            let function = match (unit, raw.entry) {
                (Some(unit), Some(entry)) => self.function(unit, entry, depth == outermost),
                _ => Rc::default(),
            };
            // Without a line the file is that of whatever code stood before.
            let of_line = || raw.file.map(|file| self.file(file));
            let declared = || function.file.get_or_init(|| self.declared_in(unit?, raw.entry?)).clone();
            let file = if raw.line != 0 { of_line() } else { None }.or_else(declared);
            Frame {
                linkage_name: function.linkage_name.clone(),
                demangled: function.demangled.clone(),
                name: function.name.clone(),
                file: file.or_else(of_line),
                start_line: function.start_line,
                line: raw.line,
                column: raw.column,
            }
        };
        raw.into_iter().enumerate().map(frame).collect()
    }

    /// The name of a file, which the debug info holds.
    fn file(&self, file: &str) -> Text {
        let place = (file.as_ptr().addr(), file.len());
        self.files.borrow_mut().entry(place).or_insert_with(|| file.into()).clone()
    }

    fn raw_frames(&self, address: u64) -> Result<Vec<RawFrame<'_>>, gimli::Error> {
        let mut frames = self.complete(self.context.find_frames(address))?;
        let mut raw = Vec::new();
        while let Some(frame) = frames.next()? {
            let location = frame.location.as_ref();
            raw.push(RawFrame {
                entry: frame.dw_die_offset,
                file: location.and_then(|location| location.file),
                line: location.and_then(|location| location.line).map_or(0, i64::from),
                column: location.and_then(|location| location.column).map_or(0, i64::from),
            });
        }
        Ok(raw)
    }

    /// Carries a lookup through, with the split files that it asks for.
    fn complete<L: LookupContinuation<Buf = Reader<'a>>>(&self, mut result: LookupResult<L>) -> L::Output {
        loop {
            match result {
                LookupResult::Output(output) => return output,
                LookupResult::Load { load, continuation } => result = continuation.resume(self.split(&load)),
            }
        }
    }

    fn split(&self, load: &SplitDwarfLoad<Reader<'a>>) -> Option<Arc<Dwarf<Reader<'a>>>> {
        let packed = self.package.as_ref().and_then(|package| package.find_cu(load.dwo_id, &load.parent).ok()?);
        if let Some(packed) = packed {
            return Some(Arc::new(packed));
        }
        let file = self.split.files.get(&load.dwo_id.0)?.get_or_init(|| {
            let directory = load.comp_dir.map(|path| path.to_string_lossy());
            let path = Path::new(directory.as_deref().unwrap_or_default()).join(&*load.path?.to_string_lossy());
            split_file(&path)
        });
        let file = file.as_ref()?;
        let mut dwarf = file.sections.borrow(|section| EndianSlice::new(section, file.endian));
        dwarf.make_dwo(&load.parent);
        Some(Arc::new(dwarf))
    }

    /// What the entry at `entry` says, or the one that it is an instance of.
    fn function(&self, unit: UnitRef<'_, Reader<'a>>, entry: UnitOffset, has_code: bool) -> Rc<FunctionEntry> {
        let start = unit.header.debug_info_offset().map_or(0, |offset| offset.0);
        let key = (unit.dwo_id.map(|id| id.0), start + entry.0);
        if let Some(known) = self.functions.borrow().get(&key) {
            return known.clone();
        }
        let mut declared = Declaration::default();
        // A damaged entry leaves what was found before it.
        let _ = self.read_function(unit, entry, MOST_REFERENCES, &mut declared);
        if declared.start_line == 0 && has_code {
            declared.start_line = self.first_line(unit, entry).unwrap_or(0);
        }
        let text = |name: Reader<'_>| name.to_string().map_or_else(|_| name.to_string_lossy().into(), Text::from);
        let linkage_name = declared.linkage_name.map(text);
        let demangled = linkage_name.as_deref().and_then(demangle).map(Text::from);
        let name = declared.name.filter(|_| demangled.is_none()).map(text);
        let (start_line, file) = (declared.start_line, OnceCell::new());
        let function = Rc::new(FunctionEntry { linkage_name, demangled, name, start_line, file });
        self.functions.borrow_mut().insert(key, function.clone());
        function
    }

    /// The file that a function is declared in.
    fn declared_in(&self, unit: UnitRef<'_, Reader<'a>>, entry: UnitOffset) -> Option<Text> {
        let mut declared = Declaration { wants_file: true, ..Declaration::default() };
        let _ = self.read_function(unit, entry, MOST_REFERENCES, &mut declared);
        declared.file
    }

    fn read_function(
        &self,
        unit: UnitRef<'_, Reader<'a>>,
        entry: UnitOffset,
        references: usize,
        declared: &mut Declaration<'a>,
    ) -> Result<(), gimli::Error> {
        let mut origin = None;
        for attribute in unit.entry(entry)?.attrs() {
            let value = attribute.value();
            match attribute.name() {
                gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name if declared.linkage_name.is_none() => {
                    declared.linkage_name = Some(unit.attr_string(value)?);
                }
                gimli::DW_AT_name if declared.name.is_none() => {
                    declared.name = Some(unit.attr_string(value)?);
                }
                gimli::DW_AT_decl_line if declared.start_line == 0 => {
                    declared.start_line = value.udata_value().and_then(|line| i64::try_from(line).ok()).unwrap_or(0);
                }
                gimli::DW_AT_decl_file if declared.wants_file && declared.file.is_none() => {
                    declared.file = file(unit, value).map(Text::from);
                }
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => origin = Some(value),
                _ => {}
            }
        }
        let Some(references) = references.checked_sub(1) else { return Ok(()) };
        match origin {
            Some(AttributeValue::UnitRef(offset)) => self.read_function(unit, offset, references, declared),
            // Into another unit, as link-time optimization does.
            Some(AttributeValue::DebugInfoRef(offset)) if unit.dwo_id.is_none() => {
                let Some((other, offset)) = self.unit_at(offset)? else { return Ok(()) };
                self.read_function(other.unit_ref(&self.dwarf), offset, references, declared)
            }
            _ => Ok(()),
        }
    }

    fn unit_at(&self, offset: DebugInfoOffset) -> Result<Option<(gimli::Unit<Reader<'a>>, UnitOffset)>, gimli::Error> {
        let mut units = self.dwarf.units();
        while let Some(header) = units.next()? {
            if let Some(offset) = offset.to_unit_offset(&header) {
                return Ok(Some((self.dwarf.unit(header)?, offset)));
            }
        }
        Ok(None)
    }

    /// The first line of the function's code, for debug info that does not say where it is declared.
    fn first_line(&self, unit: UnitRef<'_, Reader<'a>>, entry: UnitOffset) -> Option<i64> {
        let mut ranges = unit.die_ranges(&unit.entry(entry).ok()?).ok()?;
        let begin = ranges.next().ok()??.begin;
        // The code may begin with a function that was inlined.
        self.raw_frames(begin).ok()?.last().map(|frame| frame.line)
    }
}

/// The path of a file that an entry names by its number.
fn file(unit: UnitRef<'_, Reader<'_>>, value: AttributeValue<Reader<'_>>) -> Option<String> {
    let number = match value {
        AttributeValue::FileIndex(number) => number,
        value => value.udata_value()?,
    };
    let header = unit.line_program.as_ref()?.header();
    let file = header.file(number)?;
    let mut path = unit.comp_dir.map(|directory| PathBuf::from(&*directory.to_string_lossy())).unwrap_or_default();
    if let Some(directory) = file.directory(header).filter(|_| file.directory_index() != 0) {
        path.push(&*unit.attr_string(directory).ok()?.to_string_lossy());
    }
    path.push(&*unit.attr_string(file.path_name()).ok()?.to_string_lossy());
    Some(path.to_string_lossy().into_owned())
}

fn split_file(path: &Path) -> Option<SplitFile> {
    with_object(path, |object| {
        let load = |id: SectionId| Ok::<_, ()>(split_section(object, id));
        Some(SplitFile { sections: DwarfSections::load(load).ok()?, endian: endian(object) })
    })
}

type Opened<'a> = object::File<'a, &'a ReadCache<File>>;

fn with_object<T>(path: &Path, take: impl FnOnce(&Opened<'_>) -> Option<T>) -> Option<T> {
    let cache = ReadCache::new(File::open(path).ok()?);
    take(&object::File::parse(&cache).ok()?)
}

fn split_section(object: &Opened<'_>, id: SectionId) -> Vec<u8> {
    let section = id.dwo_name().and_then(|name| object.section_by_name(name));
    section.and_then(|section| section.uncompressed_data().ok()).unwrap_or_default().into_owned()
}

pub(super) fn endian(object: &Opened<'_>) -> RunTimeEndian {
    if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big }
}
