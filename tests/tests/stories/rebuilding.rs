//! Read models are disposable: everything that is served comes back from the log.

use std::fs;

use stories::{Format, crawl};

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_read_models_a_server_serves_the_same_bytes_again() {
    let mut sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    sample.released("v1.1.0").await;
    let apt = crawl(Format::Deb, &sample.apt).await;
    let yum = crawl(Format::Rpm, &sample.yum).await;
    // Two versions of the sample, and the repository's installer.
    assert_eq!(apt.keys().filter(|address| address.ends_with(".deb")).count(), 3);

    sample.server.kill();
    let mut deleted = 0;
    for entry in fs::read_dir(sample.server.data()).expect("the data folder is readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // With `-wal` and `-shm`, which SQLite would otherwise take for the new file's.
        if name.starts_with("read_models.sqlite") {
            fs::remove_file(&path).expect("a read model can be deleted");
            deleted += 1;
        }
    }
    assert!(deleted > 0, "there were no read models to delete");
    sample.server.restart();

    assert_eq!(apt, crawl(Format::Deb, &sample.apt).await);
    assert_eq!(yum, crawl(Format::Rpm, &sample.yum).await);
    let named = sample.team.graphql("{ organisations { name repositories { name packages { version } } } }").await;
    assert_eq!(named.to_string().matches("1.1.0").count(), 2, "{named:#}");
}
