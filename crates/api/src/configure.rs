//! Mounting the API, in this crate's own server or in that of a program that embeds it.

use crate::layer;
use crate::routes;
use crate::settings::ApiSettings;
use crate::state::ApiState;
use actix_web::middleware::from_fn;
use actix_web::web;
use oneoff_scheduler::Service;

/// Mounts everything below the base path: `App::new().configure(configure(settings, service))`. Call it
/// once and clone the result for each worker.
pub fn configure(settings: ApiSettings, service: Service) -> impl FnOnce(&mut web::ServiceConfig) + Clone {
    mount(web::Data::new(ApiState::new(settings, service)))
}

/// Mounts everything with a state that the caller shares.
pub(crate) fn mount(state: web::Data<ApiState>) -> impl FnOnce(&mut web::ServiceConfig) + Clone {
    move |config| {
        let scope = web::scope(&state.settings.base_path)
            .app_data(state.clone())
            .wrap(from_fn(layer::serve))
            .configure(routes::configure);
        config.service(scope);
    }
}
