//! Packing: which files of a branch and its ancestors, and how they are written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use revacnn_schemas::{ARITHMETIC, BranchName, BranchRecord, Digest, FORMAT_VERSION, Fidelity, Producer, Step, Table};
use tar::{Builder, Header};

use crate::arrays::{digests_of, file_name};
use crate::disk::json;
use crate::disk::open_plain_file;
use crate::disk::paths::{BranchPaths, StepSpan, parse_span, span_name};
use crate::pack::manifest::{MANIFEST, Manifest, PackedBranch, PackedFile, entry_name, is_of_branch};
use crate::read::listing::{Listing, list_if_there};
use crate::shape::TENSOR_TABLES;
use crate::thinning::{Materialised, Thinned, list_text, stores_tensors};
use crate::{BranchReader, Lineage, OutputFile, Store, StoreError, write_output};

/// How much of the branches is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackContents {
    /// Everything that is stored.
    Whole,
    /// What tensors follow from, and not the tensors.
    Thin,
}

/// What was packed.
#[derive(Debug)]
pub struct Packed {
    /// The branches, from the root to the one that was asked for, and the steps of
    /// each that are in the pack.
    pub branches: Vec<(BranchRecord, StepSpan)>,
    /// Bytes of their files.
    pub bytes: u64,
}

/// How often the files are looked for again where a writer joined some meanwhile.
const LOOKS: usize = 20;

impl Store {
    /// Packs a branch with its ancestors into one file; `progress` is given the
    /// bytes that are written and those that there are. A branch that is being
    /// trained is packed up to its last committed step.
    ///
    /// # Errors
    /// [`StoreError::Unpackable`] where the branch has no steps, or tensors that
    /// would be left out cannot be computed again; the first gap of an incomplete
    /// history; [`StoreError::Damaged`] for a file whose checksums are others; those of reading
    /// and writing.
    pub fn pack(
        &self,
        branch: &BranchName,
        contents: PackContents,
        output: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Packed, StoreError> {
        // It holds the branches: nobody deletes or compacts them meanwhile.
        let lineage = Lineage::open(self, branch)?;
        if let Some(gap) = lineage.gaps()?.into_iter().next() {
            return Err(gap.error);
        }
        // A fork of a fork's first step shares nothing with it but that it was forked from it.
        let is_held = |record: &BranchRecord| lineage.readers().iter().any(|reader| reader.branch().id == record.id);
        let between = lineage.branches().iter().filter(|record| !is_held(record));
        let between = between.map(|record| {
            let reader = BranchReader::at_rest(self, record.clone())?;
            reader.refresh()?;
            Ok(reader)
        });
        let between = between.collect::<Result<Vec<BranchReader>, StoreError>>()?;
        let all = || lineage.readers().iter().chain(&between);
        let readers =
            lineage.branches().iter().filter_map(|record| all().find(|reader| reader.branch().id == record.id));
        let readers: Vec<&BranchReader> = readers.collect();
        // Each with the last step that a child of it shares.
        let until = |place: usize| readers[..place].iter().map(|child| child.branch().first_step()).min();
        let readers: Vec<(&BranchReader, Option<Step>)> =
            readers.iter().enumerate().map(|(place, reader)| (*reader, until(place))).collect();
        for &(reader, until) in &readers {
            check_packable(reader, contents)?;
            check_files(reader, until, contents)?;
        }
        let mut looks = 1;
        let sources = loop {
            match Sources::find(&readers, contents) {
                Err(error) if error.is_missing_file() && looks < LOOKS => looks += 1,
                found => break found?,
            }
        };
        let bytes = sources.manifest.bytes().unwrap_or(u64::MAX);
        write_output(output, |file| sources.write(file, self.record().created_unix_seconds, progress))?;
        Ok(Packed { branches: sources.branches, bytes })
    }
}

/// Refuses a branch that a pack of it would not bring back.
fn check_packable(reader: &BranchReader, contents: PackContents) -> Result<(), StoreError> {
    let record = reader.branch();
    let refused = |reason| Err(StoreError::Unpackable { branch: record.name.clone(), reason });
    if reader.steps().is_none() {
        return refused("it has no step yet".to_owned());
    }
    match (&record.producer, contents) {
        (Producer::Foreign(foreign), PackContents::Thin) => refused(format!(
            "{foreign} computed its steps, and what a thin pack leaves out cannot be computed again: pack it whole"
        )),
        (Producer::Engine { arithmetic, .. }, PackContents::Thin) if *arithmetic != ARITHMETIC => refused(format!(
            "it was computed with arithmetic {arithmetic}, and this program, which computes with {ARITHMETIC}, could \
             not bring back what a thin pack leaves out: pack it whole"
        )),
        _ => Ok(()),
    }
}

/// Checks the files of a branch's steps up to one, for damage would be packed as what is whole.
fn check_files(reader: &BranchReader, until: Option<Step>, contents: PackContents) -> Result<(), StoreError> {
    let Some(span) = reader.steps() else { return Ok(()) };
    let until = StepSpan::new(span.first, until.unwrap_or(span.last));
    let Some(span) = span.intersection(&until) else { return Ok(()) };
    match contents {
        PackContents::Whole => reader.check_files(span).map(drop),
        PackContents::Thin => reader.check_kept_files(span),
    }
}

/// Where the bytes of a packed file are.
enum Source {
    Memory(Vec<u8>),
    /// A file that never changes, though a writer may remove it.
    File(PathBuf),
    /// A copy in the spool: where it begins, and its bytes.
    Spooled(u64, u64),
}

/// The files of a pack.
struct Sources {
    manifest: Manifest,
    /// In the manifest's order.
    files: Vec<Source>,
    branches: Vec<(BranchRecord, StepSpan)>,
    /// Copies of what a writer is about to join: an unnamed file.
    spool: File,
}

impl Sources {
    /// Of a branch and its ancestors, to the root.
    fn find(readers: &[(&BranchReader, Option<Step>)], contents: PackContents) -> Result<Self, StoreError> {
        let spool = tempfile::tempfile().map_err(|source| StoreError::io("create", &std::env::temp_dir(), source))?;
        let manifest =
            Manifest { format_version: FORMAT_VERSION, thin: contents == PackContents::Thin, branches: Vec::new() };
        let mut sources = Self { manifest, files: Vec::new(), branches: Vec::new(), spool };
        for &(reader, until) in readers.iter().rev() {
            sources.add_branch(reader, until, contents)?;
        }
        Ok(sources)
    }

