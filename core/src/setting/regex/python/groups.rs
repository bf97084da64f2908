//! Which groups an expression has, and what may refer to them.

/// The groups of an expression, numbered from 1.
#[derive(Default)]
pub(super) struct Groups {
    count: usize,
    /// Those that have begun and not ended; those without a number are `None`.
    open: Vec<Option<usize>>,
    names: Vec<(String, usize)>,
    /// Those that alternatives depend on, which may come later.
    pub conditions: Vec<usize>,
}

impl Groups {
    pub fn open(&mut self, name: Option<&str>) -> Result<(), String> {
        self.count += 1;
        self.open.push(Some(self.count));
        if let Some(name) = name {
            if self.number(name).is_ok() {
                return Err(format!("two groups are called {name}"));
            }
            self.names.push((name.to_owned(), self.count));
        }
        Ok(())
    }

    pub fn open_without_number(&mut self) {
        self.open.push(None);
    }

    pub fn close(&mut self) {
        self.open.pop();
    }

    pub fn number(&self, name: &str) -> Result<usize, String> {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.map(|(_, number)| *number).ok_or_else(|| format!("there is no group {name}"))
    }

    /// Of a reference to what a group has found.
    pub fn refer(&self, number: usize) -> Result<(), String> {
        match number {
            _ if number > self.count => Err(format!("invalid group reference {number}")),
            _ if self.open.contains(&Some(number)) => Err(format!("group {number} refers to itself")),
            _ => Ok(()),
        }
    }

    pub fn check(&self) -> Result<(), String> {
        let unknown = self.conditions.iter().find(|number| **number == 0 || **number > self.count);
        unknown.map_or(Ok(()), |number| Err(format!("invalid group reference {number}")))
    }
}
