"""What a run is made for: the quantity that stands above all others in results, tables and bars."""

from __future__ import annotations

from dataclasses import dataclass

from physgen.core.errors import check_choice

BOUNDS = ("upper", "lower", None)
GAPS = ("percent", "nats", "absolute")


@dataclass(frozen=True)
class Quantity:
    """A headline: how it is called and written, and which side of its exact value it must keep to.

    Args:
        name: key among the estimates, such as `free_energy`.
        symbol: what stands for it in tables and bars.
        bound: whether it is an `upper` or a `lower` bound of its exact value; None for neither.
        gap: unit of the distance to its reference: `percent` of it, `nats` or `absolute`.
        unit: unit of the value, empty in the system's own.

    Raises:
        InputError: a bound or a gap of another kind.
    """

    name: str
    symbol: str
    bound: str | None = "upper"
    gap: str = "percent"
    unit: str = ""

    def __post_init__(self) -> None:
        check_choice("bound", str(self.bound), tuple(map(str, BOUNDS)))
        check_choice("gap", self.gap, GAPS)

    @property
    def words(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")


ENERGY = Quantity("energy", "E")
FREE_ENERGY = Quantity("free_energy", "F", gap="nats")
LOG_LIKELIHOOD = Quantity("log_likelihood", "<ln p>", bound="lower", gap="nats", unit="nats")
#: quantities by their names, as results of files name them
QUANTITIES = {quantity.name: quantity for quantity in (ENERGY, FREE_ENERGY, LOG_LIKELIHOOD)}


def quantity_of(name: str) -> Quantity:
    """Return the quantity of that name; of an unknown one nothing is claimed but its name."""
    return QUANTITIES.get(name, Quantity(name, name, bound=None, gap="absolute"))