    /// Adds a branch: all of it, or the whole files with the steps up to one.
    fn add_branch(
        &mut self,
        reader: &BranchReader,
        until: Option<Step>,
        contents: PackContents,
    ) -> Result<(), StoreError> {
        let (mut record, paths) = (reader.branch().clone(), &reader.paths);
        let listing = Listing::read(paths)?;
        let shared = |span: &StepSpan| until.is_none_or(|until| span.first <= until);
        let segments: Vec<StepSpan> = listing.segments.iter().copied().filter(shared).collect();
        let parts: Vec<StepSpan> = listing.parts.iter().copied().filter(shared).collect();
        let Some(last) = parts.last().or(segments.last()).map(|span| span.last) else {
            let expected = format!("steps of branch `{}` from {} on", record.name, record.first_step());
            return Err(StoreError::Missing { path: paths.table(Table::Steps), expected });
        };
        self.branches.push((record.clone(), StepSpan::new(record.first_step(), last)));
        self.manifest.branches.push(PackedBranch {
            id: record.id.clone(),
            name: record.name.clone(),
            files: Vec::new(),
        });

        // Notes come after the listing: a writer that drops tensors notes it first.
        let sealed = segments.last().map(|segment| segment.last);
        let within = |spans: Vec<StepSpan>| -> Vec<StepSpan> {
            let all = sealed.map(|sealed| StepSpan::new(record.first_step(), sealed));
            spans.iter().filter_map(|span| span.intersection(&all?)).collect()
        };
        let (thinned, materialised) = (within(Thinned::read(paths)?), within(Materialised::read(paths)?));
        let fidelity = record.recording.fidelity;
        let is_every = fidelity == Fidelity::Every;
        let stored = |segment: &StepSpan| {
            contents == PackContents::Whole && stores_tensors(fidelity, [&thinned, &materialised], *segment)
        };
        // What a writer is about to join goes first, as copies.
        let mut tail = Vec::new();
        for &part in &parts {
            for table in
                tables_of_steps().filter(|table| is_every && contents == PackContents::Whole || !is_tensor(*table))
            {
                let path = paths.part_file(table, part);
                if is_there(&path) || table == Table::Steps || reader.must_hold_rows(table, part) {
                    tail.push((format!("tail/{}/{}.parquet", span_name(part), table.name()), self.spooled(&path)?));
                }
            }
        }
        if contents == PackContents::Thin {
            record.recording.fidelity = Fidelity::Keyframes;
        }
        let described = json::text(&paths.folder.join("branch.json"), &record)?;
        self.add("branch.json", Source::Memory(described))?;
        for name in digests_of(&record).into_iter().map(file_name) {
            let path = paths.folder.join(&name);
            self.add(&name, Source::File(path))?;
        }
        if contents == PackContents::Whole {
            for (name, path, spans) in [
                ("thinned.json", paths.thinned(), &thinned),
                ("materialised.json", paths.materialised(), &materialised),
            ] {
                if !spans.is_empty() {
                    self.add(name, Source::Memory(list_text(&path, spans)?))?;
                }
            }
        }
        for table in [Table::Topology, Table::Events] {
            self.add_small(paths, table, last)?;
        }
        for segment in &segments {
            for table in tables_of_steps().filter(|table| !is_tensor(*table) || stored(segment)) {
                let path = paths.segment(table, *segment);
                // A branch may be without normalisation, keyframes within a segment and the like,
                // and never without these.
                if is_there(&path)
                    || matches!(table, Table::Steps | Table::Weights)
                    || reader.must_hold_rows(table, *segment)
                {
                    let name = format!("{}/{}.parquet", table.name(), span_name(*segment));
                    self.add(&name, Source::File(path))?;
                }
            }
        }
        tail.into_iter().try_for_each(|(name, source)| self.add(&name, source))
    }

