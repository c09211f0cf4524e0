// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "./AggregatorV3Interface.sol";

/// @title Snapshots of price feeds, packed for the proofs and shared by all vaults
/// @notice A feed set names the feed that prices each slot. Its own name is the hash of its content: of the ABI encoding of the
/// set and of its feeds' decimals. Anyone may add one, and it never changes. Anyone may take a snapshot of a set. A snapshot
/// never changes either, and a later round of a set has a later timestamp.
///
/// MOVES. Each set has an anchor, the round whose prices bound the next round's: a price within `maxDeviationBps` of the
/// anchor's is taken at once. A round moves the anchor once a `deviationPeriod` has passed since the anchor, so however many
/// snapshots somebody takes, between two rounds a price moves by at most `maxDeviationBps` for each whole period between them
/// and three times more. A price beyond the bound needs a confirmation: it must be seen twice, at least `confirmationDelay`
/// apart and at most twice that. A confirmed round is the new anchor.
///
/// THE FIRST ROUND of a set has no anchor. It is taken at once within 5 minutes of the adding of the set, earlier than any vault
/// with holders can move to the set. Later it needs a confirmation like any move beyond the bound: whoever replaces the feeds of a
/// vault cannot wait for a feed's glitch and make it the new set's first price.
///
/// GAS. A feed that needs more than 200,000 gas counts as failed. A call that has less gas for a feed reverts, so nobody makes
/// a feed fail by sending little.
interface IPriceOracle {
    /// The feed of one slot. With `aggregator` 0 the slot has no feed, and its price is 0 in every snapshot.
    struct Feed {
        AggregatorV3Interface aggregator;
        /// Greatest age of an answer, in seconds.
        uint32 heartbeat;
        /// Largest move in one `deviationPeriod` that needs no confirmation, in basis points of the smaller of the two
        /// prices.
        uint16 maxDeviationBps;
    }

    struct FeedSet {
        /// One for each slot of the book: 8, 16 or 32. Slot 0, the settlement asset, has a feed.
        Feed[] feeds;
        /// On a rollup, Chainlink's feed of the sequencer's uptime; 0 where there is none.
        AggregatorV3Interface sequencerUptimeFeed;
        /// Seconds, at most a day, for which the oracle refuses prices after the sequencer came back.
        uint32 sequencerGracePeriod;
        /// Seconds that a move beyond `maxDeviationBps` waits for its confirmation, from 5 minutes to a day. From then on,
        /// and for as long again, a call can confirm it; then it lapses.
        uint32 confirmationDelay;
        /// Seconds, from a minute to a week, in which `maxDeviationBps` bounds the move of a price.
        uint32 deviationPeriod;
    }

    // --- events ---

    /// @param decimals of each slot's feed; 0 for a slot without one.
    event FeedSetAdded(bytes32 indexed feedSet, FeedSet set, uint8[] decimals);

    /// @notice The oracle took a snapshot.
    event SnapshotTaken(bytes32 indexed feedSet, uint32 indexed round, uint40 timestamp, uint256[] words);

    /// @notice A price moved too far from the anchor, so the snapshot needs a confirmation: a call from `confirmableAt` on, and
    /// for as long again as it waited, takes it, if each price is then within its bound of these prices or of the anchor's. These
    /// prices wait unchanged until then; from then on prices beyond the bounds of both replace them. Afterwards they lapse.
    /// @param slot the first slot whose price moved too far.
    event ConfirmationNeeded(bytes32 indexed feedSet, uint256 slot, uint40 confirmableAt, uint256[] words);

    // --- actions ---

    /// @notice Add a feed set. The oracle reads the decimals of each feed now and keeps them. To add a set again has no effect.
    /// Anyone may call this.
    function addFeedSet(FeedSet calldata set) external returns (bytes32 feedSet);

    /// @notice Read all feeds of a set and store their prices as a new round. Rounds count up from 1 over all sets. Anyone
    /// may call this.
    /// @return round the number of the snapshot; 0 if a price moved too far and the snapshot waits for its confirmation.
    function takeSnapshot(bytes32 feedSet) external returns (uint32 round);

    // --- views ---

