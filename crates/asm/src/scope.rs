//! Scopes: what names mean in a macro's body, a loop's round, the whole source. A scope outlives its text,
//! since places are known only at the end.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use num_bigint::BigInt;

use crate::expression::Expression;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    Value(BigInt),
    /// A macro's argument that depends on places.
    Later(Rc<Expression>, Rc<Scope>),
    /// An index into the places.
    Label(usize),
    /// A data block's first and last place.
    Data {
        start: usize,
        end: usize,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Scope {
    parent: Option<Rc<Scope>>,
    names: RefCell<HashMap<String, Binding>>,
}

impl Scope {
    pub(crate) fn inside(parent: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self { parent: Some(parent.clone()), names: RefCell::default() })
    }

    pub(crate) const fn parent(&self) -> Option<&Rc<Self>> {
        self.parent.as_ref()
    }

    pub(crate) fn is_outermost(&self) -> bool {
        self.parent.is_none()
    }

    /// Gives a name a meaning; false if it has one in this very scope.
    pub(crate) fn bind(&self, name: &str, binding: Binding) -> bool {
        self.names.borrow_mut().insert(name.into(), binding).is_none()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Binding> {
        let found = self.names.borrow().get(name).cloned();
        found.or_else(|| self.parent.as_ref()?.find(name))
    }
}
