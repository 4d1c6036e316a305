//! What is set on every connection that is accepted.

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_tcp_user_timeout;
use std::any::Any;

/// A client that takes in nothing of its answer for so long is gone, or might as well be.
const STALLED_MS: u32 = 30_000;

/// Lets the system end connections whose client does not read: the answer that waits for it takes memory.
pub(crate) fn accepted(connection: &dyn Any, _: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    if let Err(error) = set_tcp_user_timeout(stream, STALLED_MS) {
        tracing::debug!(%error, "a connection has no limit for a client that does not read");
    }
}
