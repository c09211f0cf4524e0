// Points of y² = x³ + b, over the base field (G1) or its quadratic extension (G2). The formulas need no b.
#pragma once
#include "field.h"

// x = y = 0 stands for infinity, as in key files: no point with these coordinates is on either curve.
template <class F> struct Affine {
    F x, y;

    static Affine infinity() { return {F::zero(), F::zero()}; }
    bool is_infinity() const { return x.is_zero() && y.is_zero(); }
    Affine operator-() const { return {x, -y}; }
};

// (X/Z², Y/Z³); Z = 0 stands for infinity. The formulas are those of the Explicit-Formulas Database, with every exception
// looked at: equal points, opposite points, infinity.
template <class F> struct Jacobian {
    F x, y, z;

    static Jacobian infinity() { return {F::one(), F::one(), F::zero()}; }
    static Jacobian from(const Affine<F> &p) { return p.is_infinity() ? infinity() : Jacobian{p.x, p.y, F::one()}; }
    bool is_infinity() const { return z.is_zero(); }

    Jacobian doubled() const {  // dbl-2009-l
        if (is_infinity() || y.is_zero()) return infinity();
        F a = x.square(), b = y.square(), c = b.square();
        F d = ((x + b).square() - a - c).twice(), e = a.twice() + a, f = e.square();
        F x3 = f - d.twice();
        return {x3, e * (d - x3) - c.twice().twice().twice(), (y * z).twice()};
    }
    Jacobian operator+(const Jacobian &o) const {  // add-2007-bl
        if (is_infinity()) return o;
        if (o.is_infinity()) return *this;
        F zz = z.square(), ozz = o.z.square();
        F u = x * ozz, s = y * o.z * ozz;
        F h = o.x * zz - u, r = o.y * z * zz - s;
        if (h.is_zero()) return r.is_zero() ? doubled() : infinity();
        F hh = h.square(), v = u * hh, hhh = h * hh;
        F x3 = r.square() - hhh - v.twice();
        return {x3, r * (v - x3) - s * hhh, z * o.z * h};
    }
    Jacobian operator+(const Affine<F> &o) const { return *this + from(o); }

    // this·scalar, for a scalar of four words below the order.
    Jacobian times(const u64 scalar[4]) const {
        Jacobian out = infinity();
        for (int i = 255; i >= 0; --i) {
            out = out.doubled();
            if (scalar[i / 64] >> (i % 64) & 1) out = out + *this;
        }
        return out;
    }
    Affine<F> to_affine() const {
        if (is_infinity()) return Affine<F>::infinity();
        F inverse = z.inverse(), square = inverse.square();
        return {x * square, y * square * inverse};
    }
};

// --- many additions with one inversion -------------------------------------------------------------------------------

// out = first + second, or a copy of the first if there is no second.
struct Pair {
    u32 first, second, out;
};
static const u32 NONE = 0xffffffff;

// Work space for one call of `add_pairs`.
template <class F> struct PairRoom {
    static const int SIZE = 1024;
    F prefix[SIZE], denominator[SIZE];
    u8 kind[SIZE];
};

enum { COPY_FIRST, COPY_SECOND, NOWHERE, ADD, DOUBLE };

// The operands of pairs, by their numbers, in one array.
template <class F> struct InArray {
    const Affine<F> *points;

    const F &x(u32 i) const { return points[i].x; }
    const F &y(u32 i) const { return points[i].y; }
    void fetch(u32) const {}
};

// Adds at most PairRoom::SIZE pairs. `from` gives the coordinates of the point of a number, `put` takes a sum. No sum may be
// put where a later pair's operand is; the second pass goes forward, so that sums can be packed to the front of the array of
// the operands.
//
// A slope is (y₂ − y₁)/(x₂ − x₁), or 3x²/2y for equal points. All the denominators are inverted by one inversion (Montgomery's
// trick), so none of them may be zero: a single zero would spoil them all. Points at infinity and opposite points have none.
// There are four running products, because one would make each multiplication wait for the one before it.
template <class F, class From, class Put>
static void add_pairs(const From &from, const Put &put, const Pair *pairs, int count, PairRoom<F> &room) {
    const int AHEAD = 16;
    auto get = [&](u32 i) { return Affine<F>{from.x(i), from.y(i)}; };
    F product[4] = {F::one(), F::one(), F::one(), F::one()};
    for (int i = count - 1; i >= 0; --i) {
        const Pair &pair = pairs[i];
        if (i >= AHEAD) {
            const Pair &ahead = pairs[i - AHEAD];
            from.fetch(ahead.first);
            if (ahead.second != NONE) from.fetch(ahead.second);
        }
        if (pair.second == NONE) {
            room.kind[i] = COPY_FIRST;
            continue;
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
            for (int k = 0; k < 4; ++k) put(pairs[i + k].out, Affine<F>{x[k], y[k]});
            i += 4;
            continue;
        }
        const Pair &pair = pairs[i];
        switch (room.kind[i]) {
            case COPY_FIRST:
                put(pair.out, get(pair.first));
                break;
            case COPY_SECOND:
                put(pair.out, get(pair.second));
                break;
            case NOWHERE:
                put(pair.out, Affine<F>::infinity());
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
                put(pair.out, Affine<F>{x, slope * (p.x - x) - p.y});
        }
        ++i;
    }
}
