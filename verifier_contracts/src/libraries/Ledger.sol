// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {Ends, Entry, Fill, OrderBook, Progress} from "./Orders.sol";

/// What a share token never changes.
struct Setting {
    IRebalanceHub hub;
    IPriceOracle oracle;
    bytes32 vaultId;
    /// Smallest units of the asset in a millionth of it.
    uint256 unit;
    /// NAV step in USD 1e-14, below 2^71. The registry lets no later policy of a vault change it.
    uint256 navStepE14;
}

/// What the token has seen and settled.
struct State {
    /// The last proof settled, and the time of its prices.
    uint24 sequence;
    uint32 settledAt;
    /// Ids up to these have met a settlement: redemptions and deposits.
    uint32 cutoff;
    uint32 depositCutoff;
    /// The last id given.
    uint32 lastId;
    /// Cutoffs are later rounds than this one, the last of the feed set when the token followed the vault to it.
    uint32 roundsFrom;
    /// Time of the prices of the last proof seen: settled, or last before orders waited.
    uint32 seen;
    /// The last proof with a write-down that was seen, as `seen`.
    uint24 writeDownSeen;
    /// Whether the operator ever drew. Before that the book is worth exactly nothing, proven or not.
    bool drawn;
    /// Whether the hub was told that orders wait.
    bool waiting;
}

/// The terms of the mandate that the token needs.
struct Terms {
    bytes32 feedSet;
    /// The version of the vault's mandate that they are from; 0 at first.
    uint32 mandateVersion;
    uint32 orderDelay;
    uint32 redemptionPeriod;
    uint32 maxProofAge;
    uint64 leastOrderE6;
    uint64 depositCapE6;
    /// The lower rates of a moved mandate and the one before, until a settlement.
    uint24 managementFeePpm;
    uint24 performanceFeePpm;
    /// The mandate's own.
    uint24 nextManagementFeePpm;
    uint24 nextPerformanceFeePpm;
    uint24 bandPpmPerDay;
    uint32 bandWait;
    uint32 grace;
}

/// Prices of a share, as in the high-water mark, and the times of their proofs.
struct Band {
    /// The settled price that bounds the next.
    uint256 anchor;
    /// A price out of the band, which waits; 0 if none does.
    uint256 waiting;
    uint40 anchorTime;
    uint40 waitingTime;
    /// The proof whose price the guardian released.
    uint24 released;
}

struct Accounts {
    /// Assets of deposits, and shares of redemptions, that wait.
    uint128 pendingDeposits;
    uint128 pendingShares;
    /// Assets that belong to all holders, and assets of claims.
    uint128 booked;
    uint128 setAside;
    /// The last settled price.
    uint128 settledAssets;
    uint128 settledSupply;
    uint128 uncollectedFees;
}

struct Contribution {
    /// Not booked yet.
    uint128 locked;
    /// Booked up to this time; the last of it at `until`.
    uint40 from;
    uint40 until;
}

/// Cancelled and not taken back, under one id of one controller.
struct Cancelled {
    uint128 assets;
    uint128 shares;
}

/// All that a share token stores beside the balances.
struct Ledger {
    State state;
    Terms terms;
    Accounts accounts;
    Contribution contribution;
    /// Highest settled price after fees: assets for `Settlement.MARK_SHARES` shares.
    uint256 highWaterMark;
    Band band;
    OrderBook deposits;
    Entry[] entries;
    OrderBook redemptions;
    Fill[] fills;
    mapping(address controller => Ends) ends;
    mapping(address controller => mapping(uint256 id => Progress)) progress;
    mapping(address controller => mapping(uint256 id => Cancelled)) cancelled;
}

// Share units per asset unit at the first deposit. With as many virtual shares, a donation that inflates the price costs the
// donor about a million times the next depositor's rounding loss.
uint256 constant VIRTUAL_SHARES = 1e6;

// No settlement lets the supply grow to this.
uint256 constant SUPPLY_BOUND = 2 ** 120;
