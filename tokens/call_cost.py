"""The most that one call can cost, in LLM tokens and in the unit of any quota."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """What an LLM token of the request, and one of the output, count at most in a unit.

    In LLM tokens both count 1; in money, whole units of a cost's last place.
    """

    input: int = 1
    output: int = 1

    def of(self, fixed: int, output: int) -> int:
        """Return what a request and an output of so many LLM tokens count together."""
        return self.input * fixed + self.output * output

    def output_within(self, amount: int, fixed: int, most: int) -> int:
        """Return how many LLM tokens of output an amount has left beside a request, at most."""
        left = amount - self.input * fixed
        return min(most, left // self.output) if self.output else most


IN_TOKENS = Rates()


@dataclass(frozen=True, slots=True)
class Cost:
    """The largest cost of one call, in LLM tokens: the request, and its output with thinking.

    When a key has too little left for ``output_max``, the output is cut, at most to
    ``output_floor``. ``smallest_call`` is what the smallest document costs with that: a key with
    less left becomes Exceeded. None: this call is the smallest. ``model`` is what is called, whose
    price tells what that is in money.
    """

    fixed: int
    output_max: int
    output_floor: int
    smallest_call: int | None = None
    model: str | None = None

    @property
    def floor(self) -> int:
        """What must be left for this call to be made at all."""
        return self.fixed + self.output_floor

    @property
    def smallest(self) -> int:
        """What must be left for any call to be made."""
        return self.floor if self.smallest_call is None else self.smallest_call

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, as those of the Offline reader."""
        return self.fixed + self.output_max == 0

    def floor_at(self, rates: Rates) -> int:
        """Return ``floor`` in the unit of these rates."""
        return rates.of(self.fixed, self.output_floor)

    def most_at(self, rates: Rates) -> int:
        """Return the most that it can count in the unit of these rates."""
        return rates.of(self.fixed, self.output_max)

    def smallest_at(self, rates: Rates) -> int:
        """Return ``smallest`` in the unit of these rates."""
        output = min(self.output_floor, self.smallest)
        return rates.of(self.smallest - output, output)
