//! Which of a file's tensors are a network's weights, and what they are called.

use std::collections::{BTreeMap, HashSet};

use super::graph::{Call, Graph, Node, Value};
use super::tensor::{Described, described};
use super::{Fault, damaged};

/// Names under which programs save a network's state dict, the usual one first.
const WEIGHTS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "network",
    "net",
    "module",
    "weights",
    "params",
];
/// Parts of the names under which programs save what only training needs.
const TRAINING: [&str; 6] = ["optim", "sched", "scaler", "rng", "loops", "callbacks"];
/// How often objects are looked at, each as often as it is named: always so often, and for each byte of the pickle.
const LOOKS: (usize, usize) = (50_000, 4);
/// How many times more tensors are where the weights are, if nothing else tells.
const MANY: usize = 4;
/// How deep dictionaries and modules may be nested.
const DEEPEST: usize = 64;
/// Bytes that all names may have together.
const LONGEST_NAMES: usize = 16 << 20;

/// Tensors with their names, and what stands beside them.
pub(super) struct Part {
    /// Where they lie in the file, such as `model.state_dict`; empty for the whole.
    pub name: String,
    pub tensors: Vec<(String, Described)>,
    /// All parts of the file that hold tensors, with their numbers.
    pub others: Vec<(String, usize)>,
    /// Numbers, texts and single tensors at the top of the file.
    pub top: BTreeMap<String, Top>,
}

/// Something at the top of a file.
pub(super) enum Top {
    Text(String),
    Single(Described),
}

/// Looks for weights in the objects of a file.
pub(super) struct Search<'g, 'a> {
    graph: &'g Graph<'a>,
    looks: usize,
    names: usize,
}

impl<'g, 'a> Search<'g, 'a> {
    pub fn new(graph: &'g Graph<'a>) -> Self {
        let looks = LOOKS.0 + LOOKS.1 * graph.length;
        Self { graph, looks, names: LONGEST_NAMES }
    }

    /// The part of that name, or the one that holds the weights.
    pub fn part(mut self, asked: Option<&str>) -> Result<Part, Fault> {
        let root = self.graph.root;
        if described(self.graph, root)?.is_some() {
            return Err(unfit("holds one tensor without a name; save a state dict, which names each tensor"));
        }
        let entries = self.entries(root).unwrap_or_default();
        let mut others = Vec::new();
        for (name, value) in &entries {
            let count = self.count_inside(*value)?;
            if count > 0 {
                others.push((name.clone(), count));
            }
        }
        let (name, value) = match asked {
            Some(name) => (name.to_owned(), self.named(root, name).ok_or_else(|| no_part(name, &others))?),
            None => self.weights()?,
        };
        let mut tensors = Vec::new();
        let is_whole = name.is_empty();
        // An optimizer beside the weights of a file is none of them; a layer may have any name.
        let has_others = is_whole && !self.is_module(value);
        for (inside, value) in self.entries(value).unwrap_or_default() {
            if !(has_others && is_training_state(&inside) && described(self.graph, value)?.is_none()) {
                self.collect(inside, value, 0, &mut tensors)?;
            }
        }
        if tensors.is_empty() {
            return Err(match asked {
                Some(name) => no_part(name, &others),
                None if !others.is_empty() => Fault::WhichPart(format!(
                    "holds no tensors beside what only training needs: {}",
                    in_words(&others)
                )),
                None => unfit("holds no tensors; choose another checkpoint"),
            });
        }
        let mut top = BTreeMap::new();
        for (name, value) in entries {
            let found = match value {
                Value::Int(number) => Some(Top::Text(number.to_string())),
                Value::Float(number) => Some(Top::Text(number.to_string())),
                Value::Text(text) => Some(Top::Text(self.graph.text(text).into_owned())),
                value if !is_whole => described(self.graph, value)?.map(Top::Single),
                _ => None,
            };
            top.extend(found.map(|found| (name, found)));
        }
        Ok(Part { name, tensors, others, top })
    }

