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
