//! What surrounds the panels: tabs above, runs at the side, device and jobs below, and keys.

pub mod keys;
pub mod side;
pub mod status;
pub mod tabs;
pub mod welcome;

#[cfg(test)]
mod tests;
