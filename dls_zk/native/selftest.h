// What must hold on this machine before a secret is given to the core: known answers by slow and plain ways.
#pragma once
#include "groth16.h"
#include "pairing.h"

// Numbers below p with words that carry bugs hide in, then pseudo-random ones.
template <class M> static void example(u64 out[4], u32 number, u64 &state) {
    static const u64 WORDS[4] = {0, 1, 0xffffffffffffffff, 0x8000000000000000};
    for (int i = 0; i < 4; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        out[i] = number < 256 ? WORDS[number >> (2 * i) & 3] : state ^ state >> 29;
    }
    if (number == 256) {
        for (int i = 0; i < 4; ++i) out[i] = M::P[i];
        out[0] -= 1;
    }
    while (!below(out, M::P)) out[3] >>= 1;
}

// One path's words are the portable path's words.
template <class M, class A> static bool same_words(u32 count) {
    u64 state = 1, a[4], b[4], one[4], other[4];
    for (u32 i = 0; i < count; ++i) {
        example<M>(a, i % 300, state);
        example<M>(b, i / 300 % 300, state);
        for (int operation = 0; operation < 3; ++operation) {
            switch (operation) {
                case 0: A::template multiply<M>(one, a, b), Portable::multiply<M>(other, a, b); break;
                case 1: A::template add<M>(one, a, b), Portable::add<M>(other, a, b); break;
                default: A::template subtract<M>(one, a, b), Portable::subtract<M>(other, a, b);
            }
            if (memcmp(one, other, 32) != 0 || !below(one, M::P)) return false;
        }
    }
    return true;
}

// Laws of a field, among them −1·−1 = 1, and inverses.
template <class F> static bool field_holds() {
    F minus_one = -F::one(), x = F::one();
    if (!(minus_one * minus_one == F::one()) || !F::zero().inverse().is_zero()) return false;
    for (int i = 1; i < 50; ++i) {
        F y = x.twice() + F::one() - minus_one * x;
        if (!(x * x.inverse() == F::one()) || !((x + y) * (x - y) == x.square() - y.square()) || !((y - x) + x == y)) return false;
        x = x * y + minus_one;
    }
    return true;
}

// A sum by buckets is the sum one by one, with points that are equal, opposite and infinite, and scalars at the ends.
template <class F> static bool sums_hold(bool wide, const Jacobian<F> &generator) {
    const u32 count = 70;
    Affine<F> points[count];
    F images[count];
    u64 scalars[count][4], state = 7;
    Jacobian<F> expected = Jacobian<F>::infinity(), walk = generator;
    for (u32 i = 0; i < count; ++i) {
        points[i] = i % 11 == 3 ? Affine<F>::infinity() : i % 7 == 2 ? -points[i - 1] : i % 5 == 1 ? points[i - 1] : walk.to_affine();
        images[i] = beta_times(points[i].x);
        walk = walk.doubled() + generator;
        example<ScalarField>(scalars[i], i < 20 ? i : 256 + i, state);
        if (i == 20) {
            for (int k = 0; k < 4; ++k) scalars[i][k] = ScalarField::P[k];
            scalars[i][0] -= 1;
        }
        if (i % 7 == 2) memcpy(scalars[i], scalars[i - 1], 32);
        expected = expected + Jacobian<F>::from(points[i]).times(scalars[i]);
    }
    Arena digits, room;
    Msm<F> msm;
    if (!msm.open(points, images, count, wide)) return false;
    msm.cut_scalars(scalars, 0, count);
    if (!msm.choose_windows(digits)) return false;
    msm.write_digits(0, count);
    if (!room.open(Msm<F>::Room::size(count, msm.bits))) return false;
    for (int w = 0; w < msm.windows; ++w)
        if (!msm.sum_window(w, room)) return false;
    Affine<F> got = msm.result().to_affine(), wanted = expected.to_affine();
    return got.x == wanted.x && got.y == wanted.y;
}

// The transform of a polynomial given by its values on the domain has its values on the coset.
template <class F> static bool transforms_hold(bool wide) {
    const int most = Domain<F>::LEAST_WIDE;
    for (int log = 0; 1 << log <= 2 * most; ++log) {
        Arena memory;
        Domain<F> domain;
        const u32 n = 1u << log;
        F coefficients[2 * most], values[2 * most], root = {{0x636e735580d13d9c, 0xa22bf3742445ffd6, 0x56452ac01eb203d8, 0x1860ef942963f9e7}};
        if (!memory.open(Domain<F>::room(n)) || !domain.open(memory, log)) return false;
        for (int i = 28; i > log + 1; --i) root = root.square();
        coefficients[0] = F::one();
        for (u32 i = 1; i < n; ++i) coefficients[i] = coefficients[i - 1].twice() * coefficients[i - 1] - F::one();
        auto value = [&](const F &x) {
            F sum = F::zero();
            for (u32 i = n; i-- > 0;) sum = sum * x + coefficients[i];
            return sum;
        };
        F x = F::one();
        for (u32 i = 0; i < n; ++i, x = x * root.square()) values[i] = value(x);
        domain.to_coset(values, wide);
        x = root;
        for (u32 i = 0; i < n; ++i, x = x * root.square())
            if (!(values[i] == value(x))) return false;
    }
    return true;
}

// e(6·P, Q)·e(P, −6·Q) = 1, and not with 5.
template <class A, class F, class F2> static bool pairings_hold(const Jacobian<F> &g1, const Jacobian<F2> &g2) {
    const Pairing<A> pairing;
    const u64 six[4] = {6, 0, 0, 0}, five[4] = {5, 0, 0, 0};
    Affine<F> p[2] = {g1.times(six).to_affine(), g1.to_affine()};
    Affine<F2> q[2] = {g2.to_affine(), -g2.times(six).to_affine()};
    if (!pairing.in_subgroup(q[1]) || !pairing.on_curve(p[0]) || !pairing.product_is_one(p, q, 2)) return false;
    p[0] = g1.times(five).to_affine();
    return !pairing.product_is_one(p, q, 2);
}

template <class A> static bool self_test(bool wide) {
    typedef Element<BaseField, A> Fp;
    typedef Element<ScalarField, A> Fr;
    typedef Quadratic<Fp> Fp2;
    Jacobian<Fp> g1 = {Fp::one(), Fp::one().twice(), Fp::one()};
    const Fp2 x = {{{0x8e83b5d102bc2026, 0xdceb1935497b0172, 0xfbb8264797811adf, 0x19573841af96503b}},
                   {{0xafb4737da84c6140, 0x6043dd5a5802d8c4, 0x09e950fc52a02f86, 0x14fef0833aea7b6b}}};
    const Fp2 y = {{{0x619dfa9d886be9f6, 0xfe7fd297f59e9b78, 0xff9e1a62231b7dfe, 0x28fd7eebae9e4206}},
                   {{0x64095b56c71856ee, 0xdc57f922327d3cbb, 0x55f935be33351076, 0x0da4a0e693fd6482}}};
    Jacobian<Fp2> g2 = {x, y, Fp2::one()};
#ifdef DLS_ZK_WIDE
    if (wide && !(same_words<BaseField, ByEights>(90000) && same_words<ScalarField, ByEights>(90000))) return false;
#endif
    return same_words<BaseField, A>(90000) && same_words<ScalarField, A>(90000) && field_holds<Fp>() && field_holds<Fr>() &&
           field_holds<Fp2>() && transforms_hold<Fr>(wide) && sums_hold(wide, g1) && sums_hold(wide, g2) && pairings_hold<A>(g1, g2);
}
