// Whether a product of pairings is 1: the optimal ate pairing of BN254 (Vercauteren 2010), by its definition. It shares the
// field with the prover, and nothing else: no table, no bucket, no precomputed constant. (The sum over the points IC, which
// verification needs too, comes from the buckets of msm.h, by the portable arithmetic and one thread.)
#pragma once
#include "curve.h"

// Fp2[v] with v³ = ξ = 9 + i.
template <class F2> struct Sextic {
    F2 a, b, c;

    static F2 xi_times(const F2 &x) {
        F2 eight = x.twice().twice().twice(), nine = eight + x;
        return {nine.a - x.b, nine.b + x.a};
    }
    static Sextic zero() { return {F2::zero(), F2::zero(), F2::zero()}; }
    static Sextic one() { return {F2::one(), F2::zero(), F2::zero()}; }
    bool operator==(const Sextic &o) const { return a == o.a && b == o.b && c == o.c; }
    Sextic operator+(const Sextic &o) const { return {a + o.a, b + o.b, c + o.c}; }
    Sextic operator-(const Sextic &o) const { return {a - o.a, b - o.b, c - o.c}; }
    Sextic operator-() const { return {-a, -b, -c}; }
    Sextic operator*(const Sextic &o) const {
        F2 aa = a * o.a, bb = b * o.b, cc = c * o.c;
        return {aa + xi_times((b + c) * (o.b + o.c) - bb - cc), (a + b) * (o.a + o.b) - aa - bb + xi_times(cc),
                (a + c) * (o.a + o.c) - aa - cc + bb};
    }
    Sextic v_times() const { return {xi_times(c), a, b}; }
    Sextic inverse() const {
        F2 s = a.square() - xi_times(b * c), t = xi_times(c.square()) - a * b, u = b.square() - a * c;
        F2 norm = (a * s + xi_times(c * t) + xi_times(b * u)).inverse();
        return {s * norm, t * norm, u * norm};
    }
};

// Fp6[w] with w² = v.
template <class F2> struct Twelfth {
    typedef Sextic<F2> F6;
    F6 a, b;

    static Twelfth one() { return {F6::one(), F6::zero()}; }
    bool operator==(const Twelfth &o) const { return a == o.a && b == o.b; }
    Twelfth operator*(const Twelfth &o) const {
        F6 aa = a * o.a, bb = b * o.b;
        return {aa + bb.v_times(), (a + b) * (o.a + o.b) - aa - bb};
    }
    Twelfth square() const {
        F6 ab = a * b;
        return {(a + b) * (a + b.v_times()) - ab - ab.v_times(), ab + ab};
    }
    Twelfth conjugate() const { return {a, -b}; }  // the p⁶-th power
    Twelfth inverse() const {
        F6 norm = (a * a - (b * b).v_times()).inverse();
        return {a * norm, -(b * norm)};
    }
    Twelfth power(u64 exponent) const {
        Twelfth out = one();
        for (int i = 63; i >= 0; --i) {
            out = out.square();
            if (exponent >> i & 1) out = out * *this;
        }
        return out;
    }
};

