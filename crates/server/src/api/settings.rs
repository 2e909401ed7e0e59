//! Settings, to look at. They are read once when the process starts, from its options, its environment and a file that only
//! the operator of the machine writes: whoever could change them over HTTP could open the doors that they close.

use super::Json;
use crate::house::House;
use crate::wire::SettingsWire;
use axum::extract::State;
use std::sync::Arc;

/// Show every setting in effect with where it comes from; secrets are masked
#[utoipa::path(get, path = "/api/v1/settings", operation_id = "show_settings", tag = "system", responses((status = 200, body = SettingsWire)))]
pub(crate) async fn show(State(house): State<Arc<House>>) -> Json<SettingsWire> {
    Json(house.settings.clone())
}
