// Many additions of affine points with one inversion.
#pragma once
#include "curve.h"
#include "wide.h"

// out = first + second: numbers of points, which the caller gives their meaning.
struct Pair {
    u32 first, second, out;
};

#ifdef DLS_ZK_WIDE
// Eight elements of F.
template <class F> struct Packed {
    Eight part[F::PARTS];
};
#endif

// Work space for one call of `add_pairs`.
template <class F> struct PairRoom {
    static const int SIZE = 2048;
    Pair exceptions[SIZE];
    u8 kind[SIZE];
    union {
        struct {
            F prefix[SIZE], denominator[SIZE];
        };
#ifdef DLS_ZK_WIDE
        struct {
            Packed<F> prefix[SIZE / 8], denominator[SIZE / 8];
        } wide;
#endif
    };
};

// The operands of pairs, by their numbers, in one array.
template <class F> struct InArray {
    static constexpr bool SIGNED = false;
    const Affine<F> *points;

    const F &x(u32 i) const { return points[i].x; }
    const F &y(u32 i) const { return points[i].y; }
    const F &unsigned_y(u32 i) const { return points[i].y; }
    u64 minus(u32) const { return 0; }
    void fetch(u32) const {}
};

enum { COPY_FIRST, COPY_SECOND, NOWHERE, ADD, DOUBLE };

// Adds at most PairRoom::SIZE pairs. `from` gives the coordinates of the point of a number, `place` where a sum goes. No sum
// may go where an operand is.
//
// A slope is (y₂ − y₁)/(x₂ − x₁), or 3x²/2y for equal points. All the denominators are inverted by one inversion (Montgomery's
// trick), so none of them may be zero: a single zero would spoil them all. Points at infinity and opposite points have none.
// There are four running products, because one would make each multiplication wait for the one before it.
template <class F, class From, class Place>
static void add_pairs_one_by_one(const From &from, const Place &place, const Pair *pairs, int count, PairRoom<F> &room) {
    if (!count) return;
    const int AHEAD = 16;
    auto get = [&](u32 i) { return Affine<F>{from.x(i), from.y(i)}; };
    F product[4] = {F::one(), F::one(), F::one(), F::one()};
    for (int i = count - 1; i >= 0; --i) {
        const Pair &pair = pairs[i];
        if (i >= AHEAD) {
            from.fetch(pairs[i - AHEAD].first);
            from.fetch(pairs[i - AHEAD].second);
        }
        F x = from.x(pair.first), other = from.x(pair.second), denominator = other - x;
        u8 kind = ADD;
        if (x.is_zero() || other.is_zero() || denominator.is_zero()) {
            Affine<F> p = get(pair.first), q = get(pair.second);
            if (p.is_infinity()) {
                kind = COPY_SECOND;
            } else if (q.is_infinity()) {
                kind = COPY_FIRST;
            } else if (denominator.is_zero()) {
                denominator = p.y.twice();
                kind = p.y == q.y && !denominator.is_zero() ? DOUBLE : NOWHERE;
            }
        }
        room.kind[i] = kind;
        if (kind < ADD) continue;
        room.denominator[i] = denominator;
        room.prefix[i] = product[i & 3];
        product[i & 3] = product[i & 3] * denominator;
    }
    F low = product[0] * product[1], high = product[2] * product[3];
    F all = (low * high).inverse();
    F of_low = all * high, of_high = all * low;
    F inverse[4] = {of_low * product[1], of_low * product[0], of_high * product[3], of_high * product[2]};
    int i = 0;
    while (i < count) {
        // Four plain additions in step, one of each product: each waits for its own last multiplication only.
        if ((i & 3) == 0 && i + 4 <= count && room.kind[i] == ADD && room.kind[i + 1] == ADD && room.kind[i + 2] == ADD &&
            room.kind[i + 3] == ADD) {
            Affine<F> p[4], q[4];
            F slope[4], x[4], y[4];
            for (int k = 0; k < 4; ++k) p[k] = get(pairs[i + k].first), q[k] = get(pairs[i + k].second);
            for (int k = 0; k < 4; ++k) slope[k] = inverse[k] * room.prefix[i + k];
            for (int k = 0; k < 4; ++k) inverse[k] = inverse[k] * room.denominator[i + k];
            for (int k = 0; k < 4; ++k) slope[k] = slope[k] * (q[k].y - p[k].y);
            for (int k = 0; k < 4; ++k) x[k] = slope[k].square() - p[k].x - q[k].x;
            for (int k = 0; k < 4; ++k) y[k] = slope[k] * (p[k].x - x[k]) - p[k].y;
            for (int k = 0; k < 4; ++k) place(pairs[i + k].out) = Affine<F>{x[k], y[k]};
            i += 4;
            continue;
        }
        const Pair &pair = pairs[i];
        switch (room.kind[i]) {
            case COPY_FIRST:
                place(pair.out) = get(pair.first);
                break;
            case COPY_SECOND:
                place(pair.out) = get(pair.second);
                break;
            case NOWHERE:
                place(pair.out) = Affine<F>::infinity();
                break;
            default:
                Affine<F> p = get(pair.first), q = get(pair.second);
                F one = inverse[i & 3] * room.prefix[i];
                inverse[i & 3] = inverse[i & 3] * room.denominator[i];
                F rise = q.y - p.y;
                if (room.kind[i] == DOUBLE) {
                    F square = p.x.square();
                    rise = square.twice() + square;
                }
                F slope = rise * one;
                F x = slope.square() - p.x - q.x;
                place(pair.out) = Affine<F>{x, slope * (p.x - x) - p.y};
        }
        ++i;
    }
}

