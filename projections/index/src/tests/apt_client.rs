//! Whether apt itself can read a list that is a segmented file.

use std::path::Path;

use super::*;

#[tokio::test]
async fn apt_reads_a_list_of_several_gz_members_or_zst_frames() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    let len = segmented_file::SEGMENT_ENTRIES * 2 + 1;
    for n in 1..len {
        world.add(101, deb(&format!("1.{n}"), "amd64"));
    }
    running.shows(world.add(102, deb("2.0", "all"))).await;
    let index = publish(&world, &running, 103).await;
    let of_list = |codec: &str| format!("dists/stable/main/binary-amd64/Packages.{codec}");
    assert_eq!(index.files.len(), 3, "{:?}", index.files);
    for codec in ["gz", "zst"] {
        // Nothing else is there that apt could take instead.
        let folder = world.folder.path().join(format!("served-{codec}"));
        for path in [of_list(codec), "dists/stable/Release".to_owned()] {
            let file = folder.join(&path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let located = locate(&running, &PointInTime::Newest, &path).await.unwrap();
            std::fs::write(file, bytes(&world, located).await).unwrap();
        }
        let versions = apt_versions(&folder, &world.folder.path().join(codec), codec);
        assert_eq!(versions, len, "{codec}");
    }
}

/// How many versions of `hello` apt sees in the repository in `folder`, when it downloads `codec`.
fn apt_versions(folder: &Path, root: &Path, codec: &str) -> usize {
    for folder in ["state/lists/partial", "cache/archives/partial", "etc"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::write(root.join("status"), "").unwrap();
    let source = format!("deb [trusted=yes arch=amd64] copy:{} stable main\n", folder.display());
    std::fs::write(root.join("sources.list"), source).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(["-o", "APT::Architecture=amd64", "-o", "APT::Sandbox::User=root"])
            .args(["-o", &format!("Dir::Etc={}/etc", root.display())])
            .args(["-o", &format!("Dir::Etc::SourceList={}/sources.list", root.display())])
            .args(["-o", &format!("Dir::State={}/state", root.display())])
            .args(["-o", &format!("Dir::State::status={}/status", root.display())])
            .args(["-o", &format!("Dir::Cache={}/cache", root.display())])
            .args(["-o", &format!("Acquire::CompressionTypes::Order::={codec}")])
            .args(["-o", "Acquire::GzipIndexes=true", "-o", "Acquire::Languages=none"])
            .args(arguments)
            .output()
            .unwrap();
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}: {text}{errors}");
        text.into_owned()
    };
    run("apt-get", &["update", "--error-on=any"]);
    run("apt-cache", &["madison", "hello"]).lines().count()
}
