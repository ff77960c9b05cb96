//! Lists: how many items one has, and what a query pays for them.

pub(super) use audit::schema::lists::{FIRST_DEFAULT, cost, within};

#[cfg(test)]
mod tests {
    use audit::FIRST_MAX;
    use composition::testing::Core;
    use domain::{
        ids::OrganisationId,
        organisation::{Command, Organisation},
    };
    use projections::dashboard::PAGE_MAX;
    use stores::key_usage::FETCHED_PAGE_MAX;

    use crate::{schema, tests::parts};

    #[tokio::test]
    async fn a_list_has_one_item_at_least_and_no_more_than_its_limit() {
        let core = Core::open().await;
        let name = "acme".parse().expect("a name");
        core.execute::<Organisation>(OrganisationId::named(&name).0, Command::Create { name }).await;
        let schema = schema(parts(&core).await);
        let said = async |query: &str| {
            let answer = schema.execute(query).await;
            answer.errors.into_iter().map(|error| error.message).collect::<Vec<_>>()
        };
        let digest = "0".repeat(64);
        for (list, max) in [
            ("organisations(first: N) { name }".to_owned(), PAGE_MAX),
            ("organisation(name: \"acme\") { projects(first: N) { name } }".to_owned(), PAGE_MAX),
            ("organisation(name: \"acme\") { repositories(first: N) { name } }".to_owned(), PAGE_MAX),
            ("releases(first: N) { id }".to_owned(), PAGE_MAX),
            (format!("fetchedBy(sha256: \"{digest}\", first: N) {{ times }}"), FETCHED_PAGE_MAX),
            ("events(first: N) { next }".to_owned(), FIRST_MAX),
            ("events(first: 1) { events { followed(first: N) { id } } }".to_owned(), FIRST_MAX),
        ] {
            for (first, is_refused) in [(0, true), (1, false), (max, false), (max + 1, true)] {
                let query = format!("{{ {} }}", list.replace('N', &first.to_string()));
                let refused = vec![format!("first: expected 1 to {max}")];
                assert_eq!(said(&query).await, if is_refused { refused } else { vec![] }, "{query}");
            }
        }
        for (query, says) in [
            ("{ events(filter: {organisation: \"unknown\"}) { next } }", "there is no organisation unknown"),
            ("{ events(filter: {from: \"2026-11-02\", until: \"2026-11-01\"}) { next } }", "until: expected a time"),
        ] {
            let said = said(query).await;
            assert!(said.len() == 1 && said[0].contains(says), "{query}: {said:?}");
        }
        // So many that their product would begin again from nothing.
        let many = u32::MAX;
        let query = format!(
            "{{ organisations(first: {many}) {{ projects(first: {many}) {{ deliveries(first: {many}) {{ guid }} }} }} }}"
        );
        assert_eq!(said(&query).await, ["Query is too complex."]);
    }
}
