//! stub
/// a
#[derive(Debug, Clone)]
pub struct NamedTensor {
    /// a
    pub name: String,
    /// a
    pub shape: Vec<usize>,
    /// a
    pub data: Vec<f32>,
}
/// a
#[derive(Debug, Clone)]
pub struct StateDict {
    /// a
    pub tensors: Vec<NamedTensor>,
}
impl StateDict {
    /// a
    pub fn get(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|t| t.name == name)
    }
}
