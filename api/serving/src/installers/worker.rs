//! The script as the package in the repository brings it.

use api_http::public_url::PublicUrl;
use commands::{
    installers::{InstallerOf, InstallerScripts},
    signing_keys::TrustedCertificates,
};
use event_log::event_store::BoxError;

use super::script::{self, About, Brings};

/// Writes scripts without a key.
pub struct WrittenScripts {
    /// What they bring.
    pub trusted: TrustedCertificates,
    /// Whom they ask.
    pub public_url: PublicUrl,
}

impl InstallerScripts for WrittenScripts {
    fn script(&self, of: &InstallerOf, generation: u32) -> Result<String, BoxError> {
        let InstallerOf { organisation, name, format, codename, .. } = of;
        let about = About { organisation, repository: name, format: *format, codename };
        Ok(script::write(about, Brings::NoKey { generation }, &self.trusted.now(), &self.public_url)?)
    }
}
