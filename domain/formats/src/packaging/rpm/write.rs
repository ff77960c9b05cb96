//! Writing an unsigned rpm in the v4 format, which every rpm since EL7's reads.
//!
//! The `rpm` crate lays out the headers. Its `PackageBuilder` is not used: it keeps the whole payload in memory and lets
//! the clock, files' times and hard links into the package.

use std::{
    io::{self, Read as _, Seek as _},
    path::Path,
};

use ::rpm::{DigestAlgorithm, Header, HeaderEntry, IndexData, IndexSignatureTag, IndexTag, Lead, PackageMetadata};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::{
    dependency::{self, SHELL},
    payload::{self, Payload},
};
use crate::packaging::{
    accounts::Accounts,
    error::WritePackageError,
    output::Output,
    scripts::{self, MaintainerScripts},
    spec::Spec,
};

/// The release of every rpm: a version is built once.
const RELEASE: &str = "1";
/// Instead of the real build host's name, which would make two hosts' packages differ.
const BUILD_HOST: &str = "pkgdeploy";

/// Writes the file and answers its name, `<name>-<version>-1.<architecture>.rpm`.
pub(in crate::packaging) fn write(
    spec: &Spec<'_>,
    folder: &Path,
    out: &mut Output,
) -> Result<String, WritePackageError> {
    let mut payload = payload::write(spec, folder)?;
    let header = Header::from_entries(header_entries(spec, &mut payload)?, IndexTag::RPMTAG_HEADERIMMUTABLE);
    let mut metadata =
        PackageMetadata { lead: Lead::new(spec.config.name.as_str()), signature: Header::new_empty(), header };
    metadata.signature = signature_header(&metadata.header_bytes()?, &mut payload)?;
    metadata.write(out)?;
    io::copy(&mut payload.file, out)?;
    Ok(format!("{}-{}-{RELEASE}.{}.rpm", spec.config.name, spec.version, spec.architecture()))
}

fn header_entries(spec: &Spec<'_>, payload: &mut Payload) -> Result<Vec<HeaderEntry>, WritePackageError> {
    let config = spec.config;
    let files = std::mem::take(&mut payload.files);
    let evr = format!("{}-{RELEASE}", spec.version);
    let scripts = scripts::rpm(spec.scripts, &Accounts::of(spec));
    let provides = dependency::provides(spec, &evr, files.have_configuration());
    let requires = dependency::requires(spec, &evr, files.have_configuration())?;
    let (summary, description) = summary_and_description(&config.description, config.name.as_str());
    let vendor = config.maintainer.split_once('<').map_or(config.maintainer.as_str(), |(name, _)| name).trim();

    let text = |tag: IndexTag, text: &str| HeaderEntry::new(tag as u32, IndexData::StringTag(text.to_owned()));
    let translated =
        |tag: IndexTag, text: &str| HeaderEntry::new(tag as u32, IndexData::I18NString(vec![text.to_owned()]));
    let texts = |tag: IndexTag, text: String| HeaderEntry::new(tag as u32, IndexData::StringArray(vec![text]));
    let number = |tag: IndexTag, number| HeaderEntry::new(tag as u32, IndexData::Int32(vec![number]));
    let mut entries = vec![
        texts(IndexTag::RPMTAG_HEADERI18NTABLE, "C".to_owned()),
        text(IndexTag::RPMTAG_NAME, config.name.as_str()),
        text(IndexTag::RPMTAG_VERSION, spec.version),
        text(IndexTag::RPMTAG_RELEASE, RELEASE),
        translated(IndexTag::RPMTAG_SUMMARY, &summary),
        translated(IndexTag::RPMTAG_DESCRIPTION, &description),
        number(IndexTag::RPMTAG_BUILDTIME, spec.time()),
        text(IndexTag::RPMTAG_BUILDHOST, BUILD_HOST),
        number(IndexTag::RPMTAG_SIZE, files.size_bytes()),
        text(IndexTag::RPMTAG_VENDOR, vendor),
        text(IndexTag::RPMTAG_LICENSE, &config.license),
        text(IndexTag::RPMTAG_PACKAGER, &config.maintainer),
        translated(IndexTag::RPMTAG_GROUP, "Unspecified"),
        text(IndexTag::RPMTAG_OS, "linux"),
        text(IndexTag::RPMTAG_ARCH, spec.architecture()),
        // Without the name of a source package rpm takes this one for a source package.
        text(IndexTag::RPMTAG_SOURCERPM, &format!("{}-{evr}.src.rpm", config.name)),
        text(IndexTag::RPMTAG_RPMVERSION, "pkgdeploy"),
        text(IndexTag::RPMTAG_PAYLOADFORMAT, "cpio"),
        text(IndexTag::RPMTAG_PAYLOADCOMPRESSOR, "gzip"),
        text(IndexTag::RPMTAG_PAYLOADFLAGS, &payload::COMPRESSION_LEVEL.to_string()),
        text(IndexTag::RPMTAG_ENCODING, "utf-8"),
        texts(IndexTag::RPMTAG_PAYLOADSHA256, payload.sha256.to_string()),
        texts(IndexTag::RPMTAG_PAYLOADSHA256ALT, payload.archive_sha256.to_string()),
        number(IndexTag::RPMTAG_PAYLOADSHA256ALGO, DigestAlgorithm::Sha2_256 as u32),
    ];
    entries.extend(config.url.as_ref().map(|url| text(IndexTag::RPMTAG_URL, url)));
    entries.extend(dependency::entries(
        [IndexTag::RPMTAG_PROVIDENAME, IndexTag::RPMTAG_PROVIDEFLAGS, IndexTag::RPMTAG_PROVIDEVERSION],
        provides,
    ));
    entries.extend(dependency::entries(
        [IndexTag::RPMTAG_REQUIRENAME, IndexTag::RPMTAG_REQUIREFLAGS, IndexTag::RPMTAG_REQUIREVERSION],
        requires,
    ));
    let order = dependency::order_with_requires(&scripts);
    if !order.is_empty() {
        entries.extend(dependency::entries(
            [IndexTag::RPMTAG_ORDERNAME, IndexTag::RPMTAG_ORDERFLAGS, IndexTag::RPMTAG_ORDERVERSION],
            order,
        ));
    }
    let MaintainerScripts { before_unpack, after_unpack, before_removal, after_removal } = &scripts;
    for (script, tag, interpreter_tag) in [
        (before_unpack, IndexTag::RPMTAG_PREIN, IndexTag::RPMTAG_PREINPROG),
        (after_unpack, IndexTag::RPMTAG_POSTIN, IndexTag::RPMTAG_POSTINPROG),
        (before_removal, IndexTag::RPMTAG_PREUN, IndexTag::RPMTAG_PREUNPROG),
        (after_removal, IndexTag::RPMTAG_POSTUN, IndexTag::RPMTAG_POSTUNPROG),
    ] {
        if let Some(script) = script {
            entries.push(text(tag, script));
            entries.push(text(interpreter_tag, SHELL));
        }
    }
    entries.extend(files.into_entries());
    Ok(entries)
}

