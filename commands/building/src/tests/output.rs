//! `install.copy` and `install.commands`: what becomes the package.

use std::{fs, os::unix::fs::symlink};

use domain::config::{Command, Copy};
use formats::packaging::tree::{Content, Entry, PackageTree};

use super::{Fixture, copy, write};

fn line(path: &str, entry: &Entry) -> String {
    let what = match &entry.content {
        Content::Directory => "/".to_owned(),
        Content::Symlink(target) => format!(" -> {target}"),
        Content::File { source, size_bytes } => {
            let bytes = fs::read(source).expect("its file can be read while the tree exists");
            assert_eq!(bytes.len() as u64, *size_bytes);
            format!(" = {}", String::from_utf8_lossy(&bytes).trim())
        }
    };
    format!("{:o} {}:{} {path}{what}", entry.mode, entry.user, entry.group)
}

fn lines(tree: &PackageTree) -> Vec<String> {
    tree.entries.iter().map(|(path, entry)| line(path, entry)).collect()
}

#[tokio::test]
async fn what_is_copied_keeps_its_modes_and_gets_its_owners() {
    let mut fixture = Fixture::running(
        "mkdir -p dist/sub; echo run >dist/run; chmod 4755 dist/run; echo b >dist/sub/b; ln -s ../nowhere dist/sub/link",
    );
    write(&fixture.checkout().join("shop.conf"), "conf");
    fixture.config.install.user = Some("shop".to_owned());
    fixture.config.install.copy = vec![
        copy("dist/", "/opt/shop"),
        Copy { permissions: Some(0o640), group: Some("adm".to_owned()), ..copy("shop.conf", "/etc/shop/") },
        Copy { permissions: Some(0o640), user: Some("root".to_owned()), ..copy("dist/sub", "/usr/share/") },
        Copy { permissions: Some(0o4755), ..copy("dist/run", "/usr/bin/shop") },
    ];
    let built = fixture.built().await;
    assert_eq!(
        lines(&built.tree),
        [
            "640 shop:adm /etc/shop/shop.conf = conf",
            "755 shop:shop /opt/shop/",
            "755 shop:shop /opt/shop/run = run",
            "755 shop:shop /opt/shop/sub/",
            "644 shop:shop /opt/shop/sub/b = b",
            "777 shop:shop /opt/shop/sub/link -> ../nowhere",
            "4755 shop:shop /usr/bin/shop = run",
            "750 root:shop /usr/share/sub/",
            "640 root:shop /usr/share/sub/b = b",
            "777 root:shop /usr/share/sub/link -> ../nowhere",
        ]
    );
}

#[tokio::test]
async fn install_commands_change_what_was_copied() {
    let mut fixture = Fixture::running("mkdir dist; echo a >dist/a; echo b >dist/b; echo c >dist/c");
    fixture.config.install.copy = vec![
        copy("dist/", "/opt/shop"),
        Copy { permissions: Some(0o4711), user: Some("shop".to_owned()), ..copy("dist/c", "/usr/bin/c") },
    ];
    let commands = "rm $DESTDIR/opt/shop/a; echo more >>$DESTDIR/opt/shop/b; chmod 600 $DESTDIR/usr/bin/c\n\
                    mkdir -p $DESTDIR/usr/share/shop; ln -s /opt/shop/b $DESTDIR/usr/share/shop/link; id -u";
    fixture.config.install.commands = vec![Command::Run(commands.to_owned())];
    let built = fixture.built().await;
    assert_eq!(
        lines(&built.tree),
        [
            "755 root:root /opt/shop/",
            "644 root:root /opt/shop/b = b\nmore",
            "644 root:root /opt/shop/c = c",
            "4711 shop:root /usr/bin/c = c",
            "755 root:root /usr/share/shop/",
            "777 root:root /usr/share/shop/link -> /opt/shop/b",
        ]
    );
    assert_eq!(fixture.said(), ["60600"]);
}

#[tokio::test]
async fn a_file_that_was_not_built_is_named() {
    let mut fixture = Fixture::running("true");
    fixture.config.install.copy = vec![copy("dist/shop", "/usr/bin/shop")];
    let error = fixture.refused().await;
    assert_eq!(error.code(), "output_missing");
    assert!(
        error.to_string().contains("the build made no \"dist/shop\", which is to be copied to /usr/bin/shop"),
        "{error}"
    );
}

#[tokio::test]
async fn no_link_leads_out_of_the_built_tree() {
    for source in ["out/passwd", "out/", "../etc/passwd", "inner/../../etc/passwd"] {
        let mut fixture = Fixture::new();
        fs::create_dir(fixture.checkout().join("inner")).expect("a folder");
        symlink("/etc", fixture.checkout().join("out")).expect("a link");
        fixture.config.install.copy = vec![copy(source, "/opt/stolen")];
        assert_eq!(fixture.refused().await.code(), "output_refused", "{source}");
    }
    let mut fixture = Fixture::new();
    symlink("/etc/shadow", fixture.checkout().join("out")).expect("a link");
    fixture.config.install.copy = vec![copy("out", "/opt/link")];
    assert_eq!(
        lines(&fixture.built().await.tree),
        ["777 root:root /opt/link -> /etc/shadow"],
        "a link is packaged as a link"
    );
}

#[tokio::test]
async fn a_link_in_the_package_is_not_written_through() {
    let mut fixture = Fixture::new();
    symlink("/etc", fixture.checkout().join("link")).expect("a link");
    write(&fixture.checkout().join("file"), "x");
    fixture.config.install.copy = vec![copy("link", "/opt/link"), copy("file", "/opt/link/file")];
    fixture.config.install.commands = vec![Command::Run("true".to_owned())];
    let error = fixture.refused().await;
    assert_eq!(error.code(), "output_refused");
    assert!(!fs::exists("/etc/file").expect("a path"));
}

#[tokio::test]
async fn pipes_sockets_and_odd_names_are_refused() {
    for command in [
        "mkfifo x",
        "printf x >\"$(printf 'a\\nb')\"",
        "printf x >\"$(printf 'a\\377')\"",
        "ln -s \"$(printf 'a\\nb')\" x",
    ] {
        let mut fixture = Fixture::running(command);
        fixture.config.install.copy = vec![copy("./", "/opt/shop")];
        assert_eq!(fixture.refused().await.code(), "output_refused", "{command}");
    }
}

#[tokio::test]
async fn a_package_is_limited_in_entries_and_bytes() {
    let mut fixture = Fixture::running("touch a b c; echo 12345 >d");
    fixture.config.install.copy = vec![copy("./", "/opt/shop")];
    fixture.settings.limits.output_entries = 5;
    fixture.settings.limits.output_bytes = 6;
    fixture.built().await;
    fixture.settings.limits.output_entries = 4;
    assert_eq!(fixture.refused().await.code(), "output_too_large");
    fixture.settings.limits.output_entries = 5;
    fixture.settings.limits.output_bytes = 5;
    assert_eq!(fixture.refused().await.code(), "output_too_large");
}

#[tokio::test]
async fn folders_of_the_distribution_are_not_the_packages_own() {
    let mut fixture = Fixture::running("mkdir -p tree/etc/shop tree/usr/bin; touch tree/usr/bin/shop");
    fixture.config.install.user = Some("shop".to_owned());
    fixture.config.install.copy = vec![copy("tree/", "/")];
    let built = fixture.built().await;
    assert_eq!(built.tree.entries.keys().collect::<Vec<_>>(), ["/etc/shop", "/usr/bin/shop"]);
}
