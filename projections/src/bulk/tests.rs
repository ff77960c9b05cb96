#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use sqlx::Connection as _;

use super::*;

async fn table() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let schema = "create table numbered (id integer primary key, name text not null, note text) strict";
    sqlx::raw_sql(schema).execute(&mut connection).await.unwrap();
    connection
}

async fn write(connection: &mut SqliteConnection, insert: &Insert, rows: &[(i64, &str)]) -> Result<(), sqlx::Error> {
    insert
        .write(connection, rows.iter(), |statement, (id, name)| statement.bind(*id).bind(*name).bind(None::<&str>))
        .await
}

async fn read(connection: &mut SqliteConnection) -> Vec<(i64, String)> {
    sqlx::query_as("select id, name from numbered order by id").fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn any_number_of_rows_is_written_each_once() {
    let insert = Insert::new("numbered", &["id", "name", "note"]);
    for count in [0, 1, 2, 3, 511, 512, 513, 1_500] {
        let mut connection = table().await;
        let rows: Vec<_> = (0..count).map(|id| (id, "a")).collect();
        write(&mut connection, &insert, &rows).await.unwrap();
        let expected: Vec<_> = rows.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        assert_eq!(read(&mut connection).await, expected);
    }
}

#[tokio::test]
async fn a_row_that_is_there_is_an_error_or_is_replaced_as_the_statement_says() {
    let mut connection = table().await;
    let columns = ["id", "name", "note"];
    let insert = Insert::new("numbered", &columns);
    write(&mut connection, &insert, &[(1, "a"), (2, "b")]).await.unwrap();
    assert!(write(&mut connection, &insert, &[(3, "c"), (2, "d")]).await.is_err());
    let replace = Insert::or_replace("numbered", &columns);
    write(&mut connection, &replace, &[(3, "c"), (2, "d")]).await.unwrap();
    let expected = [(1, "a"), (2, "d"), (3, "c")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(read(&mut connection).await, expected);
}
