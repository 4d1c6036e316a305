//! What every database must do: each `exercise` takes an empty store of any kind.

mod changing;
mod claiming;
mod creating;
mod creating_many;
mod events;
mod finishing;
mod listing;
mod nodes;
mod output;
mod recovering;
mod removing;
mod retaining;
mod searching;
mod waiting;

/// Runs exercises, each on an empty store on SQLite.
macro_rules! on_sqlite {
    ($($exercise:ident),+ $(,)?) => {
        $(#[tokio::test]
        async fn $exercise() {
            let sqlite = $crate::fixture::TestStore::new();
            super::exercise::$exercise(&sqlite.store).await;
        })+
    };
}
pub(crate) use on_sqlite;
