//! The places in a request that an ask reads.

use super::{Ask, AskCondition, MemberValue, Source, Template, TemplatePart};

impl Ask {
    /// Calls `visit` with every place in a request that is read.
    pub(crate) fn each_source(&self, visit: &mut impl FnMut(&Source)) {
        let mut in_template = |template: &Template| {
            for part in &template.parts {
                if let TemplatePart::From(source) = part {
                    visit(source);
                }
            }
        };
        in_template(&self.resource.name);
        self.changed.iter().for_each(|it| in_template(&it.name));
        self.belongs.iter().for_each(|it| in_template(&it.is));
        for member in &self.context {
            match &member.value {
                MemberValue::Constant(_) => {}
                MemberValue::Said { from, .. } => in_template(from),
                MemberValue::Entity { pointer, .. } => in_template(&pointer.name),
            }
        }
        for condition in &self.when {
            if let AskCondition::Known(pointer) | AskCondition::Unknown(pointer) = condition {
                in_template(&pointer.name);
            }
        }
        for condition in &self.when {
            if let AskCondition::Given(source)
            | AskCondition::NotGiven(source)
            | AskCondition::Sets { to: source, .. }
            | AskCondition::Clears(_, source) = condition
            {
                visit(source);
            }
        }
        self.each.iter().for_each(visit);
    }
}
