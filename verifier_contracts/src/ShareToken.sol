// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC7540Deposit, IERC7540Operator, IERC7540Redeem} from "./interfaces/IERC7540.sol";
import {IERC7575} from "./interfaces/IERC7575.sol";
import {IERC7887Deposit, IERC7887Redeem} from "./interfaces/IERC7887.sol";
import {IERC7540DepositTransferable, IERC7540RedeemTransferable} from "./interfaces/IERC8161.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {IShareToken} from "./interfaces/IShareToken.sol";
import {IVaultShare} from "./interfaces/IVaultShare.sol";
import {Claims} from "./libraries/Claims.sol";
import {Ledger, Setting, VIRTUAL_SHARES} from "./libraries/Ledger.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title ShareToken
/// @notice See `IShareToken`.
///
/// PRICE
/// - The proofs disclose the NAV in whole NAV steps only. Redemptions are paid as if the NAV were at the bottom of its step,
///   and deposits buy as if it were at the top: wherever in the step it is, neither takes anything from the remaining
///   holders. Until the first draw the book is empty, proven or not, and the price is exact.
/// - A settlement strikes both prices from the totals before it. Leaving holders forgo, and entering holders overpay, at
///   most their share of one NAV step. Nothing settles while a step is more than one part in a hundred of what the shares
///   are worth, or a share is worth less than a millionth of the first one's price.
/// - `convertToAssets`, `convertToShares` and `totalAssets` quote the last settled price. Nobody trades at it.
///
/// ORDERS
/// - A request waits for a round that is newer than it. The snapshot that settles it is at least `orderDelay` younger still:
///   by then every feed has answered anew, so that nobody orders against an answer that lags.
/// - A proof settles all deposits up to its cutoff whole, or returns them whole. It settles redemptions first come, first
///   served, in equal parts inside an id, as far as the idle assets go; the rest waits for the next proof.
/// - Settlement is part of the proof. If it failed there, anyone can make up for it until the next proof; cancelling,
///   transferring and drawing do so first. It never calls the asset, and no call of the asset finds the accounts half
///   written, so it needs no reentrancy guard, which others could hold to make it fail.
/// - A part of a redemption that is worth less than the smallest unit of the asset is settled for nothing, or it would
///   wait for ever and end the vault.
/// - An order is committed once the round that it waited for is taken. Whoever could cancel it later would look at the price
///   first, order both ways, and keep the better half: the delay would be worth nothing.
/// - No call loops over orders. Calls that name no id look at the first 16 open ids of the controller, which strangers can fill
///   by giving it orders; a call that names the id claims any.
/// - A move of the mandate returns the deposits that wait, unless it only tightens: no deposit settles under looser terms than
///   at its request, and no operator takes one back by a move that it may make at any time. The token follows a move at the
///   next proof, at the first order that waits, or by a call of `settle`.
///
/// CUSTODY
/// - A commitment is not custody. Proofs show that the committed book obeys the policy, not that custody holds that book.
/// - Custody is one address for good, so nobody can send drawn assets elsewhere. Choose an account that can rotate its
///   keys.
/// - The constructor fixes hub and oracle. The mandate changes by the rules of the hub.
///
/// ASSET REQUIREMENTS
/// - Slot 0 of the policy must be the asset. No contract can check that.
/// - The asset must move exactly the amounts that this contract asks for. A token that takes a fee is refused on deposits
///   and draws, but not on payments to holders: a fee that begins later would otherwise lock everybody in.
/// - Tokens that change balances by themselves are not supported.
/// - Idle assets are those that the accounts hold. A plain transfer counts for nothing until somebody calls `contribute`.
///
/// WIND-DOWN
/// - The book counts as nothing, and the queue stands still. A redemption takes its share of the idle assets at once, under
///   an id of its own, and gives up its share of later returns; waiting costs nothing.
/// - Whatever waits can be cancelled, also what a settlement has met.
/// - Anyone can wind the vault down once the oldest redemption has waited for twice `redemptionPeriod`.
///
/// FEES
/// - Zero, unless the mandate says otherwise. A settlement mints them, at the bottom of the NAV step, to the operator.
/// - The management fee counts the time between two proofs, up to `maxProofAge`. The performance fee takes its part of what
///   a share is worth above the highest price after fees so far, which is kept at a rate of 0 too.
/// - After a move of the mandate the lower of both rates counts until the next settlement. No fee falls due at a settlement
///   that carries a write-down, or that follows a proof with one which did not settle.
///
/// BAND
/// - Off, unless the mandate says otherwise. A price that is farther from an anchor than the band allows settles nothing, and
///   deposits are returned. The anchor is a settled price, and moves once it is a day old, so that many proofs go no farther
///   than one; each whole day allows the band once more.
/// - A price out of the band settles once it has waited for `bandWait`, by a proof that lies in the band around it. The
///   guardian may let the last proof's price settle within `grace`. A fall with an announced write-down needs no waiting.
/// @dev Every amount of shares fits 128 bits, because no settlement lets the supply grow beyond.
contract ShareToken is IShareToken, ERC20Permit, ReentrancyGuardTransient {
    using Claims for Ledger;
    using Math for uint256;
    using SafeERC20 for IERC20;
    using Settlement for Ledger;

    /// Decimals of the share beyond those of the asset: `VIRTUAL_SHARES` in digits.
    uint8 private constant OFFSET_DECIMALS = 6;
    /// Decimals of the book's quantities.
    uint8 private constant BOOK_DECIMALS = 6;
    uint8 private constant MOST_DECIMALS = 18;
    /// The unit of NAV is USD 1e-14: a quantity (1e-6) times a price (USD 1e-8).
    uint256 private constant USD_E14 = 1e14;
    /// Seconds in which a contribution comes to count.
    uint256 private constant CONTRIBUTION_PERIOD = 30 days;
    /// All that the token may hold after a contribution, so that no sum of assets comes near 128 bits.
    uint256 private constant MOST_CONTRIBUTED = 2 ** 104;

    /// @inheritdoc IShareToken
    IRebalanceHub public immutable hub;
    IPriceOracle private immutable oracle;
    IERC20 private immutable token;
    /// @inheritdoc IShareToken
    bytes32 public immutable vaultId;
    /// @inheritdoc IShareToken
    address public immutable custody;
    /// @inheritdoc IShareToken
    uint256 public immutable unit;
    /// NAV step in USD 1e-14, below 2^71. The registry lets no later policy of a vault change it.
    uint256 private immutable navStepE14;
    uint8 private immutable shareDecimals;

    Ledger private ledger;

    /// @inheritdoc IERC7540Operator
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    /// @notice Opens the vault on the hub.
    /// @param asset_ the token that slot 0 of the mandate's policy stands for, with 6 to 18 decimals.
    /// @param custody_ receives drawn assets.
    /// @param operator see `IRebalanceHub.openVault`, like `guardian`, `looseningDelay` and `mandate`.
    constructor(
        IRebalanceHub hub_,
        IERC20Metadata asset_,
        string memory name_,
        string memory symbol_,
        address custody_,
        address operator,
        address guardian,
        uint32 looseningDelay,
        bytes32 mandate
    ) ERC20(name_, symbol_) ERC20Permit(name_) {
        uint8 assetDecimals = asset_.decimals();
        require(BOOK_DECIMALS <= assetDecimals && assetDecimals <= MOST_DECIMALS, UnsupportedDecimals(assetDecimals));
        require(custody_ != address(0), ZeroAddress());
        token = asset_;
        shareDecimals = assetDecimals + OFFSET_DECIMALS;
        custody = custody_;
        unit = 10 ** (assetDecimals - BOOK_DECIMALS);
        hub = hub_;
        oracle = hub_.oracle();
        vaultId = hub_.openVault(operator, guardian, looseningDelay, mandate);
        (, uint24 navStepUsd,,) = hub_.policyRegistry().outline(hub_.mandateOf(mandate).policyHash);
        navStepE14 = navStepUsd * USD_E14;
        ledger.settle(_setting(), 0);
    }

    modifier onlyOperator() {
        (, address operator,,,) = hub.rolesOf(vaultId);
        require(msg.sender == operator, NotOperator(msg.sender));
        _;
    }

    /// @dev Whoever manages the requests of an account.
    modifier onlyFor(address account) {
        require(msg.sender == account || isOperator[account][msg.sender], NotController(msg.sender));
        _;
    }

    // --- requests ---

    /// @inheritdoc IERC7540Operator
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @inheritdoc IERC7540Deposit
    function requestDeposit(uint256 assets, address controller, address owner)
        external
        nonReentrant
        onlyFor(owner)
        returns (uint256 requestId)
    {
        require(controller != address(0), ZeroAddress());
        _transferIn(owner, assets);
        requestId = ledger.requestDeposit(_setting(), assets, controller, totalSupply());
        emit DepositRequest(controller, owner, requestId, msg.sender, assets);
    }

    /// @inheritdoc IERC7540Redeem
    function requestRedeem(uint256 shares, address controller, address owner)
        external
        nonReentrant
        returns (uint256 requestId)
    {
        require(controller != address(0), ZeroAddress());
        require(shares != 0, ZeroAmount());
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);
        bool all = controller == owner && shares == balanceOf(owner);
        _transfer(owner, address(this), shares);
        bool burn;
        (requestId, burn) = ledger.requestRedeem(_setting(), shares, controller, all, totalSupply());
        if (burn) _burn(address(this), shares);
        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    // --- cancelling and transferring (ERC-7887, ERC-8161) ---

    /// @inheritdoc IERC7887Deposit
    function cancelDepositRequest(uint256 requestId, address controller) external nonReentrant onlyFor(controller) {
        // A stale vault's next proof returns deposits in any case, and in wind-down nothing settles.
        IRebalanceHub.Status status = _settle();
        bool free = status == IRebalanceHub.Status.Stale || status == IRebalanceHub.Status.WindDown;
        ledger.cancelDeposit(requestId, controller, free ? 0 : ledger.committed(_setting()));
        ledger.tellWhetherOrdersWait(_setting());
        emit CancelDepositRequest(controller, requestId, msg.sender);
    }

    /// @inheritdoc IERC7887Redeem
    function cancelRedeemRequest(uint256 requestId, address controller) external nonReentrant onlyFor(controller) {
        bool ended = _settle() == IRebalanceHub.Status.WindDown;
        ledger.cancelRedemption(requestId, controller, ended, ledger.committed(_setting()));
        ledger.tellWhetherOrdersWait(_setting());
        emit CancelRedeemRequest(controller, requestId, msg.sender);
    }

    /// @inheritdoc IERC7887Deposit
    function claimCancelDepositRequest(uint256 requestId, address receiver, address controller)
        external
        nonReentrant
        onlyFor(controller)
    {
        uint256 assets = ledger.takeBackDeposit(requestId, controller);
        emit CancelDepositClaim(controller, receiver, requestId, msg.sender, assets);
        token.safeTransfer(receiver, assets);
    }

    /// @inheritdoc IERC7887Redeem
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller)
        external
        nonReentrant
        onlyFor(controller)
    {
        uint256 shares = ledger.takeBackRedemption(requestId, controller);
        emit CancelRedeemClaim(controller, receiver, requestId, msg.sender, shares);
        _transfer(address(this), receiver, shares);
    }

    /// @inheritdoc IERC7540DepositTransferable
    function transferDepositRequest(uint256 requestId, address oldController, address newController)
        external
        nonReentrant
        onlyFor(oldController)
    {
        require(newController != address(0), ZeroAddress());
        _settle();
        uint256 assets = ledger.transferDeposit(requestId, oldController, newController);
        emit TransferDepositRequest(requestId, oldController, newController, assets);
    }

    /// @inheritdoc IERC7540RedeemTransferable
    function transferRedeemRequest(uint256 requestId, address oldController, address newController)
        external
        nonReentrant
        onlyFor(oldController)
    {
        require(newController != address(0), ZeroAddress());
        _settle();
        uint256 shares = ledger.transferRedemption(requestId, oldController, newController);
        emit TransferRedeemRequest(requestId, oldController, newController, shares);
    }

    // --- claims ---

    /// @inheritdoc IERC7575
    function deposit(uint256 assets, address receiver) external returns (uint256 shares) {
        (, shares) = _claimDeposit(0, assets, false, receiver, msg.sender);
    }

    /// @inheritdoc IERC7540Deposit
    function deposit(uint256 assets, address receiver, address controller) external returns (uint256 shares) {
        (, shares) = _claimDeposit(0, assets, false, receiver, controller);
    }

    /// @inheritdoc IShareToken
    function deposit(uint256 requestId, uint256 assets, address receiver, address controller)
        external
        returns (uint256 shares)
    {
        (, shares) = _claimDeposit(requestId, assets, false, receiver, controller);
    }

    /// @inheritdoc IERC7575
    function mint(uint256 shares, address receiver) external returns (uint256 assets) {
        (assets,) = _claimDeposit(0, shares, true, receiver, msg.sender);
    }

    /// @inheritdoc IERC7540Deposit
    function mint(uint256 shares, address receiver, address controller) external returns (uint256 assets) {
        (assets,) = _claimDeposit(0, shares, true, receiver, controller);
    }

    /// @inheritdoc IShareToken
    function mint(uint256 requestId, uint256 shares, address receiver, address controller)
        external
        returns (uint256 assets)
    {
        (assets,) = _claimDeposit(requestId, shares, true, receiver, controller);
    }

    /// @inheritdoc IERC7575
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares) {
        (, shares) = _claimRedemption(0, assets, false, receiver, controller);
    }

    /// @inheritdoc IShareToken
    function withdraw(uint256 requestId, uint256 assets, address receiver, address controller)
        external
        returns (uint256 shares)
    {
        (, shares) = _claimRedemption(requestId, assets, false, receiver, controller);
    }

    /// @inheritdoc IERC7575
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets) {
        (assets,) = _claimRedemption(0, shares, true, receiver, controller);
    }

    /// @inheritdoc IShareToken
    function redeem(uint256 requestId, uint256 shares, address receiver, address controller)
        external
        returns (uint256 assets)
    {
        (assets,) = _claimRedemption(requestId, shares, true, receiver, controller);
    }

    function _claimDeposit(uint256 requestId, uint256 amount, bool inShares, address receiver, address controller)
        private
        nonReentrant
        onlyFor(controller)
        returns (uint256 assets, uint256 shares)
    {
        (assets, shares) = ledger.claimDeposit(requestId, amount, inShares, controller);
        emit Deposit(controller, receiver, assets, shares);
        _transfer(address(this), receiver, shares);
    }

    function _claimRedemption(uint256 requestId, uint256 amount, bool inShares, address receiver, address controller)
        private
        nonReentrant
        onlyFor(controller)
        returns (uint256 assets, uint256 shares)
    {
        (assets, shares) = ledger.claimRedemption(requestId, amount, inShares, controller);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        token.safeTransfer(receiver, assets);
    }

    // --- settlement ---

    /// @inheritdoc IVaultShare
    function settle() external {
        _settle();
    }

    function _settle() private returns (IRebalanceHub.Status status) {
        uint256 minted;
        uint256 burnt;
        (status, minted, burnt) = ledger.settle(_setting(), totalSupply());
        if (minted != 0) _mint(address(this), minted);
        if (burnt != 0) _burn(address(this), burnt);
    }

    /// @inheritdoc IVaultShare
    function exitsServedBefore(uint40 time) external view returns (bool) {
        uint40 oldest = ledger.oldest();
        return oldest == 0 || oldest >= time;
    }

    // --- flows into and out of the book ---

    /// @inheritdoc IShareToken
    function draw(uint56 quantityE6) external nonReentrant onlyOperator {
        _settle();
        ledger.draw(_setting(), quantityE6, totalSupply());
        uint256 assets = quantityE6 * unit;
        uint256 before = token.balanceOf(custody);
        token.safeTransfer(custody, assets);
        _requireMoved(custody, before, assets);
        emit Drawn(quantityE6);
    }

    /// @inheritdoc IShareToken
    function giveBack(uint56 quantityE6) external nonReentrant onlyOperator {
        uint256 assets = quantityE6 * unit;
        _transferIn(msg.sender, assets);
        // Below 2^56 times 2^40.
        ledger.accounts.booked += uint128(assets);
        hub.recordFlow(vaultId, -int64(uint64(quantityE6)));
        emit GivenBack(msg.sender, quantityE6);
    }

    /// @inheritdoc IShareToken
    function contribute(uint256 assets) external nonReentrant {
        if (assets != 0) _transferIn(msg.sender, assets);
        (uint256 added, uint40 until) =
            ledger.contribute(token.balanceOf(address(this)), CONTRIBUTION_PERIOD, MOST_CONTRIBUTED);
        emit Contributed(msg.sender, added, until);
    }

    /// @inheritdoc IShareToken
    function collectFees(address receiver) external nonReentrant onlyOperator returns (uint256 shares) {
        shares = ledger.accounts.uncollectedFees;
        ledger.accounts.uncollectedFees = 0;
        emit FeesCollected(msg.sender, receiver, shares);
        _transfer(address(this), receiver, shares);
    }

    // --- liveness ---

    /// @inheritdoc IShareToken
    function releaseBand() external nonReentrant {
        (,,, address guardian,) = hub.rolesOf(vaultId);
        require(msg.sender == guardian, NotGuardian(msg.sender));
        ledger.releaseBand(_setting());
        _settle();
        // Now or never: a price that settled later would be known to everybody.
        require(ledger.band.waiting == 0, NothingToRelease());
    }

    /// @inheritdoc IShareToken
    function windDown() external nonReentrant {
        _settle();
        uint40 oldest = ledger.oldest();
        uint256 period = ledger.terms.redemptionPeriod;
        require(oldest != 0 && block.timestamp > uint256(oldest) + 2 * period, RedemptionsNotOverdue());
        hub.windDown(vaultId);
    }

    // --- views ---

    /// @inheritdoc IShareToken
    function idle() external view returns (uint256) {
        return ledger.idle();
    }

    /// @inheritdoc IShareToken
    function available() external view returns (uint256) {
        return ledger.available(_setting(), totalSupply());
    }

    /// @inheritdoc IShareToken
    function pendingDeposits() external view returns (uint256) {
        return ledger.accounts.pendingDeposits;
    }

    /// @inheritdoc IShareToken
    function setAside() external view returns (uint256) {
        return ledger.accounts.setAside;
    }

    /// @inheritdoc IShareToken
    function worth() external view returns (uint256, uint256) {
        return ledger.worth(_setting());
    }

    /// @inheritdoc IShareToken
    function settledPrice() external view returns (uint256, uint256, uint40, uint32) {
        uint32 sequence = ledger.band.waiting == 0 ? ledger.state.sequence : 0;
        return (ledger.accounts.settledAssets, ledger.accounts.settledSupply, ledger.state.settledAt, sequence);
    }

    /// @inheritdoc IShareToken
    function waitingPrice() external view returns (uint256, uint40) {
        return (ledger.band.waiting, ledger.band.waitingTime);
    }

    /// @inheritdoc IShareToken
    function uncollectedFees() external view returns (uint256) {
        return ledger.accounts.uncollectedFees;
    }

    /// @inheritdoc IShareToken
    function exits() external view returns (uint256, uint256, uint40) {
        return (ledger.accounts.pendingShares, ledger.owedShares(_setting()), ledger.oldest());
    }

    /// @inheritdoc IShareToken
    function nextRequestId() external view returns (uint256) {
        return ledger.nextId(_setting(), ledger.state);
    }

    /// @inheritdoc IShareToken
    function cutoffs() external view returns (uint256, uint256) {
        return (ledger.state.depositCutoff, ledger.state.cutoff);
    }

    /// @inheritdoc IShareToken
    function openDeposits(address controller, uint256 previous, uint256 count)
        external
        view
        returns (uint256[] memory)
    {
        return ledger.open(false, controller, previous, count);
    }

    /// @inheritdoc IShareToken
    function openRedemptions(address controller, uint256 previous, uint256 count)
        external
        view
        returns (uint256[] memory)
    {
        return ledger.open(true, controller, previous, count);
    }

    // --- views of the standards ---

    /// @inheritdoc IERC7575
    function asset() external view returns (address) {
        return address(token);
    }

    /// @inheritdoc IERC7575
    function share() external view returns (address) {
        return address(this);
    }

    function decimals() public view override(ERC20, IERC20Metadata) returns (uint8) {
        return shareDecimals;
    }

    /// @inheritdoc IERC7575
    function totalAssets() public view returns (uint256) {
        return convertToAssets(totalSupply());
    }

    /// @inheritdoc IERC7575
    function convertToShares(uint256 assets) external view returns (uint256) {
        uint256 supply = uint256(ledger.accounts.settledSupply) + VIRTUAL_SHARES;
        return assets.mulDiv(supply, uint256(ledger.accounts.settledAssets) + 1);
    }

    /// @inheritdoc IERC7575
    function convertToAssets(uint256 shares) public view returns (uint256) {
        return ledger.toAssets(shares);
    }

    /// @inheritdoc IERC7540Deposit
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return ledger.pendingDeposit(requestId, controller);
    }

    /// @inheritdoc IERC7540Deposit
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return ledger.claimableDeposit(requestId, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        (shares,) = ledger.redemptionOf(requestId, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        (, shares) = ledger.redemptionOf(requestId, controller);
    }

    /// @inheritdoc IERC7887Deposit
    /// @dev A request goes to claimable at once.
    function pendingCancelDepositRequest(uint256, address) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IERC7887Deposit
    /// @dev With what a settlement returned.
    function claimableCancelDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return ledger.cancelledDeposit(requestId, controller);
    }

    /// @inheritdoc IERC7887Redeem
    /// @dev A request goes to claimable at once.
    function pendingCancelRedeemRequest(uint256, address) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IERC7887Redeem
    function claimableCancelRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return ledger.cancelled[controller][requestId].shares;
    }

    /// @inheritdoc IERC7575
    function maxDeposit(address controller) external view returns (uint256 assets) {
        (assets,) = ledger.mostClaimable(controller);
    }

    /// @inheritdoc IERC7575
    function maxMint(address controller) external view returns (uint256 shares) {
        (, shares) = ledger.mostClaimable(controller);
    }

    /// @inheritdoc IERC7575
    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (assets,) = ledger.mostRedeemable(controller);
    }

    /// @inheritdoc IERC7575
    function maxRedeem(address controller) external view returns (uint256 shares) {
        (, shares) = ledger.mostRedeemable(controller);
    }

    /// @inheritdoc IERC7575
    function previewDeposit(uint256) external pure returns (uint256) {
        revert NoPreview();
    }

    /// @inheritdoc IERC7575
    function previewMint(uint256) external pure returns (uint256) {
        revert NoPreview();
    }

    /// @inheritdoc IERC7575
    function previewWithdraw(uint256) external pure returns (uint256) {
        revert NoPreview();
    }

    /// @inheritdoc IERC7575
    function previewRedeem(uint256) external pure returns (uint256) {
        revert NoPreview();
    }

    /// @inheritdoc IERC165
    /// @dev ERC-7575 names an id for each of its parts too: minimal, deposit, mint, redeem and withdraw.
    function supportsInterface(bytes4 id) external pure returns (bool) {
        if (id == 0x50a526d6 || id == 0xc1f329ef || id == 0xe1550342 || id == 0x2fd7d42a || id == 0x70dec094) {
            return true;
        }
        return id == type(IERC165).interfaceId || id == type(IERC7575).interfaceId
            || id == type(IERC7540Operator).interfaceId || id == type(IERC7540Deposit).interfaceId
            || id == type(IERC7540Redeem).interfaceId || id == type(IERC7887Deposit).interfaceId
            || id == type(IERC7887Redeem).interfaceId || id == type(IERC7540DepositTransferable).interfaceId
            || id == type(IERC7540RedeemTransferable).interfaceId;
    }

    // --- moving assets ---

    function _transferIn(address from, uint256 assets) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), assets);
        _requireMoved(address(this), before, assets);
    }

    function _requireMoved(address to, uint256 before, uint256 assets) private view {
        uint256 moved = token.balanceOf(to) - before;
        require(moved == assets, WrongAmountMoved(moved, assets));
    }

    function _setting() private view returns (Setting memory) {
        return Setting({hub: hub, oracle: oracle, vaultId: vaultId, unit: unit, navStepE14: navStepE14});
    }
}
