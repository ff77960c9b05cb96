//! The text that is signed for a state: `Release` or `repomd.xml`.

use chrono::{DateTime, Utc};
use domain::{
    package::Format,
    recorded::Revision,
    repository::{IndexFile, Stated},
};
use formats::{
    apt,
    segmented_file::{Codec, Measure},
    yum::{self, Document},
};

use super::index_renderer::{Identity, IndexRenderer, Measured, Measures};

/// What is signed, and where clients find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signable {
    pub(super) path: String,
    pub(super) text: String,
}

impl IndexRenderer {
    /// What is signed for the state at `covers`, when its compressed files are `files`.
    ///
    /// Compressed digests are taken from `files`, because how something was compressed is a recorded fact; everything
    /// else is rendered.
    ///
    /// # Errors
    /// What `files` lacks, or has too many, in words.
    pub(super) fn signable(
        &mut self,
        covers: Revision,
        published_at: DateTime<Utc>,
        files: &[IndexFile],
        stated: &Stated,
    ) -> Result<Signable, String> {
        let measured = self.measure(covers);
        match self.identity.format {
            Format::Deb => self.release(&measured, published_at, files, stated),
            Format::Rpm => repomd(&measured, published_at, files, stated),
        }
    }

    fn release(
        &self,
        measured: &Measures,
        date: DateTime<Utc>,
        files: &[IndexFile],
        stated: &Stated,
    ) -> Result<Signable, String> {
        let mut listed = Vec::new();
        for (name, Measured { open, .. }) in measured {
            let path = self.packages_path(name);
            let recorded = find(files, |file| file.path == path, &path)?;
            if (recorded.sha256, recorded.size_bytes) != (open.sha256, open.size_bytes) {
                let Measure { sha256, size_bytes } = open;
                return Err(format!(
                    "{path} is recorded with {} bytes and SHA-256 {}, and rendered with {size_bytes} bytes and {sha256}",
                    recorded.size_bytes, recorded.sha256
                ));
            }
            listed.push((self.relative(&path), *open));
            for codec in [Codec::Gz, Codec::Zst] {
                let path = format!("{path}.{}", codec.extension());
                let file = find(files, |file| file.path == path, &path)?;
                listed.push((self.relative(&path), Measure { sha256: file.sha256, size_bytes: file.size_bytes }));
            }
        }
        all_listed(files, listed.len())?;
        let Identity { origin, label, codename, .. } = &self.identity;
        let architectures: Vec<&str> = measured.keys().map(String::as_str).collect();
        let architectures = architectures.as_slice();
        let release = apt::release::Release { origin, label, codename, date, architectures, files: &listed, stated };
        Ok(Signable { path: format!("dists/{codename}/Release"), text: apt::release::render(&release) })
    }

    /// `Release` names files relative to its own folder.
    fn relative(&self, path: &str) -> String {
        path.trim_start_matches(&format!("dists/{}/", self.identity.codename)).to_owned()
    }
}

fn repomd(
    measured: &Measures,
    published_at: DateTime<Utc>,
    files: &[IndexFile],
    stated: &Stated,
) -> Result<Signable, String> {
    let mut described = Vec::new();
    for document in Document::ALL {
        let Some(Measured { open, .. }) = measured.get(document.name()) else { continue };
        let what = format!("repodata/<sha256>-{}.xml.gz", document.name());
        let file = find(files, |file| file.path == document.path(&file.sha256), &what)?;
        let packed = Measure { sha256: file.sha256, size_bytes: file.size_bytes };
        described.push((document, yum::repomd::Described { packed, open: *open }));
    }
    all_listed(files, described.len())?;
    Ok(Signable { path: yum::repomd::PATH.to_owned(), text: yum::repomd::render(published_at, &described, stated) })
}

fn find<'a>(files: &'a [IndexFile], is: impl Fn(&IndexFile) -> bool, what: &str) -> Result<&'a IndexFile, String> {
    files.iter().find(|file| is(file)).ok_or_else(|| format!("{what} is not among the recorded files"))
}

fn all_listed(files: &[IndexFile], listed: usize) -> Result<(), String> {
    match files.len() == listed {
        true => Ok(()),
        false => Err(format!("{} files are recorded, and the state has {listed}", files.len())),
    }
}
