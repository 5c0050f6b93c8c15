//! Forward authentication for reverse proxies: the answers that a proxy asks for, the sign-in at the host of
//! an application, and sign-out there.

mod decide;
mod handover;
mod host;
mod legacy;
mod pages;
mod sign_out;

use axum::routing::any;

use super::AppState;
use crate::access::{Guard, Routes};

pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .route("/forward-auth", "ANY", Guard::Application, any(legacy::decide))
        .route("/forward-auth/{app}", "ANY", Guard::Application, any(decide::decide))
        .route("/forward-auth/{app}/", "ANY", Guard::Application, any(decide::decide))
        .route("/forward-auth/{app}/{*path}", "ANY", Guard::Application, any(decide::decide))
        .get("/login/apps/{app}", Guard::Public, handover::at_this_server)
        .get("/.vestibule/sign-in", Guard::Application, handover::begin)
        .get("/.vestibule/callback", Guard::Application, handover::callback)
        .get("/.vestibule/sign-out", Guard::Application, sign_out::show)
        .post("/.vestibule/sign-out", Guard::Application, sign_out::submit)
}
