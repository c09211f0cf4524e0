pragma circom 2.2.2;

include "../rebalance.circom";

component main { public [commitmentBefore, commitmentAfter, policyHash, flow, allowances, navFloor, context, prices] } =
    Rebalance(8, 4, 4, 4);
