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

/// First and last open id of a controller; 0 for none.
struct Ends {
    uint32 first;
    uint32 last;
}

/// All orders under one id.
struct Group {
    uint32 id;
    /// When the first of them was made.
    uint40 time;
}

/// The orders of one direction.
struct OrderBook {
    /// By id. The number of a group is its index and one.
    Group[] groups;
    /// Amounts ordered. The groups stand in a queue: a group's place begins with the sum of those before it.
    Sums asked;
    mapping(address controller => mapping(uint256 id => Order)) orders;
    mapping(address controller => Ends) ends;
}

/// Redemptions paid so far, and what was paid for them, cumulative.
struct Fill {
    uint256 shares;
    uint256 assets;
}

/// What a settlement made of all deposits after the cutoff before it, up to its own.
struct Entry {
    /// Shares for `den` assets: at most 2^128 and a few. 0 if the deposits were returned.
    uint192 num;
    uint32 cutoff;
    uint256 den;
}

/// @title The orders of a share token: groups by id, and the open ids of each controller
library Orders {
    using Math for uint256;
    using SumsOfGroups for Sums;

    uint32 internal constant NO_GROUP = type(uint32).max;

    // --- groups ---

    /// @notice Add an order under an id, the last or a later one.
    function place(OrderBook storage book, address controller, uint32 id, uint128 amount) internal {
        // The number of a group fits: each takes a transaction.
        uint32 group = uint32(book.groups.length);
        if (group == 0 || book.groups[group - 1].id != id) {
            book.groups.push(Group(id, uint40(block.timestamp)));
            group = book.asked.append();
        }
        book.asked.increase(group, amount);
        add(book, controller, id, group, amount);
    }

    /// @notice Sum of all orders up to an id.
    function askedUpTo(OrderBook storage book, uint32 id) internal view returns (uint256) {
        // Steps back that double, then halves: the id is one of the last.
        uint256 high = book.groups.length;
        uint256 low = high;
        for (uint256 step = 1; low != 0 && book.groups[low - 1].id > id; step <<= 1) {
            high = low - 1;
            low = low.saturatingSub(step);
        }
        // Groups up to number `low` have at most this id, those after number `high` a later one.
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (book.groups[middle - 1].id > id) high = middle - 1;
            else low = middle;
        }
        return book.asked.upTo(low);
    }

    /// @notice Time of the first order of the group that stands after this place in the queue; 0 if there is none.
    function timeAfter(OrderBook storage book, uint256 place_) internal view returns (uint40) {
        uint256 group = book.asked.firstAbove(place_);
        return group > book.groups.length ? 0 : book.groups[group - 1].time;
    }

    // --- open ids of a controller ---

    /// @notice Add to a controller's order, and open it if there is none.
    function add(OrderBook storage book, address controller, uint32 id, uint32 group, uint128 amount) internal {
        Order storage order = book.orders[controller][id];
        if (order.group == 0) {
            Ends storage ends = book.ends[controller];
            uint32 last = ends.last;
            if (last == 0) ends.first = id;
            else book.orders[controller][last].next = id;
            ends.last = id;
            book.orders[controller][id] = Order({amount: amount, next: 0, previous: last, group: group, touched: false});
        } else {
            order.amount += amount;
        }
    }

    /// @notice Close a controller's order.
    function close(OrderBook storage book, address controller, uint256 id) internal {
        Order memory order = book.orders[controller][id];
        delete book.orders[controller][id];
        Ends storage ends = book.ends[controller];
        if (order.previous == 0) ends.first = order.next;
        else book.orders[controller][order.previous].next = order.next;
        if (order.next == 0) ends.last = order.previous;
        else book.orders[controller][order.next].previous = order.previous;
    }

    /// @notice The open id after another; the first for 0.
    function following(OrderBook storage book, address controller, uint256 id) internal view returns (uint256) {
        return id == 0 ? book.ends[controller].first : book.orders[controller][id].next;
    }

    // --- fills ---

    function filled(Fill[] storage fills) internal view returns (uint256 shares, uint256 assets) {
        uint256 count = fills.length;
        if (count == 0) return (0, 0);
        Fill storage last = fills[count - 1];
        return (last.shares, last.assets);
    }

    /// @notice What was paid for the first `shares` of the queue: linear inside a fill, rounded down.
    function paidFor(Fill[] storage fills, uint256 shares) internal view returns (uint256) {
        if (shares == 0) return 0;
        (uint256 low, uint256 high) = (0, fills.length);
        // The first fill that reaches so far.
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (fills[middle].shares < shares) low = middle + 1;
            else high = middle;
        }
        Fill memory to = fills[low];
        if (to.shares == shares) return to.assets;
        Fill memory from;
        if (low != 0) from = fills[low - 1];
        return from.assets + (to.assets - from.assets).mulDiv(shares - from.shares, to.shares - from.shares);
    }

    // --- entries ---

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
