// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IRebalanceHub} from "./IRebalanceHub.sol";

/// @title The tradable share of a vault whose book is secret: an ERC-4626 token
/// @notice Its assets are what lies idle in the token plus what the last proof showed the book to be worth, and the flows
/// since then. Amounts of assets are in the asset's smallest unit, amounts of shares in the share's; a quantity with the
/// ending E6 is in millionths of the asset, as in slot 0 of the book.
interface IShareToken is IERC4626 {
    /// A place in the queue. Shares 0: filled or cancelled.
    struct Request {
        /// Shares in escrow that are still to be paid for.
        uint256 shares;
        /// Who may claim what they are paid with.
        address receiver;
        /// Who may cancel, and gets the shares back then.
        address owner;
    }

    // --- events ---

    event RedeemRequested(uint256 indexed id, address indexed owner, address indexed receiver, uint256 shares);

    /// @notice Shares of a request, or some of them, were paid for: burnt, and the assets set aside.
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
    /// The request was filled or cancelled before.
    error RequestDone(uint256 id);
    /// One step of the disclosed NAV is more than a hundredth of what all shares are worth.
    error NavStepTooCoarse();
    error NothingToClaim(address receiver);
    /// More was asked for than lies idle and is not owed to the queue.
    error NotEnoughIdle(uint256 assets, uint256 available);
    /// The asset moved another amount than it was told to: it takes a fee, or source and target are one.
    error WrongAmountMoved(uint256 moved, uint256 expected);
    /// What the caller wants is not allowed in this state of the vault.
    error WrongStatus(IRebalanceHub.Status status);

    // --- the queue ---

    /// @notice Put shares into the queue: they stay in escrow until there are idle assets to pay for them. An allowance
    /// of the owner is needed to do it for him. Not in wind-down, where everybody can redeem his part at once.
    /// @param receiver may claim the assets, whoever the owner is by then.
    function requestRedeem(uint256 shares, address receiver, address owner) external returns (uint256 id);

    /// @notice Pay for the shares at the head of the queue as far as the idle assets go, all at the price of now. The
    /// first request that they do not cover is paid in part and stays at the head. Anyone may; not in wind-down.
    /// @param maxRequests entries to look at, cancelled ones too.
    function processQueue(uint256 maxRequests) external returns (uint256 shares, uint256 assets);

    /// @notice Take back what has not been paid for yet. Only the request's owner may, in every state.
    function cancelRequest(uint256 id) external returns (uint256 shares);

    /// @notice Pay out what has been set aside for a receiver. Anyone may.
    function claim(address receiver) external returns (uint256 assets);

    // --- flows into and out of the book ---

    /// @notice Send idle assets to custody, as a flow that the next proof must account for. Only the vault's
    /// operator may, only while the vault is active, and only what is not owed to the queue.
    function draw(uint56 quantityE6) external;

    /// @notice Bring assets back from the book, as a flow that the next proof must account for. Only the vault's operator
    /// may (it pays, and a stranger's flow would void a proof under way), in every state.
    function giveBack(uint56 quantityE6) external;

    // --- views ---

    function hub() external view returns (IRebalanceHub);

    /// @notice The vault of the hub that this token holds the shares of.
    function vaultId() external view returns (bytes32);

    /// @notice Where drawn assets go.
    function custody() external view returns (address);

    /// @notice Smallest units of the asset in a millionth of it, the unit of the book.
    function unit() external view returns (uint256);

    /// @notice Assets in the token that are not set aside for claims.
    function idle() external view returns (uint256);

    /// @notice Idle assets that are not owed to the queue at the price of now: what can be redeemed at once, or drawn.
    function available() external view returns (uint256);

    /// @notice Assets set aside for all claims together, and for one receiver.
    function setAside() external view returns (uint256);

    function claimable(address receiver) external view returns (uint256);

    /// @notice Requests from `head` to before `end` are in the queue, if they are not cancelled.
    /// @return head the request that is served next, if there is one.
    /// @return end the id that the next request gets.
    /// @return shares in escrow for all of them together.
    function queue() external view returns (uint64 head, uint64 end, uint256 shares);

    function requestOf(uint256 id) external view returns (Request memory);
}
