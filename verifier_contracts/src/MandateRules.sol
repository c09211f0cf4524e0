// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {AllowancesWord} from "./libraries/Allowances.sol";
import {Signals} from "./libraries/Signals.sol";

/// What a move from one mandate to another does.
enum Move {
    Loosens,
    Tightens,
    Repairs
}

/// @title What a mandate must be, and which moves from one to another tighten or repair
/// @notice `docs/states.md` has the table. The hub makes this contract when it is made, so that its own code has room; nothing
/// is stored here, and nobody else needs it.
contract MandateRules {
    uint256 private constant LEAST_PROOF_AGE = 1 hours;
    uint256 private constant MOST_PROOF_AGE = 30 days;
    uint256 private constant MOST_REDEMPTION_PERIOD = 90 days;
    uint256 private constant MOST_ORDER_LEVY_PPM = 20_000;
    uint256 private constant MOST_MANAGEMENT_FEE_PPM = 50_000;
    uint256 private constant MOST_PERFORMANCE_FEE_PPM = 500_000;

    IPriceOracle private immutable oracle;
    IPolicyRegistry private immutable policyRegistry;

    constructor(IPriceOracle oracle_, IPolicyRegistry policyRegistry_) {
        (oracle, policyRegistry) = (oracle_, policyRegistry_);
    }

    // --- what a mandate must be ---

    /// @notice Revert unless policy, feeds, key and terms fit together.
    function requireSound(IRebalanceHub.Mandate calldata m, uint8 keySlots) external view {
        (uint8 slots,, uint32 named, uint32 exposed) = policyRegistry.outline(m.policyHash);
        (uint8 feedSetSlots, uint32 priced) = oracle.pricedSlots(m.feedSet);
        require(slots == keySlots && slots == feedSetSlots, IRebalanceHub.SizeMismatch(slots, keySlots, feedSetSlots));
        require(named == priced, IRebalanceHub.FeedsDoNotFit(named, priced));
        _requireClocks(m, oracle.longestHeartbeat(m.feedSet, exposed));
        _requireBuckets(m);
        _requireWithin("writeDownPpm", m.writeDownPpm, 0, Signals.PPM);
        _requireWithin("share.orderLevyPpm", m.share.orderLevyPpm, 0, MOST_ORDER_LEVY_PPM);
        _requireWithin("share.managementFeePpm", m.share.managementFeePpm, 0, MOST_MANAGEMENT_FEE_PPM);
        _requireWithin("share.performanceFeePpm", m.share.performanceFeePpm, 0, MOST_PERFORMANCE_FEE_PPM);
    }

    /// @dev A clock that another one depends on is compared with it here. `maxProofAge` is at most 30 days, so that the public
    /// can wind down a dead vault within two months. A rebalance must fit into a quarter of it, and three intervals into all of
    /// it. An order must not be priced by an answer of before it, so it waits the longest heartbeat. A redemption whose round is
    /// taken at once meets a proof before it is overdue, and any one does before twice that, while the vault is never stale: a
    /// round follows within `maxProofAge`, and a proof that is `orderDelay` younger within another.
    function _requireClocks(IRebalanceHub.Mandate calldata m, uint32 longestHeartbeat) private pure {
        IRebalanceHub.ShareTerms calldata share = m.share;
        uint256 age = m.maxProofAge;
        _requireWithin("maxProofAge", age, LEAST_PROOF_AGE, MOST_PROOF_AGE);
        _requireWithin("grace", m.grace, 1, age / 4);
        _requireWithin("minInterval", m.minInterval, 0, (age - 1) / 3);
        _requireWithin("share.orderDelay", share.orderDelay, longestHeartbeat, age);
        _requireWithin("share.redemptionPeriod", share.redemptionPeriod, age + share.orderDelay, MOST_REDEMPTION_PERIOD);
        _requireWithin("share.bandWait", share.bandWait, 0, age);
    }

    /// @dev With a gain of the whole NAV, or more, value conservation would bound no gain. A level has 30 bits.
    function _requireBuckets(IRebalanceHub.Mandate calldata m) private pure {
        _requireWithin("gain.cap", m.gain.cap, 0, Signals.PPB - 1);
        _requireWithin("loss.cap", m.loss.cap, 0, Signals.PPB - 1);
        _requireWithin("turnover.cap", m.turnover.cap, 0, AllowancesWord.FIELD_BOUND - 1);
        _requireStep("gain.step", m.gain);
        _requireStep("loss.step", m.loss);
        _requireStep("turnover.step", m.turnover);
    }

    function _requireStep(bytes32 term, IRebalanceHub.Bucket calldata bucket) private pure {
        _requireWithin(term, bucket.step, bucket.cap == 0 ? 0 : 1, bucket.cap);
    }

    /// @param term its name, at most 32 characters: a string only once it is out of range.
    function _requireWithin(bytes32 term, uint256 value, uint256 least, uint256 most) private pure {
        if (least <= value && value <= most) return;
        uint256 length;
        while (length < 32 && term[length] != 0) ++length;
        bytes memory name = abi.encodePacked(term);
        assembly ("memory-safe") {
            mstore(name, length)
        }
        revert IRebalanceHub.TermOutOfRange(string(name), value, least, most);
    }

    // --- from one to another ---

    /// @notice How a vault that obeys `from` may move to `to`. Reverts with an error of `IPolicyRegistry` for a move that no vault
    /// may ever make.
    function compare(IRebalanceHub.Mandate calldata from, IRebalanceHub.Mandate calldata to)
        external
        view
        returns (Move)
    {
        if (policyRegistry.tightens(from.policyHash, to.policyHash) && _tightens(from, to)) return Move.Tightens;
        return _isRepair(from, to) ? Move.Repairs : Move.Loosens;
    }

    /// @dev Whether no limit but those of the policy is looser in `to`. The proof age stays the same: the deposits of a stale vault
    /// come back, and an operator that shortens the age at once would choose when.
    function _tightens(IRebalanceHub.Mandate calldata from, IRebalanceHub.Mandate calldata to)
        private
        pure
        returns (bool)
    {
        return to.feedSet == from.feedSet && to.key == from.key && to.grace <= from.grace
            && to.minInterval >= from.minInterval && to.maxProofAge == from.maxProofAge
            && to.writeDownPpm <= from.writeDownPpm && _tightens(from.gain, to.gain) && _tightens(from.loss, to.loss)
            && _tightens(from.turnover, to.turnover) && _tightens(from.share, to.share);
    }

    function _tightens(IRebalanceHub.Bucket calldata from, IRebalanceHub.Bucket calldata to)
        private
        pure
        returns (bool)
    {
        return to.ratePerDay <= from.ratePerDay && to.cap <= from.cap && to.step == from.step;
    }

    /// @dev Terms that favour some holders and burden others stay the same.
    function _tightens(IRebalanceHub.ShareTerms calldata from, IRebalanceHub.ShareTerms calldata to)
        private
        pure
        returns (bool)
    {
        return to.orderDelay == from.orderDelay && to.redemptionPeriod <= from.redemptionPeriod
            && to.leastOrderE6 == from.leastOrderE6 && to.depositCapE6 <= from.depositCapE6
            && to.orderLevyPpm == from.orderLevyPpm && to.managementFeePpm <= from.managementFeePpm
            && to.performanceFeePpm <= from.performanceFeePpm && to.bandPpmPerDay == from.bandPpmPerDay
            && to.bandWait == from.bandWait;
    }

    /// @dev Whether the two differ in the feed set alone, and there in feeds that are dead now.
    function _isRepair(IRebalanceHub.Mandate calldata from, IRebalanceHub.Mandate calldata to)
        private
        view
        returns (bool)
    {
        IRebalanceHub.Mandate memory patched = to;
        patched.feedSet = from.feedSet;
        return keccak256(abi.encode(patched)) == keccak256(abi.encode(from))
            && oracle.isRepair(from.feedSet, to.feedSet, uint40(block.timestamp));
    }
}