#ifdef DLS_ZK_WIDE
// Here a product is that of `products`, which takes the words of an element as a multiple of 2^260: it sees a/16 for a. So
// differences of coordinates give the true slope, and a square of a quarter of it is a sixteenth: what it sees of a coordinate.

// Factors below 8·p or, of `a`, 5·p; the result is below 2·p.
template <class F> EIGHTS_INLINE void multiply(Packed<F> &out, const Packed<F> &a, const Packed<F> &b) {
    typedef typename F::Modulus M;
    if constexpr (F::PARTS == 1) {
        multiply<M>(out.part[0], a.part[0], b.part[0]);
    } else {
        Eight minus, real;
        UNROLL
        for (int i = 0; i < 5; ++i) minus.l[i] = all_of(Multiple<M, 8>::L[i]) - b.part[1].l[i];
        carry(minus);
        products<M, true>(real, a.part[0], b.part[0], a.part[1], minus);
        products<M, true>(out.part[1], a.part[0], b.part[1], a.part[1], b.part[0]);
        out.part[0] = real;
    }
}
// The factor is below 2·p.
template <class F> EIGHTS_INLINE void square(Packed<F> &out, const Packed<F> &a) {
    typedef typename F::Modulus M;
    if constexpr (F::PARTS == 1) {
        multiply<M>(out.part[0], a.part[0], a.part[0]);
    } else {
        Eight sum, difference, twice;
        add(sum, a.part[0], a.part[1]);
        subtract<M, 2>(difference, a.part[0], a.part[1]);
        add(twice, a.part[0], a.part[0]);
        multiply<M>(out.part[1], twice, a.part[1]);
        multiply<M>(out.part[0], sum, difference);
    }
}

// Of eight elements seen as sixteenths, the quarters of their inverses seen so.
template <class F> __attribute__((noinline)) static void quarters_of_inverses(F at[8]) {
    F prefix[8], product = F::one();
    for (int i = 0; i < 8; ++i) {
        prefix[i] = product;
        product = product * at[i];
    }
    F inverse = product.inverse();
    for (int i = 0; i < 6; ++i) inverse = inverse.twice();  // 16²/4
    for (int i = 7; i >= 0; --i) {
        F one = inverse * prefix[i];
        inverse = inverse * at[i];
        at[i] = one;
    }
}

