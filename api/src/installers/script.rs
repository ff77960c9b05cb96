//! The installer as a shell script: a few settings and the certificate, then `install.sh`, the same for everyone.

use domain::{package::Format, token::id_text};

use crate::{
    http::public_url::PublicUrl,
    repositories::{Entered, PublicCertificate},
};

const HEAD: &str = "#!/bin/sh
# Gives this machine access to a package repository. Holds the access key: keep it as secret as the key.
#
#   sh THIS                   installs: certificate, credentials (readable by root alone) and the source
#   sh THIS --uninstall       takes all of it away again
#   PKGDEPLOY_NO_UPDATE=1     installs without asking the server
#   PKGDEPLOY_ROOT=/mnt/root  installs into the tree of another system, such as an image; needs no root, asks no server
";
const BODY: &str = include_str!("install.sh");
/// Ends the certificate in the script. Base64 has no underscore, so no line of a certificate is this one.
const DELIMITER: &str = "PKGDEPLOY_CERTIFICATE";

/// A value that would need quoting in a shell script or a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} \"{value}\" cannot be written into an installer: expected letters, digits and - . _ ~ + : / [ ]")]
pub(super) struct Unwritable {
    name: &'static str,
    value: String,
}

/// Writes the script. The same repository and key give the same script.
pub(super) fn write(
    entered: &Entered,
    certificate: &PublicCertificate,
    public_url: &PublicUrl,
) -> Result<String, Unwritable> {
    let repository = &entered.repository;
    let (organisation, name) = (repository.organisation.as_str(), repository.name.as_str());
    let folder = match repository.format {
        Format::Deb => "apt",
        Format::Rpm => "yum",
    };
    let path = format!("/{folder}/{organisation}/{name}/");
    // Without a scheme, apt sends the credentials through TLS only; with it, the oldest apt does not know the entry.
    let machine = if public_url.is_https() { public_url.without_scheme() } else { public_url.as_str() };
    let fingerprint = certificate.fingerprint().to_ascii_lowercase();
    let short_fingerprint = &fingerprint[fingerprint.len() - 8..];
    let mut script = format!("{HEAD}\nsettings() {{\n");
    for (name, value) in [
        ("organisation", organisation),
        ("repository", name),
        ("format", repository.format.as_str()),
        ("codename", &repository.codename),
        ("address", &format!("{public_url}{path}")),
        ("machine", &format!("{machine}{path}")),
        ("login", &id_text(entered.key.id())),
        ("password", &entered.key.text()),
        ("fingerprint", &fingerprint),
        ("short_fingerprint", short_fingerprint),
    ] {
        script.push_str(&format!("    {name}='{}'\n", plain(name, value)?));
    }
    let armored = certificate.armored();
    script.push_str(&format!("}}\n\ncertificate() {{\n    cat <<'{DELIMITER}'\n{armored}{DELIMITER}\n}}\n{BODY}"));
    Ok(script)
}

/// Every value passes here, whatever its type already promises.
fn plain<'a>(name: &'static str, value: &'a str) -> Result<&'a str, Unwritable> {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | ':' | '/' | '[' | ']');
    if value.is_empty() || !value.chars().all(allowed) {
        return Err(Unwritable { name, value: value.to_owned() });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
