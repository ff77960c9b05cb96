//! A job's file system: a root filesystem that is never written to, and above it a layer of limited size.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{Root, hidden, namespace::Namespace};

/// Where a disk image cannot be mounted (a container without loop devices), the layer is in memory, and no
/// larger than this.
pub(super) const DISK_IN_MEMORY_MAX_BYTES: u64 = 4 << 30;
/// With less space left than this, a failed build counts as failed because its disk is full.
const DISK_FULL_BELOW_BYTES: u64 = 1 << 20;

/// The folders of one job, mounted in its own namespace. Dropping it kills, unmounts and removes.
pub(super) struct Layers {
    /// Before the folder: nothing is in use any more when that is removed.
    namespace: Namespace,
    folder: JobFolder,
    disk: Disk,
}

/// Where the written layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// A file with an ext4 file system in it.
    Image { size_bytes: u64 },
    /// Memory.
    Memory { size_bytes: u64 },
}

impl Disk {
    pub(super) fn size_bytes(self) -> u64 {
        match self {
            Self::Image { size_bytes } | Self::Memory { size_bytes } => size_bytes,
        }
    }
}

impl Layers {
    /// Mounts a fresh layer above `root`, in the new folder `folder`.
    pub(super) async fn open(folder: PathBuf, root: &Root, hide: &[PathBuf], disk_bytes: u64) -> io::Result<Self> {
        if folder.to_str().is_none_or(|path| path.contains([':', ',', '\\'])) {
            return Err(io::Error::other("the path of the jobs' folder must not hold `:`, `,` or `\\`"));
        }
        let folder = JobFolder::create(folder)?;
        let namespace = Namespace::open().await?;
        let disk = mount_disk(&namespace, &folder.0, disk_bytes).await?;
        Self { namespace, folder, disk }.fill(root, hide).await
    }

    async fn fill(self, root: &Root, hide: &[PathBuf]) -> io::Result<Self> {
        let root_mode = fs::metadata(root.folder())?.mode() & 0o7777;
        for (name, mode) in [("upper", root_mode), ("work", 0o700), ("shm", 0o1777), ("destdir", 0o755)] {
            make_folder(&self.disk_folder(name), mode)?;
        }
        let (upper, lower, hide) = (self.disk_folder("upper"), root.clone(), hide.to_vec());
        let seeded = tokio::task::spawn_blocking(move || hidden::seed(&upper, &lower, &hide)).await;
        seeded.map_err(io::Error::other)??;
        self.mount_root(root).await?;
        Ok(self)
    }

    async fn mount_root(&self, root: &Root) -> io::Result<()> {
        let (disk, target) = (self.folder.0.join("disk"), self.folder.0.join("root"));
        let [lower, disk, target] = [root.folder(), &disk, &target].map(|path| path.display().to_string());
        let options = format!("lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work");
        // This layer is not needed after a crash, and package managers sync after every file. Linux 5.10.
        let volatile = format!("{options},volatile");
        if self.namespace.must("mount", ["-t", "overlay", "-o", &volatile, "overlay", &target]).await.is_ok() {
            return Ok(());
        }
        self.namespace.must("mount", ["-t", "overlay", "-o", &options, "overlay", &target]).await
    }

    /// The job's namespace.
    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Where the written layer is stored.
    pub(super) fn disk(&self) -> Disk {
        self.disk
    }

    /// The merged root, by its path in the namespace.
    pub(super) fn root_inside(&self) -> PathBuf {
        self.folder.0.join("root")
    }

    /// The merged root, by a path that this server can read.
    pub(super) fn root(&self) -> PathBuf {
        self.namespace.view(&self.root_inside())
    }

    /// A folder that counts towards the disk's limit, by its path in the namespace.
    pub(super) fn disk_folder_inside(&self, name: &str) -> PathBuf {
        self.folder.0.join("disk").join(name)
    }

    /// The same, by a path that this server can read.
    pub(super) fn disk_folder(&self, name: &str) -> PathBuf {
        self.namespace.view(&self.disk_folder_inside(name))
    }

    /// A folder of this server's files that the build may read.
    pub(super) fn stage(&self) -> PathBuf {
        self.folder.0.join("stage")
    }

    /// Is the disk as good as full?
    pub(super) fn is_full(&self) -> bool {
        rustix::fs::statvfs(self.disk_folder("upper"))
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < DISK_FULL_BELOW_BYTES || disk.f_favail == 0)
    }
}

async fn mount_disk(namespace: &Namespace, folder: &Path, disk_bytes: u64) -> io::Result<Disk> {
    match mount_image(namespace, folder, disk_bytes).await {
        Ok(disk) => Ok(disk),
        Err(error) => {
            tracing::warn!(%error, "cannot mount a disk image for a build: its files are stored in memory");
            mount_memory(namespace, folder, disk_bytes).await
        }
    }
}

async fn mount_image(namespace: &Namespace, folder: &Path, size_bytes: u64) -> io::Result<Disk> {
    let [image, target] = ["disk.img", "disk"].map(|name| folder.join(name).display().to_string());
    fs::File::create_new(&image)?.set_len(size_bytes)?;
    // No journal: it is not needed after a crash. Lazy tables: 20 GiB are made in milliseconds.
    let lazy = "lazy_itable_init=1,nodiscard,root_owner=0:0";
    namespace.must("mkfs.ext4", ["-q", "-m", "0", "-O", "^has_journal", "-E", lazy, &image]).await?;
    namespace.must("mount", ["-o", "loop,nosuid,nodev,noatime,noinit_itable", &image, &target]).await?;
    Ok(Disk::Image { size_bytes })
}

async fn mount_memory(namespace: &Namespace, folder: &Path, disk_bytes: u64) -> io::Result<Disk> {
    let size_bytes = disk_bytes.min(DISK_IN_MEMORY_MAX_BYTES);
    let options = format!("size={size_bytes},nosuid,nodev,mode=0755");
    let target = folder.join("disk").display().to_string();
    namespace.must("mount", ["-t", "tmpfs", "-o", &options, "tmpfs", &target]).await?;
    Ok(Disk::Memory { size_bytes })
}

/// A job's folder, removed with everything in it.
struct JobFolder(PathBuf);

impl JobFolder {
    fn create(path: PathBuf) -> io::Result<Self> {
        make_folder(&path, 0o700)?;
        let folder = Self(path);
        for name in ["disk", "root", "stage", "stage/checkout", "stage/destdir"] {
            make_folder(&folder.0.join(name), 0o755)?;
        }
        Ok(folder)
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        // What was mounted here was so in the job's namespace only: here, these are empty folders and one file.
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "cannot remove a build's folder {}", self.0.display());
        }
    }
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
