"""What every decision stands on, in one bundle."""

from __future__ import annotations

from dataclasses import dataclass

from pcm.core.alarms import Alarms
from pcm.core.estimates import Estimates
from pcm.core.lifecycle import Lifecycle
from pcm.core.orders import Orders
from pcm.core.policy import Policy
from pcm.core.state import State
from pcm.core.story import Story


@dataclass(frozen=True, slots=True)
class Basis:
    policy: Policy
    state: State
    alarms: Alarms
    story: Story
    orders: Orders
    estimates: Estimates
    lifecycle: Lifecycle

    @classmethod
    def under(cls, policy: Policy) -> Basis:
        """All of it, empty."""
        state = State(policy.prefetch_below_seconds)
        alarms, story = Alarms(), Story()
        lifecycle = Lifecycle(state, alarms, story)
        return cls(policy, state, alarms, story, Orders(story), Estimates(policy), lifecycle)
