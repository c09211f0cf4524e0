// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
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
    using Checkpoints for Checkpoints.Trace208;

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
        uint32 deviationPeriod;
        // --- the next storage slot ---
        uint8 slots;
        /// Bit i: slot i has a feed.
        uint32 priced;
        /// The number of the set, from 1 on: a snapshot has no room for its name. Only `names` knows it.
        uint32 number;
        /// The round whose prices bound the next round's; 0 before the first round.
        uint32 anchor;
        uint40 addedAt;
        /// Time from which a call can confirm the unconfirmed prices; 0 if none wait.
        uint40 confirmableAt;
        // --- one storage slot each ---
        SlotFeed[32] feeds;
        /// The unconfirmed price words; without meaning while none wait.
        uint256[7] unconfirmed;
        /// The set's rounds by their time.
        Checkpoints.Trace208 rounds;
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

    /// Why an answer is no price.
    enum Fault {
        None,
        Failed,
        NotPositive,
        TooLarge,
        FromFuture,
        Stale
    }

    /// What the feed of the sequencer's uptime says.
    enum Sequencer {
        Up,
        Failed,
        Down,
        JustBack
    }

    uint32 private constant LEAST_CONFIRMATION_DELAY = 5 minutes;
    uint32 private constant MOST_CONFIRMATION_DELAY = 1 days;
    uint32 private constant LEAST_DEVIATION_PERIOD = 1 minutes;
    uint32 private constant MOST_DEVIATION_PERIOD = 7 days;
    uint32 private constant MOST_SEQUENCER_GRACE_PERIOD = 1 days;
    /// Seconds after the adding of a set in which its first round needs no confirmation. Any change of a vault's feeds takes
    /// longer.
    uint32 private constant FIRST_ROUND_WINDOW = 5 minutes;

    uint32 private rounds;
    uint32 private feedSets;
    mapping(uint32 number => bytes32 feedSet) private names;
    mapping(bytes32 feedSet => Set) private sets;
    mapping(uint32 round => Snapshot) private snapshots;

    // --- actions ---

    /// @inheritdoc IPriceOracle
    function addFeedSet(FeedSet calldata added) external returns (bytes32 feedSet) {
        uint256 slots = added.feeds.length;
        require(Signals.isSize(slots), UnsupportedSlots(slots));
        require(address(added.feeds[0].aggregator) != address(0), SettlementFeedMissing());
        if (address(added.sequencerUptimeFeed) != address(0)) _requireCode(added.sequencerUptimeFeed);
        _requirePeriods(added);
        (uint8[] memory decimals, uint32 priced) = _checkedDecimals(added.feeds);

        feedSet = keccak256(abi.encode(added, decimals));
        Set storage set = sets[feedSet];
        if (set.slots != 0) return feedSet;
        uint32 number = ++feedSets;
        names[number] = feedSet;
        set.sequencerUptimeFeed = added.sequencerUptimeFeed;
        set.sequencerGracePeriod = added.sequencerGracePeriod;
        set.confirmationDelay = added.confirmationDelay;
        set.deviationPeriod = added.deviationPeriod;
        set.slots = uint8(slots);
        set.priced = priced;
        set.number = number;
        set.addedAt = uint40(block.timestamp);
        for (uint256 slot; slot < slots; ++slot) {
            Feed calldata feed = added.feeds[slot];
            set.feeds[slot] = SlotFeed(feed.aggregator, feed.heartbeat, feed.maxDeviationBps, decimals[slot]);
        }
        emit FeedSetAdded(feedSet, added, decimals);
    }

    /// @inheritdoc IPriceOracle
    function takeSnapshot(bytes32 feedSet) external returns (uint32 round) {
        Set storage set = _set(feedSet);
        (, uint48 last,) = set.rounds.latestCheckpoint();
        require(block.timestamp > last, TwoSnapshotsInOneSecond());
        _requireSequencer(set);
        uint256[] memory words = _read(set);

        (uint256 tooFar, bool moves) = _compare(set, words);
        if (tooFar < set.slots) {
            _wait(feedSet, set, words, tooFar);
            return 0;
        }
        round = _keep(feedSet, set, words);
        if (moves) set.anchor = round;
    }

    // --- views ---

    /// @inheritdoc IPriceOracle
    function snapshot(uint32 round) external view returns (bytes32 feedSet, uint40 timestamp, uint256[] memory words) {
        Snapshot storage taken = snapshots[round];
        uint32 number = taken.feedSet;
        require(number != 0, UnknownRound(round));
        (feedSet, timestamp, words) = (names[number], taken.timestamp, _wordsOf(taken));
    }

    /// @inheritdoc IPriceOracle
    function latestRound(bytes32 feedSet) external view returns (uint32) {
        return uint32(_set(feedSet).rounds.latest());
    }

    /// @inheritdoc IPriceOracle
    function roundAt(bytes32 feedSet, uint40 time) external view returns (uint32) {
        return uint32(_set(feedSet).rounds.upperLookupRecent(time));
    }

    /// @inheritdoc IPriceOracle
    function longestHeartbeat(bytes32 feedSet, uint32 slots) external view returns (uint32 longest) {
        Set storage set = _set(feedSet);
        uint256 priced = set.priced & slots;
        for (uint256 slot; priced >> slot != 0; ++slot) {
            uint32 heartbeat = set.feeds[slot].heartbeat;
            if (_hasBit(priced, slot) && heartbeat > longest) longest = heartbeat;
        }
    }

    /// @inheritdoc IPriceOracle
    function deadFeeds(bytes32 feedSet) external view returns (uint32 slots) {
        Set storage set = _set(feedSet);
        uint256 priced = set.priced;
        for (uint256 slot; priced >> slot != 0; ++slot) {
            if (_hasBit(priced, slot) && _isDead(set.feeds[slot])) slots |= uint32(1 << slot);
        }
    }

    /// @inheritdoc IPriceOracle
    function isRepair(bytes32 from, bytes32 to, uint40 since) external view returns (bool) {
        Set storage broken = _set(from);
        Set storage mended = _set(to);
        bool sameTerms = broken.slots == mended.slots && broken.priced == mended.priced
            && broken.sequencerGracePeriod == mended.sequencerGracePeriod
            && broken.confirmationDelay == mended.confirmationDelay && broken.deviationPeriod == mended.deviationPeriod;
        if (from == to || !sameTerms || !_sequencerIsRepair(broken, mended)) return false;

        uint256 priced = broken.priced;
        for (uint256 slot; priced >> slot != 0; ++slot) {
            SlotFeed memory old = broken.feeds[slot];
            SlotFeed memory fresh = mended.feeds[slot];
            if (keccak256(abi.encode(old)) == keccak256(abi.encode(fresh))) continue;
            if (fresh.heartbeat > old.heartbeat || fresh.maxDeviationBps > old.maxDeviationBps) return false;
            if (!_wasDead(old, since) || _isDead(fresh)) return false;
        }
        return true;
    }

    /// @inheritdoc IPriceOracle
    function anchor(bytes32 feedSet) external view returns (uint32 round, uint40 timestamp) {
        round = _set(feedSet).anchor;
        timestamp = snapshots[round].timestamp;
    }

    /// @inheritdoc IPriceOracle
    function feedSetOf(bytes32 feedSet) external view returns (FeedSet memory added, uint8[] memory decimals) {
        Set storage set = _set(feedSet);
        added.sequencerUptimeFeed = set.sequencerUptimeFeed;
        added.sequencerGracePeriod = set.sequencerGracePeriod;
        added.confirmationDelay = set.confirmationDelay;
        added.deviationPeriod = set.deviationPeriod;
        added.feeds = new Feed[](set.slots);
        decimals = new uint8[](set.slots);
        for (uint256 slot; slot < added.feeds.length; ++slot) {
            SlotFeed memory feed = set.feeds[slot];
            added.feeds[slot] = Feed(feed.aggregator, feed.heartbeat, feed.maxDeviationBps);
            decimals[slot] = feed.decimals;
        }
    }

    /// @inheritdoc IPriceOracle
    function pricedSlots(bytes32 feedSet) external view returns (uint8 slots, uint32 priced) {
        Set storage set = _set(feedSet);
        return (set.slots, set.priced);
    }

    /// @inheritdoc IPriceOracle
    function unconfirmed(bytes32 feedSet) external view returns (uint40 confirmableAt, uint256[] memory words) {
        Set storage set = _set(feedSet);
        confirmableAt = set.confirmableAt;
        if (confirmableAt != 0 && !_lapsed(set)) words = _unconfirmedWords(set);
    }

    // --- adding a set ---

    function _requirePeriods(FeedSet calldata added) private pure {
        _requirePeriod("sequencerGracePeriod", added.sequencerGracePeriod, 0, MOST_SEQUENCER_GRACE_PERIOD);
        _requirePeriod("confirmationDelay", added.confirmationDelay, LEAST_CONFIRMATION_DELAY, MOST_CONFIRMATION_DELAY);
        _requirePeriod("deviationPeriod", added.deviationPeriod, LEAST_DEVIATION_PERIOD, MOST_DEVIATION_PERIOD);
    }

    function _requirePeriod(string memory field, uint32 value, uint32 least, uint32 most) private pure {
        require(least <= value && value <= most, PeriodOutOfRange(field, value, least, most));
    }

    function _checkedDecimals(Feed[] calldata feeds) private view returns (uint8[] memory decimals, uint32 priced) {
        decimals = new uint8[](feeds.length);
        for (uint256 slot; slot < feeds.length; ++slot) {
            Feed calldata feed = feeds[slot];
            if (address(feed.aggregator) == address(0)) continue;
            _requireCode(feed.aggregator);
            require(feed.heartbeat != 0, ZeroHeartbeat(slot));
            require(feed.maxDeviationBps != 0, ZeroDeviation(slot));
            bool ok;
            (ok, decimals[slot]) = Feeds.decimals(feed.aggregator);
            require(ok, FeedFailed(slot));
            require(decimals[slot] <= Prices.MOST_FEED_DECIMALS, TooManyDecimals(slot, decimals[slot]));
            priced |= uint32(1 << slot);
        }
    }

    function _requireCode(AggregatorV3Interface feed) private view {
        require(address(feed).code.length != 0, NoCode(address(feed)));
    }

    function _set(bytes32 feedSet) private view returns (Set storage set) {
        set = sets[feedSet];
        require(set.slots != 0, UnknownFeedSet(feedSet));
    }

    // --- reading the feeds ---

    /// @dev Chainlink's uptime feed answers 0 for up and 1 for down. `startedAt` is the time of the last change, and 0
    /// while the round is invalid.
    function _sequencer(Set storage set) private view returns (Sequencer, uint256 since) {
        AggregatorV3Interface feed = set.sequencerUptimeFeed;
        if (address(feed) == address(0)) return (Sequencer.Up, 0);
        (bool ok, Feeds.Round memory status) = Feeds.latestRound(feed);
        since = status.startedAt;
        if (!ok || since == 0) return (Sequencer.Failed, since);
        if (status.answer != 0) return (Sequencer.Down, since);
        bool back = since <= block.timestamp && block.timestamp - since >= set.sequencerGracePeriod;
        return (back ? Sequencer.Up : Sequencer.JustBack, since);
    }

    function _requireSequencer(Set storage set) private view {
        (Sequencer status, uint256 since) = _sequencer(set);
        require(status != Sequencer.Failed, SequencerFeedFailed());
        require(status != Sequencer.Down, SequencerDown());
        require(status == Sequencer.Up, SequencerJustBack(since, set.sequencerGracePeriod));
    }

    /// @dev The sequencer is up by the new set's feed, which is the old one, or replaces one that has failed.
    function _sequencerIsRepair(Set storage broken, Set storage mended) private view returns (bool) {
        (Sequencer now_,) = _sequencer(mended);
        if (now_ != Sequencer.Up) return false;
        if (address(mended.sequencerUptimeFeed) == address(broken.sequencerUptimeFeed)) return true;
        (Sequencer before,) = _sequencer(broken);
        return before == Sequencer.Failed && address(mended.sequencerUptimeFeed) != address(0);
    }

    function _read(Set storage set) private view returns (uint256[] memory words) {
        (uint256 slots, uint256 priced) = (set.slots, set.priced);
        words = new uint256[](Signals.priceWords(slots));
        for (uint256 slot; slot < slots; ++slot) {
            if (_hasBit(priced, slot)) Prices.put(words, slot, _price(set.feeds[slot], slot));
        }
    }

    function _price(SlotFeed memory feed, uint256 slot) private view returns (uint256) {
        (Fault fault, uint256 price, Feeds.Round memory round) = _answer(feed);
        if (fault == Fault.None) return price;
        require(fault != Fault.Failed, FeedFailed(slot));
        require(fault != Fault.NotPositive, AnswerNotPositive(slot, round.answer));
        require(fault != Fault.TooLarge, AnswerTooLarge(slot, round.answer));
        require(fault != Fault.FromFuture, AnswerFromFuture(slot, round.updatedAt));
        revert AnswerStale(slot, round.updatedAt, feed.heartbeat);
    }

    function _isDead(SlotFeed memory feed) private view returns (bool) {
        (Fault fault,,) = _answer(feed);
        return fault != Fault.None;
    }

    /// @dev Whether a feed is dead now and, if its answer is too old, was so at this time already: only `updatedAt` tells since
    /// when. Many feeds are late for some seconds at the end of each heartbeat.
    function _wasDead(SlotFeed memory feed, uint40 since) private view returns (bool) {
        (Fault fault,, Feeds.Round memory round) = _answer(feed);
        return fault == Fault.Stale ? round.updatedAt + feed.heartbeat < since : fault != Fault.None;
    }

    /// @dev The one judgement of an answer: a feed is dead exactly if no snapshot takes its price.
    function _answer(SlotFeed memory feed) private view returns (Fault fault, uint256 price, Feeds.Round memory round) {
        bool ok;
        (ok, round) = Feeds.latestRound(feed.aggregator);
        if (!ok) return (Fault.Failed, 0, round);
        if (round.answer <= 0) return (Fault.NotPositive, 0, round);
        price = Prices.fromAnswer(uint256(round.answer), feed.decimals);
        if (price == 0) return (Fault.NotPositive, 0, round);
        if (price >= Prices.BOUND) return (Fault.TooLarge, 0, round);
        if (round.updatedAt > block.timestamp) return (Fault.FromFuture, 0, round);
        bool fresh = round.updatedAt != 0 && block.timestamp - round.updatedAt <= feed.heartbeat;
        if (!fresh) return (Fault.Stale, 0, round);
    }

    // --- moves beyond the bounds ---

    /// @dev The oracle decides price by price: one feed that has gone back must not make the others wait again. Without an
    /// anchor no price is within its bound, but in the first minutes of a set.
    /// @return tooFar the first slot whose price is within its bound neither of the anchor nor of prices that have waited out
    /// their delay; the number of slots if there is none.
    /// @return moves whether these prices become the anchor, if they are taken: they are confirmed, or the anchor is at least a
    /// period old.
    function _compare(Set storage set, uint256[] memory words) private view returns (uint256 tooFar, bool moves) {
        uint256 slots = set.slots;
        Snapshot storage anchored = snapshots[set.anchor];
        bool first = set.anchor == 0;
        if (first && block.timestamp <= set.addedAt + FIRST_ROUND_WINDOW) return (slots, true);

        uint256[] memory bounds = first ? new uint256[](words.length) : _wordsOf(anchored);
        uint256[] memory waited = _confirmable(set) ? _unconfirmedWords(set) : bounds;
        uint256 priced = set.priced;
        moves = first || block.timestamp >= anchored.timestamp + set.deviationPeriod;
        for (; tooFar < slots; ++tooFar) {
            if (!_hasBit(priced, tooFar)) continue; // no price, then and now
            uint256 price = Prices.get(words, tooFar);
            uint256 bps = set.feeds[tooFar].maxDeviationBps;
            if (Prices.within(price, Prices.get(bounds, tooFar), bps)) continue;
            if (!Prices.within(price, Prices.get(waited, tooFar), bps)) return (tooFar, false);
            moves = true;
        }
    }

    /// @dev Waiting prices stay until their time has come, whatever the feeds answer meanwhile: if a call could replace
    /// them, anyone could postpone the confirmation again and again in a volatile market. From then on only prices beyond
    /// the bounds replace them.
    function _wait(bytes32 feedSet, Set storage set, uint256[] memory words, uint256 slot) private {
        require(set.confirmableAt <= block.timestamp, ConfirmationTooEarly(set.confirmableAt));
        uint40 confirmableAt = uint40(block.timestamp + set.confirmationDelay);
        set.confirmableAt = confirmableAt;
        for (uint256 i; i < words.length; ++i) {
            set.unconfirmed[i] = words[i];
        }
        emit ConfirmationNeeded(feedSet, slot, confirmableAt, words);
    }

    /// @dev Whether prices wait, and their time has come and not gone.
    function _confirmable(Set storage set) private view returns (bool) {
        uint40 confirmableAt = set.confirmableAt;
        return confirmableAt != 0 && confirmableAt <= block.timestamp && !_lapsed(set);
    }

    /// @dev A glitch of long ago must not confirm a glitch of now.
    function _lapsed(Set storage set) private view returns (bool) {
        return block.timestamp > uint256(set.confirmableAt) + set.confirmationDelay;
    }

    function _unconfirmedWords(Set storage set) private view returns (uint256[] memory words) {
        words = new uint256[](Signals.priceWords(set.slots));
        for (uint256 i; i < words.length; ++i) {
            words[i] = set.unconfirmed[i];
        }
    }

    // --- snapshots ---

    function _keep(bytes32 feedSet, Set storage set, uint256[] memory words) private returns (uint32 round) {
        round = ++rounds;
        set.confirmableAt = 0;
        set.rounds.push(uint48(block.timestamp), round);
        Snapshot storage taken = snapshots[round];
        uint256 fullWords = words.length - 1;
        (taken.feedSet, taken.timestamp, taken.slots) = (set.number, uint40(block.timestamp), set.slots);
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
