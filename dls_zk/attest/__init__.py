"""The attestor's side of reconciliation: whoever holds a part of a vault's book says so under its own name.

source         what every source offers                   amounts        balances, exact, and how they are rounded
statements     a statement of account in a file           balances       a chain, at a final block
exchange       an exchange, through ccxt                  mapping        from accounts to slots; nothing is left over
configuration  what is attested                           record         which account is whose, what was signed
attestor       reads, commits, signs, seals               documents      attestations and openings as files
wire           requests and answers                       service        ``attest serve``
client         the operator's side of it                  extra          what ``dls-zk[attest]`` installs
"""
