//! Roles: work that one node does for all. Who has one holds it until a time that it renews with its lease.

use crate::connection::AnyConnection;
use crate::schema::{epochs, roles};
use crate::writer::tx::Node;
use crate::{Store, StoreError, statement};
use diesel::prelude::*;
use oneoff_domain::Timestamp;

/// How often a role has changed hands, its present holder counted. Rises with each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub i64);

impl Store {
    /// Takes or renews a role until then, if nobody else has it now and this process was not given up. Answers the term,
    /// which no earlier or later holder shares.
    ///
    /// # Errors
    /// The database's.
    pub async fn lead(
        &self,
        role: &'static str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Term>, StoreError> {
        let body = move |conn: &mut AnyConnection, node: &Node| {
            let epoch = node.epoch();
            Ok(lead(conn, role, epoch, now.as_micros(), until.as_micros())?)
        };
        self.write_aside("lead", body).await
    }

    /// Lets a role go, if this process has it, so that another one may take it at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn resign(&self, role: &'static str) -> Result<(), StoreError> {
        let body = move |conn: &mut AnyConnection, node: &Node| {
            let own = roles::table.filter(roles::name.eq(role)).filter(roles::epoch.eq(node.epoch()));
            diesel::update(own).set(roles::until.eq(0)).execute(conn)?;
            Ok(())
        };
        self.write_aside("resign", body).await
    }
}

statement::statement!(
    TakeFirst,
    "INSERT INTO roles (name, epoch, term, until) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING"
);

/// Lets all roles of an epoch go.
pub(crate) fn release_all(conn: &mut AnyConnection, epoch: i64) -> QueryResult<()> {
    diesel::update(roles::table.filter(roles::epoch.eq(epoch))).set(roles::until.eq(0)).execute(conn)?;
    Ok(())
}

fn lead(conn: &mut AnyConnection, role: &str, epoch: i64, now: i64, until: i64) -> QueryResult<Option<Term>> {
    let held = epochs::table.filter(epochs::epoch.eq(epoch)).filter(epochs::ended_at.is_null());
    if held.count().get_result::<i64>(conn)? == 0 {
        return Ok(None);
    }
    let this = || roles::table.filter(roles::name.eq(role));
    let renewed =
        diesel::update(this().filter(roles::epoch.eq(epoch))).set(roles::until.eq(until)).execute(conn)?;
    if renewed == 0 {
        let taken = diesel::update(this().filter(roles::until.lt(now)))
            .set((roles::epoch.eq(epoch), roles::term.eq(roles::term + 1), roles::until.eq(until)))
            .execute(conn)?;
        let is_ours =
            taken == 1 || statement::run::<TakeFirst>(conn, &[role.into(), epoch.into(), until.into()])? == 1;
        if !is_ours {
            return Ok(None);
        }
    }
    this().select(roles::term).get_result(conn).map(|term| Some(Term(term)))
}
