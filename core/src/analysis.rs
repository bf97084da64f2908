//! What trained networks have in common.

pub mod architecture;
pub mod basin;
pub mod criticality;
pub mod curves;
pub mod distance;
pub mod evaluation;
pub mod interpolation;
pub mod journal;
pub mod measures;
pub mod mistakes;
pub mod named;
pub mod names;
pub mod record;
pub mod rewinding;
pub mod selection;
pub mod similarity;
pub mod source;
pub mod spectrum;
pub mod subject;
pub mod sweep;
pub mod weights;
