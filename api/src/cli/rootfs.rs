//! `pkgdeploy rootfs`.

use archive::data_folder::DataFolder;
use building::rootfs;
use clap::Subcommand;

use super::Outcome;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a root filesystem with mmdebstrap: debian11, debian12, debian13, ubuntu20, ubuntu22 or ubuntu24
    ///
    /// Configs that name this distribution are built in it from then on. Takes about a minute.
    Create {
        /// Name of the distribution, as in configs
        name: String,
        /// Mirror to download packages from [default: this machine's mirror for Debian, the Ubuntu archive for Ubuntu]
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// List the root filesystems that builds can use
    List,
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub(super) async fn run(command: Command, settings: &Settings) -> Outcome {
    let data = DataFolder::open(&settings.locations())?;
    match command {
        Command::Create { name, mirror } => {
            let path = rootfs::create(&name, &data.rootfs(), mirror.as_deref(), |line| println!("{line}")).await?;
            println!("{name} is ready at {}", path.display());
        }
        Command::List => {
            for (name, path) in crate::builds::root_filesystems(settings, &data).list()? {
                println!("{name:<12} {}", path.display());
            }
        }
    }
    Ok(())
}
