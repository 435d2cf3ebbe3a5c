"""The limits of plans that state none."""

from triage.auditing.default_limits import DEFAULT_LIMITS
from triage.evaluation.metrics import METRICS


def test_each_metric_is_judged_on_its_good_side_overall_and_in_groups():
    scopes = {(limit.metric, limit.scope): limit for limit in DEFAULT_LIMITS}
    assert len(scopes) == len(DEFAULT_LIMITS)
    for metric in {limit.metric for limit in DEFAULT_LIMITS}:
        overall, groups = scopes[metric, "overall"], scopes[metric, "groups"]
        assert (overall.primary, groups.primary) == (True, False)
        assert overall.bound == groups.bound
        assert METRICS[metric].larger_is_better == (overall.at_least is not None)