    /// The part that holds the weights, where it is clear which one does.
    fn weights(&mut self) -> Result<(String, Value), Fault> {
        let (mut path, mut value) = (String::new(), self.graph.root);
        for _ in 0..DEEPEST {
            let entries = match self.is_module(value) {
                true => Vec::new(),
                false => self.entries(value).unwrap_or_default(),
            };
            let mut holders = Vec::new();
            let mut direct = 0;
            let entries_names: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
            for (name, inside) in entries {
                match described(self.graph, inside)? {
                    Some(_) => direct += 1,
                    None => {
                        let count = self.count_inside(inside)?;
                        if count > 0 && !is_training_state(&name) {
                            holders.push((name, inside, count));
                        }
                    }
                }
            }
            let known = WEIGHTS.iter().find_map(|known| holders.iter().position(|(name, ..)| name == known));
            let next = match (known, &holders[..]) {
                (Some(known), _) => known,
                // A random state beside a dictionary of weights, or weights beside a dictionary of a few others.
                (None, [(_, _, count)]) if *count >= MANY * direct => 0,
                (None, holders) if holders.iter().all(|(_, _, count)| direct >= MANY * count) => {
                    return Ok((path, value));
                }
                (None, holders) => {
                    let inside = holders.iter().map(|(name, _, count)| (join(&path, name), *count));
                    let own = (direct > 0).then(|| ("\"\"".to_owned(), direct));
                    let all: Vec<_> = inside.chain(own).collect();
                    return Err(Fault::WhichPart(format!(
                        "holds several parts with tensors, and none has the name of a network's weights: {}",
                        in_words(&all)
                    )));
                }
            };
            let (name, inside, _) = holders.swap_remove(next);
            if path.is_empty() && name == "state" && is_optimizer(&entries_names) {
                return Err(Fault::WhichPart(
                    "is the state of an optimizer, and no network's weights: state".to_owned(),
                ));
            }
            (path, value) = (join(&path, &name), inside);
        }
        Err(too_deep())
    }

    /// The value that lies under a name with dots; names inside may have dots themselves.
    fn named(&self, value: Value, name: &str) -> Option<Value> {
        if name.is_empty() {
            return Some(value);
        }
        self.entries(value)?.into_iter().find_map(|(key, inside)| {
            let rest = name.strip_prefix(&*key)?;
            match rest.strip_prefix('.') {
                Some(rest) => self.named(inside, rest),
                None => rest.is_empty().then_some(inside),
            }
        })
    }

    /// All tensors under a value.
    fn collect(
        &mut self,
        name: String,
        value: Value,
        depth: usize,
        tensors: &mut Vec<(String, Described)>,
    ) -> Result<(), Fault> {
        self.looks = self.looks.checked_sub(1).ok_or_else(too_deep)?;
        if let Some(tensor) = described(self.graph, value)? {
            self.names =
                self.names.checked_sub(name.len()).ok_or_else(|| damaged("its names are too long"))?;
            tensors.push((name, tensor));
            return Ok(());
        }
        if depth == DEEPEST {
            return Err(too_deep());
        }
        for (inside, value) in self.entries(value).unwrap_or_default() {
            self.collect(join(&name, &inside), value, depth + 1, tensors)?;
        }
        Ok(())
    }

    /// Tensors that a dictionary, a list or an object holds, each counted once.
    fn count_inside(&mut self, value: Value) -> Result<usize, Fault> {
        if described(self.graph, value)?.is_some() {
            return Ok(0);
        }
        let (mut seen, mut next, mut count) = (HashSet::new(), vec![value], 0);
        while let Some(value) = next.pop() {
            let Value::Node(index) = value else { continue };
            if !seen.insert(index) {
                continue;
            }
            if described(self.graph, value)?.is_some() {
                count += 1;
                continue;
            }
            let before = next.len();
            match self.graph.node(value) {
                Some(Node::Tuple(items)) => next.extend(items),
                Some(Node::List(items)) => next.extend(items),
                Some(Node::Dict(entries)) => next.extend(entries.iter().map(|(_, value)| value)),
                Some(Node::Call(call)) => {
                    next.extend(call.entries.iter().map(|(_, value)| value));
                    next.extend([call.state, call.arguments]);
                }
                Some(Node::Global { .. } | Node::Persistent(_)) | None => {}
            }
            self.looks = self.looks.checked_sub(1 + next.len() - before).ok_or_else(too_deep)?;
        }
        Ok(count)
    }

    fn is_module(&self, value: Value) -> bool {
        matches!(self.graph.node(value), Some(Node::Call(call)) if self.module(call).is_some())
    }

    /// What a dictionary, a list, a module or another object holds, by name. Of equal names the last counts.
    fn entries(&self, value: Value) -> Option<Vec<(String, Value)>> {
        let numbered = |items: &[Value]| {
            let items = items.iter().enumerate();
            items.map(|(index, value)| (index.to_string(), *value)).collect()
        };
        let entries = match self.graph.node(value)? {
            Node::Tuple(items) => return Some(numbered(items)),
            Node::List(items) => return Some(numbered(items)),
            Node::Dict(entries) => self.texts(entries),
            Node::Call(call) => match self.module(call) {
                Some(entries) => entries,
                None => self.object(call),
            },
            Node::Global { .. } | Node::Persistent(_) => return None,
        };
        let mut names = HashSet::new();
        let mut unique: Vec<_> =
            entries.into_iter().rev().filter(|(name, _)| names.insert(name.clone())).collect();
        unique.reverse();
        Some(unique)
    }

