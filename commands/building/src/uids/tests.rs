use super::*;

#[test]
fn no_two_jobs_share_an_id_and_there_is_an_end_to_them() {
    let pool = Uids::default();
    let mut all: Vec<Uid> = (0..UIDS).filter_map(|_| pool.take()).collect();
    assert_eq!(all.iter().map(|uid| uid.id).collect::<BTreeSet<_>>().len(), UIDS as usize);
    assert!(pool.take().is_none());
    all.remove(7);
    assert_eq!(pool.take().map(|uid| uid.id), Some(FIRST_UID + 7));
}
