//! The installer as a shell script: a few settings and the certificates, then `install.sh`, the same for everyone.

#[cfg(test)]
mod tests;

use api_http::public_url::PublicUrl;
use commands::signing_keys::TrustedCertificate;
use domain::{
    names::{OrganisationName, RepositoryName},
    package::Format,
    token::{Token, id_text},
};
use signing::{SigningError, armored_certificates};

const HEAD_WITH_KEY: &str = "#!/bin/sh
# Gives this machine access to a package repository. Holds the access key: keep it as secret as the key.
#
#   sh THIS                   installs: certificates, credentials (readable by root alone) and the source
#   sh THIS --once            the same, unless there are credentials already
#   sh THIS --renew           asks the server which credentials to use from now on
#   sh THIS --uninstall       takes all of it away again
#   PKGDEPLOY_NO_UPDATE=1     installs without asking the server for packages
#   PKGDEPLOY_ROOT=/mnt/root  installs into the tree of another system, such as an image; needs no root, asks no server
";
const HEAD_WITHOUT_KEY: &str = "#!/bin/sh
# Keeps this machine's access to a package repository up to date. Holds no key.
#
#   sh THIS --renew           asks the server which credentials to use from now on
#   sh THIS --uninstall       takes certificates, credentials and the source away
";
const BODY: &str = include_str!("install.sh");
/// Ends the certificates in the script. Base64 has no underscore, so no line of a certificate is this one.
const DELIMITER: &str = "PKGDEPLOY_CERTIFICATES";

/// The key that a script brings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Brings<'a> {
    /// None: the machine has credentials.
    NoKey {
        /// Of the access keys. A new one makes a new script, even if nothing else does.
        generation: u32,
    },
    /// The key that the machine uses.
    Key(&'a Token),
    /// The key that the machine exchanges for one of its own.
    EnrolmentKey(&'a Token),
}

/// What a script is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) organisation: &'a OrganisationName,
    pub(super) repository: &'a RepositoryName,
    pub(super) format: Format,
    pub(super) codename: &'a str,
}

/// Why there is no script.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScriptError {
    /// A value would need quoting in a shell script or a configuration file.
    #[error("the installer cannot contain the {name} \"{value}\": expected only letters, digits and - . _ ~ + : / [ ]")]
    Unwritable {
        /// What it is.
        name: &'static str,
        /// The value itself: nothing secret needs quoting.
        value: String,
    },
    /// The certificates cannot be written as text.
    #[error("cannot write the certificates of the signing keys into the installer")]
    Certificates(#[from] SigningError),
}

/// Writes the script. The same arguments give the same script.
pub(super) fn write(
    about: About<'_>,
    brings: Brings<'_>,
    trusted: &[TrustedCertificate],
    public_url: &PublicUrl,
) -> Result<String, ScriptError> {
    let About { organisation, repository, format, codename } = about;
    let (organisation, repository) = (organisation.as_str(), repository.as_str());
    let folder = match format {
        Format::Deb => "apt",
        Format::Rpm => "yum",
    };
    let path = format!("/{folder}/{organisation}/{repository}/");
    let credentials = format!("/install/{organisation}/{repository}/credentials");
    // Without a scheme, apt sends the credentials through TLS only; with it, the oldest apt does not know the entry.
    let machine = if public_url.is_https() { public_url.without_scheme() } else { public_url.as_str() };
    let secret = |key: &Token| vec![("login", id_text(key.id())), ("password", key.text())];
    let (head, kind, more) = match brings {
        Brings::NoKey { generation } => (HEAD_WITHOUT_KEY, "none", vec![("generation", generation.to_string())]),
        Brings::Key(key) => (HEAD_WITH_KEY, "own", secret(key)),
        Brings::EnrolmentKey(key) => (HEAD_WITH_KEY, "enrolment", secret(key)),
    };
    let newest_epoch = trusted.iter().map(|one| one.epoch).max().unwrap_or(1);
    let mut settings = vec![
        ("organisation", organisation.to_owned()),
        ("repository", repository.to_owned()),
        ("format", format.as_str().to_owned()),
        ("codename", codename.to_owned()),
        ("address", format!("{public_url}{path}")),
        ("machine", format!("{machine}{path}")),
        ("credentials_address", format!("{public_url}{credentials}")),
        ("credentials_machine", format!("{machine}{credentials}")),
        ("epoch", newest_epoch.to_string()),
        ("key", kind.to_owned()),
    ];
    settings.extend(more);
    let mut script = format!("{head}\nsettings() {{\n");
    for (name, value) in settings {
        script.push_str(&format!("    {name}='{}'\n", plain(name, &value)?));
    }
    let certificates = certificates(format, trusted)?;
    script
        .push_str(&format!("}}\n\ncertificates() {{\n    cat <<'{DELIMITER}'\n{certificates}{DELIMITER}\n}}\n{BODY}"));
    Ok(script)
}

/// The file that apt, or dnf and zypper, find all certificates in.
///
/// apt gets one block of ASCII armor with all of them: that some of its verifiers read only the first block of a file.
/// rpm gets a block for each: old ones read only the first certificate of a block. The header says whose block it is, so
/// that the script knows which certificates it brought without a program that reads certificates.
fn certificates(format: Format, trusted: &[TrustedCertificate]) -> Result<String, SigningError> {
    match format {
        Format::Deb => {
            let all: Vec<u8> = trusted.iter().flat_map(|one| one.binary.iter().copied()).collect();
            armored_certificates(&all, None)
        }
        Format::Rpm => trusted
            .iter()
            .map(|one| armored_certificates(&one.binary, Some(&one.fingerprint.as_str().to_ascii_lowercase())))
            .collect(),
    }
}

/// Every value passes here, whatever its type already promises.
fn plain<'a>(name: &'static str, value: &'a str) -> Result<&'a str, ScriptError> {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | ':' | '/' | '[' | ']');
    if value.is_empty() || !value.chars().all(allowed) {
        return Err(ScriptError::Unwritable { name, value: value.to_owned() });
    }
    Ok(value)
}
