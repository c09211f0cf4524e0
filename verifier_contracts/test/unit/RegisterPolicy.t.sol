// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {PolicyScene} from "../PolicyScene.sol";

/// POLICY-1, and the rules of `register`.
contract RegisterPolicyTest is PolicyScene {
    address private constant ANYBODY = address(bytes20(hex"0101010101010101010101010101010101010101"));

    function setUp() public {
        registry = new PolicyRegistry();
    }

    function refuse(IPolicyRegistry.Policy memory policy, bytes memory reason) private {
        vm.expectRevert(reason);
        registry.register(policy, labelsOf(8));
        vm.expectRevert(reason);
        registry.hashOf(policy);
    }

    function refuse(IPolicyRegistry.Labels memory labels, bytes memory reason) private {
        vm.expectRevert(reason);
        registry.register(policyOf(8), labels);
    }

    // --- what is kept ---

    function test_keepsThePolicyAndItsLabels() public {
        uint8[3] memory sizes = [8, 16, 32];
        for (uint256 i; i < 3; ++i) {
            uint256 policyHash = register(policyOf(sizes[i]));
            vm.assertEq(abi.encode(registry.policyOf(policyHash)), abi.encode(policyOf(sizes[i])));
            expectLabels(policyHash, address(this), labelsOf(sizes[i]));
        }
    }

    function expectLabels(uint256 policyHash, address registrant, IPolicyRegistry.Labels memory labels) private view {
        vm.assertEq(abi.encode(registry.labelsOf(policyHash, registrant)), abi.encode(labels));
    }

    function test_outlineSaysSizeNavStepAndSlots() public {
        IPolicyRegistry.Policy memory policy = policyOf(16);
        policy.slots[5] = policyOf(16).slots[15]; // an unused slot between others
        policy.slots[2].grossBps = 0;
        policy.slots[14].grossBps = 1;
        (uint8 slots, uint24 navStepUsd, uint32 named, uint32 exposed) = registry.outline(register(policy));
        vm.assertEq(uint256(slots), 16);
        vm.assertEq(uint256(navStepUsd), 1_000);
        vm.assertEq(uint256(named), 0x7fdf);
        vm.assertEq(uint256(exposed), 0x7fdb);
    }

    function test_venuesOfEverySlot() public {
        for (uint256 size = 8; size <= 32; size *= 2) {
            (uint8 slots, uint256 venues) = registry.venuesOf(register(policyOf(size)));
            vm.assertEq(uint256(slots), size);
            uint256 width = size == 32 ? 3 : 2;
            uint256 expected;
            for (uint256 i; i < size - 1; ++i) {
                expected |= uint256(policyOf(size).slots[i].venue) << (width * i); // the last slot is unused
            }
            vm.assertEq(venues, expected);
        }
    }

    function test_anyoneMayRegisterAndIsNamed() public {
        uint256 policyHash = registry.hashOf(policyOf(8));
        vm.assertFalse(registry.isRegistered(policyHash));
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.PolicyRegistered(policyHash, ANYBODY, "Delta-neutral ETH vault");
        vm.prank(ANYBODY);
        vm.assertEq(registry.register(policyOf(8), labelsOf(8)), policyHash);
        vm.assertTrue(registry.isRegistered(policyHash));
        vm.assertLt(policyHash, Signals.FIELD);
    }

    // --- labels ---

    function labelled(string memory name) private pure returns (IPolicyRegistry.Labels memory labels) {
        labels = labelsOf(8);
        labels.name = name;
    }

    function test_registeringAgainChangesNothing() public {
        uint256 policyHash = register(policyOf(8));
        vm.recordLogs();
        vm.assertEq(registry.register(policyOf(8), labelsOf(8)), policyHash);
        vm.assertEq(registry.register(policyOf(8), labelled("Something else")), policyHash);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        expectLabels(policyHash, address(this), labelsOf(8));
        vm.assertEq(abi.encode(registry.policyOf(policyHash)), abi.encode(policyOf(8)));
    }

    /// Who registers a policy first does not choose the labels that others show.
    function test_aFrontRunnersLabelsAreOnlyTheirs() public {
        vm.prank(ANYBODY);
        uint256 policyHash = registry.register(policyOf(8), labelled("Safe, audited, insured"));
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.PolicyRegistered(policyHash, address(this), "Delta-neutral ETH vault");
        vm.assertEq(register(policyOf(8)), policyHash);
        expectLabels(policyHash, address(this), labelsOf(8));
        expectLabels(policyHash, ANYBODY, labelled("Safe, audited, insured"));
        expectLabels(policyHash, address(1), noLabels());
    }

    function noLabels() private pure returns (IPolicyRegistry.Labels memory none) {}

    /// Labels may follow later: a call without any says nothing.
    function test_noLabelsLeaveThemOpen() public {
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.PolicyRegistered(registry.hashOf(policyOf(8)), address(this), "");
        uint256 policyHash = registry.register(policyOf(8), noLabels());
        expectLabels(policyHash, address(this), noLabels());
        IPolicyRegistry.Labels memory labels = noLabels();
        labels.factors = labelsOf(8).factors;
        registry.register(policyOf(8), labels);
        expectLabels(policyHash, address(this), labels);
        register(policyOf(8));
        expectLabels(policyHash, address(this), labels);
    }

    /// Labels of a registered policy are checked as those of a new one.
    function test_laterLabelsAreChecked() public {
        register(policyOf(8));
        vm.prank(ANYBODY);
        vm.expectRevert(abi.encodeWithSelector(IPolicyRegistry.InvalidName.selector, "name", 0));
        registry.register(policyOf(8), labelled("\x1b[2J"));
    }

    // --- unknown policies, and the largest ---

    function test_unknownPolicyIsRefused() public {
        bytes memory reason = abi.encodeWithSelector(IPolicyRegistry.UnknownPolicy.selector, 7);
        uint256 known = register(policyOf(8));
        vm.assertFalse(registry.isRegistered(7));
        vm.expectRevert(reason);
        registry.policyOf(7);
        vm.expectRevert(reason);
        registry.labelsOf(7, address(this));
        vm.expectRevert(reason);
        registry.outline(7);
        vm.expectRevert(reason);
        registry.tightens(7, known);
        vm.expectRevert(reason);
        registry.tightens(known, 7);
    }

    /// The data contract holds the largest policy.
    function test_longestNamesFit() public {
        IPolicyRegistry.Policy memory policy = policyOf(32);
        policy.slots[31] = policyOf(32).slots[30];
        for (uint256 i; i < 32; ++i) {
            policy.slots[i].instrument = longest("ABCDEFGHIJKLMNOPQRSTUVWXYZ.-", i);
        }
        IPolicyRegistry.Labels memory labels = labelsOf(32);
        labels.factors = new string[](6);
        for (uint256 k; k < 8; ++k) {
            labels.venues[k] = longest("$abcdefghijklmnopqrstuvwxyz_", k);
            labels.scenarios[k] = longest("abcdefghijklmnopqrstuvwxyz/+", k);
            if (k < 6) labels.factors[k] = longest("01abcdefghijklmnopqrstuvwx:z", k);
        }
        labels.name = string(new bytes(400));
        for (uint256 k; k < 400; ++k) {
            bytes(labels.name)[k] = bytes1(uint8(0x20 + k % 95));
        }
        uint256 policyHash = registry.register(policy, labels);
        vm.assertEq(abi.encode(registry.policyOf(policyHash)), abi.encode(policy));
        expectLabels(policyHash, address(this), labels);
    }

    /// 64 characters.
    function longest(string memory start, uint256 k) private pure returns (string memory name) {
        name = string.concat(start, start, "......", digits(k));
        vm.assertEq(bytes(name).length, 64);
    }

    /// Every slot and every place in use, with all words different from 0.
    function test_gas() public {
        uint8[3] memory sizes = [8, 16, 32];
        string[3] memory names = ["8 slots", "16 slots", "32 slots"];
        for (uint256 i; i < 3; ++i) {
            IPolicyRegistry.Policy memory policy = policyOf(sizes[i]);
            policy.slots[sizes[i] - 1] = policyOf(sizes[i]).slots[sizes[i] - 2];
            policy.slots[sizes[i] - 1].instrument = "LAST";
            uint256 from = register(policy);
            vm.snapshotGasLastCall("PolicyRegistry", string.concat("register, ", names[i]));
            vm.prank(ANYBODY);
            register(policy);
            vm.snapshotGasLastCall("PolicyRegistry", string.concat("further labels, ", names[i]));
            policy.maxTurnoverBps--;
            registry.tightens(from, register(policy));
            vm.snapshotGasLastCall("PolicyRegistry", string.concat("tightens, ", names[i]));
        }
    }

    // --- sizes and lengths ---

    function test_otherSizesAreRefused() public {
        uint8[6] memory others = [0, 1, 7, 9, 15, 33];
        for (uint256 i; i < 6; ++i) {
            IPolicyRegistry.Policy memory policy = policyOf(8);
            policy.slots = new IPolicyRegistry.Slot[](others[i]);
            refuse(policy, abi.encodeWithSelector(IPolicyRegistry.UnsupportedSlots.selector, others[i]));
        }
    }

    function test_listsOfAnotherLengthAreRefused() public {
        for (uint256 given = 3; given <= 5; given += 2) {
            IPolicyRegistry.Policy memory policy = policyOf(8);
            policy.venueCapBps = new uint24[](given);
            refuseLength(policy, "venueCapBps", given);
            policy = policyOf(8);
            policy.factorLimitBps = new uint24[](given);
            refuseLength(policy, "factorLimitBps", given);
            policy = policyOf(8);
            policy.factorVolatilityBps = new uint16[](given);
            refuseLength(policy, "factorVolatilityBps", given);
            policy = policyOf(8);
            policy.maxStressLossBps = new uint24[](given);
            refuseLength(policy, "maxStressLossBps", given);
            policy = policyOf(8);
            policy.shockBps = new int24[][](given);
            refuseLength(policy, "shockBps", given);
            policy = policyOf(8);
            policy.shockBps[3] = new int24[](given);
            refuseLength(policy, "shockBps", given);
            policy = policyOf(8);
            policy.slots[7].loadingBps = new int24[](given);
            refuseLength(policy, "loadingBps", given);
        }
    }

    function refuseLength(IPolicyRegistry.Policy memory policy, string memory field, uint256 given) private {
        refuse(policy, abi.encodeWithSelector(IPolicyRegistry.WrongLength.selector, field, given, 4));
    }

    function test_moreLabelsThanPlacesAreRefused() public {
        IPolicyRegistry.Labels memory labels = labelsOf(8);
        labels.venues = labelsOf(32).venues;
        refuse(labels, abi.encodeWithSelector(IPolicyRegistry.WrongLength.selector, "venues", 8, 4));
        labels = labelsOf(8);
        labels.factors = labelsOf(32).factors;
        refuse(labels, abi.encodeWithSelector(IPolicyRegistry.WrongLength.selector, "factors", 5, 4));
        labels = labelsOf(8);
        labels.scenarios = labelsOf(32).scenarios;
        refuse(labels, abi.encodeWithSelector(IPolicyRegistry.WrongLength.selector, "scenarios", 8, 4));
    }

    // --- ranges: the largest value that the packed word has room for, and one more ---

    function outOfRange(string memory field, uint256 index) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPolicyRegistry.OutOfRange.selector, field, index);
    }

    function test_slotFieldsOutOfRangeAreRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        IPolicyRegistry.Slot memory slot = policy.slots[3];
        slot.haircutBps = 2 ** 14 - 1;
        slot.liabilityBps = 2 ** 16 - 1;
        slot.capBps = 2 ** 17 - 1;
        slot.venue = 3;
        slot.grossBps = 2 ** 16 - 1;
        slot.liquidBps = 2 ** 14 - 1;
        slot.impermanentLossBps = 2 ** 14 - 1;
        slot.depthBps = 2 ** 20 - 1;
        slot.residualBps = 2 ** 14 - 1;
        IPolicyRegistry.Policy memory kept = registry.policyOf(register(policy));
        vm.assertEq(abi.encode(kept.slots[3]), abi.encode(slot));

        slot.haircutBps = 2 ** 14;
        refuse(policy, outOfRange("haircutBps", 3));
        slot.haircutBps = 0;
        slot.capBps = 2 ** 17;
        refuse(policy, outOfRange("capBps", 3));
        slot.capBps = 0;
        slot.venue = 4;
        refuse(policy, outOfRange("venue", 3));
        slot.venue = 0;
        slot.liquidBps = 2 ** 14;
        refuse(policy, outOfRange("liquidBps", 3));
        slot.liquidBps = 0;
        slot.impermanentLossBps = 2 ** 14;
        refuse(policy, outOfRange("impermanentLossBps", 3));
        slot.impermanentLossBps = 0;
        slot.depthBps = 2 ** 20;
        refuse(policy, outOfRange("depthBps", 3));
        slot.depthBps = 0;
        slot.residualBps = 2 ** 14;
        refuse(policy, outOfRange("residualBps", 3));
        slot.residualBps = 0;
        slot.loadingBps[2] = 2 ** 16;
        refuse(policy, outOfRange("loadingBps", 3));
        slot.loadingBps[2] = -(2 ** 16) - 1;
        refuse(policy, outOfRange("loadingBps", 3));
    }

    function test_globalFieldsOutOfRangeAreRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.maxTurnoverBps = 2 ** 20 - 1;
        policy.maxLeverageBps = 2 ** 20 - 1;
        policy.minCollateralRatioBps = 2 ** 17 - 1;
        policy.stressCollateralRatioBps = 2 ** 17 - 1;
        policy.minReserveBps = 2 ** 14 - 1;
        policy.maxImpermanentLossBps = 2 ** 17 - 1;
        policy.minCapitalEfficiencyBps = 2 ** 20 - 1;
        policy.maxVarBps = 2 ** 14 - 1;
        policy.varQuantileBps = 2 ** 16 - 1;
        policy.slippageBps = 2 ** 14 - 1;
        policy.navStepUsd = 2 ** 24 - 1;
        policy.venueCapBps[3] = 2 ** 17 - 1;
        policy.factorLimitBps[3] = 2 ** 17 - 1;
        policy.factorVolatilityBps[3] = 2 ** 14 - 1;
        policy.maxStressLossBps[3] = 2 ** 17 - 1;
        IPolicyRegistry.Policy memory kept = registry.policyOf(register(policy));
        vm.assertEq(abi.encode(kept), abi.encode(policy));

        policy.maxTurnoverBps = 2 ** 20;
        refuse(policy, outOfRange("maxTurnoverBps", 0));
        policy.maxTurnoverBps = 0;
        policy.maxLeverageBps = 2 ** 20;
        refuse(policy, outOfRange("maxLeverageBps", 0));
        policy.maxLeverageBps = 0;
        policy.minCollateralRatioBps = 2 ** 17;
        refuse(policy, outOfRange("minCollateralRatioBps", 0));
        policy.minCollateralRatioBps = 0;
        policy.stressCollateralRatioBps = 2 ** 17;
        refuse(policy, outOfRange("stressCollateralRatioBps", 0));
        policy.stressCollateralRatioBps = 0;
        policy.minReserveBps = 2 ** 14;
        refuse(policy, outOfRange("minReserveBps", 0));
        policy.minReserveBps = 0;
        policy.maxImpermanentLossBps = 2 ** 17;
        refuse(policy, outOfRange("maxImpermanentLossBps", 0));
        policy.maxImpermanentLossBps = 0;
        policy.minCapitalEfficiencyBps = 2 ** 20;
        refuse(policy, outOfRange("minCapitalEfficiencyBps", 0));
        policy.minCapitalEfficiencyBps = 0;
        policy.maxVarBps = 2 ** 14;
        refuse(policy, outOfRange("maxVarBps", 0));
        policy.maxVarBps = 0;
        policy.slippageBps = 2 ** 14;
        refuse(policy, outOfRange("slippageBps", 0));
        policy.slippageBps = 0;
        policy.venueCapBps[3] = 2 ** 17;
        refuse(policy, outOfRange("venueCapBps", 3));
        policy.venueCapBps[3] = 0;
        policy.factorLimitBps[0] = 2 ** 17;
        refuse(policy, outOfRange("factorLimitBps", 0));
        policy.factorLimitBps[0] = 0;
        policy.factorVolatilityBps[2] = 2 ** 14;
        refuse(policy, outOfRange("factorVolatilityBps", 2));
        policy.factorVolatilityBps[2] = 0;
        policy.maxStressLossBps[1] = 2 ** 17;
        refuse(policy, outOfRange("maxStressLossBps", 1));
        policy.maxStressLossBps[1] = 0;
        policy.shockBps[2][3] = 2 ** 16;
        refuse(policy, outOfRange("shockBps", 2));
        policy.shockBps[2][3] = -(2 ** 16) - 1;
        refuse(policy, outOfRange("shockBps", 2));
    }

    /// On a derivative, which no scenario can take too far.
    function test_loadingsAndShocksReachBothEndsOfTheirRange() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        for (uint256 i; i < 7; ++i) {
            (policy.slots[i].funded, policy.slots[i].haircutBps) = (false, 10_000);
        }
        (policy.slots[2].loadingBps[0], policy.slots[2].loadingBps[3]) = (2 ** 16 - 1, -(2 ** 16));
        (policy.shockBps[0][0], policy.shockBps[3][3]) = (-(2 ** 16), 2 ** 16 - 1);
        IPolicyRegistry.Policy memory kept = registry.policyOf(register(policy));
        vm.assertEq(abi.encode(kept), abi.encode(policy));
    }

    function test_aNavStepOfZeroIsRefused() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.navStepUsd = 0;
        refuse(policy, abi.encodeWithSelector(IPolicyRegistry.ZeroNavStep.selector));
        policy.navStepUsd = 1;
        register(policy);
    }

    // --- instruments ---

    function test_slotZeroIsInUse() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[0] = policy.slots[7];
        refuse(policy, abi.encodeWithSelector(IPolicyRegistry.SettlementSlotUnused.selector));
    }

    function test_instrumentsAreUniqueInLargeAndSmallLetters() public {
        IPolicyRegistry.Policy memory policy = policyOf(8);
        policy.slots[4].instrument = "UsDc";
        refuse(policy, abi.encodeWithSelector(IPolicyRegistry.DuplicateInstrument.selector, 4));
        policy.slots[4].instrument = "USDCe";
        register(policy);
    }

    function test_unusedSlotsHaveNothingButZero() public {
        for (uint256 field; field < 11; ++field) {
            IPolicyRegistry.Policy memory policy = policyOf(8);
            IPolicyRegistry.Slot memory slot = policy.slots[7];
            if (field == 0) slot.funded = true;
            if (field == 1) slot.haircutBps = 1;
            if (field == 2) slot.liabilityBps = 1;
            if (field == 3) slot.capBps = 1;
            if (field == 4) slot.venue = 1;
            if (field == 5) slot.grossBps = 1;
            if (field == 6) slot.liquidBps = 1;
            if (field == 7) slot.impermanentLossBps = 1;
            if (field == 8) slot.depthBps = 1;
            if (field == 9) slot.residualBps = 1;
            if (field == 10) slot.loadingBps[3] = -1;
            refuse(policy, abi.encodeWithSelector(IPolicyRegistry.UnusedSlotNotEmpty.selector, 7));
        }
    }

    function test_namesHaveTheirForm() public {
        string[20] memory wrong = [
            "1.5",
            "2024-08-28",
            "$1",
            "_x",
            "-x",
            "+x",
            ".x",
            "/x",
            ":x",
            "=x",
            "@x",
            "a b",
            "a\n",
            "a\x1b[0m",
            "a\x7f",
            unicode"USD₮0",
            "a*",
            "a[b]",
            "a@b",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789012"
        ];
        for (uint256 k; k < wrong.length; ++k) {
            IPolicyRegistry.Policy memory policy = policyOf(8);
            policy.slots[6].instrument = wrong[k];
            refuse(policy, invalidName("instrument", 6));
            IPolicyRegistry.Labels memory labels = labelsOf(8);
            labels.venues[3] = wrong[k];
            refuse(labels, invalidName("venues", 3));
            labels = labelsOf(8);
            labels.factors[2] = wrong[k];
            refuse(labels, invalidName("factors", 2));
            labels = labelsOf(8);
            labels.scenarios[1] = wrong[k];
            refuse(labels, invalidName("scenarios", 1));
        }
        IPolicyRegistry.Labels memory empty = labelsOf(8);
        empty.venues[0] = "";
        refuse(empty, invalidName("venues", 0));
    }

    function test_namesOfMarketsAreNames() public {
        string[7] memory right = [
            "1INCH",
            "1000PEPE",
            "ETH/USDC:USDC",
            "BTC/USD:BTC-241227-60000-C",
            "$WIF",
            "PT-weETH-26DEC2024-ETHEREUM-MAINNET-V2",
            "1x"
        ];
        for (uint256 k; k < right.length; ++k) {
            IPolicyRegistry.Policy memory policy = policyOf(8);
            policy.slots[6].instrument = right[k];
            IPolicyRegistry.Labels memory labels = labelsOf(8);
            (labels.venues[3], labels.factors[2], labels.scenarios[1]) = (right[k], right[k], right[k]);
            IPolicyRegistry.Policy memory kept = registry.policyOf(registry.register(policy, labels));
            vm.assertEq(abi.encode(kept), abi.encode(policy));
        }
    }

    function test_policyNameIsOneLineOfAscii() public {
        string[4] memory wrong = ["a\nb", "a\x1fb", "a\x7fb", unicode"ä"];
        IPolicyRegistry.Labels memory labels = labelsOf(8);
        for (uint256 k; k < wrong.length; ++k) {
            labels.name = wrong[k];
            refuse(labels, invalidName("name", 0));
        }
        bytes memory long = new bytes(401);
        for (uint256 k; k < 401; ++k) {
            long[k] = "x";
        }
        labels.name = string(long);
        refuse(labels, invalidName("name", 0));
    }

    function invalidName(string memory field, uint256 index) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPolicyRegistry.InvalidName.selector, field, index);
    }

    // --- scenarios ---

    /// Scenario 2 moves slot 3 by 2·5,000·6,000 + x of 1e8.
    function move(int24 x) private pure returns (IPolicyRegistry.Policy memory policy) {
        policy = policyOf(8);
        (policy.slots[3].loadingBps[0], policy.slots[3].loadingBps[1]) = (6_000, -6_000);
        (policy.slots[3].loadingBps[2], policy.slots[3].loadingBps[3]) = (4_000, 1);
        (policy.shockBps[2][0], policy.shockBps[2][1]) = (-5_000, 5_000);
        (policy.shockBps[2][2], policy.shockBps[2][3]) = (-10_000, x);
    }

    function test_scenariosTakeNoFundedSlotBelowZero() public {
        register(move(1));
        register(move(0));
        refuse(move(-1), abi.encodeWithSelector(IPolicyRegistry.ScenarioBelowZero.selector, 2, 3));
    }

    function test_scenariosMayTakeADerivativeBelowZeroOnlyIfItCountsInFull() public {
        IPolicyRegistry.Policy memory policy = move(-1);
        policy.slots[3].funded = false;
        uint16[4] memory partial_ = [uint16(0), 9_999, 10_001, 2 ** 14 - 1];
        for (uint256 k; k < partial_.length; ++k) {
            policy.slots[3].haircutBps = partial_[k];
            refuse(policy, abi.encodeWithSelector(IPolicyRegistry.ScenarioBelowZero.selector, 2, 3));
        }
        policy.slots[3].haircutBps = 10_000;
        register(policy);
    }
}
