//! What every database must do: each `exercise` takes an empty store of any kind.

mod access;
mod auditing;
mod chain_fixture;
mod chain_records;
mod chains;
mod chains_of_projects;
mod changing;
mod claiming;
mod creating;
mod creating_many;
mod events;
mod finishing;
mod listing;
mod nodes;
mod output;
mod records;
mod recovering;
mod removing;
mod retaining;
mod searching;
mod tagging;
mod waiting;
mod webhooks;

/// Runs exercises, each on an empty store on SQLite and on one on PostgreSQL.
macro_rules! on_both {
    ($($exercise:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $exercise() {
                let sqlite = $crate::fixture::TestStore::new();
                super::exercise::$exercise(&sqlite.store).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn $exercise() {
                let postgres = $crate::fixture::ServerStore::new();
                super::exercise::$exercise(&postgres.store).await;
            })+
        }
    };
}
pub(crate) use on_both;
