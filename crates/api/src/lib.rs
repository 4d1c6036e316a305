//! The HTTP API of OneOff on actix-web: routes, authorization, the error table, the event stream, the web
//! UI's files and the metrics endpoint. It decides nothing about jobs: that is the scheduler's service.

mod answer;
mod answer_room;
mod authorize;
mod bulk_caller;
mod caller;
mod client_address;
mod configure;
mod connection;
mod cors;
mod defence;
mod error_table;
mod etag;
mod exposition;
mod failed_keys;
mod idempotency;
mod layer;
mod look;
mod metrics_endpoint;
mod node_metrics;
mod openapi;
mod page_turns;
mod problem;
mod read;
mod readiness;
mod request_id;
mod request_metrics;
mod room;
mod routes;
mod server;
mod service_error;
mod session_cookie;
mod settings;
mod slow_requests;
mod state;
mod store_metrics;
mod view;

pub use client_address::{AddressRange, NoAddressRange};
pub use configure::configure;
pub use metrics_endpoint::{MetricsError, MetricsHandle};
pub use server::serve;
pub use settings::ApiSettings;
