//! Given/when/then tests for every aggregate.

use crate::aggregate::{Aggregate, fold};

pub(crate) struct Given<A: Aggregate>(A);

pub(crate) struct Then<A: Aggregate> {
    before: A,
    outcome: Result<Vec<A::Event>, A::Refusal>,
}

pub(crate) fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given(fold::<A>(events))
}

impl<A: Aggregate> Given<A> {
    pub(crate) fn when(self, command: A::Command) -> Then<A> {
        let outcome = self.0.decide(command);
        Then { before: self.0, outcome }
    }
}

impl<A: Aggregate> Then<A>
where
    A::Event: std::fmt::Debug + PartialEq,
    A::Refusal: std::fmt::Debug + PartialEq,
{
    /// Exactly these events follow. Returns the state after them.
    #[track_caller]
    pub(crate) fn then(mut self, expected: impl IntoIterator<Item = A::Event>) -> A {
        let events = self.outcome.expect("the command was refused");
        assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
        for event in &events {
            self.before.evolve(event);
        }
        self.before
    }

    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn refused(self, expected: A::Refusal) {
        assert_eq!(self.outcome.expect_err("the command was allowed"), expected);
    }
}
