//! The members of a JSON object.

use serde_json::{Map, Value as Json};

use super::misfit::Misfit;

/// Reads a JSON object member by member. Each [`Misfit`] names the member.
#[derive(Clone, Copy, Debug)]
pub struct ObjectReader<'j> {
    members: &'j Map<String, Json>,
}

impl<'j> ObjectReader<'j> {
    /// A reader of an object.
    ///
    /// # Errors
    /// JSON that is no object.
    pub fn of(json: &'j Json) -> Result<Self, Misfit> {
        match json {
            Json::Object(members) => Ok(Self { members }),
            _ => Err(Misfit::new("an object is wanted")),
        }
    }

    /// The same, if the object has no other members than known ones.
    ///
    /// # Errors
    /// The first member that is not known.
    pub fn only(self, is_known: impl Fn(&str, &Json) -> bool) -> Result<Self, Misfit> {
        let mut members = self.members.iter();
        match members.find(|(name, json)| !is_known(name, json)) {
            Some((surplus, _)) => Err(Misfit::new("no such member").within(surplus)),
            None => Ok(self),
        }
    }

    /// All members.
    #[must_use]
    pub fn members(self) -> &'j Map<String, Json> {
        self.members
    }

    /// A member; `None` if the object does not have it.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'j Json> {
        self.members.get(name)
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// A member that is missing.
    pub fn required(self, name: &str) -> Result<&'j Json, Misfit> {
        let found = self.members.get(name);
        found.ok_or_else(|| Misfit::new("is missing").within(name))
    }

    /// Reads a member that must be there.
    ///
    /// # Errors
    /// A member that is missing or does not fit.
    pub fn read<T>(
        self,
        name: &str,
        read: impl FnOnce(&'j Json) -> Result<T, Misfit>,
    ) -> Result<T, Misfit> {
        read(self.required(name)?).map_err(|misfit| misfit.within(name))
    }

    /// Reads a member that may be left out.
    ///
    /// # Errors
    /// A member that does not fit.
    pub fn read_optional<T>(
        self,
        name: &str,
        read: impl FnOnce(&'j Json) -> Result<T, Misfit>,
    ) -> Result<Option<T>, Misfit> {
        let found = self.members.get(name).map(read);
        found.transpose().map_err(|misfit| misfit.within(name))
    }
}
