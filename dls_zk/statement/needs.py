"""Which allowances a rebalance needs, and which its policy alone would leave it."""

from __future__ import annotations

from .allowances import Allowances
from .constants import ALLOWANCE_BITS, BPS, PPB, PPM, USD_E14
from .model import Policy, Rebalance
from .relation import nav

#: The highest value of each allowance.
HIGHEST = (1 << ALLOWANCE_BITS) - 1


def least_allowances(rebalance: Rebalance) -> Allowances:
    """The smallest gain, loss and turnover that this rebalance needs beside the write-down of its terms, which stays.

    Rounded up, in the units of ``Allowances``; a hub may ask for coarser steps. Where no value is enough (a gain or a cost
    of a book that is worth nothing), the highest: the rebalance is refused with it too.
    """
    prices, terms, policy = rebalance.prices.usd_e8, rebalance.terms, rebalance.policy
    trades = [
        after - before for after, before in zip(rebalance.after.quantities_e6, rebalance.before.quantities_e6, strict=True)
    ]
    values_e14 = [trade * price for trade, price in zip(trades, prices, strict=True)]
    turnover_e14 = sum(map(abs, values_e14[1:]))
    cost_e14 = terms.flow_e6 * prices[0] - sum(values_e14)
    written_down_e14 = terms.allowances.write_down_steps * policy.nav_step_usd * USD_E14
    # In 1e-4 of a value unit, for the slippage is in basis points.
    unexplained_e18 = BPS * (cost_e14 - written_down_e14) - policy.slippage_bps * turnover_e14
    nav_e14 = nav(rebalance)
    nav_before_outflow_e14 = nav_e14 + max(-terms.flow_e6, 0) * prices[0]
    return Allowances(
        gain_ppb=_share_up(max(-BPS * cost_e14, unexplained_e18), BPS * nav_e14, PPB),
        loss_ppb=_share_up(cost_e14 - written_down_e14, nav_before_outflow_e14, PPB),
        turnover_ppm=_share_up(turnover_e14, nav_before_outflow_e14, PPM),
        write_down_steps=terms.allowances.write_down_steps,
    )


def policy_allowances(policy: Policy, gain_ppb: int = 0, write_down_steps: int = 0) -> Allowances:
    """What the policy alone leaves a rebalance: any loss that the slippage allows, and its largest turnover."""
    return Allowances(gain_ppb, HIGHEST, policy.max_turnover_bps * (PPM // BPS), write_down_steps)


def _share_up(part: int, whole: int, scale: int) -> int:
    """part/whole in units of 1/scale, rounded up, from 0 to HIGHEST."""
    if part <= 0:
        return 0
    return min(-(-part * scale // whole), HIGHEST) if whole > 0 else HIGHEST
