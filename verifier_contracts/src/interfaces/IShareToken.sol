// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IRebalanceHub} from "./IRebalanceHub.sol";

/// @title The tradable share of a vault whose book is secret: an ERC-4626 token
/// @notice Total assets are the idle assets in the token, the value of the book by the last proof, and the flows since
/// then. Amounts of assets are in the asset's smallest unit, amounts of shares in the share's smallest unit. A quantity
/// that ends in E6 is in millionths of the asset, like the quantity of slot 0 in the book.
interface IShareToken is IERC4626 {
    /// A place in the queue. Shares are 0 once the request is filled or cancelled.
    struct Request {
        /// Shares in escrow that wait for payment.
        uint256 shares;
        /// May claim the assets.
        address receiver;
        /// May cancel, and then receives the shares.
        address owner;
    }

    // --- events ---

    event RedeemRequested(uint256 indexed id, address indexed owner, address indexed receiver, uint256 shares);

    /// @notice The token paid for shares of a request: it burnt them and set the assets aside.
    event RequestFilled(uint256 indexed id, address indexed receiver, uint256 shares, uint256 assets);

    event RequestCancelled(uint256 indexed id, uint256 shares);

    event Claimed(address indexed receiver, uint256 assets);

    event Drawn(uint256 quantityE6);

    event GivenBack(address indexed operator, uint256 quantityE6);

    // --- errors ---

    /// The asset has fewer decimals than the book's quantities (6) or more than 18.
    error UnsupportedDecimals(uint8 decimals);
    error ZeroAddress();
    error ZeroShares();
    error NotOperator(address caller);
    error NotRequestOwner(address caller);
    /// The request is already filled or cancelled.
    error RequestDone(uint256 id);
    /// One NAV step is more than a hundredth of total assets.
    error NavStepTooCoarse();
    error NothingToClaim(address receiver);
    /// The caller asked for more than the idle assets that the queue is not owed.
    error NotEnoughIdle(uint256 assets, uint256 available);
    /// The asset moved another amount: it takes a fee, or source and target are one account.
    error WrongAmountMoved(uint256 moved, uint256 expected);
    /// The vault's status does not allow this call.
    error WrongStatus(IRebalanceHub.Status status);

    // --- the queue ---

    /// @notice Put shares into the queue. They stay in escrow until idle assets can pay for them. A caller other than the
    /// owner needs the owner's allowance. Refused in wind-down, when every holder can redeem at once.
    /// @param receiver may claim the assets.
    function requestRedeem(uint256 shares, address receiver, address owner) external returns (uint256 id);

    /// @notice Pay for shares at the head of the queue, as far as the idle assets go, all at the current price. The first
    /// request that they do not cover is paid in part and stays at the head. Anyone may call this; refused in wind-down.
    /// @param maxRequests the most entries to process, cancelled ones included.
    function processQueue(uint256 maxRequests) external returns (uint256 shares, uint256 assets);

    /// @notice Return the unpaid shares of a request to its owner. Only the owner may call this, in every status.
    function cancelRequest(uint256 id) external returns (uint256 shares);

    /// @notice Pay out the assets that are set aside for a receiver. Anyone may call this.
    function claim(address receiver) external returns (uint256 assets);

    // --- flows into and out of the book ---

    /// @notice Send idle assets to custody, as a flow that the next proof must account for. Only the vault's operator may
    /// call this, only while the vault is active, and only for assets that the queue is not owed.
    function draw(uint56 quantityE6) external;

    /// @notice Return assets from the book, as a flow that the next proof must account for. Only the vault's operator may
    /// call this, in every status. The operator pays; a stranger's flow would void a proof in progress.
    function giveBack(uint56 quantityE6) external;

    // --- views ---

    function hub() external view returns (IRebalanceHub);

    /// @notice The vault of the hub that this token holds the shares of.
    function vaultId() external view returns (bytes32);

    /// @notice The account that receives drawn assets.
    function custody() external view returns (address);

    /// @notice Smallest units of the asset in a millionth of it, the unit of the book.
    function unit() external view returns (uint256);

    /// @notice Assets in the token that are not set aside for claims.
    function idle() external view returns (uint256);

    /// @notice Idle assets beyond those that the queue is owed at the current price. Holders can redeem them at once, and
    /// the operator can draw them.
    function available() external view returns (uint256);

    /// @notice Assets set aside for all claims together.
    function setAside() external view returns (uint256);

    /// @notice Assets set aside for one receiver.
    function claimable(address receiver) external view returns (uint256);

    /// @notice The queue: the requests from `head` up to, and without, `end` that are not cancelled.
    /// @return head the request that is served next, if there is one.
    /// @return end the id that the next request gets.
    /// @return shares the shares in escrow for all requests together.
    function queue() external view returns (uint64 head, uint64 end, uint256 shares);

    function requestOf(uint256 id) external view returns (Request memory);
}
