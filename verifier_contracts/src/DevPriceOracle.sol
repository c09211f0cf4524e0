// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {Signals} from "./libraries/Signals.sol";

/// @title A price oracle for development
/// @notice Its owner says what the prices are, which no share holder should have to believe: it can only be deployed on
/// a local development chain.
contract DevPriceOracle is IPriceOracle {
    error NotDevelopmentChain(uint256 chainId);
    error UnsupportedSlots(uint256 slots);
    error NotOwner(address caller);
    error WrongWordCount(uint256 given, uint256 expected);
    /// A word has bits beyond its prices.
    error PriceWordOutOfRange(uint256 word);
    /// Flows are valued at the price of slot 0, so that one cannot be missing.
    error SettlementPriceMissing();
    error TwoSnapshotsInOneSecond();

    struct Snapshot {
        uint64 timestamp;
        uint256[] words;
    }

    address public immutable owner;
    uint256 public immutable slots;

    uint64 public latestRound;
    mapping(uint64 round => Snapshot) private snapshots;

    /// @param slots_ size of the books to price: 8, 16 or 32.
    constructor(uint256 slots_) {
        require(block.chainid == 31337 || block.chainid == 1337, NotDevelopmentChain(block.chainid));
        require(Signals.isSize(slots_), UnsupportedSlots(slots_));
        owner = msg.sender;
        slots = slots_;
    }

    /// @notice Take a snapshot of these packed price words, now.
    function post(uint256[] calldata words) external returns (uint64 round) {
        require(msg.sender == owner, NotOwner(msg.sender));
        uint256 count = Signals.priceWords(slots);
        require(words.length == count, WrongWordCount(words.length, count));
        uint256 pricesLeft = slots;
        for (uint256 i; i < count; ++i) {
            uint256 prices = pricesLeft < Signals.PRICES_PER_WORD ? pricesLeft : Signals.PRICES_PER_WORD;
            require(words[i] >> (Signals.PRICE_BITS * prices) == 0, PriceWordOutOfRange(i));
            pricesLeft -= prices;
        }
        require(words[0] % (1 << Signals.PRICE_BITS) != 0, SettlementPriceMissing());

        round = latestRound;
        require(block.timestamp > snapshots[round].timestamp, TwoSnapshotsInOneSecond());
        snapshots[++round] = Snapshot(uint64(block.timestamp), words);
        latestRound = round;
        emit SnapshotTaken(round, uint64(block.timestamp), words);
    }

    /// @inheritdoc IPriceOracle
    function snapshot(uint64 round) external view returns (uint64 timestamp, uint256[] memory words) {
        require(round != 0 && round <= latestRound, UnknownRound(round));
        return (snapshots[round].timestamp, snapshots[round].words);
    }
}
