//! A build on a mapped root filesystem.

use super::{Fixture, copy};
use crate::rootfs;

#[tokio::test]
async fn a_root_filesystem_is_made_and_built_on_and_never_written_to() {
    let mut fixture = Fixture::running("cat /etc/debian_version | cut -d. -f1; hello; touch made");
    let folder = fixture.settings.roots.folder.clone();
    let mut progress = 0;
    let path =
        rootfs::create("debian12", &folder, None, |_| progress += 1).await.expect("mmdebstrap and Debian's archive");
    assert!(progress > 5, "its progress is passed through");
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 1, "nothing unfinished is left beside it");

    fixture.config.distribution = "debian12".to_owned();
    fixture.config.build.requires = vec!["hello".to_owned()];
    fixture.config.install.copy = vec![copy("made", "/opt/shop/made")];
    let built = fixture.built().await;
    let log = fixture.log();
    assert!(log.contains(&format!("on root filesystem debian12 at {}", path.display())), "{log}");
    assert!(log.contains("\n12\nHello, world!\n"), "{log}");
    assert!(!path.join("usr/bin/hello").exists());
    assert!(!path.join("build").exists());
    drop(built);
}
