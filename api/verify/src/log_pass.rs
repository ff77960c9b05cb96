//! The first pass: each event against those before it, each recorded signature against the certificate of its time.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    aggregate::Aggregate as _,
    canonical,
    digest::Sha256,
    event::{self, BlobKind, DecodeError, Event},
    merkle,
    package::Format,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
    repository::{self, SignedIndex},
    signing_key::SigningKey,
};
use event_log::event_store::{Filter, PAGE_EVENTS_MAX, Page, ReadError};
use uuid::Uuid;

use super::{
    Finding, Place, Sources, Stage, VerifyError, Watch,
    signatures::{Certificates, Checks},
    signed::SignedLogs,
    transparency::TenantLogs,
    watch::at_position,
};

/// The first pass's results for the next ones.
pub(super) struct LogPass {
    pub(super) events: u64,
    pub(super) root: Sha256,
    pub(super) signatures: u64,
    /// The indexes to be checked, in the log's order.
    pub(super) indexes: Vec<(Place, SignedIndex)>,
    /// The blobs to be hashed, and the first event that names each.
    pub(super) blobs: HashMap<Sha256, (Place, BlobKind)>,
    pub(super) findings: Vec<Finding>,
    /// It has an event that cannot be read: no check can continue after it.
    pub(super) is_damaged: bool,
}

/// The range of events to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The first position whose signatures and blobs are checked.
    pub(super) from: Position,
    /// The last position to read.
    pub(super) until: Position,
    /// The log's last position.
    pub(super) head: Position,
}

struct Reader<'a> {
    sources: &'a Sources,
    from: Position,
    last: Position,
    revisions: HashMap<StreamId, Revision>,
    ids: HashSet<Uuid>,
    tree: merkle::Accumulator,
    tenants: TenantLogs,
    signed: SignedLogs,
    keys: SigningKey,
    certificates: Certificates,
    /// The format of each repository.
    formats: BTreeMap<Uuid, Format>,
    checks: Checks,
    pass: LogPass,
}

/// Reads the log up to `until`. Signatures and blobs are checked from `from` on.
pub(super) async fn run(
    sources: &Sources,
    Part { from, until, head }: Part,
    signed: SignedLogs,
    watch: &dyn Watch,
) -> Result<LogPass, VerifyError> {
    let mut reader = Reader {
        sources,
        from,
        last: Position(0),
        revisions: HashMap::new(),
        ids: HashSet::new(),
        tree: merkle::Accumulator::default(),
        tenants: TenantLogs::default(),
        signed,
        keys: SigningKey::default(),
        certificates: Certificates::default(),
        formats: BTreeMap::new(),
        checks: Checks::default(),
        pass: LogPass {
            events: 0,
            root: Sha256::of(&[]),
            signatures: 0,
            indexes: Vec::new(),
            blobs: HashMap::new(),
            findings: Vec::new(),
            is_damaged: false,
        },
    };
    let mut after = Position(0);
    let mut limit = PAGE_EVENTS_MAX;
    while after < until {
        match sources.log.read_all(after, &Filter::all(), limit).await {
            Ok(Page { next, .. }) if next <= after => break,
            Ok(Page { events, next, .. }) => {
                for recorded in events.into_iter().filter(|recorded| recorded.position <= until) {
                    reader.take(recorded).await?;
                }
                after = next;
            }
            // Reads the events of this page before and after it one by one.
            Err(ReadError::Damaged { position, .. }) if limit > 1 && position > Position(after.0 + 1) => limit = 1,
            Err(ReadError::Damaged { position, source }) => {
                reader.find(Place::at(position), format!("the event cannot be read: {source}"));
                reader.pass.is_damaged = true;
                (after, limit) = (position, PAGE_EVENTS_MAX);
            }
            Err(error) => return Err(error.into()),
        }
        at_position(watch, Stage::Log, after, until);
    }
    reader.finish(until == head).await
}

