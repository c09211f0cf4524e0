"""What audits the statement: tools of the product, which rest on the r1cs alone; and instances of it without a secret.

circuits      a circuit's witnesses, honest and lying, judged by its constraints
facts         linear equations, zero tests and ranges that hold for every witness
hashes        the Poseidon hashes among the constraints
determinism   which wires the inputs determine
ledger        which constraints hold as equations of integers
gates         the findings of all of these, none for a sound circuit
report        the tables of scripts/determinism and scripts/ledger
instances     random rebalances that are nobody's
simulator     Groth16 keys whose secrets are known: valid proofs of any signals, for measurements and tests
"""
