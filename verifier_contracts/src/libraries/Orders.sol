// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Sums, SumsOfGroups} from "./Sums.sol";

/// An order of one controller under one id, in one word.
struct Order {
    /// What is not claimed: assets of a deposit; shares of a redemption that were unpaid at `Progress.mark`.
    uint128 amount;
    /// Neighbours among the open ids of the controller; 0 at the ends.
    uint32 next;
    uint32 previous;
    /// The group of its id, counted from 1; `Orders.NO_GROUP` for a redemption in wind-down; 0 if there is no order.
    uint32 group;
    /// Whether there is a `Progress`.
    bool touched;
}

/// What a redemption has come to when it was last claimed in part or transferred.
struct Progress {
    /// Position in the queue up to which the order was paid then.
    uint256 mark;
    /// Paid, not claimed.
    uint128 shares;
    uint128 assets;
}

/// The two directions of orders.
enum Side {
    Deposits,
    Redemptions
}

/// First and last open ids of a controller; 0 for none. Both directions share the word: who has ever deposited pays no new
/// storage slot to redeem.
struct Ends {
    uint32 firstDeposit;
    uint32 lastDeposit;
    uint32 firstRedemption;
    uint32 lastRedemption;
    /// Set by the first order for good: to set the word anew each time would cost more gas.
    bool used;
}

/// The orders of one direction.
struct OrderBook {
    /// Number of groups, and the id of the last.
    uint32 count;
    uint32 lastId;
    /// Amounts ordered, by id. The groups stand in a queue: a group's place begins with the sum of those before it.
    Sums asked;
    mapping(address controller => mapping(uint256 id => Order)) orders;
}

/// Redemptions paid so far, and what was paid for them, cumulative.
struct Fill {
    uint144 shares;
    uint112 assets;
}

/// What a settlement made of all deposits after the cutoff before it, up to its own.
struct Entry {
    uint32 cutoff;
    uint104 assets;
    /// All shares that they bought; 0 if they were returned.
    uint120 shares;
}