impl Reader<'_> {
    fn find(&mut self, place: Place, what: impl Into<String>) {
        self.pass.findings.push(Finding::new(place, what));
    }

    async fn take(&mut self, recorded: Recorded<RawEvent>) -> Result<(), VerifyError> {
        let leaf = merkle::leaf_hash(canonical::line(&recorded).as_bytes());
        self.tree.push(leaf);
        self.pass.events += 1;
        self.signed.passed(self.tree.size(), || self.tree.root());
        let place = Place::of(&recorded);
        self.envelope(&recorded, &place);
        let decoded = event::decode(&recorded.event);
        let checkpoint = match &decoded {
            Ok(Event::Repository(repository::Event::IndexSigned(index))) => self.tenants.check(&recorded.stream, index),
            _ => None,
        };
        if let Some(what) = checkpoint {
            self.find(place.clone(), what);
        }
        self.tenants.add(&recorded, decoded.as_ref().ok(), leaf);
        match decoded {
            Ok(event) => self.fact(place, &recorded, &event).await,
            // Kept, and checked by the version that wrote it.
            Err(DecodeError::Unknown { .. }) => Ok(()),
            // If it were skipped, the blobs that it names would count as checked.
            Err(error @ (DecodeError::Newer { .. } | DecodeError::Malformed { .. })) => {
                self.find(place, domain::error_chain::ErrorChain(&error).to_string());
                Ok(())
            }
        }
    }

    /// Checks an event's position, its revision and its id.
    fn envelope(&mut self, recorded: &Recorded<RawEvent>, place: &Place) {
        if recorded.position <= self.last {
            self.find(
                place.clone(),
                format!("the previous event is at position {}: the events are out of order", self.last),
            );
        }
        self.last = recorded.position;
        let before = self.revisions.insert(recorded.stream.clone(), recorded.revision).unwrap_or_default();
        if recorded.revision.0 != before.0 + 1 {
            self.find(
                place.clone(),
                format!("the previous revision of its stream is {before}: expected revision {} here", before.0 + 1),
            );
        }
        if !self.ids.insert(recorded.event_id.0) {
            self.find(place.clone(), "an earlier event has the same id");
        }
    }

    async fn fact(&mut self, place: Place, recorded: &Recorded<RawEvent>, event: &Event) -> Result<(), VerifyError> {
        if let Event::SigningKey(event) = event {
            self.keys.evolve(event);
            if let Some(what) = self.certificates.learn(&self.keys) {
                self.find(place.clone(), what);
            }
        }
        if let Event::Repository(repository::Event::Created { format, .. }) = event {
            self.formats.insert(recorded.stream.id(), *format);
        }
        if recorded.position < self.from {
            return Ok(());
        }
        for (digest, kind) in event::blobs(event) {
            self.pass.blobs.entry(digest).or_insert_with(|| (place.clone(), kind));
        }
        match event {
            Event::Repository(repository::Event::IndexSigned(index)) => {
                let format = self.formats.get(&recorded.stream.id()).copied().unwrap_or(Format::Deb);
                self.checks.index(&self.sources.blobs, &self.certificates, place.clone(), format, index).await?;
                self.pass.indexes.push((place, index.clone()));
            }
            Event::Repository(repository::Event::PackageAdded { package, key_fingerprint, .. })
                if package.format() == Format::Rpm =>
            {
                let signer = key_fingerprint.as_ref();
                self.checks.rpm(&self.sources.blobs, &self.certificates, place, package.sha256, signer).await?;
            }
            Event::Repository(repository::Event::PackageResigned { package, key_fingerprint, .. }) => {
                let signer = Some(key_fingerprint);
                self.checks.rpm(&self.sources.blobs, &self.certificates, place, package.sha256, signer).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn finish(self, is_whole: bool) -> Result<LogPass, VerifyError> {
        let Self { tree, tenants, signed, last, checks, mut pass, .. } = self;
        // Without the unreadable events, roots cannot be compared.
        if !pass.is_damaged {
            pass.findings.extend(signed.findings(&tenants, last, is_whole));
        }
        let (signatures, findings) = checks.finish().await?;
        pass.root = tree.root();
        pass.signatures = signatures;
        pass.findings.extend(findings);
        Ok(pass)
    }
}
