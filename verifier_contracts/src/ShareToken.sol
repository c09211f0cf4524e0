// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IShareToken} from "./interfaces/IShareToken.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {IRebalanceHub} from "./interfaces/IRebalanceHub.sol";
import {Prices} from "./libraries/Prices.sol";

/// @title ShareToken
/// @notice See `IShareToken`.
///
/// PRICE
/// - The proofs disclose the NAV in whole NAV steps only. Leaving holders are paid as if the NAV were at the bottom of its
///   step, and entering holders pay as if it were at the top: wherever in the step it is, neither takes anything from the
///   remaining holders. Until the first draw the book is empty, proven or not, and the price is exact.
/// - Leaving holders forgo, and entering holders overpay, at most their share of one NAV step. Deposits are closed while
///   the NAV step exceeds one part in `LEAST_NAV_STEPS` of total assets. An operator who draws before the vault is that
///   large shuts others out; a vault that has become too small takes deposits again once its last share is gone.
/// - Between two proofs the price stands still while the market moves: with deposits open for up to `maxProofAge`, for
///   redemptions longer. A holder who can predict the next NAV can enter or leave at the last one. Keep `maxProofAge`
///   short.
/// - Views that a third party calls during a transfer of the asset see an intermediate state.
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
///
/// QUEUE
/// - A request has no minimum size. Making one costs several times the gas of processing it (`snapshots/ShareToken.json`),
///   each call processes at most as many as its caller names, and redemptions do not wait for the queue while idle assets
///   cover both.
/// - Processing is suspended while deposits are closed for the size of the NAV step: otherwise whoever calls `processQueue`
///   could pick the moment, and with it the price, of someone else's request. Its owner cancels it and redeems.
///
/// WIND-DOWN
/// - The book counts as nothing. A redemption takes its share of the idle assets and gives up its share of later returns;
///   waiting costs nothing.
/// - Processing is suspended, so that only their owner can burn shares at this price: cancel the request, then redeem.
///
/// FEES
/// - None. Holders and operator agree on fees outside this token.
/// @dev The token asks the hub whether the vault is active before it takes a deposit; for a draw the hub checks that
/// itself.
contract ShareToken is IShareToken, ERC4626, ReentrancyGuardTransient {
    using Math for uint256;

    /// Share units per asset unit at the first deposit, as a power of ten. With as many virtual shares, a donation that
    /// inflates the price costs the donor about a million times the next depositor's rounding loss.
    uint8 private constant OFFSET_DECIMALS = 6;
    uint256 private constant VIRTUAL_SHARES = 10 ** uint256(OFFSET_DECIMALS);
    /// Deposits are open while one NAV step is at most one percent of total assets.
    uint256 private constant LEAST_NAV_STEPS = 100;
    /// Decimals of the book's quantities.
    uint8 private constant BOOK_DECIMALS = 6;
    uint8 private constant MOST_DECIMALS = 18;
    /// The unit of NAV is USD 1e-14: a quantity (1e-6) times a price (USD 1e-8).
    uint256 private constant USD_E14 = 1e14;

    /// @inheritdoc IShareToken
    IRebalanceHub public immutable hub;
    IPriceOracle private immutable oracle;
    /// @inheritdoc IShareToken
    bytes32 public immutable vaultId;
    /// @inheritdoc IShareToken
    address public immutable custody;
    /// @inheritdoc IShareToken
    uint256 public immutable unit;
    /// NAV step in USD 1e-14, below 2^71. The registry lets no later policy of a vault change it.
    uint256 private immutable navStepE14;

    mapping(uint256 id => Request) private requests;
    /// @inheritdoc IShareToken
    mapping(address receiver => uint256) public claimable;
    /// @inheritdoc IShareToken
    uint256 public setAside;
    uint256 private queuedShares;
    uint64 private head;
    uint64 private end;
    /// Whether the operator ever drew. Before that the book is worth exactly nothing, proven or not.
    bool private drawn;

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
        uint32 mandate
    ) ERC20(name_, symbol_) ERC4626(asset_) {
        uint8 assetDecimals = asset_.decimals();
        require(BOOK_DECIMALS <= assetDecimals && assetDecimals <= MOST_DECIMALS, UnsupportedDecimals(assetDecimals));
        require(custody_ != address(0), ZeroAddress());
        custody = custody_;
        unit = 10 ** (assetDecimals - BOOK_DECIMALS);
        hub = hub_;
        oracle = hub_.oracle();
        vaultId = hub_.openVault(operator, guardian, looseningDelay, mandate);
        (, uint24 navStepUsd,) = hub_.policyRegistry().outline(hub_.mandateOf(mandate).policyHash);
        navStepE14 = navStepUsd * USD_E14;
    }

    modifier onlyOperator() {
        (, address operator,,,) = hub.rolesOf(vaultId);
        require(msg.sender == operator, NotOperator(msg.sender));
        _;
    }

    // --- the queue ---

    /// @inheritdoc IShareToken
    function requestRedeem(uint256 shares, address receiver, address owner) external nonReentrant returns (uint256 id) {
        IRebalanceHub.Status status = hub.status(vaultId);
        require(status != IRebalanceHub.Status.WindDown, WrongStatus(status));
        require(shares != 0, ZeroShares());
        require(receiver != address(0), ZeroAddress());
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);

        _transfer(owner, address(this), shares);
        queuedShares += shares;
        id = end++;
        requests[id] = Request({shares: shares, receiver: receiver, owner: owner});
        emit RedeemRequested(id, owner, receiver, shares);
    }

    /// @inheritdoc IShareToken
    /// @dev All requests get one price: a fill changes it only by rounding, in favour of the remaining holders.
    function processQueue(uint256 maxRequests) external nonReentrant returns (uint256 shares, uint256 assets) {
        IRebalanceHub.VaultState memory state = hub.vaultState(vaultId);
        require(state.status != IRebalanceHub.Status.WindDown, WrongStatus(state.status));
        (uint256 worth, uint256 top) = _worth(state);
        require(!_coarse(worth, top), NavStepTooCoarse());
        uint256 left = idle();

        uint64 id = head;
        for (uint256 i; i < maxRequests && id != end && left != 0; ++i) {
            Request storage request = requests[id];
            uint256 asked = request.shares;
            uint256 burnt = asked;
            uint256 paid = _toAssets(asked, worth, Math.Rounding.Floor);
            if (paid > left) {
                paid = left;
                burnt = _toShares(left, worth, Math.Rounding.Ceil);
            }
            // A cancelled request has nothing to burn.
            if (burnt != 0) {
                address receiver = request.receiver;
                request.shares = asked - burnt;
                claimable[receiver] += paid;
                left -= paid;
                shares += burnt;
                assets += paid;
                emit RequestFilled(id, receiver, burnt, paid);
            }
            if (burnt == asked) ++id;
        }
        head = id;
        queuedShares -= shares;
        setAside += assets;
        _burn(address(this), shares);
    }

    /// @inheritdoc IShareToken
    function cancelRequest(uint256 id) external nonReentrant returns (uint256 shares) {
        Request storage request = requests[id];
        require(msg.sender == request.owner, NotRequestOwner(msg.sender));
        shares = request.shares;
        require(shares != 0, RequestDone(id));

        request.shares = 0;
        queuedShares -= shares;
        _transfer(address(this), msg.sender, shares);
        emit RequestCancelled(id, shares);
    }

    /// @inheritdoc IShareToken
    function claim(address receiver) external nonReentrant returns (uint256 assets) {
        assets = claimable[receiver];
        require(assets != 0, NothingToClaim(receiver));

        claimable[receiver] = 0;
        setAside -= assets;
        _transferOut(receiver, assets);
        emit Claimed(receiver, assets);
    }

    // --- flows into and out of the book ---

    /// @inheritdoc IShareToken
    function draw(uint56 quantityE6) external nonReentrant onlyOperator {
        uint256 assets = quantityE6 * unit;
        uint256 most = available();
        require(assets <= most, NotEnoughIdle(assets, most));

        drawn = true;
        hub.recordFlow(vaultId, int64(uint64(quantityE6)));
        uint256 before = _balanceOf(custody);
        _transferOut(custody, assets);
        _requireMoved(custody, before, assets);
        emit Drawn(quantityE6);
    }

    /// @inheritdoc IShareToken
    function giveBack(uint56 quantityE6) external nonReentrant onlyOperator {
        _transferIn(msg.sender, quantityE6 * unit);
        hub.recordFlow(vaultId, -int64(uint64(quantityE6)));
        emit GivenBack(msg.sender, quantityE6);
    }

    // --- views ---

    /// @inheritdoc IShareToken
    function idle() public view returns (uint256) {
        return _balanceOf(address(this)).saturatingSub(setAside);
    }

    /// @inheritdoc IShareToken
    function available() public view returns (uint256) {
        return _available(totalAssets());
    }

    /// @inheritdoc IShareToken
    function queue() external view returns (uint64, uint64, uint256) {
        return (head, end, queuedShares);
    }

    /// @inheritdoc IShareToken
    function requestOf(uint256 id) external view returns (Request memory) {
        return requests[id];
    }

    // --- ERC-4626: total assets and limits ---

    /// @notice Idle assets, the book at the bottom of the disclosed NAV step, and the flows since the last proof.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256 worth) {
        (worth,) = _worth(hub.vaultState(vaultId));
    }

    /// @notice Unlimited; 0 unless the vault is active, and while total assets are too small for the NAV step.
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        IRebalanceHub.VaultState memory state = hub.vaultState(vaultId);
        if (state.status != IRebalanceHub.Status.Active) return 0;
        (uint256 bottom, uint256 top) = _worth(state);
        return _coarse(bottom, top) ? 0 : type(uint256).max;
    }

    /// @dev Whether one NAV step is too large a share of total assets for holders to trade at its ends.
    function _coarse(uint256 bottom, uint256 top) private view returns (bool) {
        return totalSupply() != 0 && (top - bottom) * LEAST_NAV_STEPS > bottom;
    }

    /// @notice As `maxDeposit`.
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return maxDeposit(receiver);
    }

    /// @notice The owner's shares, as far as idle assets that the queue is not owed can pay for them.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return _redeemable(owner, totalAssets());
    }

    /// @notice The assets for `maxRedeem` shares.
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 worth = totalAssets();
        return _toAssets(_redeemable(owner, worth), worth, Math.Rounding.Floor);
    }

    /// @notice Uses the top of the disclosed NAV step; `convertToShares` uses its bottom.
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        return _toShares(assets, _entryWorth(), Math.Rounding.Floor);
    }

    /// @notice Uses the top of the disclosed NAV step; `convertToAssets` uses its bottom.
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        return _toAssets(shares, _entryWorth(), Math.Rounding.Ceil);
    }

    function decimals() public view override(ERC4626, IERC20Metadata) returns (uint8) {
        return super.decimals();
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return OFFSET_DECIMALS;
    }

    function _available(uint256 worth) private view returns (uint256) {
        return idle().saturatingSub(_toAssets(queuedShares, worth, Math.Rounding.Ceil));
    }

    function _redeemable(address owner, uint256 worth) private view returns (uint256) {
        uint256 shares = balanceOf(owner);
        uint256 most = _available(worth);
        bool covered = _toAssets(shares, worth, Math.Rounding.Floor) <= most;
        return covered ? shares : _toShares(most, worth, Math.Rounding.Floor);
    }

    // --- ERC-4626: moving assets ---

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override nonReentrant {
        require(shares != 0, ZeroShares());
        super._deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
        nonReentrant
    {
        super._withdraw(caller, receiver, owner, assets, shares);
    }

    function _transferIn(address from, uint256 assets) internal override {
        uint256 before = _balanceOf(address(this));
        super._transferIn(from, assets);
        _requireMoved(address(this), before, assets);
    }

    function _requireMoved(address to, uint256 before, uint256 assets) private view {
        uint256 moved = _balanceOf(to) - before;
        require(moved == assets, WrongAmountMoved(moved, assets));
    }

    function _balanceOf(address account) private view returns (uint256) {
        return IERC20(asset()).balanceOf(account);
    }

    // --- the price ---

    /// @dev Total assets if the NAV is at the bottom of the disclosed NAV step, and if it is at the top.
    function _worth(IRebalanceHub.VaultState memory state) private view returns (uint256 bottom, uint256 top) {
        uint256 here = idle();
        if (state.status == IRebalanceHub.Status.WindDown) return (here, here);
        (uint256 bookBottom, uint256 bookTop) = _bookE6(state);
        bottom = _withBook(here, bookBottom, state.pendingFlow);
        top = _withBook(here, bookTop, state.pendingFlow);
    }

    /// @dev The NAV of the last proof in quantities of slot 0, both ends rounded outwards. The NAV is below 2^42 NAV steps,
    /// which is 2^113 USD 1e-14, and a unit below 2^40, so nothing here and below overflows.
    function _bookE6(IRebalanceHub.VaultState memory state) private view returns (uint256 bottom, uint256 top) {
        if (state.round == 0) return (0, 0);
        (,, uint256[] memory words) = oracle.snapshot(state.round);
        uint256 price = Prices.get(words, 0);
        bottom = state.navFloor * navStepE14 / price;
        top = drawn ? ((state.navFloor + 1) * navStepE14).ceilDiv(price) : bottom;
    }

    /// @dev A flow counts in full, even if it returned more than the book was worth at the last proof, so a flow never
    /// moves the price. If the book were floored at zero here, an operator could return more than the book's value, redeem
    /// at the inflated price, then draw the remainder: the next proof would show a loss that the operator has pocketed. The
    /// sum is negative only if the asset reduced this contract's balance by itself.
    function _withBook(uint256 here, uint256 bookE6, int64 pendingFlow) private view returns (uint256) {
        int256 sum = int256(here) + (int256(bookE6) + pendingFlow) * int256(unit);
        return sum > 0 ? uint256(sum) : 0;
    }

    /// @dev Total assets for the price of a deposit. Without shares nobody can lose by the bottom of the NAV step, and at
    /// the top the first holder would give a NAV step to the virtual shares.
    function _entryWorth() private view returns (uint256) {
        (uint256 bottom, uint256 top) = _worth(hub.vaultState(vaultId));
        return totalSupply() == 0 ? bottom : top;
    }

    function _convertToShares(uint256 assets, Math.Rounding rounding) internal view override returns (uint256) {
        return _toShares(assets, totalAssets(), rounding);
    }

    function _convertToAssets(uint256 shares, Math.Rounding rounding) internal view override returns (uint256) {
        return _toAssets(shares, totalAssets(), rounding);
    }

    function _toShares(uint256 assets, uint256 worth, Math.Rounding rounding) private view returns (uint256) {
        return assets.mulDiv(totalSupply() + VIRTUAL_SHARES, worth + 1, rounding);
    }

    function _toAssets(uint256 shares, uint256 worth, Math.Rounding rounding) private view returns (uint256) {
        return shares.mulDiv(worth + 1, totalSupply() + VIRTUAL_SHARES, rounding);
    }
}
