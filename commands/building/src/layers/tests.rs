use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn without_disk_images_a_layer_is_in_memory_and_limited_too() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = JobFolder::create(folder.path().join("job")).expect("a job");
    let namespace = Namespace::open().await.expect("a namespace");
    let disk = mount_memory(&namespace, &folder.0, 4 << 20).await.expect("memory");
    assert_eq!(disk.size_bytes(), 4 << 20);
    let layers = Layers { namespace, folder, disk };
    let layers = layers.fill(&Root::Host { distribution: "test".to_owned() }, &[]).await.expect("a root");
    assert!(layers.root().join("usr/bin/env").exists());
    assert_eq!(fs::read_dir(layers.root().join("root")).expect("a folder").count(), 0, "secrets are hidden");
    assert!(!layers.is_full());
    let full = fs::write(layers.root().join("tmp/file"), vec![1; 8 << 20]).expect_err("over the limit");
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!(layers.is_full());
}
