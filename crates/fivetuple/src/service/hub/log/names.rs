//! The names of members, where they have any.

use std::sync::Arc;

use super::Log;

impl Log {
    /// The member of this name, upper and lower case alike.
    pub(in crate::service::hub) fn named(&self, name: &str) -> Option<(u64, Arc<str>)> {
        let number = *self.names.get(name.to_lowercase().as_str())?;
        let name = self.members.get(&number)?.name.as_ref()?;
        Some((number, Arc::clone(name)))
    }

    pub(in crate::service::hub) fn rename(&mut self, member: u64, name: Arc<str>) {
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        let lowercase = name.to_lowercase().into();
        if let Some(old) = state.name.replace(name) {
            self.names.remove(old.to_lowercase().as_str());
        }
        self.names.insert(lowercase, member);
    }

    /// Names in the order in which their members came, of at most so many bytes together.
    pub(in crate::service::hub) fn some_names(&self, max: usize) -> Vec<Arc<str>> {
        let mut left = max;
        let names = self
            .members
            .values()
            .filter_map(|member| member.name.as_ref());
        names
            .map_while(|name| {
                left = left.checked_sub(name.len())?;
                Some(Arc::clone(name))
            })
            .collect()
    }
}
