//! The store on a PostgreSQL server: what nodes of one database need beside the queries that both databases share.

pub(crate) mod address;
pub(crate) mod clock;
mod column;
pub(crate) mod connect;
mod follow;
pub(crate) mod gathered;
pub(crate) mod group;
pub(crate) mod known_keys;
pub(crate) mod listen;
pub(crate) mod locks;
pub(crate) mod numbering;
pub(crate) mod open;
mod over_rows;
mod shards;
pub(crate) mod side;

pub use address::{DatabaseUrl, NotAnAddress};
pub use follow::Followed;
pub use listen::Heard;
pub use numbering::NumberedSlice;
pub use open::AboutServer;

/// What a store on a server has beside its writer and readers.
pub(crate) struct ServerSide {
    pub(crate) side: side::SideConnection,
    pub(crate) offset: clock::MeasuredOffset,
    pub(crate) url: DatabaseUrl,
}
