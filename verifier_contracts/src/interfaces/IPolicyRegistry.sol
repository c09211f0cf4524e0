// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Readable policies, packed and hashed on chain
/// @notice The registry maps the `policyHash` of a proof to the readable policy. A policy never changes, anyone may
/// register one, and registering it again has no effect. `dls_zk/statement/model.py` has the same names and units of all
/// fields: shares in basis points.
interface IPolicyRegistry {
    struct Slot {
        /// Empty for an unused slot, whose other fields are all 0.
        string instrument;
        bool funded;
        uint16 haircutBps;
        uint16 liabilityBps;
        uint24 capBps;
        uint8 venue;
        uint16 grossBps;
        uint16 liquidBps;
        uint16 impermanentLossBps;
        uint24 depthBps;
        uint16 residualBps;
        int24[] loadingBps;
    }

    struct Policy {
        /// 8, 16 or 32. Their number fixes that of factors (4, 6, 6), scenarios (4, 8, 8) and venues (4, 4, 8).
        Slot[] slots;
        uint24 maxTurnoverBps;
        uint24 maxLeverageBps;
        uint24 minCollateralRatioBps;
        uint24 stressCollateralRatioBps;
        uint16 minReserveBps;
        uint24 maxImpermanentLossBps;
        uint24 minCapitalEfficiencyBps;
        uint16 maxVarBps;
        uint16 varQuantileBps;
        uint16 slippageBps;
        uint24 navStepUsd;
        uint24[] venueCapBps;
        uint24[] factorLimitBps;
        uint16[] factorVolatilityBps;
        uint24[] maxStressLossBps;
        int24[][] shockBps;
    }

    /// @notice Names for people: of the policy, and of the venues, factors and scenarios in use, in order. The hash binds
    /// the instruments' names only. Labels belong to the account that gave them: everybody may give a policy labels, and
    /// none replaces another's. Show them with their author, and trust those of an account that you trust.
    struct Labels {
        string name;
        string[] venues;
        string[] factors;
        string[] scenarios;
    }

    /// @notice An account registered a policy, or gave a registered one its labels.
    event PolicyRegistered(uint256 indexed policyHash, address indexed by, string name);

    /// @notice Check, pack, hash and store a policy, if it is not stored yet, and the caller's labels for it, once: a second
    /// call with other labels changes nothing. A call without any label leaves them open. Anyone may call this.
    function register(Policy calldata policy, Labels calldata labels) external returns (uint256 policyHash);

    // --- views ---

    /// @notice The policy behind a hash. Reverts with `UnknownPolicy` if it is not registered.
    function policyOf(uint256 policyHash) external view returns (Policy memory policy);

    /// @notice The labels that this account gave a policy; empty if it gave none. Reverts as `policyOf`.
    function labelsOf(uint256 policyHash, address registrant) external view returns (Labels memory labels);

    function isRegistered(uint256 policyHash) external view returns (bool);

    /// @notice The result of `register`, without registering the policy.
    function hashOf(Policy calldata policy) external view returns (uint256 policyHash);

    /// @notice Size, NAV step, and which slots have an instrument and a gross weight: bit i for slot i.
    function outline(uint256 policyHash)
        external
        view
        returns (uint8 slots, uint24 navStepUsd, uint32 named, uint32 exposed);

    /// @notice Size, and the venue of every slot as the policy's words have it: lowest slot in the lowest bits, 2 bits for each
    /// (3 with 32 slots). An unused slot is at venue 0.
    function venuesOf(uint256 policyHash) external view returns (uint8 slots, uint256 venues);

    /// @notice Whether every change from one policy to another tightens.
    /// @dev Reverts with `SizeChanged`, `NavStepChanged` or `InstrumentChanged` if the quantities or the NAV that a vault
    /// has committed to would change their meaning. `PROPERTIES.md` (policy) lists field by field which change tightens;
    /// any change of a field without a tighter direction (venue, loadings, shocks, …) loosens.
    function tightens(uint256 fromHash, uint256 toHash) external view returns (bool);

    // --- errors ---

    error UnknownPolicy(uint256 policyHash);
    error UnsupportedSlots(uint256 slots);
    /// A list does not have the length that the size of the book demands; a list of labels is longer.
    error WrongLength(string field, uint256 given, uint256 expected);
    /// A value does not fit its field; `index` is the slot or the index in the list.
    error OutOfRange(string field, uint256 index);
    /// A name is at most 64 letters, digits or $ . _ / : + -, with a letter among them and none of . _ / : + - in front;
    /// of the policy, at most 400 ASCII characters.
    error InvalidName(string field, uint256 index);
    /// Another slot has the same instrument; large and small letters are equal.
    error DuplicateInstrument(uint256 slot);
    /// An unused slot has a field other than 0, so that it could hold something.
    error UnusedSlotNotEmpty(uint256 slot);
    error SettlementSlotUnused();
    error ZeroNavStep();
    /// A scenario takes a slot below zero, which only a derivative with `haircutBps` of 10,000 may go: debt would turn into
    /// credit, and a haircut would hide a part of the loss.
    error ScenarioBelowZero(uint256 scenario, uint256 slot);
    error SizeChanged();
    error NavStepChanged();
    error InstrumentChanged(uint256 slot);
}
