// Number-theoretic transforms over the scalar field, and the step of Groth16 that needs them.
#pragma once
#include "field.h"
#include "threads.h"

// Factors for a domain of n = 2^k points: the powers of the n-th root of unity ω and of its inverse, and those of the
// 2n-th root g, g² = ω, whose odd powers are the coset on which snarkjs's keys hold the quotient.
template <class F> struct Domain {
    u32 n = 0;
    int log = 0;
    F *roots = nullptr;     // for a layer of half width h: ω^(j·n/2h), j < h, at h + j
    F *inverses = nullptr;  // the same for ω⁻¹
    F *shift = nullptr;     // gⁱ/n, at the place of i with its bits reversed

    static size_t room(u32 n) { return 3 * Arena::room_for<F>(n ? n : 1) + 64; }

    bool open(Arena &arena, int log_) {
        log = log_;
        n = 1u << log;
        roots = arena.take<F>(n), inverses = arena.take<F>(n), shift = arena.take<F>(n);
        if (arena.failed) return false;
        // 5 generates the group of order r − 1; a root of order 2^28 is 5^((r−1)/2^28).
        F root = {{0x636e735580d13d9c, 0xa22bf3742445ffd6, 0x56452ac01eb203d8, 0x1860ef942963f9e7}};
        for (int i = 28; i > log + 1; --i) root = root.square();
        const F g = root, omega = g.square();
        fill(roots, omega);
        fill(inverses, omega.inverse());
        const u64 size[1] = {n};
        F factor = F{{size[0], 0, 0, 0}}.to_montgomery().inverse();
        for (u32 i = 0; i < n; ++i) {
            shift[reversed(i)] = factor;
            factor = factor * g;
        }
        return true;
    }
    u32 reversed(u32 i) const {
        u32 out = 0;
        for (int bit = 0; bit < log; ++bit) out |= (i >> bit & 1) << (log - 1 - bit);
        return out;
    }
    void fill(F *table, F root) {
        for (u32 h = n / 2; h >= 1; h /= 2) {
            table[h] = F::one();
            for (u32 j = 1; j < h; ++j) table[h + j] = table[h + j - 1] * root;
            root = root.square();
        }
    }

    // Values on the powers of ω to values on the odd powers of g, of the polynomial of degree below n through them. In place.
    // The first transform leaves the coefficients in bit-reversed order, the second takes them so.
    void to_coset(F *a) const {
        u32 h = n / 2;
        for (; h >= 2; h /= 4) {  // two layers, of half widths h and h/2, in one pass
            const u32 q = h / 2;
            const F *outer = inverses + h, *inner = inverses + q;
            for (u32 base = 0; base < n; base += 2 * h)
                for (u32 j = 0; j < q; ++j) {
                    F *p = a + base + j;
                    F t0 = p[0] + p[2 * q], t1 = p[q] + p[3 * q];
                    F t2 = (p[0] - p[2 * q]) * outer[j], t3 = (p[q] - p[3 * q]) * outer[j + q];
                    p[0] = t0 + t1;
                    p[2 * q] = t2 + t3;
                    p[q] = (t0 - t1) * inner[j];
                    p[3 * q] = (t2 - t3) * inner[j];
                }
        }
        if (h == 1) {
            for (u32 i = 0; i < n; i += 2) {
                F t = a[i] - a[i + 1];
                a[i] = a[i] + a[i + 1];
                a[i + 1] = t;
            }
        }
        for (u32 i = 0; i < n; ++i) a[i] = a[i] * shift[i];
        h = 1;
        for (; 2 * h < n; h *= 4) {
            const F *inner = roots + h, *outer = roots + 2 * h;
            for (u32 base = 0; base < n; base += 4 * h)
                for (u32 j = 0; j < h; ++j) {
                    F *p = a + base + j;
                    F t1 = p[h] * inner[j], t3 = p[3 * h] * inner[j];
                    F u0 = p[0] + t1, u1 = p[0] - t1, u2 = (p[2 * h] + t3) * outer[j], u3 = (p[2 * h] - t3) * outer[j + h];
                    p[0] = u0 + u2;
                    p[2 * h] = u0 - u2;
                    p[h] = u1 + u3;
                    p[3 * h] = u1 - u3;
                }
        }
        if (h < n) {
            for (u32 j = 0; j < h; ++j) {
                F t = a[h + j] * roots[h + j];
                a[h + j] = a[j] - t;
                a[j] = a[j] + t;
            }
        }
    }
};
