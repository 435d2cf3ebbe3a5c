"""Phantoms: synthetic skin-lesion cases whose truth is exactly known.

A phantom is no diagnosis and no patient. It is a picture drawn from a declared
table of appearances (`CONDITIONS`), on skin of six types, under changing light,
with hair, rulers, blur and compression in the way. Because every number behind
a picture is drawn from a seed, the same case is always the same bytes, and its
condition, lesion mask and parameters are known without error. Demonstrations
and tests use phantoms where no research data may go.
"""

from triage.phantoms.skin.cases import PhantomCase, generate_cases, render_case
from triage.phantoms.skin.conditions import CONDITIONS, PhantomCondition
from triage.phantoms.skin.plan import plan_case
from triage.phantoms.skin.write import write_phantoms

__all__ = [
    "CONDITIONS",
    "PhantomCase",
    "PhantomCondition",
    "generate_cases",
    "plan_case",
    "render_case",
    "write_phantoms",
]
