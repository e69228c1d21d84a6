"""Honest error bars: blocking, autocorrelation, R-hat, importance weights, V-score, and how to write them."""

from physgen.stats.autocorrelation import autocovariance, integrated_autocorrelation_time, split_rhat
from physgen.stats.blocking import BlockedError, blocked_error
from physgen.stats.bridge import Bridge, bridge
from physgen.stats.importance import ImportanceWeights, importance_estimates
from physgen.stats.independence import independence_metropolis
from physgen.stats.mean import BlockedMean
from physgen.stats.number_format import deviation, with_error
from physgen.stats.tails import tail_index, tails
from physgen.stats.v_score import v_score

__all__ = [
    "BlockedError",
    "BlockedMean",
    "Bridge",
    "ImportanceWeights",
    "autocovariance",
    "blocked_error",
    "bridge",
    "deviation",
    "importance_estimates",
    "independence_metropolis",
    "integrated_autocorrelation_time",
    "split_rhat",
    "tail_index",
    "tails",
    "v_score",
    "with_error",
]
