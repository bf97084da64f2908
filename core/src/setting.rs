//! What settings of any kind need: the range of a value, the dotted paths of a type's fields, and the names most like a wrong one.

mod nearest;
mod path;
mod regex;
mod section;

pub use nearest::nearest;
pub use path::{Kind, Setting, settings};
pub use regex::{Regex, regex};
pub use section::Section;