// The same as `add_pairs_one_by_one`, by eights; pairs: with room for a multiple of eight. What is no plain addition is left
// to that function: such a lane has the denominator 1, and its sum is written over.
template <class F, class From, class Place>
EIGHTS_TARGET static void add_pairs_by_eights(const From &from, const Place &place, Pair *pairs, int count, PairRoom<F> &room) {
    typedef typename F::Modulus M;
    const int parts = F::PARTS, y_at = 4 * parts, padded = (count + 7) & ~7;
    for (int i = count; i < padded; ++i) pairs[i] = pairs[count - 1];
    F lanes[8];
    const u64 *from_lanes[8];
    u64 *to_lanes[8];
    for (int k = 0; k < 8; ++k) {
        lanes[k] = F::one();
        from_lanes[k] = to_lanes[k] = (u64 *)&lanes[k];
    }
    Packed<F> product;
    for (int part = 0; part < parts; ++part) load(product.part[part], from_lanes, 4 * part);
    int exceptions = 0;
    for (int g = 0; g < padded; g += 8) {
        const Pair *eight = pairs + g;
        const u64 *first[8], *second[8];
        for (int k = 0; k < 8; ++k) {
            if (g + 8 < padded) {
                from.fetch(eight[8 + k].first);
                from.fetch(eight[8 + k].second);
            }
            first[k] = (const u64 *)&from.x(eight[k].first);
            second[k] = (const u64 *)&from.x(eight[k].second);
        }
        Packed<F> denominator;
        Vector some_first = all_of(0), some_second = all_of(0), some_change = all_of(0);
        for (int part = 0; part < parts; ++part) {
            Words8 a, b;
            Eight x, other;
            load(a, first, 4 * part);
            load(b, second, 4 * part);
            UNROLL
            for (int i = 0; i < 4; ++i) {
                some_first |= a.w[i];
                some_second |= b.w[i];
                some_change |= a.w[i] ^ b.w[i];
            }
            to_limbs(x, a);
            to_limbs(other, b);
            subtract<M, 1>(denominator.part[part], other, x);
        }
        u32 except = zero_lanes(some_first) | zero_lanes(some_second) | zero_lanes(some_change);
        if (except) {
            for (int k = 0; k < 8; ++k) {
                if (!(except >> k & 1) || g + k >= count) continue;
                room.exceptions[exceptions++] = eight[k];
            }
            Vector keep, one;
            for (int k = 0; k < 8; ++k) {
                keep[k] = (u64)(except >> k & 1) - 1;
                one[k] = except >> k & 1;
            }
            for (int part = 0; part < parts; ++part)
                for (int i = 0; i < 5; ++i) denominator.part[part].l[i] &= keep;
            denominator.part[0].l[0] |= one;
        }
        room.wide.denominator[g / 8] = denominator;
        room.wide.prefix[g / 8] = product;
        multiply(product, product, denominator);
    }
    for (int part = 0; part < parts; ++part) {
        reduce<M, 1>(product.part[part]);
        store(to_lanes, 4 * part, product.part[part]);
    }
    quarters_of_inverses(lanes);
    Packed<F> inverse;
    for (int part = 0; part < parts; ++part) load(inverse.part[part], from_lanes, 4 * part);
    for (int g = padded - 8; g >= 0; g -= 8) {
        const Pair *eight = pairs + g;
        const u64 *first[8], *second[8], *first_y[8], *second_y[8];
        u64 *out[8];
        Vector minus_first = all_of(0), minus_second = all_of(0);
        for (int k = 0; k < 8; ++k) {
            first[k] = (const u64 *)&from.x(eight[k].first);
            second[k] = (const u64 *)&from.x(eight[k].second);
            first_y[k] = (const u64 *)&from.unsigned_y(eight[k].first);
            second_y[k] = (const u64 *)&from.unsigned_y(eight[k].second);
            out[k] = (u64 *)&place(eight[k].out);
        }
        if (From::SIGNED) {
            u64 masks[2][8];
            for (int k = 0; k < 8; ++k) masks[0][k] = from.minus(eight[k].first), masks[1][k] = from.minus(eight[k].second);
            memcpy(&minus_first, masks[0], 64);
            memcpy(&minus_second, masks[1], 64);
        }
        Packed<F> y, rise, slope, x, change;
        for (int part = 0; part < parts; ++part) {
            Eight other;
            load(y.part[part], first_y, 4 * part);
            load(other, second_y, 4 * part);
            if (From::SIGNED) {
                UNROLL
                for (int i = 0; i < 5; ++i) {
                    const Vector p = all_of(Multiple<M, 1>::L[i]);
                    y.part[part].l[i] = minus_first ? p - y.part[part].l[i] : y.part[part].l[i];
                    other.l[i] = minus_second ? p - other.l[i] : other.l[i];
                }
            }
            subtract<M, 1>(rise.part[part], other, y.part[part]);
        }
        multiply(slope, inverse, room.wide.prefix[g / 8]);
        multiply(inverse, inverse, room.wide.denominator[g / 8]);
        multiply(slope, slope, rise);
        square(x, slope);
        for (int part = 0; part < parts; ++part) {
            Eight a, b;
            load(a, first, 4 * part);
            load(b, second, 4 * part);
            UNROLL
            for (int i = 0; i < 5; ++i) b.l[i] += a.l[i];
            subtract<M, 2>(x.part[part], x.part[part], b);
            reduce<M, 2>(x.part[part]);
            reduce<M, 1>(x.part[part]);
            subtract<M, 1, 2>(change.part[part], a, x.part[part]);
            store(out, 4 * part, x.part[part]);
        }
        multiply(change, slope, change);
        for (int part = 0; part < parts; ++part) {
            subtract<M, 1>(change.part[part], change.part[part], y.part[part]);
            reduce<M, 2>(change.part[part]);
            reduce<M, 1>(change.part[part]);
            store(out, y_at + 4 * part, change.part[part]);
        }
    }
    wipe(lanes, sizeof lanes);
    add_pairs_one_by_one<F>(from, place, room.exceptions, exceptions, room);
}
#endif

// wide: whether the processor can do eight at a time.
template <class F, class From, class Place>
static void add_pairs(bool wide, const From &from, const Place &place, Pair *pairs, int count, PairRoom<F> &room) {
    if (!count) return;
#ifdef DLS_ZK_WIDE
    if constexpr (F::Path::WIDE)
        if (wide) return add_pairs_by_eights<F>(from, place, pairs, count, room);
#endif
    (void)wide;
    add_pairs_one_by_one<F>(from, place, pairs, count, room);
}
