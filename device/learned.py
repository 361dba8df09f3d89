"""What follows from one look at the history: the needs, and what is no crying. Pure; monitor and page say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from device.needs import Example, Learner
from device.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Learned:
    """What follows from one look at the history."""

    needs: Learner
    verifier: Verifier


def learn(examples: Sequence[Example], model_version: str) -> Learned:
    """Learn needs and false alarms from the history, for the ear of this version."""
    known = [e for e in examples if e.embedding is not None and e.model_version == model_version]
    # an untagged episode may be the very cat: only what a parent called crying counts as a cry
    cries = [e.embedding for e in known if e.confirmed and not e.not_crying and e.embedding is not None]
    false = [e.embedding for e in known if e.not_crying and e.embedding is not None]
    return Learned(Learner.from_history(examples, model_version), Verifier(cries, false))
