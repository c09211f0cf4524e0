"""What an operator whose proofs are all valid can still take from the share holders, in closed form.

The statement bounds each rebalance by what it names, and the hub bounds by time what rebalances may name: of each bucket at
most rate · time + cap in any stretch of time, whatever the number of proofs. Three ways to take follow from that, and one
from the moment of a settlement, which the operator chooses within ``grace``.

1. Cost. Check 5 says ``cost ≤ loss·L``: value that leaves the book at the snapshot's prices. In a time t at most
   (loss rate · t + loss cap) of NAV.
2. Trading with an account of its own. At cost 0 in the statement a trade at the snapshot's prices still gives away what the
   market has moved since. With T the value traded (check 6: ``T ≤ turnover·L``) and a relative error of the prices of at
   most ``price_lag`` that is T · price_lag: (turnover rate · t + turnover cap) · price_lag of NAV. ``price_lag`` is the
   deviation threshold of the asset's feed and that of the settlement asset's, plus what the market moves within ``grace``.
3. Gains that nobody made. Check 5 says ``−cost ≤ gain·E``: the NAV is overstated by at most (gain rate · t + gain cap), and
   whoever redeems takes a share of that, all of it at most.
4. Orders of its own. A settlement at prices that are wrong by price_lag values the book wrong by at most
   max leverage · price_lag of NAV (check 8; slots without a gross weight, such as stablecoins, aside). Who enters below
   worth or leaves above it takes at most that part of the capital that it moves from the others, less the levy that each
   order leaves to those who stay, and the same capital passes at most one settlement in each order delay and in each least
   interval: settlements · max(max leverage · price_lag − levy, 0). A stranger cannot choose: orders are committed before
   any answer that prices them.

A write-down is none of these and no part of the bound: check 5 lets a cost be as large as what was announced, lost or
taken. The mandate says how much of NAV an operator may announce alone in 30 days. Anything larger, all of NAV too, waits in
the sight of all for half of the greatest proof age or for the guardian, and no order settles before the proof that carries
it.

``tests/economics`` holds a simulation of the whole protocol against 1 and 2 at every proof.

Units: ppb and ppm of NAV; everything is rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass

from .constants import BPS, PPM

DAY_S = 86_400
_PPB_PER_PPM = 1_000


@dataclass(frozen=True)
class BucketRate:
    """A bucket of a mandate: it fills by ``per_day`` (of the bucket's unit) up to ``cap`` and starts full."""

    per_day: int
    cap: int

    def most(self, seconds: int) -> int:
        """The most that rebalances can name in a stretch of so many seconds, rounded up."""
        return self.cap - (-self.per_day * seconds // DAY_S)


@dataclass(frozen=True)
class OperatorBound:
    """The most that an operator with valid proofs can take in a stretch of time, in ppb of NAV.

    cost, trading, gains, own_orders: the four ways of this module's description. own_orders is for capital as large as the
    vault, which the operator (or who acts with it) moves in and out; with a part of that it is that part.
    """

    cost_ppb: int
    trading_ppb: int
    gains_ppb: int
    own_orders_ppb: int

    @property
    def from_book_ppb(self) -> int:
        """What can leave the book: cost and trading."""
        return self.cost_ppb + self.trading_ppb

    @property
    def total_ppb(self) -> int:
        return self.from_book_ppb + self.gains_ppb + self.own_orders_ppb


@dataclass(frozen=True)
class OperatorTerms:
    """What bounds an operator. ValueError if a number is below zero.

    gain_ppb, loss_ppb, turnover_ppm: the buckets of the mandate. max_turnover_bps, max_leverage_bps: limits of the policy.
    price_lag_ppm: largest relative error of the prices of a usable round (see above). least_interval_s: of the mandate;
    without one there is still at most one round a second, and a second proof at one round settles nothing new.
    order_delay_s, order_levy_ppm: of the mandate.
    """

    gain_ppb: BucketRate
    loss_ppb: BucketRate
    turnover_ppm: BucketRate
    max_turnover_bps: int
    max_leverage_bps: int
    price_lag_ppm: int
    least_interval_s: int
    order_delay_s: int
    order_levy_ppm: int

    def __post_init__(self) -> None:
        policy = (self.max_turnover_bps, self.max_leverage_bps)
        terms = (*policy, self.price_lag_ppm, self.least_interval_s, self.order_delay_s, self.order_levy_ppm)
        if min(terms) < 0:
            raise ValueError("a term of the bound is below zero")

    def most(self, seconds: int) -> OperatorBound:
        """The bound for any stretch of so many seconds, from 0 on."""
        proofs = seconds // max(self.least_interval_s, 1) + 1
        settlements = seconds // self._between_settlements_s + 1
        return self._bound([bucket.most(seconds) for bucket in self._buckets], proofs, settlements)

    def per_day(self) -> OperatorBound:
        """The bound for each further day: what the rates give, once the caps are used up."""
        proofs = _ceil_div(DAY_S, max(self.least_interval_s, 1))
        settlements = _ceil_div(DAY_S, self._between_settlements_s)
        return self._bound([bucket.per_day for bucket in self._buckets], proofs, settlements)

    @property
    def _between_settlements_s(self) -> int:
        """Least time between two settlements of the same capital."""
        return max(self.least_interval_s, self.order_delay_s, 1)

    @property
    def _buckets(self) -> tuple[BucketRate, BucketRate, BucketRate]:
        return self.gain_ppb, self.loss_ppb, self.turnover_ppm

    def _bound(self, amounts: list[int], proofs: int, settlements: int) -> OperatorBound:
        gain_ppb, loss_ppb, turnover_ppm = amounts
        traded_ppm = min(turnover_ppm, proofs * self.max_turnover_bps * (PPM // BPS))
        misvalued_ppb = _ceil_div(self.max_leverage_bps * self.price_lag_ppm * _PPB_PER_PPM, BPS)
        return OperatorBound(
            cost_ppb=loss_ppb,
            trading_ppb=_ceil_div(traded_ppm * self.price_lag_ppm * _PPB_PER_PPM, PPM),
            gains_ppb=gain_ppb,
            own_orders_ppb=settlements * max(misvalued_ppb - self.order_levy_ppm * _PPB_PER_PPM, 0),
        )


def _ceil_div(x: int, y: int) -> int:
    return -(-x // y)
