// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchVerifier} from "../../src/BatchVerifier.sol";
import {IBatchVerifier} from "../../src/interfaces/IBatchVerifier.sol";
import {Groth16} from "../../src/libraries/Groth16.sol";
import {Base} from "../Base.sol";
import {Mutants} from "../Mutants.sol";
import {TrapdoorKeys} from "../generated/TrapdoorKeys.sol";

/// Which verifying keys a batch verifier takes.
contract BatchVerifierKeysTest is Base {
    uint256 private constant Q = Groth16.BASE_FIELD;

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

    // --- a second phase that was skipped: γ is not the generator here, so that the two cases differ ---

    function negated(uint256[4] memory point) private pure returns (uint256[4] memory) {
        return [point[0], point[1], Q - point[2], Q - point[3]];
    }

    function test_refusesDeltaEqualToGamma() public {
        key.gamma2 = testPoint();
        key.delta2 = testPoint();
        refuse(IBatchVerifier.SecondPhaseSkipped.selector);
        key.delta2 = negated(testPoint());
        refuse(IBatchVerifier.SecondPhaseSkipped.selector);
    }

    function test_refusesDeltaAtTheGenerator() public {
        uint256[4] memory generator = key.gamma2; // snarkjs leaves γ there
        key.gamma2 = testPoint();
        key.delta2 = generator;
        refuse(IBatchVerifier.SecondPhaseSkipped.selector);
        key.delta2 = negated(generator);
        refuse(IBatchVerifier.SecondPhaseSkipped.selector);
    }

    function test_takesAnyOtherGamma() public {
        key.gamma2 = testPoint();
        new BatchVerifier(key, true);
    }
}
