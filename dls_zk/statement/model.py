"""The exact-integer types that everything past the input files works on.

``files.py`` makes them from what a person writes. Quantities, trades and salts are secret: the types that
hold them show no content when printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .allowances import Allowances
from .buckets import Buckets
from .circuits import RECONCILIATION, Circuit, of_size
from .constants import BPS, SIZES, Size
from .context import Context
from .field import require_canonical
from .policy_fields import global_layout, slot_layout


@dataclass(frozen=True)
class SlotPolicy:
    """What the policy says of one slot. The null instrument, which pads unused slots, is ``SlotPolicy.null(F)``.

    Weights in basis points (10000 = 1.0); bit widths in ``policy_fields.slot_fields``.

    funded: True for spot, deposits and loans; False for derivatives marked to market.
    haircut_bps: collateral factor of a long. liability_bps: factor of a short in a funded slot.
    cap_bps: largest |value| as a share of NAV. venue: index of the venue. gross_bps: weight in gross leverage.
    liquid_bps: share that counts as liquid. impermanent_loss_bps: loss at the policy's reference move.
    depth_bps: trading volume that a unit of this position supports. residual_bps: volatility that no factor explains.
    loading_bps: F signed factor loadings.
    """

    instrument: str
    funded: bool
    haircut_bps: int
    liability_bps: int
    cap_bps: int
    venue: int
    gross_bps: int
    liquid_bps: int
    impermanent_loss_bps: int
    depth_bps: int
    residual_bps: int
    loading_bps: tuple[int, ...]

    @property
    def counts_in_full(self) -> bool:
        """Whether it is a derivative whose long is collateral as it stands, and so a loss below zero as well."""
        return not self.funded and self.haircut_bps == BPS

    @classmethod
    def null(cls, factors: int) -> SlotPolicy:
        """The instrument of an unused slot: cap zero, so it can hold nothing."""
        return cls("", False, 0, 0, 0, 0, 0, 0, 0, 0, 0, (0,) * factors)


@dataclass(frozen=True)
class Policy:
    """What a vault may do: public, in basis points unless the name says otherwise.

    max_turnover_bps, max_leverage_bps, max_impermanent_loss_bps, max_var_bps, venue_cap_bps (V), factor_limit_bps (F),
    max_stress_loss_bps (S), min_reserve_bps: shares of NAV. min_collateral_ratio_bps, stress_collateral_ratio_bps:
    collateral over debt. min_capital_efficiency_bps: depth over funded longs. var_quantile_bps: the normal quantile z.
    slippage_bps: share of turnover that a rebalance may cost. nav_step_usd: whole dollars.
    factor_names, venue_names, scenario_names: for messages only; the statement knows them by their place. name: what people
    call the policy.
    factor_volatility_bps (F): standard deviation over the horizon of the value at risk. shock_bps (S×F): signed moves.
    """

    size: Size
    slots: tuple[SlotPolicy, ...]
    max_turnover_bps: int
    max_leverage_bps: int
    min_collateral_ratio_bps: int
    stress_collateral_ratio_bps: int
    min_reserve_bps: int
    max_impermanent_loss_bps: int
    min_capital_efficiency_bps: int
    max_var_bps: int
    var_quantile_bps: int
    slippage_bps: int
    nav_step_usd: int
    venue_cap_bps: tuple[int, ...]
    factor_limit_bps: tuple[int, ...]
    factor_volatility_bps: tuple[int, ...]
    max_stress_loss_bps: tuple[int, ...]
    shock_bps: tuple[tuple[int, ...], ...]
    factor_names: tuple[str, ...] = ()
    venue_names: tuple[str, ...] = ()
    scenario_names: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        """Every field is inside the room that the packed word gives it; ValueError names the first that is not."""
        size = self.size
        shapes = {
            "slots": (len(self.slots), size.slots),
            "venue_cap_bps": (len(self.venue_cap_bps), size.venues),
            "factor_limit_bps": (len(self.factor_limit_bps), size.factors),
            "factor_volatility_bps": (len(self.factor_volatility_bps), size.factors),
            "max_stress_loss_bps": (len(self.max_stress_loss_bps), size.scenarios),
            "shock_bps": (len(self.shock_bps), size.scenarios),
        }
        shapes |= {f"slots[{i}].loading_bps": (len(s.loading_bps), size.factors) for i, s in enumerate(self.slots)}
        shapes |= {f"shock_bps[{s}]": (len(row), size.factors) for s, row in enumerate(self.shock_bps)}
        for name, (length, expected) in shapes.items():
            if length != expected:
                raise ValueError(f"{name} has {length} entries; size {size.slots} takes {expected}")
        for i, slot in enumerate(self.slots):
            for path in slot_layout(size):
                path.require(path.value(slot), f"slots[{i}].")
        for path in global_layout(size):
            path.require(path.value(self))
        for i, slot in enumerate(self.slots):
            for s, shocks in enumerate(self.shock_bps):
                move = sum(shock * loading for shock, loading in zip(shocks, slot.loading_bps, strict=True))
                if move < -BPS * BPS and not slot.counts_in_full:
                    raise ValueError(
                        f"scenario {s} takes slots[{i}] below zero (shocks times loadings under −100%): only a derivative "
                        "with a haircut factor of 100% may go there"
                    )

    def name_of(self, kind: str, index: int) -> str:
        """Name of a factor, venue or scenario (``kind``), or its place if it has none."""
        names = getattr(self, f"{kind}_names")
        return names[index] if index < len(names) else f"{kind} {index}"

    def slot_values(self, i: int) -> list[int]:
        """Values of slot i's fields in packing order (``policy_fields.slot_layout``)."""
        return [path.value(self.slots[i]) for path in slot_layout(self.size)]

    def global_values(self) -> list[int]:
        """Values of the other fields in packing order (``policy_fields.global_layout``)."""
        return [path.value(self) for path in global_layout(self.size)]


