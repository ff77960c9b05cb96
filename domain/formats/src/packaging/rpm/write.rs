//! Writing an unsigned rpm in the v4 format, which every rpm since EL7's reads.
//!
//! Not with the `rpm` crate's `PackageBuilder`: it keeps the whole payload in memory and lets the clock, files' times and
//! hard links into the package.

#[cfg(test)]
mod tests;

use std::{
    io::{self, BufReader, Seek as _, Write as _},
    path::Path,
};

use domain::size::Limit;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::{
    SHA256_ALGORITHM,
    dependency::{self, SHELL},
    payload::{self, Payload},
};
use crate::packaging::{
    accounts::Accounts,
    error::WritePackageError,
    output::Output,
    rpm_header::{self, Value, signature_tag, tag},
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
    let header = rpm_header::build(tag::HEADERIMMUTABLE, header_values(spec, &mut payload)?)?;
    let signature = signature_header(&header, &mut payload)?;
    out.write_all(&rpm_header::lead(spec.config.name.as_str()))?;
    out.write_all(&signature)?;
    out.write_all(&[0; 8][..rpm_header::padding(&signature)])?;
    out.write_all(&header)?;
    io::copy(&mut payload.file, out)?;
    Ok(format!("{}-{}-{RELEASE}.{}.rpm", spec.config.name, spec.version, spec.architecture()))
}

fn header_values(spec: &Spec<'_>, payload: &mut Payload) -> Result<Vec<(u32, Value)>, WritePackageError> {
    let config = spec.config;
    let files = std::mem::take(&mut payload.files);
    let evr = format!("{}-{RELEASE}", spec.version);
    let scripts = scripts::rpm(spec.scripts, &Accounts::of(spec));
    let provides = dependency::provides(spec, &evr, files.have_configuration());
    let requires = dependency::requires(spec, &evr, files.have_configuration())?;
    let (summary, description) = summary_and_description(&config.description, config.name.as_str());
    let vendor = config.maintainer.split_once('<').map_or(config.maintainer.as_str(), |(name, _)| name).trim();

    let text = |tag, text: &str| (tag, Value::Text(text.to_owned()));
    let translated = |tag, text: &str| (tag, Value::Translated(vec![text.to_owned()]));
    let texts = |tag, text: String| (tag, Value::Texts(vec![text]));
    let number = |tag, number| (tag, Value::Int32(vec![number]));
    let mut values = vec![
        texts(tag::HEADERI18NTABLE, "C".to_owned()),
        text(tag::NAME, config.name.as_str()),
        text(tag::VERSION, spec.version),
        text(tag::RELEASE, RELEASE),
        translated(tag::SUMMARY, &summary),
        translated(tag::DESCRIPTION, &description),
        number(tag::BUILDTIME, spec.time()),
        text(tag::BUILDHOST, BUILD_HOST),
        number(tag::SIZE, files.size_bytes()),
        text(tag::VENDOR, vendor),
        text(tag::LICENSE, &config.license),
        text(tag::PACKAGER, &config.maintainer),
        translated(tag::GROUP, "Unspecified"),
        text(tag::OS, "linux"),
        text(tag::ARCH, spec.architecture()),
        // Without the name of a source package rpm takes this one for a source package.
        text(tag::SOURCERPM, &format!("{}-{evr}.src.rpm", config.name)),
        text(tag::RPMVERSION, "pkgdeploy"),
        text(tag::PAYLOADFORMAT, "cpio"),
        text(tag::PAYLOADCOMPRESSOR, "gzip"),
        text(tag::PAYLOADFLAGS, &payload::COMPRESSION_LEVEL.to_string()),
        text(tag::ENCODING, "utf-8"),
        texts(tag::PAYLOADSHA256, payload.sha256.to_string()),
        texts(tag::PAYLOADSHA256ALT, payload.archive_sha256.to_string()),
        number(tag::PAYLOADSHA256ALGO, SHA256_ALGORITHM),
    ];
    values.extend(config.url.as_ref().map(|url| text(tag::URL, url)));
    values.extend(dependency::values([tag::PROVIDENAME, tag::PROVIDEFLAGS, tag::PROVIDEVERSION], provides));
    values.extend(dependency::values([tag::REQUIRENAME, tag::REQUIREFLAGS, tag::REQUIREVERSION], requires));
    let order = dependency::order_with_requires(&scripts);
    if !order.is_empty() {
        values.extend(dependency::values([tag::ORDERNAME, tag::ORDERFLAGS, tag::ORDERVERSION], order));
    }
    let MaintainerScripts { before_unpack, after_unpack, before_removal, after_removal } = &scripts;
    for (script, script_tag, interpreter_tag) in [
        (before_unpack, tag::PREIN, tag::PREINPROG),
        (after_unpack, tag::POSTIN, tag::POSTINPROG),
        (before_removal, tag::PREUN, tag::PREUNPROG),
        (after_removal, tag::POSTUN, tag::POSTUNPROG),
    ] {
        if let Some(script) = script {
            values.push(text(script_tag, script));
            values.push(text(interpreter_tag, SHELL));
        }
    }
    values.extend(files.into_values());
    Ok(values)
}

/// The digests that protect the file until it is signed. MD5 over header and payload is all that EL7's rpm knows to
/// check the payload by.
fn signature_header(header: &[u8], payload: &mut Payload) -> Result<Vec<u8>, WritePackageError> {
    let mut md5 = Md5::new_with_prefix(header);
    io::copy(&mut BufReader::with_capacity(128 * 1024, &payload.file), &mut md5)?;
    payload.file.rewind()?;
    let small = |size_bytes: u64| {
        u32::try_from(size_bytes).map(|size| Value::Int32(vec![size])).map_err(|_| WritePackageError::TooLarge {
            what: "the size of the rpm's payload",
            found: Limit::Bytes(size_bytes),
            limit: Limit::Bytes(u32::MAX.into()),
        })
    };
    let values = vec![
        (signature_tag::SHA1, Value::Text(hex::encode(Sha1::digest(header)))),
        (signature_tag::SHA256, Value::Text(hex::encode(Sha256::digest(header)))),
        (signature_tag::SIZE, small(header.len() as u64 + payload.size_bytes)?),
        (signature_tag::MD5, Value::Bytes(md5.finalize().to_vec())),
        (signature_tag::PAYLOADSIZE, small(payload.archive_size_bytes)?),
    ];
    Ok(rpm_header::build(signature_tag::HEADERSIGNATURES, values)?)
}

/// The first line, and the paragraphs after it or the same line again.
fn summary_and_description(text: &str, name: &str) -> (String, String) {
    let mut lines = text.trim().lines().map(str::trim_end);
    let summary = lines.next().filter(|line| !line.is_empty()).unwrap_or(name).to_owned();
    let below: Vec<&str> = lines.skip_while(|line| line.is_empty()).collect();
    let description = if below.is_empty() { summary.clone() } else { below.join("\n") };
    (summary, description)
}
