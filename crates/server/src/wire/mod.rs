//! What programs get to see, over HTTP and by `--json` alike: stable forms in snake_case, made by hand from the inner types.

mod around;
mod budget;
mod notice;
mod parts;
mod policy;
mod settings;
mod story;
mod workflow;

pub use budget::{BudgetWire, SpentWire};
pub use notice::NoticeWire;
pub use parts::{GateWire, RequestWire, ViolationWire};
pub use policy::{OwnRulesWire, PolicyWire, ValueWire};
pub use settings::{OriginWire, SettingWire, SettingsWire};
pub use story::StoryWire;
pub use workflow::{
    AlarmWire, ClearedWire, DiffWire, DiffsWire, WorkflowRowWire, WorkflowWire, WorkflowsWire,
};
