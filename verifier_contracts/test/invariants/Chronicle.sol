// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRebalanceHub} from "../../src/interfaces/IRebalanceHub.sol";
import {Base} from "../Base.sol";

/// @title What somebody knows of a vault who was told of every call that the hub took
/// @notice Written from `docs/states.md` and from nothing else: the rules once more, in other words and with none of the
/// contracts' code. It says the state that the hub must show, and for each call the error that must refuse it (0: none).
abstract contract Chronicle is Base {
    // Mandates of the model. TIGHT tightens BASE, LOOSE has another proof age, and FEEDS is BASE with another feed in one slot.
    uint256 internal constant LOOSE = 0;
    uint256 internal constant BASE = 1;
    uint256 internal constant TIGHT = 2;
    uint256 internal constant FEEDS = 3;
    uint256 internal constant MANDATES = 4;

    uint256 internal constant DAY = 86_400;
    uint256 internal constant WEEK = 7 * DAY;

    struct Wait {
        bool made;
        uint256 what;
        address who;
        uint256 from;
        bool repair;
    }

    struct Loss {
        bool announced;
        uint256 steps;
        uint256 usableFrom;
        uint256 lapsesAt;
        uint256 nextFrom;
        uint256 alonePpm;
        uint256 aloneAt;
        uint256 last;
    }

    struct Model {
        bytes32 id;
        address opener;
        address operator;
        address guardian;
        uint256 looseningDelay;
        uint256 mandate;
        uint256 version;
        /// Of the last move that did not only tighten.
        uint256 loosened;
        Wait proposal;
        Wait offer;
        Loss loss;
        bool pausedSinceProof;
        uint256 pausedUntil;
        bool woundDown;
        bool ordersWait;
        int256 flow;
        // --- what only a rebalance moves ---
        uint256 commitment;
        uint256 sequence;
        uint256 navFloor;
        uint256 snapshotTime;
        /// Rounds count from after this time on; 0: any.
        uint256 roundsAfter;
        uint256[3] levels;
        // --- for the bound over time ---
        uint256[3] used;
        uint256 firstRound;
    }

    IRebalanceHub.Mandate[] internal mandates;

    /// The compiler takes `block.timestamp` for the same throughout a call, whatever warps in between.
    function clock() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    function age(Model storage m) internal view returns (uint256) {
        return mandates[m.mandate].maxProofAge;
    }

    // --- states ---

    function statusOf(Model storage m) internal view returns (IRebalanceHub.Status) {
        if (m.woundDown) return IRebalanceHub.Status.WindDown;
        if (m.pausedSinceProof && clock() <= m.pausedUntil) return IRebalanceHub.Status.Paused;
        if (clock() - m.snapshotTime > age(m)) return IRebalanceHub.Status.Stale;
        return IRebalanceHub.Status.Active;
    }

    function isActive(Model storage m) internal view returns (bool) {
        return statusOf(m) == IRebalanceHub.Status.Active;
    }

    function lossOpen(Model storage m) internal view returns (bool) {
        return m.loss.announced && clock() < m.loss.lapsesAt;
    }

    function bucket(uint256 mandate, uint256 which) internal view returns (IRebalanceHub.Bucket memory) {
        IRebalanceHub.Mandate storage terms = mandates[mandate];
        return which == 0 ? terms.gain : which == 1 ? terms.loss : terms.turnover;
    }

    /// min(cap, level + ⌊rate · (t − snapshot) / 1 day⌋)
    function levelAt(Model storage m, uint256 which, uint256 time) internal view returns (uint256) {
        IRebalanceHub.Bucket memory b = bucket(m.mandate, which);
        uint256 level = m.levels[which] + uint256(b.ratePerDay) * (time - m.snapshotTime) / DAY;
        return level > b.cap ? b.cap : level;
    }

    // --- why a call must be refused ---

    /// The wrong status, if it is one for this call.
    function unless(bool fine) internal pure returns (bytes4) {
        return fine ? bytes4(0) : IRebalanceHub.WrongStatus.selector;
    }

    function whyNoRound(Model storage m, bytes32 feedSet, uint256 time) internal view returns (bytes4) {
        IRebalanceHub.Mandate storage terms = mandates[m.mandate];
        if (feedSet != terms.feedSet) return IRebalanceHub.WrongFeedSet.selector;
        if (clock() - time > terms.grace) return IRebalanceHub.RoundTooOld.selector;
        IRebalanceHub.Status now_ = statusOf(m);
        if (now_ == IRebalanceHub.Status.WindDown || now_ == IRebalanceHub.Status.Paused) return unless(false);
        if (lossOpen(m) && clock() < m.loss.usableFrom) return IRebalanceHub.WriteDownWaits.selector;
        if (m.roundsAfter != 0 && time <= m.roundsAfter) return IRebalanceHub.RoundBeforeLast.selector;
        if (time < m.snapshotTime) return IRebalanceHub.RoundBeforeLast.selector;
        if (m.sequence != 0 && time < m.snapshotTime + terms.minInterval) return IRebalanceHub.RoundTooEarly.selector;
        return 0;
    }

    function whyNotNamed(Model storage m, uint256[3] memory named, uint256 steps, uint256 time)
        internal
        view
        returns (bytes4)
    {
        if (steps != (lossOpen(m) ? m.loss.steps : 0)) return IRebalanceHub.WriteDownMismatch.selector;
        if (m.sequence == 0 && named[0] + named[1] != 0) return IRebalanceHub.AllowanceTooLarge.selector;
        for (uint256 i; i < 3; ++i) {
            if (named[i] > levelAt(m, i, time)) return IRebalanceHub.AllowanceTooLarge.selector;
            if (named[i] != 0 && named[i] % bucket(m.mandate, i).step != 0) {
                return IRebalanceHub.AllowanceNotInSteps.selector;
            }
        }
        return 0;
    }

    function inWindow(uint256 from) internal view returns (bytes4) {
        if (clock() < from) return IRebalanceHub.TooEarly.selector;
        return clock() < from + WEEK ? bytes4(0) : IRebalanceHub.TooLate.selector;
    }

    function tightens(uint256 from, uint256 to) internal pure returns (bool) {
        return from == to || (from == BASE && to == TIGHT);
    }

    // --- what a taken call does ---

    function rebalanced(Model storage m, uint256 commitment, uint256 navFloor, uint256[3] memory named, uint256 time)
        internal
    {
        for (uint256 i; i < 3; ++i) {
            m.levels[i] = levelAt(m, i, time) - named[i];
            m.used[i] += named[i];
        }
        if (m.sequence == 0) m.firstRound = time;
        m.sequence += 1;
        if (lossOpen(m)) (m.loss.last, m.loss.nextFrom) = (m.sequence, 0);
        m.loss.announced = m.pausedSinceProof = false;
        (m.commitment, m.navFloor, m.snapshotTime) = (commitment, navFloor, time);
        (m.flow, m.roundsAfter) = (0, 0);
    }

    /// No move makes a vault stale.
    function whyNotMoved(Model storage m, uint256 to) internal view returns (bytes4) {
        return unless(!isActive(m) || clock() - m.snapshotTime <= mandates[to].maxProofAge);
    }

    function moved(Model storage m, uint256 to, bool tightens_) internal {
        if (mandates[m.mandate].feedSet != mandates[to].feedSet) m.roundsAfter = clock();
        m.mandate = to;
        m.version += 1;
        if (!tightens_) m.loosened = m.version;
        m.proposal.made = false;
        for (uint256 i; i < 3; ++i) {
            uint256 cap = bucket(to, i).cap;
            if (m.levels[i] > cap) m.levels[i] = cap;
        }
    }

    function announced(Model storage m, uint256 steps) internal {
        Loss storage loss = m.loss;
        uint256 half = age(m) / 2;
        uint256 most = mandates[m.mandate].writeDownPpm;
        uint256 faded = most * (clock() - loss.aloneAt) / (30 * DAY);
        uint256 before = loss.alonePpm > faded ? loss.alonePpm - faded : 0;
        bool alone = m.navFloor != 0 && before + (steps * 1e6 + m.navFloor - 1) / m.navFloor <= most;
        if (alone) (loss.alonePpm, loss.aloneAt) = (before + (steps * 1e6 + m.navFloor - 1) / m.navFloor, clock());
        (loss.announced, loss.steps) = (true, steps);
        loss.usableFrom = alone ? clock() : clock() + half;
        loss.lapsesAt = loss.usableFrom + half;
        loss.nextFrom = loss.lapsesAt + half;
    }

    function approved(Model storage m) internal {
        if (clock() >= m.loss.usableFrom) return;
        uint256 half = age(m) / 2;
        m.loss.usableFrom = clock();
        m.loss.lapsesAt = clock() + half;
        m.loss.nextFrom = m.loss.lapsesAt + half;
    }
}
