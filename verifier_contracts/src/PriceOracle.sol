// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "./interfaces/AggregatorV3Interface.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {Feeds} from "./libraries/Feeds.sol";
import {Prices} from "./libraries/Prices.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title PriceOracle
/// @notice See `IPriceOracle`. Nobody owns the oracle: anyone adds feed sets, and they never change. To trust a set is to
/// trust its feeds.
/// @dev There is no reentrancy guard: the oracle calls feeds statically, so a feed that calls back can change nothing.
contract PriceOracle is IPriceOracle {
    /// A feed with its decimals: one storage slot.
    struct SlotFeed {
        AggregatorV3Interface aggregator;
        uint32 heartbeat;
        uint16 maxDeviationBps;
        uint8 decimals;
    }

    struct Set {
        AggregatorV3Interface sequencerUptimeFeed;
        uint32 sequencerGracePeriod;
        uint32 confirmationDelay;
        uint8 slots;
        // --- the next storage slot ---
        /// Bit i: slot i has a feed.
        uint32 priced;
        uint32 latestRound;
        /// Time from which a call can confirm the unconfirmed prices; 0 if none wait.
        uint40 confirmableAt;
        // --- one storage slot each ---
        SlotFeed[32] feeds;
        /// The unconfirmed price words; without meaning while none wait.
        uint256[7] unconfirmed;
    }

    /// The last word never holds five prices (8, 16 and 32 slots leave it 3, 1 and 2), which leaves room for the other
    /// fields beside it: a snapshot fills as many storage slots as it has words.
    struct Snapshot {
        uint32 feedSet;
        uint40 timestamp;
        uint8 slots;
        uint144 lastWord;
        uint256[6] fullWords;
    }

    uint32 private feedSets;
    uint32 private rounds;
    mapping(uint32 feedSet => Set) private sets;
    mapping(uint32 round => Snapshot) private snapshots;

    // --- actions ---

    /// @inheritdoc IPriceOracle
    function addFeedSet(FeedSet calldata added) external returns (uint32 feedSet) {
        uint256 slots = added.feeds.length;
        require(Signals.isSize(slots), UnsupportedSlots(slots));
        require(address(added.feeds[0].aggregator) != address(0), SettlementFeedMissing());
        if (address(added.sequencerUptimeFeed) != address(0)) _requireCode(added.sequencerUptimeFeed);

        feedSet = ++feedSets;
        Set storage set = sets[feedSet];
        set.sequencerUptimeFeed = added.sequencerUptimeFeed;
        set.sequencerGracePeriod = added.sequencerGracePeriod;
        set.confirmationDelay = added.confirmationDelay;
        set.slots = uint8(slots);
        uint256 priced;
        for (uint256 slot; slot < slots; ++slot) {
            Feed calldata feed = added.feeds[slot];
            uint8 decimals;
            if (address(feed.aggregator) != address(0)) {
                decimals = _checkedDecimals(feed, slot);
                priced |= 1 << slot;
            }
            set.feeds[slot] = SlotFeed(feed.aggregator, feed.heartbeat, feed.maxDeviationBps, decimals);
        }
        set.priced = uint32(priced);
        emit FeedSetAdded(feedSet, added);
    }

    /// @inheritdoc IPriceOracle
    function takeSnapshot(uint32 feedSet) external returns (uint32 round) {
        Set storage set = _set(feedSet);
        require(block.timestamp > snapshots[set.latestRound].timestamp, TwoSnapshotsInOneSecond());
        _requireSequencer(set);
        uint256[] memory words = _read(set);

        (bool tooFar, uint256 slot) = _movedTooFar(set, words);
        if (tooFar) {
            _wait(feedSet, set, words, slot);
            return 0;
        }
        round = _keep(feedSet, set, words);
    }

    // --- views ---

    /// @inheritdoc IPriceOracle
    function snapshot(uint32 round) external view returns (uint32 feedSet, uint40 timestamp, uint256[] memory words) {
        Snapshot storage taken = snapshots[round];
        (feedSet, timestamp) = (taken.feedSet, taken.timestamp);
        require(timestamp != 0, UnknownRound(round));
        words = _wordsOf(taken);
    }

    /// @inheritdoc IPriceOracle
    function latestRound(uint32 feedSet) external view returns (uint32) {
        return _set(feedSet).latestRound;
    }

    /// @inheritdoc IPriceOracle
    function feedSetOf(uint32 feedSet) external view returns (FeedSet memory added) {
        Set storage set = _set(feedSet);
        added.sequencerUptimeFeed = set.sequencerUptimeFeed;
        added.sequencerGracePeriod = set.sequencerGracePeriod;
        added.confirmationDelay = set.confirmationDelay;
        added.feeds = new Feed[](set.slots);
        for (uint256 slot; slot < added.feeds.length; ++slot) {
            SlotFeed memory feed = set.feeds[slot];
            added.feeds[slot] = Feed(feed.aggregator, feed.heartbeat, feed.maxDeviationBps);
        }
    }

    /// @inheritdoc IPriceOracle
    function pricedSlots(uint32 feedSet) external view returns (uint8 slots, uint32 priced) {
        Set storage set = _set(feedSet);
        return (set.slots, set.priced);
    }

    /// @inheritdoc IPriceOracle
    function unconfirmed(uint32 feedSet) external view returns (uint40 confirmableAt, uint256[] memory words) {
        Set storage set = _set(feedSet);
        confirmableAt = set.confirmableAt;
        if (confirmableAt != 0) words = _unconfirmedWords(set);
    }

    // --- adding a set ---

    function _checkedDecimals(Feed calldata feed, uint256 slot) private view returns (uint8 decimals) {
        _requireCode(feed.aggregator);
        require(feed.heartbeat != 0, ZeroHeartbeat(slot));
        require(feed.maxDeviationBps != 0, ZeroDeviation(slot));
        bool ok;
        (ok, decimals) = Feeds.decimals(feed.aggregator);
        require(ok, FeedFailed(slot));
        require(decimals <= Prices.MOST_FEED_DECIMALS, TooManyDecimals(slot, decimals));
    }

    function _requireCode(AggregatorV3Interface feed) private view {
        require(address(feed).code.length != 0, NoCode(address(feed)));
    }

    function _set(uint32 feedSet) private view returns (Set storage set) {
        set = sets[feedSet];
        require(set.slots != 0, UnknownFeedSet(feedSet));
    }

    // --- reading the feeds ---

    /// @dev Chainlink's uptime feed answers 0 for up and 1 for down. `startedAt` is the time of the last change, and 0
    /// while the round is invalid.
    function _requireSequencer(Set storage set) private view {
        AggregatorV3Interface feed = set.sequencerUptimeFeed;
        if (address(feed) == address(0)) return;
        (bool ok, Feeds.Round memory status) = Feeds.latestRound(feed);
        require(ok && status.startedAt != 0, SequencerFeedFailed());
        require(status.answer == 0, SequencerDown());
        uint32 gracePeriod = set.sequencerGracePeriod;
        require(
            status.startedAt <= block.timestamp && block.timestamp - status.startedAt >= gracePeriod,
            SequencerJustBack(status.startedAt, gracePeriod)
        );
    }

    function _read(Set storage set) private view returns (uint256[] memory words) {
        (uint256 slots, uint256 priced) = (set.slots, set.priced);
        words = new uint256[](Signals.priceWords(slots));
        for (uint256 slot; slot < slots; ++slot) {
            if (_hasBit(priced, slot)) Prices.put(words, slot, _price(set.feeds[slot], slot));
        }
    }

    function _price(SlotFeed memory feed, uint256 slot) private view returns (uint256 price) {
        (bool ok, Feeds.Round memory round) = Feeds.latestRound(feed.aggregator);
        require(ok, FeedFailed(slot));

        require(round.answer > 0, AnswerNotPositive(slot, round.answer));
        price = Prices.fromAnswer(uint256(round.answer), feed.decimals);
        require(price != 0, AnswerNotPositive(slot, round.answer));
        require(price < Prices.BOUND, AnswerTooLarge(slot, round.answer));

        require(round.updatedAt <= block.timestamp, AnswerFromFuture(slot, round.updatedAt));
        require(
            round.updatedAt != 0 && block.timestamp - round.updatedAt <= feed.heartbeat,
            AnswerStale(slot, round.updatedAt, feed.heartbeat)
        );
    }

    // --- moves beyond the bounds ---

    /// @dev The first slot whose price is within its bound neither of the last snapshot nor of prices that have waited out
    /// their delay. The oracle decides price by price: one feed that has gone back must not make the others wait again. It
    /// takes the first snapshot of a set without a comparison.
    function _movedTooFar(Set storage set, uint256[] memory words) private view returns (bool tooFar, uint256 slot) {
        uint32 round = set.latestRound;
        if (round == 0) return (false, 0);
        (uint256 slots, uint256 priced) = (set.slots, set.priced);
        uint256[] memory last = _wordsOf(snapshots[round]);
        uint40 confirmableAt = set.confirmableAt;
        bool waited = confirmableAt != 0 && confirmableAt <= block.timestamp;
        uint256[] memory confirmable = waited ? _unconfirmedWords(set) : last;
        for (; slot < slots; ++slot) {
            if (!_hasBit(priced, slot)) continue; // no price, then and now
            uint256 price = Prices.get(words, slot);
            uint256 bps = set.feeds[slot].maxDeviationBps;
            if (
                !Prices.within(price, Prices.get(last, slot), bps)
                    && !Prices.within(price, Prices.get(confirmable, slot), bps)
            ) return (true, slot);
        }
    }

    /// @dev Waiting prices stay until their time has come, whatever the feeds answer meanwhile: if a call could replace
    /// them, anyone could postpone the confirmation again and again in a volatile market. From then on only prices beyond
    /// the bounds replace them.
    function _wait(uint32 feedSet, Set storage set, uint256[] memory words, uint256 slot) private {
        require(set.confirmableAt <= block.timestamp, ConfirmationTooEarly(set.confirmableAt));
        uint40 confirmableAt = uint40(block.timestamp + set.confirmationDelay);
        set.confirmableAt = confirmableAt;
        for (uint256 i; i < words.length; ++i) {
            set.unconfirmed[i] = words[i];
        }
        emit ConfirmationNeeded(feedSet, slot, confirmableAt, words);
    }

    function _unconfirmedWords(Set storage set) private view returns (uint256[] memory words) {
        words = new uint256[](Signals.priceWords(set.slots));
        for (uint256 i; i < words.length; ++i) {
            words[i] = set.unconfirmed[i];
        }
    }

    // --- snapshots ---

    function _keep(uint32 feedSet, Set storage set, uint256[] memory words) private returns (uint32 round) {
        round = ++rounds;
        (set.latestRound, set.confirmableAt) = (round, 0);
        Snapshot storage taken = snapshots[round];
        uint256 fullWords = words.length - 1;
        (taken.feedSet, taken.timestamp, taken.slots) = (feedSet, uint40(block.timestamp), set.slots);
        taken.lastWord = uint144(words[fullWords]); // three prices at most
        for (uint256 i; i < fullWords; ++i) {
            taken.fullWords[i] = words[i];
        }
        emit SnapshotTaken(feedSet, round, uint40(block.timestamp), words);
    }

    function _wordsOf(Snapshot storage taken) private view returns (uint256[] memory words) {
        words = new uint256[](Signals.priceWords(taken.slots));
        uint256 fullWords = words.length - 1;
        for (uint256 i; i < fullWords; ++i) {
            words[i] = taken.fullWords[i];
        }
        words[fullWords] = taken.lastWord;
    }

    function _hasBit(uint256 bits, uint256 i) private pure returns (bool) {
        return bits >> i & 1 == 1;
    }
}
