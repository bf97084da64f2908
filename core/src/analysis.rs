//! What trained networks have in common.

pub mod criticality;
pub mod distance;
pub mod evaluation;
pub mod interpolation;
pub mod journal;
pub mod measures;
pub mod named;
pub mod record;
pub mod rewinding;
pub mod selection;
pub mod spectrum;
pub mod subject;
pub mod sweep;
pub mod weights;
