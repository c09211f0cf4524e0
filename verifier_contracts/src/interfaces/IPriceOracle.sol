// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "./AggregatorV3Interface.sol";

/// @title Snapshots of price feeds, packed for the proofs and shared by all vaults
/// @notice A feed set says which feed prices which slot; anyone may add one, and it never changes. Anyone may take a
/// snapshot of a set. A snapshot never changes either, and a later round of a set has a later timestamp.
interface IPriceOracle {
    /// What prices one slot. `aggregator` 0: nothing does, and the slot's price is 0 in every snapshot.
    struct Feed {
        AggregatorV3Interface aggregator;
        /// An answer older than this is refused, in seconds.
        uint32 heartbeat;
        /// The largest move from one snapshot to the next that needs no second confirmation, in basis points of the
        /// smaller of the two prices.
        uint16 maxDeviationBps;
    }

    struct FeedSet {
        /// One for each slot of the book: 8, 16 or 32. Slot 0, the settlement asset, has a feed.
        Feed[] feeds;
        /// On a rollup, Chainlink's feed of the sequencer's uptime; 0 where there is none.
        AggregatorV3Interface sequencerUptimeFeed;
        /// How long after the sequencer came back prices are refused, in seconds.
        uint32 sequencerGracePeriod;
        /// How long a move beyond `maxDeviationBps` waits for its confirmation, in seconds. 0: only until the next call.
        uint32 confirmationDelay;
    }

    // --- events ---

    event FeedSetAdded(uint32 indexed feedSet, FeedSet set);

    /// @notice A snapshot was taken.
    event SnapshotTaken(uint32 indexed feedSet, uint32 indexed round, uint40 timestamp, uint256[] words);

    /// @notice A price moved too far for one look: the snapshot is taken by whoever asks again from `confirmableAt` on, if
    /// each price is then within bounds of these or of the last snapshot's. Until then these prices stay, and from then on
    /// others that are out of bounds of both replace them.
    /// @param slot the first whose price moved too far.
    event ConfirmationNeeded(uint32 indexed feedSet, uint256 slot, uint40 confirmableAt, uint256[] words);

    // --- actions ---

    /// @notice Add a feed set. The decimals of each feed are read now and kept.
    function addFeedSet(FeedSet calldata set) external returns (uint32 feedSet);

    /// @notice Read all feeds of a set and keep their prices as a new round. Rounds count up from 1 over all sets.
    /// @return round 0 if a price moved too far and the snapshot waits for its confirmation.
    function takeSnapshot(uint32 feedSet) external returns (uint32 round);

    // --- views ---

    /// @notice The snapshot of a round. Reverts with `UnknownRound` if there is none.
    /// @return feedSet the set whose prices it holds.
    /// @return timestamp when it was taken, in seconds.
    /// @return words the prices (USD 1e-8, 48 bits each), five to a word, lowest slot in the lowest bits.
    function snapshot(uint32 round) external view returns (uint32 feedSet, uint40 timestamp, uint256[] memory words);

    /// @notice The newest round of a feed set; 0 if there is none yet. This and the views below revert with `UnknownFeedSet`
    /// if there is no such set.
    function latestRound(uint32 feedSet) external view returns (uint32);

    /// @notice A feed set as it was added.
    function feedSetOf(uint32 feedSet) external view returns (FeedSet memory);

    /// @notice Size of a feed set and which of its slots have a feed: bit i for slot i.
    function pricedSlots(uint32 feedSet) external view returns (uint8 slots, uint32 priced);

    /// @notice The unconfirmed prices of a feed set and when they can be confirmed; nothing and 0 if none wait.
    function unconfirmed(uint32 feedSet) external view returns (uint40 confirmableAt, uint256[] memory words);

    // --- errors ---

    error UnknownFeedSet(uint32 feedSet);
    error UnknownRound(uint32 round);
    error UnsupportedSlots(uint256 slots);
    /// Slot 0 settles: flows are valued at its price.
    error SettlementFeedMissing();
    error NoCode(address account);
    /// A heartbeat or a deviation of 0 would refuse every price.
    error ZeroHeartbeat(uint256 slot);
    error ZeroDeviation(uint256 slot);
    error TooManyDecimals(uint256 slot, uint8 decimals);
    /// A feed did not answer, or with something other than a round.
    error FeedFailed(uint256 slot);
    /// An answer is zero or negative, or zero once it is rounded to 8 decimals.
    error AnswerNotPositive(uint256 slot, int256 answer);
    /// An answer is not below 2^48 · 1e-8 USD.
    error AnswerTooLarge(uint256 slot, int256 answer);
    error AnswerStale(uint256 slot, uint256 updatedAt, uint32 heartbeat);
    error AnswerFromFuture(uint256 slot, uint256 updatedAt);
    /// The sequencer's uptime feed did not answer, or with something other than a valid round.
    error SequencerFeedFailed();
    error SequencerDown();
    error SequencerJustBack(uint256 since, uint32 gracePeriod);
    error ConfirmationTooEarly(uint40 confirmableAt);
    error TwoSnapshotsInOneSecond();
}
