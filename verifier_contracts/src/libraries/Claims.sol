// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IShareToken} from "../interfaces/IShareToken.sol";
import {Ledger} from "./Ledger.sol";
import {Ends, Entry, Fill, Order, OrderBook, Orders, Progress, Side} from "./Orders.sol";
import {Sums, SumsOfGroups} from "./Sums.sol";

/// @title What has become of the orders of a controller, and taking it
/// @notice A library of its own, which the token calls, because one contract has no room for both (EIP-170). It moves no
/// shares and no assets.
library Claims {
    using Math for uint256;
    using Orders for Fill[];
    using Orders for Entry;
    using Orders for Entry[];
    using Orders for OrderBook;
    using SumsOfGroups for Sums;

    /// Open ids that a call without an id looks at.
    uint256 private constant MOST_IDS = 16;

    /// What a redemption order has come to.
    struct Redemption {
        uint32 group;
        /// Whether there is a `Progress`.
        bool touched;
        /// Shares that wait.
        uint256 pending;
        /// Position in the queue up to which the order is paid; 0 if nothing of its group is.
        uint256 mark;
        /// Paid, not claimed.
        uint256 shares;
        uint256 assets;
    }

    // --- deposits ---

    /// @notice Claim under one id, or, for 0, under the first open ones.
    /// @param amount shares if `inShares`, else assets.
    function claimDeposit(Ledger storage self, uint256 id, uint256 amount, bool inShares, address controller)
        external
        returns (uint256 assets, uint256 shares)
    {
        uint256 left = amount;
        if (id != 0) {
            (assets, shares) = _takeDeposit(self, id, left, inShares, controller);
            left -= inShares ? shares : assets;
        } else {
            uint256 next = self.deposits.following(self.ends[controller], Side.Deposits, controller, 0);
            for (uint256 i; i < MOST_IDS && next != 0 && left != 0; ++i) {
                id = next;
                next = self.deposits.following(self.ends[controller], Side.Deposits, controller, id);
                (uint256 a, uint256 s) = _takeDeposit(self, id, left, inShares, controller);
                (assets, shares) = (assets + a, shares + s);
                left -= inShares ? s : a;
            }
        }
        require(left == 0, IShareToken.MoreThanClaimable(amount, amount - left));
    }

    /// @dev Takes as much of `amount` as there is.
    function _takeDeposit(Ledger storage self, uint256 id, uint256 amount, bool inShares, address controller)
        private
        returns (uint256 assets, uint256 shares)
    {
        Entry memory entry;
        (assets, shares, entry) = _claimable(self, id, controller);
        if (assets == 0) return (0, 0);
        if (amount < (inShares ? shares : assets)) {
            uint256 all = assets;
            (assets, shares) = inShares
                ? (amount.mulDiv(entry.assets, entry.shares, Math.Rounding.Ceil), amount)
                : (amount, entry.sharesFor(amount));
            // A rest that buys no share goes along.
            if (entry.sharesFor(all - assets) != 0) {
                // Less than before.
                self.deposits.orders[controller][id].amount = uint128(all - assets);
                return (assets, shares);
            }
        }
        self.deposits.close(self.ends[controller], Side.Deposits, controller, id);
    }

    /// @dev Nothing while a deposit waits, or if it was returned.
    function _claimable(Ledger storage self, uint256 id, address controller)
        private
        view
        returns (uint256 assets, uint256 shares, Entry memory entry)
    {
        uint256 amount = self.deposits.orders[controller][id].amount;
        if (amount == 0 || id > self.state.depositCutoff) return (0, 0, entry);
        entry = self.entries.entryOf(id);
        if (entry.shares != 0) (assets, shares) = (amount, entry.sharesFor(amount));
    }

    /// @dev What a settlement returned of a deposit.
    function _returned(Ledger storage self, uint256 id, address controller) private view returns (uint256) {
        uint256 amount = self.deposits.orders[controller][id].amount;
        if (amount == 0 || id > self.state.depositCutoff) return 0;
        return self.entries.entryOf(id).shares == 0 ? amount : 0;
    }

    /// @param committed the last id that is committed.
    function cancelDeposit(Ledger storage self, uint256 id, address controller, uint256 committed) external {
        Order memory order = self.deposits.orders[controller][id];
        require(order.amount != 0 && id > self.state.depositCutoff, IShareToken.NothingToCancel(id));
        require(id > committed, IShareToken.OrderCommitted(id));
        self.deposits.asked.decrease(order.group, self.deposits.count, order.amount);
        self.deposits.close(self.ends[controller], Side.Deposits, controller, id);
        self.accounts.pendingDeposits -= order.amount;
        self.accounts.setAside += order.amount;
        self.cancelled[controller][id].assets += order.amount;
    }

    /// @notice Take back what was cancelled or returned.
    function takeBackDeposit(Ledger storage self, uint256 id, address controller) external returns (uint256 assets) {
        uint256 returned = _returned(self, id, controller);
        assets = returned + self.cancelled[controller][id].assets;
        require(assets != 0, IShareToken.NothingToClaim(id));
        self.cancelled[controller][id].assets = 0;
        if (returned != 0) self.deposits.close(self.ends[controller], Side.Deposits, controller, id);
        // What is set aside is at least each part of it.
        self.accounts.setAside -= uint128(assets);
    }

    function transferDeposit(Ledger storage self, uint256 id, address from, address to)
        external
        returns (uint256 assets)
    {
        Order memory order = self.deposits.orders[from][id];
        require(order.amount != 0 && id > self.state.depositCutoff, IShareToken.NothingToTransfer(id));
        self.deposits.close(self.ends[from], Side.Deposits, from, id);
        // An order that exists has an id of 32 bits.
        self.deposits.add(self.ends[to], Side.Deposits, to, uint32(id), order.group, order.amount);
        return order.amount;
    }

    // --- redemptions ---

    /// @notice As `claimDeposit`.
    function claimRedemption(Ledger storage self, uint256 id, uint256 amount, bool inShares, address controller)
        external
        returns (uint256 assets, uint256 shares)
    {
        uint256 left = amount;
        if (id != 0) {
            (assets, shares) = _takeRedemption(self, id, left, inShares, controller);
            left -= inShares ? shares : assets;
        } else {
            uint256 next = self.redemptions.following(self.ends[controller], Side.Redemptions, controller, 0);
            for (uint256 i; i < MOST_IDS && next != 0 && left != 0; ++i) {
                id = next;
                next = self.redemptions.following(self.ends[controller], Side.Redemptions, controller, id);
                (uint256 a, uint256 s) = _takeRedemption(self, id, left, inShares, controller);
                (assets, shares) = (assets + a, shares + s);
                left -= inShares ? s : a;
            }
        }
        require(left == 0, IShareToken.MoreThanClaimable(amount, amount - left));
        // What is set aside is at least each part of it.
        self.accounts.setAside -= uint128(assets);
    }

    function _takeRedemption(Ledger storage self, uint256 id, uint256 amount, bool inShares, address controller)
        private
        returns (uint256 assets, uint256 shares)
    {
        Redemption memory r = _redemption(self, id, controller);
        (assets, shares) = (r.assets, r.shares);
        if (amount < (inShares ? shares : assets)) {
            (assets, shares) = inShares
                ? (amount.mulDiv(assets, shares), amount)
                : (amount, amount.mulDiv(shares, assets, Math.Rounding.Ceil));
        }
        if (shares == 0) return (0, 0);
        (r.assets, r.shares) = (r.assets - assets, r.shares - shares);
        _put(self, id, controller, r);
    }

    /// @dev An order of `p` shares at mark `x` stands for the part p / (end − x) of what comes after `x` in its group. All
    /// roundings go down, so the parts never add up to more than one.
    function _redemption(Ledger storage self, uint256 id, address controller)
        private
        view
        returns (Redemption memory r)
    {
        Order memory order = self.redemptions.orders[controller][id];
        (r.group, r.touched, r.pending) = (order.group, order.touched, order.amount);
        if (order.touched) {
            Progress memory before = self.progress[controller][id];
            (r.mark, r.shares, r.assets) = (before.mark, before.shares, before.assets);
        }
        if (order.amount == 0) return r;

        (uint256 filled,) = self.fills.filled();
        uint256 start = self.redemptions.asked.upTo(order.group - 1);
        uint256 from = Math.max(r.mark, start);
        if (filled <= from) return r;
        uint256 end = start + self.redemptions.asked.between(order.group - 1, order.group);
        uint256 to = Math.min(filled, end);
        if (to <= from) return r;
        r.pending = r.pending.mulDiv(end - to, end - from);
        r.shares += order.amount - r.pending;
        r.assets += uint256(order.amount).mulDiv(self.fills.paidBetween(from, to), end - from);
        r.mark = to;
    }

    /// @dev Writes what an order has come to, and closes it if that is nothing.
    function _put(Ledger storage self, uint256 id, address controller, Redemption memory r) private {
        if (r.group == 0) return;
        if (r.pending == 0 && r.shares == 0) {
            if (r.touched) delete self.progress[controller][id];
            self.redemptions.close(self.ends[controller], Side.Redemptions, controller, id);
        } else if (r.touched || r.mark != 0) {
            Order storage order = self.redemptions.orders[controller][id];
            // Parts of amounts of 128 bits.
            (order.amount, order.touched) = (uint128(r.pending), true);
            self.progress[controller][id] = Progress(r.mark, uint128(r.shares), uint128(r.assets));
        }
    }

    /// @param committed the last id that is committed.
    function cancelRedemption(Ledger storage self, uint256 id, address controller, bool windDown, uint256 committed)
        external
    {
        Redemption memory r = _redemption(self, id, controller);
        require(r.pending != 0 && (windDown || id > self.state.cutoff), IShareToken.NothingToCancel(id));
        require(windDown || id > committed, IShareToken.OrderCommitted(id));
        // A part of an amount of 128 bits.
        uint128 shares = uint128(r.pending);
        // In wind-down the queue stands still for good.
        if (!windDown) self.redemptions.asked.decrease(r.group, self.redemptions.count, shares);
        r.pending = 0;
        _put(self, id, controller, r);
        self.accounts.pendingShares -= shares;
        self.cancelled[controller][id].shares += shares;
    }

    /// @notice Take back what was cancelled.
    function takeBackRedemption(Ledger storage self, uint256 id, address controller) external returns (uint256 shares) {
        shares = self.cancelled[controller][id].shares;
        require(shares != 0, IShareToken.NothingToClaim(id));
        self.cancelled[controller][id].shares = 0;
    }

    function transferRedemption(Ledger storage self, uint256 id, address from, address to)
        external
        returns (uint256 shares)
    {
        Redemption memory r = _redemption(self, id, from);
        shares = r.pending;
        require(shares != 0, IShareToken.NothingToTransfer(id));
        r.pending = 0;
        _put(self, id, from, r);

        // Both are at the same mark then, and the parts of the group that they stand for add up.
        _put(self, id, to, _redemption(self, id, to));
        // An order that exists has an id of 32 bits; a part of an amount of 128 bits.
        self.redemptions.add(self.ends[to], Side.Redemptions, to, uint32(id), r.group, uint128(shares));
        if (r.mark != 0) {
            self.redemptions.orders[to][id].touched = true;
            self.progress[to][id].mark = r.mark;
        }
    }

    // --- views ---

    function pendingDeposit(Ledger storage self, uint256 id, address controller) external view returns (uint256) {
        return id > self.state.depositCutoff ? self.deposits.orders[controller][id].amount : 0;
    }

    function claimableDeposit(Ledger storage self, uint256 id, address controller)
        external
        view
        returns (uint256 assets)
    {
        (assets,,) = _claimable(self, id, controller);
    }

    /// @notice With what a settlement returned.
    function cancelledDeposit(Ledger storage self, uint256 id, address controller) external view returns (uint256) {
        return self.cancelled[controller][id].assets + _returned(self, id, controller);
    }

    function redemptionOf(Ledger storage self, uint256 id, address controller)
        external
        view
        returns (uint256 pending, uint256 claimable)
    {
        Redemption memory r = _redemption(self, id, controller);
        return (r.pending, r.shares);
    }

    /// @notice What a claim without an id can take.
    function mostClaimable(Ledger storage self, address controller)
        external
        view
        returns (uint256 assets, uint256 shares)
    {
        uint256 id = self.deposits.following(self.ends[controller], Side.Deposits, controller, 0);
        for (uint256 i; i < MOST_IDS && id != 0; ++i) {
            (uint256 a, uint256 s,) = _claimable(self, id, controller);
            (assets, shares) = (assets + a, shares + s);
            id = self.deposits.following(self.ends[controller], Side.Deposits, controller, id);
        }
    }

    function mostRedeemable(Ledger storage self, address controller)
        external
        view
        returns (uint256 assets, uint256 shares)
    {
        uint256 id = self.redemptions.following(self.ends[controller], Side.Redemptions, controller, 0);
        for (uint256 i; i < MOST_IDS && id != 0; ++i) {
            Redemption memory r = _redemption(self, id, controller);
            (assets, shares) = (assets + r.assets, shares + r.shares);
            id = self.redemptions.following(self.ends[controller], Side.Redemptions, controller, id);
        }
    }

    /// @notice At most `count` open ids of a controller, after `previous`.
    function open(Ledger storage self, bool redemptions, address controller, uint256 previous, uint256 count)
        external
        view
        returns (uint256[] memory ids)
    {
        (OrderBook storage book, Ends storage ends) =
            (redemptions ? self.redemptions : self.deposits, self.ends[controller]);
        Side side = redemptions ? Side.Redemptions : Side.Deposits;
        uint256 length;
        for (uint256 id = previous; length < count; ++length) {
            id = book.following(ends, side, controller, id);
            if (id == 0) break;
        }
        ids = new uint256[](length);
        for (uint256 i; i < length; ++i) {
            previous = book.following(ends, side, controller, previous);
            ids[i] = previous;
        }
    }
}
