//! The steps of a release and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The steps of a release, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A trigger asked for it.
    Received,
    /// Other releases of the organisation are being built.
    WaitingForBuildSlot,
    /// The tag is fetched and its commit pinned.
    CheckoutCode,
    /// Every config file is read.
    ValidateConfig,
    /// A root filesystem is prepared and build requirements are installed.
    SetupBuild,
    /// The commands run and the package file is made.
    Building,
    /// The packages are added to the repositories.
    Uploading,
    /// The packages can be installed.
    Uploaded,
}

impl Step {
    /// The name in URLs, GraphQL and metrics: `checkout_code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::WaitingForBuildSlot => "waiting_for_build_slot",
            Self::CheckoutCode => "checkout_code",
            Self::ValidateConfig => "validate_config",
            Self::SetupBuild => "setup_build",
            Self::Building => "building",
            Self::Uploading => "uploading",
            Self::Uploaded => "uploaded",
        }
    }
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::WaitingForBuildSlot,
        Self::CheckoutCode,
        Self::ValidateConfig,
        Self::SetupBuild,
        Self::Building,
        Self::Uploading,
        Self::Uploaded,
    ];
}

/// The text names no step of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a step of a release that this version of pkgdeploy knows")]
pub struct InvalidStep(String);

impl std::str::FromStr for Step {
    type Err = InvalidStep;
    fn from_str(text: &str) -> Result<Self, InvalidStep> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or_else(|| InvalidStep(text.to_owned()))
    }
}

/// The names on pages: `Checkout code`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "Received",
            Self::WaitingForBuildSlot => "Waiting for build slot",
            Self::CheckoutCode => "Checkout code",
            Self::ValidateConfig => "Validate config",
            Self::SetupBuild => "Setup build",
            Self::Building => "Building",
            Self::Uploading => "Uploading",
            Self::Uploaded => "Uploaded",
        })
    }
}
