// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IRebalanceHub} from "../interfaces/IRebalanceHub.sol";
import {IShareToken} from "../interfaces/IShareToken.sol";
import {Band, Contribution, Ledger, Setting, State, Terms, SUPPLY_BOUND, VIRTUAL_SHARES} from "./Ledger.sol";
import {Entry, Fill, OrderBook, Orders, Progress, Side} from "./Orders.sol";
import {Prices} from "./Prices.sol";

/// @title Orders, their settlement by the last proof, and what the shares are worth
/// @notice A library of its own, which the token calls, because one contract has no room for both (EIP-170). It moves no
/// shares and no assets: it says what the token is to mint and to burn.
library Settlement {
    using Math for uint256;
    using Orders for Fill[];
    using Orders for OrderBook;

    /// Orders settle while one NAV step is at most one percent of what the shares are worth.
    uint256 private constant LEAST_NAV_STEPS = 100;
    /// Orders settle while a share is worth at least a millionth of its first price.
    uint256 private constant MOST_DILUTION = 1e6;
    uint256 private constant PPM = 1e6;
    /// The high-water mark is the assets for so many shares.
    uint256 private constant MARK_SHARES = 2 ** 96;

    // --- requests ---

    /// @notice Record a deposit whose assets the token has.
    function requestDeposit(
        Ledger storage self,
        Setting memory setting,
        uint256 assets,
        address controller,
        uint256 supply
    ) external returns (uint32 id) {
        (IRebalanceHub.Status status, State memory s) = _atRequest(self, setting);
        require(status == IRebalanceHub.Status.Active, IShareToken.WrongStatus(status));
        _addToWaiting(self, setting, assets, supply);
        _requireNotOverdue(self);
        id = nextId(self, setting, s);
        self.deposits.place(self.ends[controller], Side.Deposits, controller, id, uint128(assets));
        _await(self, setting, s, id);
    }

    /// @dev Counts a deposit that waits, if it is neither too small nor too large.
    function _addToWaiting(Ledger storage self, Setting memory setting, uint256 assets, uint256 supply) private {
        uint256 least = self.terms.leastOrderE6 * setting.unit;
        require(assets != 0 && assets >= least, IShareToken.OrderTooSmall(assets, least));
        uint256 waiting = self.accounts.pendingDeposits + assets;
        uint256 most = (self.terms.depositCapE6 * setting.unit).saturatingSub(toAssets(self, supply));
        require(waiting <= most, IShareToken.CapExceeded(waiting, most));
        // Below the cap, so below 2^104.
        self.accounts.pendingDeposits = uint128(waiting);
    }

    /// @notice Record a redemption of shares that the token has.
    /// @param all whether the controller owns them, and nothing beside: then they may be few. So holders can leave with all
    /// they have, and nobody fills another's list with dust.
    /// @return id the request's.
    /// @return burn whether the token is to burn them, in wind-down; else they wait.
    function requestRedeem(
        Ledger storage self,
        Setting memory setting,
        uint256 shares,
        address controller,
        bool all,
        uint256 supply
    ) external returns (uint32 id, bool burn) {
        (IRebalanceHub.Status status, State memory s) = _atRequest(self, setting);
        if (!all) {
            uint256 assets = toAssets(self, shares);
            uint256 least = self.terms.leastOrderE6 * setting.unit;
            require(assets >= least, IShareToken.OrderTooSmall(assets, least));
        }
        if (status == IRebalanceHub.Status.WindDown) {
            return (_redeemAtOnce(self, s, shares, controller, supply), true);
        }

        // No balance exceeds 128 bits.
        self.accounts.pendingShares += uint128(shares);
        id = nextId(self, setting, s);
        self.redemptions.place(self.ends[controller], Side.Redemptions, controller, id, uint128(shares));
        _await(self, setting, s, id);
    }

    /// @dev In wind-down: the part of the idle assets that is the shares' part of the supply.
    function _redeemAtOnce(Ledger storage self, State memory s, uint256 shares, address controller, uint256 supply)
        private
        returns (uint32 id)
    {
        _bookContributions(self);
        uint256 assets = shares.mulDiv(self.accounts.booked, supply);
        require(assets != 0, IShareToken.ZeroAmount());
        self.accounts.booked -= uint128(assets);
        self.accounts.setAside += uint128(assets);

        // Ids do not come near 2^32: each takes a transaction.
        id = uint32(Math.max(s.lastId, _met(s)) + 1);
        s.lastId = id;
        self.state = s;
        self.redemptions.add(self.ends[controller], Side.Redemptions, controller, id, Orders.NO_GROUP, 0);
        self.redemptions.orders[controller][id].touched = true;
        self.progress[controller][id] = Progress(0, uint128(shares), uint128(assets));
    }

    /// @dev The last id that has met a settlement.
    function _met(State memory s) private pure returns (uint256) {
        return Math.max(s.cutoff, s.depositCutoff);
    }

    /// @notice The next round of the feed set, or a later one: ids never fall, and none has met a settlement.
    function nextId(Ledger storage self, Setting memory setting, State memory s) internal view returns (uint32) {
        uint256 next = Math.max(setting.oracle.latestRound(self.terms.feedSet), _met(s)) + 1;
        // Rounds are counted in 32 bits.
        return uint32(Math.max(next, s.lastId));
    }

    /// @dev The first order that waits follows the mandate, and notes the last proof. For the others, to save gas, both stay as
    /// they are until the next proof: if the mandate loosened meanwhile, it returns them with those before.
    function _atRequest(Ledger storage self, Setting memory setting)
        private
        returns (IRebalanceHub.Status status, State memory s)
    {
        if (self.state.waiting) return (setting.hub.status(setting.vaultId), self.state);
        IRebalanceHub.VaultState memory v;
        (v, s) = _current(self, setting);
        // A time has 32 bits in the hub too, and a sequence 24.
        (s.seen, s.writeDownSeen) = (uint32(v.snapshotTimestamp), uint24(v.lastWriteDown));
        status = v.status;
    }

    /// @dev Writes the state after a request.
    function _await(Ledger storage self, Setting memory setting, State memory s, uint32 id) private {
        s.lastId = id;
        _tellWhetherOrdersWait(self, setting, s);
        self.state = s;
    }

    /// @notice The last id that is committed: that of a round that is taken, so that a proof may price its orders by one that
    /// is `orderDelay` younger.
    function committed(Ledger storage self, Setting memory setting) internal view returns (uint32) {
        return setting.oracle.latestRound(self.terms.feedSet);
    }

    // --- settlement ---

    /// @notice Follow the mandate, and settle the hub's last proof, once. Reverts for nothing that it refuses.
    /// @return status the vault's.
    /// @return minted shares to mint into escrow: for deposits and fees.
    /// @return burnt shares to burn from escrow.
    function settle(Ledger storage self, Setting memory setting, uint256 supply)
        external
        returns (IRebalanceHub.Status status, uint256 minted, uint256 burnt)
    {
        (IRebalanceHub.VaultState memory v, State memory s) = _current(self, setting);
        status = v.status;
        if (v.sequence != s.sequence && status == IRebalanceHub.Status.Active && !v.writeDownOpen && v.roundsAfter == 0)
        {
            (minted, burnt) = _settle(self, setting, v, s, supply);
        }
        _tellWhetherOrdersWait(self, setting, s);
        self.state = s;
    }

    /// @dev The state of the vault, and the token's after any move of the mandate.
    function _current(Ledger storage self, Setting memory setting)
        private
        returns (IRebalanceHub.VaultState memory v, State memory s)
    {
        v = setting.hub.vaultState(setting.vaultId);
        s = self.state;
        if (v.mandateVersion != self.terms.mandateVersion) _followMandate(self, setting, v, s);
    }

    function _followMandate(
        Ledger storage self,
        Setting memory setting,
        IRebalanceHub.VaultState memory v,
        State memory s
    ) private {
        IRebalanceHub.Mandate memory m = setting.hub.mandateOf(v.mandate);
        Terms memory old = self.terms;
        if (old.mandateVersion == 0) {
            s.seen = uint32(v.snapshotTimestamp);
            self.highWaterMark = MARK_SHARES / VIRTUAL_SHARES;
        } else {
            // A move that only tightens returns none: an operator may make one at any time, and would take deposits of its
            // own back after a look at the price.
            if (v.loosenedVersion > old.mandateVersion) {
                _returnDeposits(self, s, s.lastId, IShareToken.Returned.MandateLoosened);
            }
            // Whoever ordered until now did so before any later round of the new set.
            if (m.feedSet != old.feedSet) s.roundsFrom = setting.oracle.latestRound(m.feedSet);
        }
        self.terms = Terms({
            feedSet: m.feedSet,
            mandateVersion: v.mandateVersion,
            orderDelay: m.share.orderDelay,
            redemptionPeriod: m.share.redemptionPeriod,
            maxProofAge: m.maxProofAge,
            leastOrderE6: m.share.leastOrderE6,
            depositCapE6: m.share.depositCapE6,
            managementFeePpm: _lower(old.managementFeePpm, m.share.managementFeePpm),
            performanceFeePpm: _lower(old.performanceFeePpm, m.share.performanceFeePpm),
            nextManagementFeePpm: m.share.managementFeePpm,
            nextPerformanceFeePpm: m.share.performanceFeePpm,
            bandPpmPerDay: m.share.bandPpmPerDay,
            bandWait: m.share.bandWait,
            grace: m.grace
        });
    }

    function _lower(uint24 a, uint24 b) private pure returns (uint24) {
        return a < b ? a : b;
    }

    function _settle(
        Ledger storage self,
        Setting memory setting,
        IRebalanceHub.VaultState memory v,
        State memory s,
        uint256 supply
    ) private returns (uint256 minted, uint256 burnt) {
        _bookContributions(self);
        (uint256 bottom, uint256 top) = _worth(self, setting, v, s.drawn, self.terms.feedSet);
        // Also by a proof that was not settled: an earlier one of a batch, or one whose settlement failed.
        bool writtenDown = v.lastWriteDown == v.sequence || v.lastWriteDown != s.writeDownSeen;
        IShareToken.Returned why = _whyNothing(self, v, bottom, top, supply, writtenDown);
        bool redeemable = why == IShareToken.Returned.No;
        if (why != IShareToken.Returned.OutOfBand) {
            if (!writtenDown) minted = _fees(self, bottom, supply, v.snapshotTimestamp - s.seen);
            supply += minted;
            // Both fit: at most 2^104 of contributions, 2^127 of the book and sums of deposits of at most 2^104.
            (self.accounts.settledAssets, self.accounts.settledSupply) = (uint128(bottom), uint128(supply));
            s.settledAt = uint32(v.snapshotTimestamp);
        }
        if (writtenDown) why = IShareToken.Returned.WriteDown;
        if (block.timestamp > uint256(s.seen) + self.terms.maxProofAge) why = IShareToken.Returned.Stale;

        // The hub counts in 24 bits, and times in 32.
        (s.sequence, s.seen) = (uint24(v.sequence), uint32(v.snapshotTimestamp));
        s.writeDownSeen = uint24(v.lastWriteDown);
        s.cutoff = _cutoff(self, setting, s);
        // Without shares nobody can lose by the bottom, and at the top the first holder would give a NAV step away.
        if (supply == 0) top = bottom;
        (uint256 deposited, uint256 bought) = _settleDeposits(self, s, why, supply + VIRTUAL_SHARES, top + 1);
        uint256 paid;
        (burnt, paid) = _settleRedemptions(self, s.cutoff, redeemable, supply + VIRTUAL_SHARES, bottom + 1);
        minted += bought;
        emit IShareToken.Settled(v.sequence, s.cutoff, bottom, supply, deposited, burnt, paid);
    }

    /// @dev Why this proof settles nothing, redemptions included; else `No`.
    function _whyNothing(
        Ledger storage self,
        IRebalanceHub.VaultState memory v,
        uint256 bottom,
        uint256 top,
        uint256 supply,
        bool writtenDown
    ) private returns (IShareToken.Returned) {
        if ((bottom + 1) * VIRTUAL_SHARES * MOST_DILUTION < supply + VIRTUAL_SHARES) {
            return IShareToken.Returned.Worthless;
        }
        if (supply != 0 && (top - bottom) * LEAST_NAV_STEPS > bottom) return IShareToken.Returned.NavStepTooCoarse;
        if (self.terms.bandPpmPerDay == 0) return IShareToken.Returned.No;
        return _isInBand(self, v, _price(bottom, supply), writtenDown)
            ? IShareToken.Returned.No
            : IShareToken.Returned.OutOfBand;
    }

    /// @dev Whether a price may settle: it lies within the band of the last one, or of one that has waited long enough, or the
    /// guardian released it, or it fell and a write-down was announced: a loss says nothing of a rise. Otherwise it waits.
    function _isInBand(Ledger storage self, IRebalanceHub.VaultState memory v, uint256 price, bool writtenDown)
        private
        returns (bool)
    {
        Band memory b = self.band;
        uint256 ppm = self.terms.bandPpmPerDay;
        uint40 time = v.snapshotTimestamp;
        bool near = _isNear(price, b.anchor, ppm * (1 + (time - b.anchorTime) / 1 days));
        bool confirmed =
            b.waiting != 0 && time >= uint256(b.waitingTime) + self.terms.bandWait && _isNear(price, b.waiting, ppm);
        bool free = b.anchorTime == 0 || (writtenDown && price < b.anchor) || b.released == v.sequence;
        if (near || confirmed || free) {
            // The anchor stays for a day, so that many proofs move the price no farther than one.
            if (!near || free || time >= b.anchorTime + 1 days) (b.anchor, b.anchorTime) = (price, time);
            (b.waiting, b.waitingTime) = (0, 0);
            self.band = b;
            return true;
        }
        // A price near the one that waits leaves its time: nobody puts it off by proving again.
        if (b.waiting == 0 || !_isNear(price, b.waiting, ppm)) {
            (self.band.waiting, self.band.waitingTime) = (price, time);
        }
        return false;
    }

    /// @dev Within so many parts per million of the smaller of the two: the same both ways. A price is below 2^225.
    function _isNear(uint256 a, uint256 b, uint256 ppm) private pure returns (bool) {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        return high - low <= low.mulDiv(ppm, PPM);
    }

    /// @dev Assets for `MARK_SHARES` shares, rounded up.
    function _price(uint256 bottom, uint256 supply) private pure returns (uint256) {
        return (bottom + 1).mulDiv(MARK_SHARES, supply + VIRTUAL_SHARES, Math.Rounding.Ceil);
    }

    /// @notice Let the price of the last proof, which waits, settle: the next call of `settle` settles that proof once more.
    function releaseBand(Ledger storage self, Setting memory setting) external {
        (IRebalanceHub.VaultState memory v, State memory s) = _current(self, setting);
        bool waits = self.band.waiting != 0 && v.sequence == s.sequence && s.settledAt != v.snapshotTimestamp;
        require(waits, IShareToken.NothingToRelease());
        uint256 until = uint256(v.snapshotTimestamp) + self.terms.grace;
        require(block.timestamp <= until, IShareToken.ReleaseTooLate(uint40(until)));
        self.band.released = s.sequence;
        // Any other number: the hub's counts from 1, and its last is due again.
        s.sequence -= 1;
        self.state = s;
    }

    /// @dev The newest round that is at least `orderDelay` older than the proof's; never falls.
    function _cutoff(Ledger storage self, Setting memory setting, State memory s) private view returns (uint32) {
        uint32 delay = self.terms.orderDelay;
        if (s.seen <= delay) return s.cutoff;
        uint32 round = setting.oracle.roundAt(self.terms.feedSet, s.seen - delay);
        return round > s.roundsFrom && round > s.cutoff ? round : s.cutoff;
    }

    function _settleDeposits(Ledger storage self, State memory s, IShareToken.Returned why, uint256 num, uint256 den)
        private
        returns (uint256 assets, uint256 shares)
    {
        if (why != IShareToken.Returned.No) {
            _returnDeposits(self, s, s.cutoff, why);
            return (0, 0);
        }
        assets = _met(self, s, s.cutoff);
        if (assets == 0) return (0, 0);
        shares = assets.mulDiv(num, den);
        if (shares == 0 || num + shares >= SUPPLY_BOUND) {
            _return(self, s.cutoff, assets, IShareToken.Returned.Worthless);
            return (0, 0);
        }
        // Deposits that wait are below 2^104 by the cap.
        self.entries.push(Entry(s.cutoff, uint104(assets), uint120(shares)));
        self.accounts.booked += uint128(assets);
    }

    /// @dev Returns all deposits that wait up to an id.
    function _returnDeposits(Ledger storage self, State memory s, uint32 cutoff, IShareToken.Returned why) private {
        uint256 assets = _met(self, s, cutoff);
        if (assets != 0) _return(self, cutoff, assets, why);
    }

    function _return(Ledger storage self, uint32 cutoff, uint256 assets, IShareToken.Returned why) private {
        self.entries.push(Entry(cutoff, uint104(assets), 0));
        self.accounts.setAside += uint128(assets);
        emit IShareToken.DepositsReturned(cutoff, assets, why);
    }

    /// @dev Takes the deposits up to an id out of those that wait.
    function _met(Ledger storage self, State memory s, uint32 cutoff) private returns (uint256 assets) {
        if (cutoff <= s.depositCutoff) return 0;
        s.depositCutoff = cutoff;
        uint256 waiting = self.accounts.pendingDeposits;
        if (waiting == 0) return 0;
        assets = waiting - self.deposits.askedAfter(cutoff);
        // A part of them.
        if (assets != 0) self.accounts.pendingDeposits = uint128(waiting - assets);
    }

    function _settleRedemptions(Ledger storage self, uint32 cutoff, bool redeemable, uint256 num, uint256 den)
        private
        returns (uint256 shares, uint256 assets)
    {
        uint256 waiting = self.accounts.pendingShares;
        if (waiting == 0) return (0, 0);
        uint256 owed = waiting - self.redemptions.askedAfter(cutoff);
        uint256 idle_ = self.accounts.booked;
        (uint256 filledShares, uint256 filledAssets) = self.fills.filled();
        if (redeemable && owed != 0 && idle_ != 0) {
            (shares, assets) = (owed, owed.mulDiv(den, num));
            if (assets > idle_) {
                assets = idle_;
                shares = Math.min(owed, assets.mulDiv(num, den, Math.Rounding.Ceil));
                // No dust stays in the queue that no payment could ever clear.
                if ((owed - shares).mulDiv(den, num) == 0) shares = owed;
            }
            // Sums of supplies below 2^120 and of what was paid for them.
            self.fills.push(Fill(uint144(filledShares + shares), uint112(filledAssets + assets)));
            self.accounts.booked = uint128(idle_ - assets);
            self.accounts.setAside += uint128(assets);
            self.accounts.pendingShares = uint128(waiting - shares);
        }
    }

    /// @dev Fees for the time since the last proof, and on what a share is worth above the high-water mark.
    function _fees(Ledger storage self, uint256 bottom, uint256 supply, uint256 elapsed)
        private
        returns (uint256 minted)
    {
        Terms memory t = self.terms;
        uint256 mark = self.highWaterMark;
        if (supply != 0 && (t.managementFeePpm != 0 || t.performanceFeePpm != 0)) {
            uint256 fee = bottom.mulDiv(t.managementFeePpm * Math.min(elapsed, t.maxProofAge), PPM * 365 days);
            uint256 management = _sharesWorth(fee, bottom, supply);
            uint256 marked = mark.mulDiv(supply + management + VIRTUAL_SHARES, MARK_SHARES, Math.Rounding.Ceil);
            fee = (bottom + 1).saturatingSub(marked).mulDiv(t.performanceFeePpm, PPM);
            uint256 performance = _sharesWorth(fee, bottom, supply + management);
            minted = management + performance;
            if (supply + minted >= SUPPLY_BOUND) minted = 0;
            if (minted != 0) {
                self.accounts.uncollectedFees += uint128(minted);
                emit IShareToken.FeesMinted(management, performance);
            }
        }
        uint256 price = _price(bottom, supply + minted);
        if (price > mark) self.highWaterMark = price;
        if (t.managementFeePpm != t.nextManagementFeePpm || t.performanceFeePpm != t.nextPerformanceFeePpm) {
            self.terms.managementFeePpm = t.nextManagementFeePpm;
            self.terms.performanceFeePpm = t.nextPerformanceFeePpm;
        }
    }

    /// @dev New shares that are worth `assets` once they are minted, rounded down.
    function _sharesWorth(uint256 assets, uint256 bottom, uint256 supply) private pure returns (uint256) {
        return assets.mulDiv(supply + VIRTUAL_SHARES, bottom + 1 - assets);
    }

    /// @dev The hub calls `settle` at a proof while orders wait, and always if fees or a band count the proofs.
    function _tellWhetherOrdersWait(Ledger storage self, Setting memory setting, State memory s) private {
        bool waiting = self.accounts.pendingDeposits != 0 || self.accounts.pendingShares != 0
            || self.terms.nextManagementFeePpm != 0 || self.terms.nextPerformanceFeePpm != 0
            || self.terms.bandPpmPerDay != 0;
        if (waiting == s.waiting) return;
        s.waiting = waiting;
        setting.hub.setOrdersWaiting(setting.vaultId, waiting);
    }

    /// @notice After orders were cancelled.
    function tellWhetherOrdersWait(Ledger storage self, Setting memory setting) external {
        State memory s = self.state;
        _tellWhetherOrdersWait(self, setting, s);
        self.state = s;
    }

    // --- flows ---

    /// @notice Take idle assets out of the accounts, and record the flow.
    function draw(Ledger storage self, Setting memory setting, uint56 quantityE6, uint256 supply) external {
        _requireNotOverdue(self);
        _bookContributions(self);
        uint256 assets = quantityE6 * setting.unit;
        uint256 most = _available(self, setting, supply);
        require(assets <= most, IShareToken.NotEnoughIdle(assets, most));
        self.state.drawn = true;
        self.accounts.booked -= uint128(assets);
        setting.hub.recordFlow(setting.vaultId, int64(uint64(quantityE6)));
    }

    /// @notice Add a contribution of which `balance` is all that the token holds.
    function contribute(Ledger storage self, uint256 balance, uint256 period, uint256 most)
        external
        returns (uint256 added, uint40 until)
    {
        _bookContributions(self);
        Contribution memory c = self.contribution;
        uint256 known =
            uint256(self.accounts.booked) + self.accounts.pendingDeposits + self.accounts.setAside + c.locked;
        added = balance.saturatingSub(known);
        require(added != 0, IShareToken.ZeroAmount());
        require(known + added <= most, IShareToken.CapExceeded(known + added, most));
        // The mean of both times, each for its part: a small contribution does not put a large one off.
        uint256 left = c.locked == 0 ? 0 : c.locked * (c.until - block.timestamp);
        until = uint40(block.timestamp + (left + added * period) / (c.locked + added));
        self.contribution = Contribution(uint128(c.locked + added), uint40(block.timestamp), until);
    }

    /// @dev Books what counts of the contributions by now.
    function _bookContributions(Ledger storage self) private {
        uint256 due = _dueContributions(self);
        if (due == 0) return;
        self.contribution.locked -= uint128(due);
        self.contribution.from = uint40(block.timestamp);
        self.accounts.booked += uint128(due);
    }

    function _dueContributions(Ledger storage self) private view returns (uint256) {
        Contribution memory c = self.contribution;
        if (c.locked == 0 || block.timestamp >= c.until) return c.locked;
        return uint256(c.locked) * (block.timestamp - c.from) / (c.until - c.from);
    }

    // --- redemptions that wait too long ---

    /// @notice When the oldest redemption that waits was asked for; 0 if none waits.
    function oldest(Ledger storage self) public view returns (uint40) {
        if (self.accounts.pendingShares == 0) return 0;
        (uint256 filled,) = self.fills.filled();
        return self.redemptions.timeAfter(filled);
    }

    function _requireNotOverdue(Ledger storage self) private view {
        uint40 askedAt = oldest(self);
        uint256 period = self.terms.redemptionPeriod;
        require(askedAt == 0 || block.timestamp <= uint256(askedAt) + period, IShareToken.RedemptionsOverdue(askedAt));
    }

    // --- views ---

    /// @notice At the last settled price.
    function toAssets(Ledger storage self, uint256 shares) internal view returns (uint256) {
        return
            shares.mulDiv(
                uint256(self.accounts.settledAssets) + 1, uint256(self.accounts.settledSupply) + VIRTUAL_SHARES
            );
    }

    function idle(Ledger storage self) public view returns (uint256) {
        return self.accounts.booked + _dueContributions(self);
    }

    function available(Ledger storage self, Setting memory setting, uint256 supply) external view returns (uint256) {
        return _available(self, setting, supply);
    }

    /// @notice Shares of redemptions that wait and cannot be cancelled.
    function owedShares(Ledger storage self, Setting memory setting) public view returns (uint256) {
        uint256 waiting = self.accounts.pendingShares;
        if (waiting == 0) return 0;
        uint32 last = committed(self, setting);
        // In wind-down what is cancelled stays in the sums.
        return waiting.saturatingSub(self.redemptions.askedAfter(last > self.state.cutoff ? last : self.state.cutoff));
    }

    function _available(Ledger storage self, Setting memory setting, uint256 supply) private view returns (uint256) {
        uint256 owed = owedShares(self, setting);
        if (owed != 0) {
            (uint256 bottom,) = worth(self, setting);
            owed = owed.mulDiv(bottom + 1, supply + VIRTUAL_SHARES, Math.Rounding.Ceil);
        }
        return idle(self).saturatingSub(owed);
    }

    /// @notice What all shares are worth if the NAV is at the bottom of the disclosed NAV step, and if it is at the top.
    function worth(Ledger storage self, Setting memory setting) public view returns (uint256 bottom, uint256 top) {
        IRebalanceHub.VaultState memory v = setting.hub.vaultState(setting.vaultId);
        // The token may not have followed the mandate yet.
        bytes32 feedSet = v.mandateVersion == self.terms.mandateVersion
            ? self.terms.feedSet
            : setting.hub.mandateOf(v.mandate).feedSet;
        return _worth(self, setting, v, self.state.drawn, feedSet);
    }

    function _worth(
        Ledger storage self,
        Setting memory setting,
        IRebalanceHub.VaultState memory v,
        bool drawn,
        bytes32 feedSet
    ) private view returns (uint256 bottom, uint256 top) {
        uint256 here = idle(self);
        if (v.status == IRebalanceHub.Status.WindDown) return (here, here);
        (uint256 bookBottom, uint256 bookTop) = drawn && v.sequence != 0 ? _bookE6(setting, v, feedSet) : (0, 0);
        bottom = _withBook(here, bookBottom, v.pendingFlow, setting.unit);
        top = _withBook(here, bookTop, v.pendingFlow, setting.unit);
    }

    /// @dev The NAV of the last proof in quantities of slot 0, both ends rounded outwards. The NAV is below 2^42 NAV steps,
    /// which is 2^113 USD 1e-14, and a unit below 2^40, so nothing here and below overflows.
    function _bookE6(Setting memory setting, IRebalanceHub.VaultState memory v, bytes32 feedSet)
        private
        view
        returns (uint256 bottom, uint256 top)
    {
        require(v.roundsAfter == 0, IShareToken.PriceUnknown());
        (,, uint256[] memory words) = setting.oracle.snapshot(setting.oracle.roundAt(feedSet, v.snapshotTimestamp));
        uint256 price = Prices.get(words, 0);
        bottom = v.navFloor * setting.navStepE14 / price;
        top = ((uint256(v.navFloor) + 1) * setting.navStepE14).ceilDiv(price);
    }

    /// @dev A flow counts in full, even if it returned more than the book was worth at the last proof, so a flow never
    /// moves the price. If the book were floored at zero here, an operator could return more than the book's value, redeem
    /// at the inflated price, then draw the remainder: the next proof would show a loss that the operator has pocketed.
    function _withBook(uint256 here, uint256 bookE6, int64 pendingFlow, uint256 unit) private pure returns (uint256) {
        int256 sum = int256(here) + (int256(bookE6) + pendingFlow) * int256(unit);
        return sum > 0 ? uint256(sum) : 0;
    }
}
