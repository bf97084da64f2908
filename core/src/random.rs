//! Sources of chance.