/// @title The orders of a share token: groups by id, and the open ids of each controller
library Orders {
    using Math for uint256;
    using SumsOfGroups for Sums;

    uint32 internal constant NO_GROUP = type(uint32).max;

    // --- groups ---

    /// @notice Add an order under an id, the last or a later one.
    function place(OrderBook storage book, Ends storage ends, Side side, address controller, uint32 id, uint128 amount)
        internal
    {
        // The number of a group fits: each takes a transaction.
        uint32 group = book.count;
        if (group != 0 && book.lastId == id) {
            book.asked.increaseLast(group, amount);
        } else {
            ++group;
            (book.count, book.lastId) = (group, id);
            book.asked.append(group, id, amount);
        }
        add(book, ends, side, controller, id, group, amount);
    }

    /// @notice Sum of all orders under later ids.
    function askedAfter(OrderBook storage book, uint32 id) internal view returns (uint256) {
        uint256 count = book.count;
        uint256 high = count;
        uint256 low = count;
        // Steps back that double, then halves: the id is one of the last.
        for (uint256 step = 1; low != 0 && book.asked.groups[low].id > id; step <<= 1) {
            high = low - 1;
            low = low.saturatingSub(step);
        }
        // Groups up to number `low` have at most this id, those after number `high` a later one.
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (book.asked.groups[middle].id > id) high = middle - 1;
            else low = middle;
        }
        return book.asked.between(low, count);
    }

    /// @notice Time of the first order of the group that stands after this place in the queue; 0 if there is none.
    function timeAfter(OrderBook storage book, uint256 place_) internal view returns (uint40) {
        uint256 count = book.count;
        uint256 group = book.asked.firstAbove(count, place_);
        return group > count ? 0 : book.asked.groups[group].time;
    }

    // --- open ids of a controller ---

    /// @notice Add to a controller's order, and open it if there is none.
    function add(
        OrderBook storage book,
        Ends storage ends,
        Side side,
        address controller,
        uint32 id,
        uint32 group,
        uint128 amount
    ) internal {
        Order storage order = book.orders[controller][id];
        if (order.group == 0) {
            uint32 last = _last(ends, side);
            if (last == 0) _setFirst(ends, side, id);
            else book.orders[controller][last].next = id;
            _setLast(ends, side, id);
            ends.used = true;
            book.orders[controller][id] = Order({amount: amount, next: 0, previous: last, group: group, touched: false});
        } else {
            order.amount += amount;
        }
    }

    /// @notice Close a controller's order.
    function close(OrderBook storage book, Ends storage ends, Side side, address controller, uint256 id) internal {
        Order memory order = book.orders[controller][id];
        delete book.orders[controller][id];
        if (order.previous == 0) _setFirst(ends, side, order.next);
        else book.orders[controller][order.previous].next = order.next;
        if (order.next == 0) _setLast(ends, side, order.previous);
        else book.orders[controller][order.next].previous = order.previous;
    }

    /// @notice The open id after another; the first for 0.
    function following(OrderBook storage book, Ends storage ends, Side side, address controller, uint256 id)
        internal
        view
        returns (uint256)
    {
        if (id != 0) return book.orders[controller][id].next;
        return side == Side.Deposits ? ends.firstDeposit : ends.firstRedemption;
    }

    function _last(Ends storage ends, Side side) private view returns (uint32) {
        return side == Side.Deposits ? ends.lastDeposit : ends.lastRedemption;
    }

    function _setFirst(Ends storage ends, Side side, uint32 id) private {
        if (side == Side.Deposits) ends.firstDeposit = id;
        else ends.firstRedemption = id;
    }

    function _setLast(Ends storage ends, Side side, uint32 id) private {
        if (side == Side.Deposits) ends.lastDeposit = id;
        else ends.lastRedemption = id;
    }

    // --- fills ---

    function filled(Fill[] storage fills) internal view returns (uint256 shares, uint256 assets) {
        uint256 count = fills.length;
        if (count == 0) return (0, 0);
        Fill storage last = fills[count - 1];
        return (last.shares, last.assets);
    }

    /// @notice What was paid for the part of the queue between two places: linear inside a fill, rounded down at both.
    function paidBetween(Fill[] storage fills, uint256 from, uint256 to) internal view returns (uint256) {
        (uint256 index, Fill memory before, Fill memory at_) = _fillAt(fills, to, fills.length);
        uint256 paid = _paidAt(before, at_, to);
        if (from < before.shares) (, before, at_) = _fillAt(fills, from, index);
        return paid - _paidAt(before, at_, from);
    }

    /// @dev The first of `count` fills that reaches to this place, and the one before.
    function _fillAt(Fill[] storage fills, uint256 place_, uint256 count)
        private
        view
        returns (uint256 low, Fill memory before, Fill memory at_)
    {
        uint256 high = count - 1; // it reaches so far
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (fills[middle].shares < place_) low = middle + 1;
            else high = middle;
        }
        at_ = fills[low];
        if (low != 0) before = fills[low - 1];
    }

    function _paidAt(Fill memory before, Fill memory at_, uint256 place_) private pure returns (uint256) {
        uint256 assets = at_.assets - before.assets;
        return before.assets + assets.mulDiv(place_ - before.shares, at_.shares - before.shares);
    }

    // --- entries ---

    /// @notice What a part of the deposits of an entry bought, rounded down.
    function sharesFor(Entry memory entry, uint256 assets) internal pure returns (uint256) {
        return assets.mulDiv(entry.shares, entry.assets);
    }

    /// @notice What became of the deposits under an id that a settlement has met.
    function entryOf(Entry[] storage entries, uint256 id) internal view returns (Entry memory) {
        (uint256 low, uint256 high) = (0, entries.length);
        // The first entry whose cutoff is not before the id.
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (entries[middle].cutoff < id) low = middle + 1;
            else high = middle;
        }
        return entries[low];
    }
}
