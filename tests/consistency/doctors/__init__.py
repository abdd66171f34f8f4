"""Honest stories doctored to break one rule each: `MUTATIONS` has the rule and the doctor of each."""

from tests.consistency.doctors import accounts, lists, values
from tests.consistency.doctors.tools import Mutation

MUTATIONS: list[Mutation] = [*values.MUTATIONS, *lists.MUTATIONS, *accounts.MUTATIONS]