template <class A> struct Pairing {
    typedef Element<BaseField, A> Fp;
    typedef Quadratic<Fp> Fp2;
    typedef Twelfth<Fp2> Fp12;
    static const int MOST = 16;  // pairs in one run of Miller's loop

    // ξ^((p−1)/6), from which all powers of p follow, and 3/ξ, the b of the twist.
    Fp2 gamma, twist_b;

    Pairing() {
        const Fp one = Fp::one(), nine = one.twice().twice().twice() + one;
        Fp2 xi = {nine, one}, out = Fp2::one();
        u64 exponent[4], remainder = 0;
        for (int i = 3; i >= 0; --i) {  // (p − 1)/6, which leaves no remainder
            u128 part = (u128)remainder << 64 | (BaseField::P[i] - (i == 0));
            exponent[i] = (u64)(part / 6);
            remainder = (u64)(part % 6);
        }
        for (int i = 255; i >= 0; --i) {
            out = out.square();
            if (exponent[i / 64] >> (i % 64) & 1) out = out * xi;
        }
        gamma = out;
        twist_b = xi.inverse().scaled(one.twice() + one);
    }

    static bool on_curve(const Affine<Fp> &p) {
        const Fp one = Fp::one();
        return p.y.square() == p.x.square() * p.x + one.twice() + one;
    }
    // On the twist and in the subgroup of order r.
    bool in_subgroup(const Affine<Fp2> &q) const {
        if (!(q.y.square() == q.x.square() * q.x + twist_b)) return false;
        return Jacobian<Fp2>::from(q).times(ScalarField::P).is_infinity();
    }

    Fp12 frobenius(const Fp12 &f) const {  // the p-th power: the coefficient of wⁱ is conjugated and times γⁱ
        const Fp2 g2 = gamma.square(), g3 = g2 * gamma, g4 = g2.square(), g5 = g4 * gamma;
        return {{f.a.a.conjugate(), f.a.b.conjugate() * g2, f.a.c.conjugate() * g4},
                {f.b.a.conjugate() * gamma, f.b.b.conjugate() * g3, f.b.c.conjugate() * g5}};
    }
    Affine<Fp2> frobenius(const Affine<Fp2> &q) const {
        const Fp2 g2 = gamma.square();
        return {q.x.conjugate() * g2, q.y.conjugate() * (g2 * gamma)};
    }

    // Multiplies f by the line through T and Q (or the tangent at T) at P, and moves T to T + Q (2T), for each of the pairs.
    // The line is y_P − λ·x_P·w + (λ·x_T − y_T)·w³.
    static void step(Fp12 &f, Affine<Fp2> *t, const Affine<Fp2> *q, const Affine<Fp> *p, int count) {
        Fp2 prefix[MOST], denominator[MOST], product = Fp2::one();
        for (int i = 0; i < count; ++i) {
            denominator[i] = q ? q[i].x - t[i].x : t[i].y.twice();
            prefix[i] = product;
            product = product * denominator[i];
        }
        Fp2 inverse = product.inverse();
        for (int i = count - 1; i >= 0; --i) {
            Fp2 one = inverse * prefix[i], square = t[i].x.square();
            inverse = inverse * denominator[i];
            Fp2 slope = (q ? q[i].y - t[i].y : square.twice() + square) * one;
            f = f * Fp12{{{p[i].y, Fp::zero()}, Fp2::zero(), Fp2::zero()},
                         {-slope.scaled(p[i].x), slope * t[i].x - t[i].y, Fp2::zero()}};
            Fp2 x = slope.square() - t[i].x - (q ? q[i].x : t[i].x);
            t[i] = {x, slope * (t[i].x - x) - t[i].y};
        }
    }

    // The Miller loop of at most MOST pairs of finite points, those of G2 of order r.
    Fp12 miller(const Affine<Fp> *p, const Affine<Fp2> *q, int count) const {
        Affine<Fp2> t[MOST], q1[MOST], q2[MOST];
        for (int i = 0; i < count; ++i) {
            t[i] = q[i];
            q1[i] = frobenius(q[i]);
            q2[i] = -frobenius(q1[i]);
        }
        Fp12 f = Fp12::one();
        const u64 loop = 0x9d797039be763ba8;  // 6u + 2 = 2^64 + this
        for (int i = 63; i >= 0; --i) {
            f = f.square();
            step(f, t, nullptr, p, count);
            if (loop >> i & 1) step(f, t, q, p, count);
        }
        step(f, t, q1, p, count);
        step(f, t, q2, p, count);
        return f;
    }

    // f^((p¹² − 1)/r) = 1; the last part as in Scott et al., "On the final exponentiation" (2009).
    bool final_power_is_one(const Fp12 &f0) const {
        const u64 u = 4965661367192848881;
        Fp12 f = f0.conjugate() * f0.inverse();
        f = frobenius(frobenius(f)) * f;
        Fp12 fp = frobenius(f), fp2 = frobenius(fp), fp3 = frobenius(fp2);
        Fp12 fu = f.power(u), fu2 = fu.power(u), fu3 = fu2.power(u);
        Fp12 y0 = fp * fp2 * fp3, y1 = f.conjugate(), y2 = frobenius(frobenius(fu2)), y3 = frobenius(fu).conjugate();
        Fp12 y4 = (fu * frobenius(fu2)).conjugate(), y5 = fu2.conjugate(), y6 = (fu3 * frobenius(fu3)).conjugate();
        Fp12 t0 = y6.square() * y4 * y5, t1 = y3 * y5 * t0;
        t0 = t0 * y2;
        t1 = (t1.square() * t0).square();
        t0 = t1 * y1;
        t1 = t1 * y0;
        return t0.square() * t1 == Fp12::one();
    }

    // Pairs with a point at infinity count as 1.
    bool product_is_one(const Affine<Fp> *p, const Affine<Fp2> *q, u32 count) const {
        Fp12 f = Fp12::one();
        Affine<Fp> left[MOST];
        Affine<Fp2> right[MOST];
        int waiting = 0;
        for (u32 i = 0; i < count; ++i) {
            if (!p[i].is_infinity() && !q[i].is_infinity()) {
                left[waiting] = p[i];
                right[waiting++] = q[i];
            }
            if (waiting == MOST || (waiting && i + 1 == count)) {
                f = f * miller(left, right, waiting);
                waiting = 0;
            }
        }
        return final_power_is_one(f);
    }
};