    /// @notice The snapshot of a round. Reverts with `UnknownRound` if there is none.
    /// @return feedSet the set whose prices it holds.
    /// @return timestamp the time of the snapshot, in Unix seconds.
    /// @return words the prices (USD 1e-8, 48 bits each), five to a word, lowest slot in the lowest bits.
    function snapshot(uint32 round) external view returns (bytes32 feedSet, uint40 timestamp, uint256[] memory words);

    /// @notice The newest round of a feed set; 0 if there is none yet. This and the following views revert with
    /// `UnknownFeedSet` if there is no such set.
    function latestRound(bytes32 feedSet) external view returns (uint32);

    /// @notice The newest round of a feed set taken at or before this time, in Unix seconds; 0 if there is none.
    function roundAt(bytes32 feedSet, uint40 time) external view returns (uint32);

    /// @notice The longest heartbeat, in seconds, of the feeds of these slots (bit i for slot i); 0 for no slot.
    function longestHeartbeat(bytes32 feedSet, uint32 slots) external view returns (uint32);

    /// @notice The slots whose feed is dead: the oracle would refuse its answer now, because there is none, because it is older
    /// than the heartbeat, or because it is no price. Bit i for slot i. No feed can make this revert.
    function deadFeeds(bytes32 feedSet) external view returns (uint32 slots);

    /// @notice Whether `to` differs from `from` only in feeds that are dead now, each replaced by a feed that is alive, with no
    /// longer heartbeat and no larger deviation. A sequencer's uptime feed that does not answer may be replaced by one that
    /// does. While the sequencer is down or just back, nothing is a repair: every feed is late then. No feed can make this
    /// revert.
    /// @param since a feed whose answer is too old must have been dead at this time too, so that one that is late twice is not
    /// taken for one that is dead. A time to come counts as now.
    function isRepair(bytes32 from, bytes32 to, uint40 since) external view returns (bool);

    /// @notice The round whose prices bound the next round's, and its time; 0 and 0 before the first round.
    function anchor(bytes32 feedSet) external view returns (uint32 round, uint40 timestamp);

    /// @notice A feed set, and the decimals of each slot's feed as the oracle read them when the set was added; 0 for a slot
    /// without a feed.
    function feedSetOf(bytes32 feedSet) external view returns (FeedSet memory set, uint8[] memory decimals);

    /// @notice Size of a feed set and the slots that have a feed: bit i for slot i.
    function pricedSlots(bytes32 feedSet) external view returns (uint8 slots, uint32 priced);

    /// @notice The unconfirmed prices of a feed set and the time from which a call can confirm them; nothing and 0 if none
    /// wait. Once they have lapsed, only the time is left, until the next snapshot.
    function unconfirmed(bytes32 feedSet) external view returns (uint40 confirmableAt, uint256[] memory words);

    // --- errors ---

    error UnknownFeedSet(bytes32 feedSet);
    error UnknownRound(uint32 round);
    error UnsupportedSlots(uint256 slots);
    /// Slot 0 has no feed, whose price values the flows.
    error SettlementFeedMissing();
    error NoCode(address account);
    /// A heartbeat or a deviation of 0 would refuse every price.
    error ZeroHeartbeat(uint256 slot);
    error ZeroDeviation(uint256 slot);
    error TooManyDecimals(uint256 slot, uint8 decimals);
    /// A feed did not answer, or its answer is not a round.
    error FeedFailed(uint256 slot);
    /// An answer is negative or zero, or zero after rounding to 8 decimals.
    error AnswerNotPositive(uint256 slot, int256 answer);
    /// An answer is not below 2^48 · 1e-8 USD.
    error AnswerTooLarge(uint256 slot, int256 answer);
    error AnswerStale(uint256 slot, uint256 updatedAt, uint32 heartbeat);
    error AnswerFromFuture(uint256 slot, uint256 updatedAt);
    /// The sequencer's uptime feed did not answer, or its answer is not a valid round.
    error SequencerFeedFailed();
    error SequencerDown();
    error SequencerJustBack(uint256 since, uint32 gracePeriod);
    /// The delay or period is outside its bounds.
    error PeriodOutOfRange(string field, uint32 value, uint32 least, uint32 most);
    error ConfirmationTooEarly(uint40 confirmableAt);
    error TwoSnapshotsInOneSecond();
    /// The call has less gas than a feed may use.
    error NotEnoughGas();
}
