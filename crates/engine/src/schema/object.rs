//! The members of a JSON object.

use serde_json::{Map, Value as Json};

use super::misfit::Misfit;
use crate::text::did_you_mean;

/// Reads a JSON object member by member. Each [`Misfit`] names the member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectReader<'j> {
    members: &'j Map<String, Json>,
}

impl<'j> ObjectReader<'j> {
    /// A reader of an object.
    ///
    /// # Errors
    /// JSON that is no object.
    pub(crate) fn of(json: &'j Json) -> Result<Self, Misfit> {
        match json {
            Json::Object(members) => Ok(Self { members }),
            _ => Err(Misfit::new("an object is wanted")),
        }
    }

    /// The same, if the object has no other members than known ones, which have these names.
    ///
    /// # Errors
    /// The first member that is not known.
    pub(crate) fn only<'n>(
        self,
        is_known: impl Fn(&str, &Json) -> bool,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, Misfit> {
        let mut members = self.members.iter();
        match members.find(|(name, json)| !is_known(name, json)) {
            Some((surplus, _)) => {
                let near = did_you_mean(surplus, names);
                Err(Misfit::new(format!("no such member{near}")).within(surplus))
            }
            None => Ok(self),
        }
    }

    /// All members.
    pub(crate) fn members(self) -> &'j Map<String, Json> {
        self.members
    }

    /// A member; `None` if the object does not have it.
    pub(crate) fn get(self, name: &str) -> Option<&'j Json> {
        self.members.get(name)
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// A member that is missing.
    pub(crate) fn required(self, name: &str) -> Result<&'j Json, Misfit> {
        let found = self.members.get(name);
        found.ok_or_else(|| Misfit::new("is missing").within(name))
    }

    /// Reads a member that must be there.
    ///
    /// # Errors
    /// A member that is missing or does not fit.
    pub(crate) fn read<T>(
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
    pub(crate) fn read_optional<T>(
        self,
        name: &str,
        read: impl FnOnce(&'j Json) -> Result<T, Misfit>,
    ) -> Result<Option<T>, Misfit> {
        let found = self.members.get(name).map(read);
        found.transpose().map_err(|misfit| misfit.within(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misfit_names_the_member() {
        let json = json!({"a": 1, "b": null});
        let object = ObjectReader::of(&json).unwrap();
        let refuse = |_: &Json| Err::<(), _>(Misfit::new("does not fit").within("x"));
        let text = |misfit: Misfit| misfit.to_string();
        assert_eq!(object.get("b"), Some(&Json::Null));
        assert_eq!(object.read("a", |json| Ok(json.as_i64())), Ok(Some(1)));
        assert_eq!(object.read_optional("c", refuse), Ok(None));
        let missing = object.read("c", refuse).map_err(text);
        assert_eq!(missing, Err("`c`: is missing".to_owned()));
        for read in [
            object.read("a", refuse),
            object.read_optional("a", refuse).map(drop),
        ] {
            assert_eq!(read.map_err(text), Err("`a.x`: does not fit".to_owned()));
        }
        let only_a = |name: &str, _: &Json| name == "a";
        let surplus = object.only(only_a, ["a"]).map(drop).map_err(text);
        assert_eq!(surplus, Err("`b`: no such member".to_owned()));
        let meant = object.only(only_a, ["B"]).map(drop).map_err(text);
        assert_eq!(
            meant,
            Err("`b`: no such member; did you mean `B`?".to_owned())
        );
        assert!(object.only(|_, json| !json.is_string(), []).is_ok());
        assert!(ObjectReader::of(&json!([])).is_err());
    }
}
