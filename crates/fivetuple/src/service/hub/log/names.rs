//! The names of members, where they have any.

use std::sync::Arc;

use super::Log;

impl Log {
    /// The member of this name, upper and lower case alike.
    pub(in crate::service::hub) fn named(&self, name: &str) -> Option<(u64, Arc<str>)> {
        let wanted = name.to_lowercase();
        self.members.iter().find_map(|(number, member)| {
            let name = member.name.as_ref()?;
            (name.to_lowercase() == wanted).then(|| (*number, Arc::clone(name)))
        })
    }

    pub(in crate::service::hub) fn rename(&mut self, member: u64, name: Arc<str>) {
        if let Some(state) = self.members.get_mut(&member) {
            state.name = Some(name);
        }
    }

    /// All names, in the order in which their members came.
    pub(in crate::service::hub) fn names(&self) -> Vec<Arc<str>> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by_key(|(number, _)| **number);
        members
            .into_iter()
            .filter_map(|(_, member)| member.name.clone())
            .collect()
    }
}
