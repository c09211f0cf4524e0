// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC7540Deposit, IERC7540Operator, IERC7540Redeem} from "./IERC7540.sol";
import {IERC7575} from "./IERC7575.sol";
import {IERC7887Deposit, IERC7887Redeem} from "./IERC7887.sol";
import {IERC7540DepositTransferable, IERC7540RedeemTransferable} from "./IERC8161.sol";
import {IRebalanceHub} from "./IRebalanceHub.sol";
import {IVaultShare} from "./IVaultShare.sol";

/// @title The tradable share of a vault whose book is secret: an asynchronous vault by ERC-7540
/// @notice Nobody enters or leaves at a price that is known already. A request to deposit or to redeem gets an id, the round
/// of prices that it waits for, and the first proof at prices that much younger settles it. Then its controller claims.
///
/// A request goes: `requestDeposit` or `requestRedeem`; a snapshot of the prices; `orderDelay` seconds; another snapshot; a
/// proof at that one, which settles it; `deposit`, `mint`, `redeem` or `withdraw`, which claim. `preview*` revert.
///
/// Amounts of assets are in the asset's smallest unit, amounts of shares in the share's smallest unit. A quantity that ends
/// in E6 is in millionths of the asset, like the quantity of slot 0 in the book.
interface IShareToken is
    IERC20Metadata,
    IERC165,
    IERC7575,
    IERC7540Operator,
    IERC7540Deposit,
    IERC7540Redeem,
    IERC7887Deposit,
    IERC7887Redeem,
    IERC7540DepositTransferable,
    IERC7540RedeemTransferable,
    IVaultShare
{
    /// Why the deposits that waited for a proof were returned.
    enum Returned {
        /// They were not.
        No,
        /// The mandate loosened, or its feeds were replaced, after the request.
        MandateLoosened,
        /// The vault was stale until this proof.
        Stale,
        /// The proof carried a write-down, or one since the last settlement did.
        WriteDown,
        /// One NAV step is more than a hundredth of what the shares are worth.
        NavStepTooCoarse,
        /// A share is worth less than a millionth of the first one's price, or all deposits buy none.
        Worthless,
        /// The price of a share moved farther than the mandate's band, and waits.
        OutOfBand
    }

    // --- events ---

    /// @notice A proof settled orders, or a recovery by `settle` did.
    /// @param cutoff the last id that it settled.
    /// @param assets what all shares were worth before, at the bottom of the NAV step.
    /// @param supply all shares before.
    /// @param deposited assets of the deposits that it settled, all there were up to the cutoff.
    /// @param redeemed shares that it redeemed.
    /// @param paid assets that it set aside for them.
    event Settled(
        uint32 indexed sequence,
        uint256 cutoff,
        uint256 assets,
        uint256 supply,
        uint256 deposited,
        uint256 redeemed,
        uint256 paid
    );

    /// @notice Deposits up to this id were returned; their controllers take them back with `claimCancelDepositRequest`.
    event DepositsReturned(uint256 indexed cutoff, uint256 assets, Returned why);

    event Drawn(uint256 quantityE6);

    event GivenBack(address indexed operator, uint256 quantityE6);

    /// @param assets what counts as idle from now on, bit by bit until `until`.
    event Contributed(address indexed by, uint256 assets, uint40 until);

    /// @notice A settlement minted fees, which the operator collects.
    event FeesMinted(uint256 managementShares, uint256 performanceShares);

    event FeesCollected(address indexed operator, address indexed receiver, uint256 shares);

    // --- errors ---

    /// The asset has fewer decimals than the book's quantities (6) or more than 18.
    error UnsupportedDecimals(uint8 decimals);
    error ZeroAddress();
    error ZeroAmount();
    error NotOperator(address caller);
    /// The caller is neither the account nor an operator of it (`setOperator`).
    error NotController(address caller);
    /// An order has a least size, in assets.
    error OrderTooSmall(uint256 assets, uint256 least);
    /// With the order and all deposits that wait, the shares would be worth more than the mandate allows.
    error CapExceeded(uint256 assets, uint256 most);
    /// The oldest redemption waits for longer than `redemptionPeriod`: no deposits, no draws.
    error RedemptionsOverdue(uint40 askedAt);
    /// The oldest redemption does not wait for twice `redemptionPeriod` yet.
    error RedemptionsNotOverdue();
    /// The caller claimed more than there is (in the first 16 open ids, if the call names none).
    error MoreThanClaimable(uint256 amount, uint256 claimable);
    /// The order is settled, in part or in whole, or there is none.
    error NothingToCancel(uint256 requestId);
    /// The round that the order waited for is taken, so that its price may be known soon.
    error OrderCommitted(uint256 requestId);
    error NothingToClaim(uint256 requestId);
    error NothingToTransfer(uint256 requestId);
    /// ERC-7540: an order settles at a price that nobody knows before.
    error NoPreview();
    error NotGuardian(address caller);
    /// The price of the last proof is settled.
    error NothingToRelease();
    error ReleaseTooLate(uint40 until);
    /// More than the idle assets that redemptions are not owed.
    error NotEnoughIdle(uint256 assets, uint256 available);
    /// The feed set changed and no proof came since: what redemptions are owed has no price.
    error PriceUnknown();
    /// The asset moved another amount: it takes a fee, or source and target are one account.
    error WrongAmountMoved(uint256 moved, uint256 expected);
    /// The vault's status does not allow this call.
    error WrongStatus(IRebalanceHub.Status status);

    // --- claims by id: `deposit`, `mint`, `withdraw` and `redeem` without one look at the first 16 open ids ---

    function deposit(uint256 requestId, uint256 assets, address receiver, address controller)
        external
        returns (uint256 shares);

    function mint(uint256 requestId, uint256 shares, address receiver, address controller)
        external
        returns (uint256 assets);

    function withdraw(uint256 requestId, uint256 assets, address receiver, address controller)
        external
        returns (uint256 shares);

    function redeem(uint256 requestId, uint256 shares, address receiver, address controller)
        external
        returns (uint256 assets);

    // --- flows into and out of the book ---

    /// @notice Send idle assets to custody, as a flow that the next proof must account for. Only the vault's operator may
    /// call this, only while the vault is active and no redemption is overdue, and only for assets that committed redemptions
    /// are not owed.
    function draw(uint56 quantityE6) external;

    /// @notice Return assets from the book, as a flow that the next proof must account for. Only the vault's operator may
    /// call this, in every status. The operator pays; a stranger's flow would void a proof in progress.
    function giveBack(uint56 quantityE6) external;

    /// @notice Give assets to all holders, such as money recovered after a write-down. They count bit by bit over 30 days, so
    /// that nobody enters for them. What lies in the token beside all accounts, from plain transfers, counts along. Anyone
    /// may call this.
    function contribute(uint256 assets) external;

    /// @notice Take the shares that were minted as fees. Only the vault's operator may call this.
    function collectFees(address receiver) external returns (uint256 shares);

    // --- liveness ---

    /// @notice Settle redemptions at the price of the last proof although it is out of the mandate's band, within `grace` of
    /// that proof's prices. Only the vault's guardian may call this.
    function releaseBand() external;

    /// @notice Wind the vault down, once a redemption waits for twice `redemptionPeriod`. Anyone may call this.
    function windDown() external;

    // --- views ---

    function hub() external view returns (IRebalanceHub);

    /// @notice The vault of the hub that this token holds the shares of.
    function vaultId() external view returns (bytes32);

    /// @notice The account that receives drawn assets.
    function custody() external view returns (address);

    /// @notice Smallest units of the asset in a millionth of it, the unit of the book.
    function unit() external view returns (uint256);

    /// @notice Assets in the token that belong to all holders: without pending deposits, and without what is set aside.
    function idle() external view returns (uint256);

    /// @notice What the operator may draw: idle assets beyond those that committed redemptions are owed.
    function available() external view returns (uint256);

    /// @notice Assets of deposits that wait for a proof.
    function pendingDeposits() external view returns (uint256);

    /// @notice Assets set aside for claims: paid redemptions, and deposits that were returned or cancelled.
    function setAside() external view returns (uint256);

    /// @notice What all shares are worth by the last proof, if the NAV is at the bottom and at the top of its step, with the
    /// flows since. Reverts with `PriceUnknown` after a change of the feed set until the next proof.
    function worth() external view returns (uint256 bottom, uint256 top);

    /// @notice The price that `convertToAssets` and `convertToShares` quote.
    /// @return assets what they were worth.
    /// @return supply all shares.
    /// @return timestamp the time of the prices, in Unix seconds; 0 before the first settlement.
    /// @return sequence the proof that it is from; 0 while the price of the last proof waits, out of the band.
    function settledPrice() external view returns (uint256 assets, uint256 supply, uint40 timestamp, uint32 sequence);

    /// @notice The price of a share that waits because it is out of the band: assets for 2^96 shares, and the time of its
    /// proof; 0 and 0 if none does.
    function waitingPrice() external view returns (uint256 price, uint40 timestamp);

    /// @notice Shares that were minted as fees and are not collected.
    function uncollectedFees() external view returns (uint256);

    /// @notice The redemptions that wait.
    /// @return shares all shares that wait.
    /// @return owed those of them that are committed: they cannot be cancelled, and draws leave what they are worth.
    /// @return oldest when the oldest of them was asked for, in Unix seconds; 0 if none waits.
    function exits() external view returns (uint256 shares, uint256 owed, uint40 oldest);

    /// @notice The id that a request would get now.
    function nextRequestId() external view returns (uint256);

    /// @notice The last ids that a settlement has met: deposits, and redemptions.
    function cutoffs() external view returns (uint256 deposits, uint256 redemptions);

    /// @notice Open ids of a controller, oldest first: those with an order that is not claimed in whole. At most `count`, from
    /// the one after `previous` on (0 for the first).
    function openDeposits(address controller, uint256 previous, uint256 count) external view returns (uint256[] memory);

    function openRedemptions(address controller, uint256 previous, uint256 count)
        external
        view
        returns (uint256[] memory);
}