class Secret:
    """Mixin: printing shows the type and nothing else."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: secret>"

    __str__ = __repr__


@dataclass(frozen=True, repr=False)
class Opening(Secret):
    """What opens a commitment: N signed quantities (1e-6 of the instrument) and the salt (a field element).

    Lose it and the vault can never move again; show it and the book is public.
    """

    quantities_e6: tuple[int, ...]
    salt: int

    def __post_init__(self) -> None:
        if len(self.quantities_e6) not in SIZES:
            raise ValueError(f"an opening has {', '.join(map(str, SIZES))} quantities, not {len(self.quantities_e6)}")
        require_canonical(self.salt, "salt")

    @classmethod
    def empty(cls, size: Size) -> Opening:
        """The public opening of the empty book, from which every vault starts: all zeros with salt 0."""
        return cls((0,) * size.slots, 0)


@dataclass(frozen=True, repr=False)
class KeptOpening(Secret):
    """An opening as it is kept, with what tells it from others.

    commitment: what it opens. instruments: the name of each slot, "" for an unused one. chain_id, hub, vault_id, sequence:
    of the rebalance that leads to it, as in ``Context``. created_s: when it was written, in Unix seconds.
    """

    opening: Opening
    commitment: int
    instruments: tuple[str, ...]
    chain_id: int
    hub: str
    vault_id: bytes
    sequence: int
    created_s: int

    @classmethod
    def at(
        cls, context: Context, opening: Opening, commitment: int, instruments: tuple[str, ...], created_s: int
    ) -> KeptOpening:
        """The opening to which the rebalance of this context leads."""
        where = (context.chain_id, context.hub, context.vault_id, context.sequence)
        return cls(opening, commitment, instruments, *where, created_s)


@dataclass(frozen=True)
class Round:
    """Which price snapshot: chain_id (EIP-155), oracle (address as in ``Context``), number (as the oracle counts)."""

    chain_id: int
    oracle: str
    number: int


@dataclass(frozen=True)
class Prices:
    """N prices in USD 1e-8, 0 ≤ p < 2^48; a slot without a price has 0. round: the snapshot they are from, if known."""

    usd_e8: tuple[int, ...]
    round: Round | None = None


@dataclass(frozen=True)
class Terms:
    """The public terms of one rebalance.

    flow_e6: signed quantity of slot 0 that came from (positive) or went to (negative) the share holders.
    allowances: what it may use of the vault's buckets. context_hash: field element.
    context: the preimage of that hash, if known; the hash alone enters the statement.
    buckets: the vault's, if the terms are fresh from the chain: then ``allowances`` are what the buckets hold, of which the
    rebalance is still to name what it uses.
    commitment_before, policy_hash, oracle: the vault's commitment, its policy and its hub's price oracle when the terms were
    taken, if known: they enter no statement, and tell early that an opening, a policy or prices belong to other terms.
    """

    flow_e6: int
    allowances: Allowances
    context_hash: int
    context: Context | None = None
    commitment_before: int | None = None
    oracle: str | None = None
    policy_hash: int | None = None
    buckets: Buckets | None = None

    @classmethod
    def at(
        cls,
        context: Context,
        flow_e6: int,
        allowances: Allowances,
        commitment_before: int | None = None,
        oracle: str | None = None,
        policy_hash: int | None = None,
        buckets: Buckets | None = None,
    ) -> Terms:
        """The terms of a rebalance in this context."""
        known = (commitment_before, oracle, policy_hash, buckets)
        return cls(flow_e6, allowances, context.to_field(), context, *known)

    def known_context(self) -> Context:
        """The context; ValueError if only its hash is known."""
        if self.context is None:
            raise ValueError("of the context only its hash is known")
        return self.context


@dataclass(frozen=True, repr=False)
class Rebalance(Secret):
    """All inputs of the statement: public policy, prices and terms; secret openings before and after."""

    policy: Policy
    prices: Prices
    terms: Terms
    before: Opening
    after: Opening

    @property
    def size(self) -> Size:
        return self.policy.size

    @property
    def circuit(self) -> Circuit:
        """The circuit that proves it."""
        return of_size(self.size.slots)


@dataclass(frozen=True, repr=False)
class Reconciliation(Secret):
    """All inputs of a reconciliation: public venues, prices and tolerance; secret book and attestations.

    venues: the index of each slot's venue. tolerance_ppm: of NAV. book: what opens the vault's commitment. attested: for
    each venue of the size what opens its attestor's commitment, with zeros in the slots of other venues; of a venue that
    nobody attests, ``Opening.empty``. venue_names: for messages only. ValueError if a length is not the size's.
    """

    size: Size
    venues: tuple[int, ...]
    prices: Prices
    tolerance_ppm: int
    book: Opening
    attested: tuple[Opening, ...]
    venue_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        slots = {"venues": self.venues, "prices": self.prices.usd_e8, "quantities of the book": self.book.quantities_e6}
        slots |= {f"quantities attested of venue {k}": opening.quantities_e6 for k, opening in enumerate(self.attested)}
        for name, values in slots.items():
            if len(values) != self.size.slots:
                raise ValueError(f"{len(values)} {name}; size {self.size.slots} takes as many as slots")
        if len(self.attested) != self.size.venues:
            raise ValueError(f"{len(self.attested)} attestations; size {self.size.slots} takes {self.size.venues}")

    @classmethod
    def of(
        cls, policy: Policy, prices: Prices, tolerance_ppm: int, book: Opening, attested: Mapping[int, Opening]
    ) -> Reconciliation:
        """The reconciliation of a vault with this policy. attested: the opening of each venue that is attested, by index."""
        venues = tuple(slot.venue for slot in policy.slots)
        openings = tuple(attested.get(k, Opening.empty(policy.size)) for k in range(policy.size.venues))
        names = tuple(policy.name_of("venue", k) for k in range(policy.size.venues))
        return cls(policy.size, venues, prices, tolerance_ppm, book, openings, names)

    @property
    def attested_e6(self) -> tuple[int, ...]:
        """What is attested of each slot by its own venue, in 1e-6 of the instrument: the vector a of the statement."""
        return tuple(self.attested[venue].quantities_e6[i] for i, venue in enumerate(self.venues))

    @property
    def circuit(self) -> Circuit:
        """The circuit that proves it."""
        return of_size(self.size.slots, RECONCILIATION)

    def venue_name(self, k: int) -> str:
        """The name of a venue, or its index if it has none."""
        return self.venue_names[k] if k < len(self.venue_names) else f"venue {k}"
