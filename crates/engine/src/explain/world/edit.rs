//! Changing a world.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::{MadeChange, World};
use crate::explain::place::{Edit, NewValue, Spot, ValuePlace, made_up, replaced};
use crate::schema::{Type, Value};

impl World<'_> {
    pub(super) fn apply(&mut self, edit: &Edit) -> Option<()> {
        match edit {
            Edit::Put(spot, value) => self.put(spot, NewValue::Is(value.clone())),
            Edit::Remove(spot) => self.put(spot, NewValue::Absent),
            Edit::Add(spot, values) => {
                let mut all = self.elements(spot)?;
                self.basis.compare(all.len(), values.len())?;
                let new = values.iter().filter(|value| !all.contains(value));
                let new: Vec<Value> = new.cloned().collect();
                all.extend(new);
                self.put(spot, NewValue::Is(Value::Set(all.into())))
            }
            Edit::Take(spot, values) => {
                let mut all = self.elements(spot)?;
                self.basis.compare(all.len(), values.len())?;
                all.retain(|value| !values.contains(value));
                self.put(spot, NewValue::Is(Value::Set(all.into())))
            }
            Edit::Climb(child, parent) => self.climb(child, parent),
        }
    }

    /// The elements of a set; of one that is not there, none.
    fn elements(&self, spot: &Spot) -> Option<Vec<Value>> {
        match self.at(spot) {
            Some(Value::Set(values)) => Some(values.to_vec()),
            Some(_) => None,
            None => Some(Vec::new()),
        }
    }

    fn put(&mut self, spot: &Spot, to: NewValue) -> Option<()> {
        let schema = &self.basis.decider.bundle.schema;
        let place = &spot.place;
        let ty = place.type_in(schema, &self.basis.question.action)?;
        let rows = &self.rows;
        let any = |ty: &Type| made_up(ty, schema, rows, None);
        let to = replaced(self.root(place), &ty, &spot.members, to, &any)?;
        let (record, name) = match place {
            ValuePlace::Context(name) => (&mut self.context, name),
            ValuePlace::Attribute(uid, name) => {
                (&mut Arc::make_mut(self.rows.get_mut(uid)?).attributes, name)
            }
            ValuePlace::Tag(uid, key) => (&mut Arc::make_mut(self.rows.get_mut(uid)?).tags, key),
        };
        match to {
            NewValue::Is(value) => record.insert(Arc::clone(name), value),
            NewValue::Absent => record.remove(name),
        };
        self.touch(MadeChange::Place(place.clone()));
        Some(())
    }

    /// INVARIANT: rows name all their ancestors, so that whatever is below the child is
    /// below the parent's ancestors, too.
    fn climb(&mut self, child: &EntityUid, parent: &EntityUid) -> Option<()> {
        let schema = &self.basis.decider.bundle.schema;
        let mut above = vec![parent.clone()];
        match self.rows.get(parent) {
            Some(row) => above.extend(row.ancestors.iter().cloned()),
            // Nothing is above it; of another it is not known.
            None => {
                let found = schema.entity_type(parent.type_name())?;
                found.member_of.is_empty().then_some(())?;
            }
        }
        if above.contains(child) {
            return None;
        }
        for row in self.rows.values_mut() {
            if row.uid != *child && !row.ancestors.contains(child) {
                continue;
            }
            let row = Arc::make_mut(row);
            let ancestors = row.ancestors.len();
            self.basis.compare(above.len(), ancestors)?;
            let new = above.iter().filter(|uid| !row.ancestors.contains(uid));
            let new: Vec<EntityUid> = new.cloned().collect();
            row.ancestors.extend(new);
        }
        self.touch(MadeChange::Parent(child.clone(), parent.clone()));
        Some(())
    }

    fn touch(&mut self, touched: MadeChange) {
        if !self.touched.contains(&touched) {
            self.touched.push(touched);
        }
    }
}
