//! Opening the database: its connections and their settings, the schema.

use std::{fmt, str::FromStr, time::Duration};

use domain::recorded::Position;
use sqlx::{
    ConnectOptions, PgConnection, PgPool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use url::Url;

use super::read;
use crate::event_store::{BoxError, made::other_than_log};

/// The oldest PostgreSQL that the log is tried with, as `server_version_num` counts.
pub(crate) const POSTGRES_VERSION_MIN: i32 = 150_000;

/// Readers at work at once, the listener among them; more wait for a free connection.
const READERS_MAX: u32 = 8;
/// What a log is made of.
const LOG_TABLES: [&str; 3] = ["stream", "event", "log_head"];
/// A server that does not let a connection in for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What every connection asks for.
///
/// A node that dies in the middle of a commit must not keep the lock from the others; an acknowledgement must mean that
/// the commit is on disk, even where the server's default is otherwise.
const SETTINGS: &str = "set statement_timeout = '30s'; \
                        set lock_timeout = '20s'; \
                        set idle_in_transaction_session_timeout = '10s'; \
                        select set_config('synchronous_commit', 'on', false) \
                        where current_setting('synchronous_commit') = 'off'";

/// `postgres://[user[:password]@]host[:port]/database[?sslmode=…]`. Never shows a password, however it is printed.
#[derive(Clone)]
pub struct PostgresUrl {
    shown: String,
    options: PgConnectOptions,
}

impl FromStr for PostgresUrl {
    /// Nothing of the text is repeated: it may hold a password.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut shown = Url::parse(text).map_err(|_| ())?;
        let options = PgConnectOptions::from_str(text).map_err(|_| ())?;
        shown.set_password(None)?;
        shown.set_query(None);
        shown.set_fragment(None);
        let options = options.application_name("pkgdeploy").disable_statement_logging();
        Ok(Self { shown: shown.into(), options })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server is away, or refuses this user or database.
    #[error("cannot {action} the event log {url}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The log.
        url: String,
        /// The cause.
        source: BoxError,
    },
    /// The server is older than every version that the log was tested with.
    #[error(
        "the event log {url} is on PostgreSQL {found}: expected version {} or newer",
        POSTGRES_VERSION_MIN / 10_000
    )]
    TooOld {
        /// The log.
        url: String,
        /// The server's version.
        found: String,
    },
    /// The database would change stored text.
    #[error(
        "the database {url} of the event log stores text as {found}: expected a database made with ENCODING 'UTF8'"
    )]
    Encoding {
        /// The log.
        url: String,
        /// The database's encoding.
        found: String,
    },
    /// The database belongs to another program. It is not changed.
    #[error(
        "the database {url} is not an event log, because it has the {what} of another program: use an empty database"
    )]
    OtherDatabase {
        /// The log.
        url: String,
        /// What it has: `table pets`.
        what: String,
    },
    /// The schema is not one that this version knows.
    #[error("cannot create or update the tables of the event log in the database {url}")]
    Migration {
        /// The log.
        url: String,
        /// The cause.
        source: MigrateError,
    },
    /// A process that only reads does not create the log.
    #[error("there is no event log in the database {url}")]
    Missing {
        /// Where it was looked for.
        url: String,
    },
}

pub(super) struct Opened {
    pub(super) writer: PgConnection,
    pub(super) readers: PgPool,
    pub(super) head: Position,
}

pub(super) async fn open(url: &PostgresUrl) -> Result<Opened, OpenError> {
    let mut writer = connect(url).await.map_err(unavailable("open", url))?;
    check(&mut writer, url).await?;
    refuse_other_database(&mut writer, url).await?;
    let migrated = migrator().run_direct(None, &mut writer, false).await;
    migrated.map_err(|source| OpenError::Migration { url: url.to_string(), source })?;
    let readers = readers(url).await.map_err(unavailable("open", url))?;
    let head = read::head(&readers).await.map_err(unavailable("read", url))?;
    Ok(Opened { writer, readers, head })
}

pub(super) async fn open_read_only(url: &PostgresUrl) -> Result<(PgPool, Position), OpenError> {
    let mut connection = connect(url).await.map_err(unavailable("open", url))?;
    check(&mut connection, url).await?;
    let is_log = "select to_regclass('log_head') is not null and to_regclass('event') is not null";
    let is_log: bool = sqlx::query_scalar(is_log).fetch_one(&mut connection).await.map_err(unavailable("read", url))?;
    if !is_log {
        return Err(OpenError::Missing { url: url.to_string() });
    }
    let readers = readers(url).await.map_err(unavailable("open", url))?;
    let head = read::head(&readers).await.map_err(unavailable("read", url))?;
    Ok((readers, head))
}

/// A connection with the settings of the log.
pub(super) async fn connect(url: &PostgresUrl) -> Result<PgConnection, sqlx::Error> {
    let connecting = async {
        let mut connection = url.options.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn readers(url: &PostgresUrl) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(READERS_MAX).acquire_timeout(CONNECT_TIMEOUT);
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(SETTINGS).execute(&mut *connection).await?;
            sqlx::raw_sql("set default_transaction_read_only = on").execute(&mut *connection).await?;
            Ok(())
        })
    });
    pool.connect_with(url.options.clone()).await
}

async fn check(connection: &mut PgConnection, url: &PostgresUrl) -> Result<(), OpenError> {
    let asked = "select current_setting('server_version_num')::int, current_setting('server_version'), \
                 current_setting('server_encoding')";
    let asked = sqlx::query_as::<_, (i32, String, String)>(asked).fetch_one(connection).await;
    let (number, version, encoding) = asked.map_err(unavailable("read", url))?;
    if number < POSTGRES_VERSION_MIN {
        return Err(OpenError::TooOld { url: url.to_string(), found: version });
    }
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { url: url.to_string(), found: encoding });
    }
    Ok(())
}

/// Refuses a schema that has tables of other programs and no log. Tables of extensions do not count.
async fn refuse_other_database(connection: &mut PgConnection, url: &PostgresUrl) -> Result<(), OpenError> {
    let all = "select case when relkind in ('v', 'm') then 'view' else 'table' end, relname::text from pg_class \
               where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm') \
               and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid \
               and deptype = 'e') order by relname";
    let all = sqlx::query_as::<_, (String, String)>(all).fetch_all(connection).await;
    let all = all.map_err(unavailable("read", url))?;
    match other_than_log(&all, &LOG_TABLES) {
        Some((kind, name)) => Err(OpenError::OtherDatabase { url: url.to_string(), what: format!("{kind} {name}") }),
        None => Ok(()),
    }
}

fn migrator() -> Migrator {
    let create_event_log = include_str!("../../../../../migrations/event_log/postgres/0001_create_event_log.sql");
    Migrator::with_migrations(vec![Migration::new(
        1,
        "create event log".into(),
        MigrationType::Simple,
        sqlx::SqlSafeStr::into_sql_str(create_event_log),
        false,
    )])
}

fn unavailable<E: Into<BoxError>>(action: &'static str, url: &PostgresUrl) -> impl FnOnce(E) -> OpenError {
    move |source| OpenError::Unavailable { action, url: url.to_string(), source: source.into() }
}