    /// Adds the files of a table that has none a segment.
    fn add_small(&mut self, paths: &BranchPaths, table: Table, last: Step) -> Result<(), StoreError> {
        for name in list_if_there(&paths.table(table))? {
            let path = format!("{}/{name}", table.name());
            let span = name.split('.').next().and_then(parse_span);
            if is_of_branch(&path) && span.is_some_and(|span| span.first <= last) {
                self.add(&path, Source::File(paths.table(table).join(name)))?;
            }
        }
        Ok(())
    }

    /// Copies a file into the spool.
    fn spooled(&mut self, path: &Path) -> Result<Source, StoreError> {
        let mut file = open_plain_file(path)?;
        let io = |source| StoreError::io("copy", path, source);
        let start = self.spool.seek(SeekFrom::End(0)).map_err(io)?;
        let bytes = io::copy(&mut file, &mut self.spool).map_err(io)?;
        Ok(Source::Spooled(start, bytes))
    }

    /// Adds a file to the branch that was begun last, with its digest.
    fn add(&mut self, path: &str, source: Source) -> Result<(), StoreError> {
        let io = |error| StoreError::io("read", Path::new(path), error);
        let mut hashing = Hashing::new(io::sink());
        let bytes = match &source {
            Source::Memory(bytes) => hashing.write_all(bytes).map(|()| bytes.len() as u64),
            Source::File(path) => io::copy(&mut open_plain_file(path)?, &mut hashing),
            Source::Spooled(start, bytes) => {
                self.spool_from(*start).and_then(|file| io::copy(&mut file.take(*bytes), &mut hashing))
            }
        }
        .map_err(io)?;
        let file = PackedFile { path: path.to_owned(), bytes, digest: hashing.finish() };
        let branch = self.manifest.branches.last_mut().expect("invariant: a branch was begun");
        branch.files.push(file);
        self.files.push(source);
        Ok(())
    }

    fn spool_from(&self, start: u64) -> io::Result<File> {
        let mut spool = self.spool.try_clone()?;
        spool.seek(SeekFrom::Start(start))?;
        Ok(spool)
    }

    /// Writes the archive.
    fn write(
        &self,
        output: &mut OutputFile,
        seconds: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), StoreError> {
        let mut archive = Builder::new(output);
        let manifest = json::text(Path::new(MANIFEST), &self.manifest)?;
        append(&mut archive, MANIFEST, manifest.len() as u64, seconds, &mut &*manifest)?;
        let (mut done, all) = (0, self.manifest.bytes().unwrap_or(u64::MAX));
        let mut sources = self.files.iter();
        for branch in &self.manifest.branches {
            for (file, source) in branch.files.iter().zip(&mut sources) {
                let name = entry_name(&branch.id, &file.path);
                let io = |source| StoreError::io("read", Path::new(&file.path), source);
                let mut from: Box<dyn Read + '_> = match source {
                    Source::Memory(bytes) => Box::new(&**bytes),
                    Source::File(path) => Box::new(open_plain_file(path)?),
                    Source::Spooled(start, _) => Box::new(self.spool_from(*start).map_err(io)?),
                };
                let mut read = Hashing::new((&mut from).take(file.bytes));
                append(&mut archive, &name, file.bytes, seconds, &mut read)?;
                if read.finish() != file.digest {
                    let found = "other bytes than a moment before".to_owned();
                    return Err(StoreError::damaged(Path::new(&name), "a file that does not change", found));
                }
                done += file.bytes;
                progress(done, all);
            }
        }
        archive.finish().map_err(|source| StoreError::io("write", Path::new(MANIFEST), source))
    }
}

fn append(
    archive: &mut Builder<&mut OutputFile>,
    name: &str,
    bytes: u64,
    seconds: u64,
    from: &mut dyn Read,
) -> Result<(), StoreError> {
    let mut header = Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(seconds);
    archive.append_data(&mut header, name, from).map_err(|source| StoreError::io("pack", Path::new(name), source))
}

/// The tables that have a file a segment.
fn tables_of_steps() -> impl Iterator<Item = Table> {
    Table::ALL.into_iter().filter(|table| !matches!(table, Table::Events | Table::Topology))
}

fn is_tensor(table: Table) -> bool {
    TENSOR_TABLES.contains(&table)
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Computes the digest of what is read or written through it.
pub(crate) struct Hashing<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Hashing<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }

    pub(crate) fn into_inner(self) -> T {
        self.inner
    }

    pub(crate) fn finish(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
