// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchVerifier} from "../../src/BatchVerifier.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Base} from "../Base.sol";
import {Signals} from "../../src/libraries/Signals.sol";
import {Mutants} from "../Mutants.sol";
import {Trapdoor} from "../Trapdoor.sol";
import {TrapdoorKeys} from "../generated/TrapdoorKeys.sol";

/// Which verifying keys a batch verifier takes.
contract BatchVerifierKeysTest is Base {
    uint256 private constant Q = Groth16.BASE_FIELD;
    uint256 private constant R = Signals.FIELD;

    IBatchVerifier.VerifyingKey private key;

    function setUp() public {
        (, key) = TrapdoorKeys.key(9);
    }

    function refuse(bytes memory reason) private {
        IBatchVerifier.VerifyingKey memory bad = key;
        vm.expectRevert(reason);
        new BatchVerifier(bad, true);
    }

    function refuse(bytes4 reason) private {
        refuse(abi.encodeWithSelector(reason));
    }

    function testPoint() private pure returns (uint256[4] memory) {
        return [TrapdoorKeys.B_X_IM, TrapdoorKeys.B_X_RE, TrapdoorKeys.B_Y_IM, TrapdoorKeys.B_Y_RE];
    }

    // --- what it keeps ---

    function test_knowsItsKey() public {
        uint256[3] memory counts = [uint256(9), 11, 14];
        for (uint256 i; i < 3; ++i) {
            (, key) = TrapdoorKeys.key(counts[i]);
            BatchVerifier verifier = new BatchVerifier(key, true);
            bytes memory words = abi.encodePacked(key.alpha1, key.beta2, key.gamma2, key.delta2);
            for (uint256 k; k <= counts[i]; ++k) {
                words = bytes.concat(words, abi.encodePacked(key.ic[k]));
            }
            vm.assertEq(words.length, 32 * (14 + 2 * (counts[i] + 1)));
            vm.assertEq(verifier.keyHash(), keccak256(words));
            vm.assertEq(verifier.signalCount(), counts[i]);
        }
    }

    // --- development keys ---

    function test_developmentKeysOnlyOnDevelopmentChains() public {
        uint256[4] memory others = [uint256(1), 10, 42161, 31338];
        for (uint256 i; i < others.length; ++i) {
            vm.chainId(others[i]);
            refuse(abi.encodeWithSelector(IBatchVerifier.InsecureDevelopmentKey.selector, others[i]));
            new BatchVerifier(key, false);
        }
        vm.chainId(1337);
        new BatchVerifier(key, true);
    }

    // --- number of points ---

    function test_refusesOtherNumbersOfPoints() public {
        for (uint256 points; points < 17; ++points) {
            if (points == 10 || points == 12 || points == 15) continue;
            key.ic = new uint256[2][](points);
            refuse(abi.encodeWithSelector(IBatchVerifier.WrongPointCount.selector, points));
        }
    }

    // --- points of G1 ---

    function test_refusesAlphaOffTheCurve() public {
        key.alpha1[1] += 1;
        refuse(IBatchVerifier.PointNotOnCurve.selector);
    }

    function test_refusesAlphaAtInfinity() public {
        key.alpha1 = [uint256(0), 0];
        refuse(IBatchVerifier.PointAtInfinity.selector);
    }

    function test_refusesAlphaOutsideTheBaseField() public {
        key.alpha1[0] += Q;
        refuse(IBatchVerifier.PointNotOnCurve.selector);
        key.alpha1[0] -= Q;
        key.alpha1[1] += Q;
        refuse(IBatchVerifier.PointNotOnCurve.selector);
    }

    function test_refusesAnyPointOfICOffTheCurve() public {
        for (uint256 i; i < 10; ++i) {
            key.ic[i][0] += 1;
            refuse(IBatchVerifier.PointNotOnCurve.selector);
            key.ic[i][0] -= 1;
        }
    }

    /// A signal that no constraint uses: any value of it would do.
    function test_refusesAnyPointOfICAtInfinity() public {
        for (uint256 i; i < 10; ++i) {
            uint256[2] memory good = key.ic[i];
            key.ic[i] = [uint256(0), 0];
            refuse(IBatchVerifier.PointAtInfinity.selector);
            key.ic[i] = good;
        }
    }

    // --- points of G2 ---

    function setG2(uint256 which, uint256[4] memory point) private {
        if (which == 0) key.beta2 = point;
        else if (which == 1) key.gamma2 = point;
        else key.delta2 = point;
    }

    function refuseG2(uint256[4] memory point, bytes4 reason) private {
        uint256[4][3] memory good = [key.beta2, key.gamma2, key.delta2];
        for (uint256 which; which < 3; ++which) {
            setG2(which, point);
            refuse(reason);
            setG2(which, good[which]);
        }
    }

    function test_refusesPointsOfG2OffTheCurve() public {
        refuseG2([uint256(1), 2, 3, 4], IBatchVerifier.PointNotOnCurve.selector);
    }

    function test_refusesPointsOfG2AtInfinity() public {
        refuseG2([uint256(0), 0, 0, 0], IBatchVerifier.PointAtInfinity.selector);
    }

    function test_refusesPointsOfG2OutsideTheSubgroup() public {
        refuseG2([uint256(0), 1, Mutants.OUTSIDE_Y_IM, Mutants.OUTSIDE_Y_RE], IBatchVerifier.PointNotOnCurve.selector);
    }

    function test_refusesPointsOfG2OutsideTheBaseField() public {
        for (uint256 k; k < 4; ++k) {
            uint256[4] memory point = testPoint();
            point[k] += Q;
            refuseG2(point, IBatchVerifier.PointNotOnCurve.selector);
        }
    }

    // --- γ ---

    function negated(uint256[4] memory point) private pure returns (uint256[4] memory) {
        return [point[0], point[1], Q - point[2], Q - point[3]];
    }

    function test_refusesAnyGammaButTheGenerator() public {
        uint256[4][4] memory others = [testPoint(), negated(key.gamma2), key.delta2, key.beta2];
        for (uint256 i; i < 4; ++i) {
            key.gamma2 = others[i];
            refuse(IBatchVerifier.GammaNotGenerator.selector);
        }
    }

    // --- relations: with each of these keys anybody can forge, or change a signal of a proof that holds ---

    function signed(uint256[4] memory point, bool negative) private pure returns (uint256[4] memory) {
        return negative ? negated(point) : point;
    }

    /// j·X = ±k·Y for X and Y among the generator, β and δ, and j and k up to 4; five is past the search.
    function test_refusesSmallMultiplesInG2() public {
        (uint256[4] memory beta, uint256[4] memory delta) = (key.beta2, key.delta2);
        for (uint256 j = 1; j <= 4; ++j) {
            for (uint256 k = 1; k <= 4; ++k) {
                for (uint256 sign; sign < 2; ++sign) {
                    key.beta2 = TrapdoorKeys.multipleOfG2(2, j);
                    key.delta2 = signed(TrapdoorKeys.multipleOfG2(2, k), sign == 1);
                    refuse(IBatchVerifier.RelatedPoints.selector);
                }
                (key.beta2, key.delta2) = (TrapdoorKeys.multipleOfG2(0, j), delta);
                refuse(IBatchVerifier.RelatedPoints.selector);
                (key.beta2, key.delta2) = (beta, negated(TrapdoorKeys.multipleOfG2(0, k)));
                refuse(IBatchVerifier.RelatedPoints.selector);
                key.delta2 = TrapdoorKeys.multipleOfG2(1, k);
                refuse(IBatchVerifier.RelatedPoints.selector);
            }
        }
        key.delta2 = TrapdoorKeys.multipleOfG2(1, 5);
        new BatchVerifier(key, true);
    }

    function refuseInG1(uint256 i, uint256[2] memory point) private {
        uint256[2] memory good = i == 10 ? key.alpha1 : key.ic[i];
        for (uint256 sign; sign < 2; ++sign) {
            if (i == 10) key.alpha1 = point;
            else key.ic[i] = point;
            refuse(IBatchVerifier.RelatedPoints.selector);
            point[1] = Q - point[1];
        }
        if (i == 10) key.alpha1 = good;
        else key.ic[i] = good;
    }

    /// Every two of the generator, α and the points of IC: no two signals are bound only together, and none to a constant.
    function test_refusesSmallMultiplesInG1() public {
        for (uint256 i; i <= 10; ++i) {
            for (uint256 k = 1; k <= 4; ++k) {
                refuseInG1(i, Trapdoor.multiple(k));
                for (uint256 j; j < i; ++j) {
                    refuseInG1(i, Trapdoor.multiply(key.ic[j], k));
                }
            }
        }
    }

    function test_refusesAlphaRelatedAcrossTheGroups() public {
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(9);
        uint256[2] memory secrets = [s.beta, s.delta];
        for (uint256 i; i < 2; ++i) {
            refuseInG1(10, Trapdoor.multiple(secrets[i]));
        }
    }

    // --- what the relations are worth: an arbitrary false statement, from the key's points alone ---

    function statement(uint256[] memory signals) private view returns (uint256[2] memory sum) {
        sum = key.ic[0];
        for (uint256 j; j < signals.length; ++j) {
            sum = Trapdoor.add(sum, Trapdoor.multiply(key.ic[j + 1], signals[j]));
        }
    }

    function minus(uint256[2] memory point) private pure returns (uint256[2] memory) {
        return [point[0], Q - point[1]];
    }

    /// e(−A, B) · e(α, β) · e(Σ x_j·IC_j, γ) · e(C, δ) = 1
    function holds(uint256[2] memory a, uint256[4] memory b, uint256[2] memory c, uint256[2] memory sum)
        private
        view
        returns (bool)
    {
        bytes memory pairs = abi.encode(minus(a), b, key.alpha1, key.beta2, sum, key.gamma2, c, key.delta2);
        (bool ok, bytes memory answer) = address(8).staticcall(pairs);
        return ok && abi.decode(answer, (bool));
    }

    /// forge-config: default.fuzz.runs = 8
    function testFuzz_refusesKeysThatAnybodyForgesFor(uint256[9] memory random, uint256 factor) public {
        uint256[] memory signals = new uint256[](9);
        for (uint256 j; j < 9; ++j) {
            signals[j] = random[j] % R;
        }
        uint256[2] memory sum = statement(signals);
        (uint256[4] memory beta, uint256[4] memory delta, uint256[4] memory gamma) = (key.beta2, key.delta2, key.gamma2);
        uint256 k = 1 + factor % 4;

        key.delta2 = TrapdoorKeys.multipleOfG2(0, k); // δ = kγ
        uint256[2] memory part = Trapdoor.multiply(sum, Trapdoor.inverse(k));
        vm.assertTrue(holds(key.alpha1, key.beta2, minus(part), sum));
        refuse(IBatchVerifier.RelatedPoints.selector);

        key.delta2 = TrapdoorKeys.multipleOfG2(1, k); // δ = kβ
        part = Trapdoor.multiply(key.alpha1, Trapdoor.inverse(k));
        vm.assertTrue(holds(sum, gamma, minus(part), sum));
        refuse(IBatchVerifier.RelatedPoints.selector);

        (key.beta2, key.delta2) = (negated(TrapdoorKeys.multipleOfG2(2, k)), delta); // β = −kδ
        vm.assertTrue(holds(sum, gamma, Trapdoor.multiply(key.alpha1, k), sum));
        refuse(IBatchVerifier.RelatedPoints.selector);

        key.beta2 = TrapdoorKeys.multipleOfG2(0, k); // β = kγ
        part = Trapdoor.add(Trapdoor.multiply(key.alpha1, k), sum);
        vm.assertTrue(holds(part, TrapdoorKeys.generatorPlusDelta(), part, sum));
        refuse(IBatchVerifier.RelatedPoints.selector);

        key.beta2 = beta;
        (TrapdoorKeys.Secrets memory s,) = TrapdoorKeys.key(9);
        uint256[2] memory beta1 = Trapdoor.multiple(s.beta); // everybody has β in G1: provers need it
        key.alpha1 = Trapdoor.multiple(s.delta); // α = δ
        vm.assertTrue(holds(sum, gamma, minus(beta1), sum));
        refuse(IBatchVerifier.RelatedPoints.selector);

        key.alpha1 = Trapdoor.multiple(k); // α = kγ
        part = Trapdoor.add(Trapdoor.multiply(beta1, k), sum);
        vm.assertTrue(holds(part, TrapdoorKeys.generatorPlusDelta(), part, sum));
        refuse(IBatchVerifier.RelatedPoints.selector);
    }
}
