//! One repository's index in memory: its segmented files, and the texts that are signed for any of its states.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{
    digest::Sha256,
    package::Format,
    recorded::Revision,
    repository::{IndexFile, Stored},
};
use formats::{
    apt,
    segmented_file::{Codec, Frame, Measure, Packed, Segmented},
    yum::Document,
};

/// Below this many bytes of text one thread is faster than starting another.
const PARALLEL_FROM_BYTES: usize = 512 * 1024;

/// What `Created` fixed for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) format: Format,
    pub(super) origin: String,
    pub(super) label: String,
    pub(super) codename: String,
}

/// A package's part of each of its repository's documents: the stanza, or `primary`, `filelists` and `other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) revision: Revision,
    pub(super) architecture: String,
    pub(super) fragments: [String; 3],
}

/// The segmented files of a repository in one era. It may hold packages that the state asked for does not have yet.
#[derive(Debug)]
pub(super) struct IndexRenderer {
    pub(super) identity: Identity,
    /// The replacement of a package that its era begins with.
    era: Revision,
    documents: BTreeMap<String, Segmented>,
    /// When each architecture was first seen.
    architectures: BTreeMap<String, Revision>,
    /// Stanzas for every machine, for the list of an architecture that is yet to come.
    for_all: Vec<(Revision, String)>,
    /// The newest package it holds.
    known: Revision,
    measured: Option<(Revision, Measures)>,
}

/// An uncompressed document of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    len: usize,
    pub(super) open: Measure,
}

/// By document.
pub(super) type Measures = BTreeMap<String, Measured>;

enum Done {
    Measured(String, Measured),
    Packed(String, Codec, Packed),
}

/// A state's compressed files, before their blobs are stored.
#[derive(Debug)]
pub(super) struct PackedState {
    pub(super) files: Vec<IndexFile>,
    pub(super) blobs: Vec<Bytes>,
    /// For [`IndexRenderer::confirm_stored`].
    pub(super) full_segments: Vec<(String, Codec, usize)>,
    /// The renderer's era.
    pub(super) era: Revision,
}

impl IndexRenderer {
    /// `seen`: the architectures of packages from before the era, whose lists stay although all those packages may be
    /// removed.
    pub(super) fn new(identity: Identity, era: Revision, seen: Vec<String>) -> Self {
        let mut architectures = BTreeMap::from([(apt::ARCHITECTURE_ALWAYS.to_owned(), Revision(0))]);
        architectures.extend(
            seen.into_iter()
                .filter(|name| name != apt::ARCHITECTURE_ALL)
                .map(|architecture| (architecture, Revision(0))),
        );
        let documents: Vec<String> = match identity.format {
            Format::Deb => architectures.keys().cloned().collect(),
            Format::Rpm => Document::ALL.map(|document| document.name().to_owned()).to_vec(),
        };
        Self {
            identity,
            era,
            documents: documents.into_iter().map(|name| (name, Segmented::default())).collect(),
            architectures,
            for_all: Vec::new(),
            known: Revision(0),
            measured: None,
        }
    }

    /// The replacement of a package that its era begins with.
    pub(super) fn era(&self) -> Revision {
        self.era
    }

    /// The newest package it holds.
    pub(super) fn known(&self) -> Revision {
        self.known
    }

    /// How much text it keeps in memory.
    pub(super) fn text_bytes(&self) -> usize {
        self.documents.values().map(Segmented::text_bytes).sum()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let Entry { revision, architecture, fragments } = entry;
        self.known = revision;
        match self.identity.format {
            Format::Rpm => {
                for (document, fragment) in Document::ALL.iter().zip(&fragments) {
                    if let Some(segmented_file) = self.documents.get_mut(document.name()) {
                        segmented_file.push(revision, fragment);
                    }
                }
            }
            Format::Deb if architecture == apt::ARCHITECTURE_ALL => {
                let [stanza, ..] = fragments;
                self.documents.values_mut().for_each(|segmented_file| segmented_file.push(revision, &stanza));
                self.for_all.push((revision, stanza));
            }
            Format::Deb => {
                self.architectures.entry(architecture.clone()).or_insert(revision);
                let segmented_file = self.documents.entry(architecture).or_insert_with(|| {
                    let mut segmented_file = Segmented::default();
                    self.for_all.iter().for_each(|(revision, stanza)| segmented_file.push(*revision, stanza));
                    segmented_file
                });
                segmented_file.push(revision, &fragments[0]);
            }
        }
    }

    /// The uncompressed documents of the state at `covers`. The last answer is cached: a candidate is measured again
    /// when it comes back signed.
    pub(super) fn measure(&mut self, covers: Revision) -> Measures {
        if let Some((at, measured)) = &self.measured
            && *at == covers
        {
            return measured.clone();
        }
        let jobs = self.documents_at(covers);
        let work = |(name, segmented_file, len): (&String, &Segmented, usize)| {
            let open = segmented_file.measure(len, &self.frame(name, len));
            (name.clone(), Measured { len, open })
        };
        let measured: Measures = in_parallel(self.text_bytes(), jobs, work).into_iter().collect();
        self.measured = Some((covers, measured.clone()));
        measured
    }

    /// The uncompressed text of the state at `covers` that the gz file `file` holds; none if it is no file of that
    /// state.
    pub(super) fn text_of(&self, file: &IndexFile, covers: Revision) -> Option<Vec<u8>> {
        let is_of = |name: &str| match self.document(name) {
            Some(document) => file.path == document.path(&file.sha256),
            None => file.path == format!("{}.gz", self.packages_path(name)),
        };
        let (name, segmented_file, len) = self.documents_at(covers).into_iter().find(|(name, ..)| is_of(name))?;
        Some(segmented_file.text(len, &self.frame(name, len)))
    }

