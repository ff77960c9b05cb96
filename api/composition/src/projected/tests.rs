use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn each_projector_has_its_name_in_the_list() {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path().join("blobs")).expect("blobs");
    let models = ReadModels::open(folder.path().join("read_models.sqlite")).await.expect("read models");
    let names =
        all(models.readers.clone(), blobs.clone()).1.iter().map(|projector| projector.name()).collect::<Vec<_>>();
    assert_eq!(names, PROJECTORS);
    for (name, make) in every_projector(blobs) {
        assert_eq!(make(models.readers.clone()).name(), name);
    }
}

#[test]
fn a_replica_projects_what_package_clients_ask_for() {
    assert!(PROJECTORS.iter().all(|name| Scope::Everything.has(name)));
    let kept: Vec<&str> = PROJECTORS.into_iter().filter(|name| Scope::PackageClients.has(name)).collect();
    assert_eq!(kept, [CREDENTIALS, REPOSITORIES]);
}