/// The digests that protect the file until somebody signs it. MD5 over header and payload is all that EL7's rpm knows to
/// check the payload by.
fn signature_header(header: &[u8], payload: &mut Payload) -> Result<Header<IndexSignatureTag>, WritePackageError> {
    let mut md5 = Md5::new_with_prefix(header);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = payload.file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        md5.update(&buffer[..read]);
    }
    payload.file.rewind()?;
    let small =
        |size_bytes: u64| {
            u32::try_from(size_bytes).map(|size| IndexData::Int32(vec![size])).map_err(|_| {
                WritePackageError::TooLarge { what: "bytes of payload", found: size_bytes, limit: u32::MAX.into() }
            })
        };
    let entries = [
        (IndexSignatureTag::RPMSIGTAG_SHA1, IndexData::StringTag(hex::encode(Sha1::digest(header)))),
        (IndexSignatureTag::RPMSIGTAG_SHA256, IndexData::StringTag(hex::encode(Sha256::digest(header)))),
        (IndexSignatureTag::RPMSIGTAG_SIZE, small(header.len() as u64 + payload.size_bytes)?),
        (IndexSignatureTag::RPMSIGTAG_MD5, IndexData::Bin(md5.finalize().to_vec())),
        (IndexSignatureTag::RPMSIGTAG_PAYLOADSIZE, small(payload.archive_size_bytes)?),
    ];
    let entries = entries.map(|(tag, data)| HeaderEntry::new(tag as u32, data));
    Ok(Header::from_entries(entries, IndexSignatureTag::HEADER_SIGNATURES))
}

/// The first line, and the paragraphs after it or the same line again.
fn summary_and_description(text: &str, name: &str) -> (String, String) {
    let mut lines = text.trim().lines().map(str::trim_end);
    let summary = lines.next().filter(|line| !line.is_empty()).unwrap_or(name).to_owned();
    let below: Vec<&str> = lines.skip_while(|line| line.is_empty()).collect();
    let description = if below.is_empty() { summary.clone() } else { below.join("\n") };
    (summary, description)
}

#[cfg(test)]
mod tests;