    fn documents_at(&self, covers: Revision) -> Vec<(&String, &Segmented, usize)> {
        let existing = self.documents.iter().filter(|(name, _)| self.exists(name, covers));
        existing.map(|(name, segmented_file)| (name, segmented_file, segmented_file.len_at(covers))).collect()
    }

    /// An architecture's list exists from its first package on.
    fn exists(&self, document: &str, covers: Revision) -> bool {
        match self.identity.format {
            Format::Rpm => true,
            Format::Deb => self.architectures.get(document).is_some_and(|first| *first <= covers),
        }
    }

    fn frame(&self, document: &str, len: usize) -> Frame {
        match self.identity.format {
            Format::Deb => Frame::default(),
            Format::Rpm => {
                let named = Document::ALL.into_iter().find(|candidate| candidate.name() == document);
                named.map_or_else(Frame::default, |document| document.frame(len))
            }
        }
    }

    /// The compressed files of the state at `covers`, in the order in which the signed text lists them.
    pub(super) fn pack(&mut self, covers: Revision) -> PackedState {
        let codecs: &[Codec] = match self.identity.format {
            Format::Deb => &[Codec::Gz, Codec::Zst],
            Format::Rpm => &[Codec::Gz],
        };
        let text_bytes = self.text_bytes();
        in_parallel(text_bytes, self.documents.values_mut().collect(), |segmented_file: &mut Segmented| {
            let len = segmented_file.len_at(covers);
            codecs.iter().for_each(|codec| segmented_file.prepare(len, *codec));
        });

        // One list of jobs, longest first: measuring the largest document takes as long as all the rest together.
        let documents = self.documents_at(covers);
        let known = self.measured.as_ref().filter(|(at, _)| *at == covers).map(|(_, measured)| measured.clone());
        let measuring = documents.iter().filter(|_| known.is_none()).map(|document| (document, None));
        let packing = documents.iter().flat_map(|document| codecs.iter().map(move |codec| (document, Some(*codec))));
        let jobs: Vec<_> = measuring.chain(packing).collect();
        let work = |((name, segmented_file, len), codec): (&(&String, &Segmented, usize), Option<Codec>)| {
            let frame = self.frame(name, *len);
            match codec {
                None => {
                    Done::Measured((*name).clone(), Measured { len: *len, open: segmented_file.measure(*len, &frame) })
                }
                Some(codec) => Done::Packed((*name).clone(), codec, segmented_file.pack(*len, &frame, codec)),
            }
        };
        let mut measured = known.unwrap_or_default();
        let mut packed: BTreeMap<String, Vec<(Codec, Packed)>> = BTreeMap::new();
        for done in in_parallel(text_bytes, jobs, work) {
            match done {
                Done::Measured(name, measure) => drop(measured.insert(name, measure)),
                Done::Packed(name, codec, file) => packed.entry(name).or_default().push((codec, file)),
            }
        }
        self.measured = Some((covers, measured.clone()));
        self.state(&measured, packed)
    }

    fn state(&self, measured: &Measures, packed: BTreeMap<String, Vec<(Codec, Packed)>>) -> PackedState {
        let mut state = PackedState { files: vec![], blobs: vec![], full_segments: vec![], era: self.era };
        for (name, codecs) in packed {
            if self.identity.format == Format::Deb {
                let Measure { sha256, size_bytes } = measured[&name].open;
                state.files.push(IndexFile {
                    path: self.packages_path(&name),
                    sha256,
                    size_bytes,
                    stored: Stored::Unserved,
                });
            }
            for (codec, packed) in codecs {
                let manifest = packed.manifest.to_bytes();
                let Measure { sha256, size_bytes } = packed.measure;
                let path = match self.document(&name) {
                    Some(document) => document.path(&sha256),
                    None => format!("{}.{}", self.packages_path(&name), codec.extension()),
                };
                state.files.push(IndexFile {
                    path,
                    sha256,
                    size_bytes,
                    stored: Stored::Segmented(Sha256::of(&manifest)),
                });
                state.blobs.extend(packed.new_blobs);
                state.blobs.push(manifest);
                state.full_segments.push((name.clone(), codec, packed.full_segments));
            }
        }
        if self.identity.format == Format::Rpm {
            state.files.sort_by_key(|file| Document::ALL.iter().position(|d| file.path.contains(d.name())));
        }
        state
    }

    /// The blobs of a state that was packed in `era` are stored. Another era's segments are others.
    pub(super) fn confirm_stored(&mut self, era: Revision, full_segments: Vec<(String, Codec, usize)>) {
        if era != self.era {
            return;
        }
        for (name, codec, full) in full_segments {
            if let Some(segmented_file) = self.documents.get_mut(&name) {
                segmented_file.confirm_stored(codec, full);
            }
        }
    }

    pub(super) fn packages_path(&self, architecture: &str) -> String {
        format!("dists/{}/main/binary-{architecture}/Packages", self.identity.codename)
    }

    fn document(&self, name: &str) -> Option<Document> {
        let named = || Document::ALL.into_iter().find(|document| document.name() == name);
        (self.identity.format == Format::Rpm).then(named).flatten()
    }
}

/// Runs `work` on each item, in parallel if there is enough of it.
fn in_parallel<T: Send, R: Send>(text_bytes: usize, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if text_bytes < PARALLEL_FROM_BYTES || items.len() < 2 {
        return items.into_iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().map(joined).collect()
    })
}

/// A panic in a thread is raised again in the thread that started it.
fn joined<R>(thread: std::thread::ScopedJoinHandle<'_, R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
