//! Operators: the owner of each operator token, and the list of persons. Names stay encrypted here.

use chrono::{DateTime, Utc};
use domain::{
    account,
    digest::Sha256,
    ids::{AccountId, PersonId, TokenId},
    personal::Personal,
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Credentials, Live};
use crate::read_models::{parsed, time};

/// Most operators in one answer.
pub(crate) const OPERATORS_PAGE_MAX: u32 = 1_000;

/// Whether a person still acts on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Has a token that works.
    Active,
    /// Has none, and gets none.
    Removed,
    /// The same, and nothing that is known of the person can be read.
    Erased,
}

impl Standing {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Removed => "removed",
            Self::Erased => "erased",
        }
    }
}

/// A person who operates, or did operate, the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAccount {
    /// Who.
    pub person: PersonId,
    /// The sealed name; none once the person is erased.
    pub name: Option<Personal>,
    /// The sealed e-mail address; none once the person is erased.
    pub email: Option<Personal>,
    /// Since when.
    pub registered_at: DateTime<Utc>,
    /// Still?
    pub standing: Standing,
}

/// A change of the memory.
pub(super) enum Change {
    Issued(TokenId, Sha256, Option<PersonId>),
    Revoked(TokenId),
}

impl Change {
    pub(super) fn apply(self, live: &mut Live) {
        match self {
            Self::Issued(token, sha256, person) => live.operator_tokens.insert(token, sha256, person),
            Self::Revoked(token) => live.operator_tokens.remove(&token),
        }
    }
}

impl Credentials {
    /// All present and past operators, in the order of their ids, which is that of their registration.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn operators(&self) -> Result<Vec<OperatorAccount>, sqlx::Error> {
        let found = sqlx::query("select id, name, email, registered_at, standing from operator order by id limit ?")
            .bind(OPERATORS_PAGE_MAX)
            .fetch_all(&self.readers);
        found.await?.iter().map(operator).collect()
    }

    /// The operator with this id.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn operator(&self, person: PersonId) -> Result<Option<OperatorAccount>, sqlx::Error> {
        let found = sqlx::query("select id, name, email, registered_at, standing from operator where id = ?")
            .bind(person.to_string())
            .fetch_optional(&self.readers);
        found.await?.as_ref().map(operator).transpose()
    }

    /// The person that this operator token belongs to, or belonged to when it worked.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn operator_of(&self, token: TokenId) -> Result<Option<OperatorAccount>, sqlx::Error> {
        let found = sqlx::query(
            "select operator.id, name, email, registered_at, standing from operator_token
             join operator on operator.id = operator_token.account where operator_token.id = ?",
        )
        .bind(token.to_string())
        .fetch_optional(&self.readers);
        found.await?.as_ref().map(operator).transpose()
    }

    /// Every operator token that is or was the person's.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn tokens_of(&self, person: PersonId) -> Result<Vec<TokenId>, sqlx::Error> {
        let found = sqlx::query("select id from operator_token where account = ? order by id").bind(person.to_string());
        found.fetch_all(&self.readers).await?.iter().map(|row| parsed(row, "id")).collect()
    }
}

fn operator(row: &SqliteRow) -> Result<OperatorAccount, sqlx::Error> {
    Ok(OperatorAccount {
        person: parsed(row, "id")?,
        name: sealed(row, "name")?,
        email: sealed(row, "email")?,
        registered_at: time(row, "registered_at")?,
        standing: match row.try_get("standing")? {
            "active" => Standing::Active,
            "removed" => Standing::Removed,
            "erased" => Standing::Erased,
            other => return Err(sqlx::Error::Decode(format!("\"{other}\" is not a standing of an operator").into())),
        },
    })
}

fn sealed(row: &SqliteRow, column: &str) -> Result<Option<Personal>, sqlx::Error> {
    let text: Option<&str> = row.try_get(column)?;
    let personal = text.map(serde_json::from_str).transpose();
    personal.map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
}

fn json(personal: &Personal) -> String {
    serde_json::to_string(personal).expect("plain data")
}

/// Writes what `event` changes of an account.
pub(super) async fn fold<E: Sync>(
    rows: &mut SqliteConnection,
    recorded: &Recorded<E>,
    event: &account::Event,
) -> Result<Option<Change>, sqlx::Error> {
    let account = recorded.stream.id().to_string();
    match event {
        account::Event::Registered { name, email } => {
            let insert =
                "insert into operator (id, name, email, registered_at, standing) values (?, ?, ?, ?, 'active')";
            let insert = sqlx::query(insert).bind(account).bind(json(name)).bind(json(email));
            insert.bind(recorded.metadata.recorded_at.timestamp_micros()).execute(rows).await?;
            Ok(None)
        }
        account::Event::TokenIssued { token, secret_sha256 } => {
            sqlx::query("insert into operator_token (id, account, secret_sha256) values (?, ?, ?)")
                .bind(token.to_string())
                .bind(account)
                .bind(secret_sha256.to_string())
                .execute(rows)
                .await?;
            Ok(Some(Change::Issued(*token, *secret_sha256, person(AccountId(recorded.stream.id())))))
        }
        account::Event::TokenRevoked { token } => {
            let revoke = sqlx::query("update operator_token set secret_sha256 = null where id = ?");
            revoke.bind(token.to_string()).execute(rows).await?;
            Ok(Some(Change::Revoked(*token)))
        }
        account::Event::Removed => {
            sqlx::query("update operator set standing = 'removed' where id = ?").bind(account).execute(rows).await?;
            Ok(None)
        }
        account::Event::PersonErased => {
            let erase = "update operator set standing = 'erased', name = null, email = null where id = ?";
            sqlx::query(erase).bind(account).execute(rows).await?;
            Ok(None)
        }
    }
}

/// Every account but the server's first is a person's.
fn person(account: AccountId) -> Option<PersonId> {
    (account != AccountId::operator()).then_some(PersonId(account.0))
}

/// Fills the memory from the rows.
pub(super) async fn load(rows: &mut SqliteConnection, live: &mut Live) -> Result<(), sqlx::Error> {
    let all = sqlx::query("select id, account, secret_sha256 from operator_token where secret_sha256 is not null");
    for row in all.fetch_all(rows).await? {
        let person = person(parsed(&row, "account")?);
        Change::Issued(parsed(&row, "id")?, parsed(&row, "secret_sha256")?, person).apply(live);
    }
    Ok(())
}
