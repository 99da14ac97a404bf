"""The bridge between model time and weights, and microseconds and weight codes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core, _settings


@dataclass(frozen=True)
class Scaling:
    """Units of a network: model time is in units of the synaptic time constant.

    A neuron fires where the charge that its inputs brought reaches `threshold`, in units of weight.
    """

    #: Microseconds per unit of model time.
    us_per_time: float
    #: Weight codes per unit of weight.
    lsb_per_weight: float
    #: Threshold above the leak, in units of weight.
    threshold: float
    #: Membrane time constant in units of model time.
    tau_mem: float = 1.0
    #: From a spike sent from outside to its synapses, in us.
    latency_external_us: float = 0.0
    #: From a neuron's spike to its synapses, in us.
    latency_internal_us: float = 0.0

    @property
    def largest_weight(self) -> float:
        """Largest weight that a synapse can hold."""
        return _arrays.LARGEST_CODE / self.lsb_per_weight

    def _json(self) -> str:
        fields = asdict(self)
        external, internal = fields.pop("latency_external_us"), fields.pop("latency_internal_us")
        return _settings.encode({**fields, "latency": {"external_us": external, "internal_us": internal}})

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Scaling:
        latency = fields.pop("latency")
        return cls(**fields, latency_external_us=latency["external_us"], latency_internal_us=latency["internal_us"])


def signed_codes(weights: NDArray[np.float64], scaling: Scaling) -> NDArray[np.int8]:
    """Signed weight codes of real weights: `round(lsb_per_weight w)`, halves to the even code, clipped to -63..=63.

    `weights`: `(n_sources, n_neurons)`, finite. Raises :class:`ArrayError`.
    """
    return _core.signed_codes(_arrays.weights("weights", [weights])[0], scaling._json())