    fn texts(&self, entries: &[(Value, Value)]) -> Vec<(String, Value)> {
        let named = entries.iter().filter_map(|(name, value)| match name {
            Value::Text(name) => Some((self.graph.text(*name).into_owned(), *value)),
            Value::Int(name) => Some((name.to_string(), *value)),
            _ => None,
        });
        named.collect()
    }

    /// What is in an object: entries if it is a dictionary, attributes otherwise.
    fn object(&self, call: &Call) -> Vec<(String, Value)> {
        if !call.entries.is_empty() {
            return self.texts(&call.entries);
        }
        // `OrderedDict([[name, value], …])`, and dictionaries that are made of another.
        for argument in self.graph.items(call.arguments) {
            match self.graph.node(*argument) {
                Some(Node::Dict(entries)) if !entries.is_empty() => return self.texts(entries),
                Some(Node::List(pairs)) => {
                    let pairs = pairs.iter().map(|pair| match self.graph.items(*pair) {
                        [name, value] => Some((*name, *value)),
                        _ => None,
                    });
                    match pairs.collect::<Option<Vec<_>>>() {
                        Some(pairs) if !pairs.is_empty() => return self.texts(&pairs),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        self.attributes(call)
    }

    fn attributes(&self, call: &Call) -> Vec<(String, Value)> {
        match self.graph.node(call.state) {
            Some(Node::Dict(entries)) => self.texts(entries),
            // With those of a class with slots.
            Some(Node::Tuple(items)) => {
                let dictionaries = items.iter().filter_map(|item| match self.graph.node(*item) {
                    Some(Node::Dict(entries)) => Some(self.texts(entries)),
                    _ => None,
                });
                dictionaries.flatten().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the state dict of a module holds: parameters, buffers that persist, and the modules inside.
    fn module(&self, call: &Call) -> Option<Vec<(String, Value)>> {
        let attributes: BTreeMap<String, Value> = self.attributes(call).into_iter().collect();
        let of = |name: &str| match self.graph.node(*attributes.get(name)?)? {
            Node::Dict(entries) => Some(self.texts(entries)),
            Node::Call(call) => Some(self.object(call)),
            _ => None,
        };
        let (mut entries, buffers, modules) = (of("_parameters")?, of("_buffers")?, of("_modules")?);
        let passing = attributes.get("_non_persistent_buffers_set").copied().unwrap_or(Value::None);
        let passing = self.set(passing);
        entries.extend(buffers.into_iter().filter(|(name, _)| !passing.contains(name)));
        entries.extend(modules);
        Some(entries)
    }

    /// The texts of a set, which protocols before 4 make of a list.
    fn set(&self, value: Value) -> HashSet<String> {
        let items = match self.graph.node(value) {
            Some(Node::Call(call)) => {
                self.graph.items(call.arguments).first().map_or(&[][..], |list| self.graph.items(*list))
            }
            _ => self.graph.items(value),
        };
        let texts = items.iter().filter_map(|item| match item {
            Value::Text(text) => Some(self.graph.text(*text).into_owned()),
            _ => None,
        });
        texts.collect()
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether these are the entries of an optimizer's state dict.
fn is_optimizer(names: &[String]) -> bool {
    ["state", "param_groups"].iter().all(|expected| names.iter().any(|name| name == expected))
}

fn is_training_state(name: &str) -> bool {
    let name = name.to_lowercase();
    TRAINING.iter().any(|word| name.contains(word))
}

/// `state_dict (122 tensors), model_ema (122 tensors)`.
fn in_words(parts: &[(String, usize)]) -> String {
    /// Parts in one message.
    const SHOWN: usize = 12;
    let shown = parts.iter().take(SHOWN).map(|(name, count)| format!("{name} ({count} tensors)"));
    let more = parts.len().saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("{more} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

fn no_part(name: &str, parts: &[(String, usize)]) -> Fault {
    Fault::WhichPart(match parts {
        [] => format!("has no part {name}, and no other with tensors"),
        parts => format!("has no part {name} with tensors; it has {}", in_words(parts)),
    })
}

fn unfit(what: &str) -> Fault {
    Fault::Unfit(what.to_owned())
}

fn too_deep() -> Fault {
    unfit("nests its objects deeper than 64 levels, or names them too often; save its state dict alone")
}
