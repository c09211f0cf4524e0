// Number-theoretic transforms over the scalar field, and the step of Groth16 that needs them.
#pragma once
#include "field.h"
#include "threads.h"
#include "wide.h"

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

    static const u32 LEAST_WIDE = 128;  // points, for transforms by eights

    // Values on the powers of ω to values on the odd powers of g, of the polynomial of degree below n through them. In place.
    // The first transform leaves the coefficients in bit-reversed order, the second takes them so. wide: whether the processor
    // can do eight at a time.
    void to_coset(F *a, bool wide) const {
#ifdef DLS_ZK_WIDE
        if constexpr (F::Path::WIDE)
            if (wide && n >= LEAST_WIDE) return to_coset_by_eights(a);
#endif
        (void)wide;
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

#ifdef DLS_ZK_WIDE
    // The same by eights: of a layer eight neighbours where it has so many, else the same place of eight blocks.

    typedef typename F::Modulus M;
    EIGHTS_INLINE void take(Eight &out, const F *first, u32 stride) {
        const u64 *at[8];
        for (u32 k = 0; k < 8; ++k) at[k] = first[k * stride].v;
        load(out, at, 0);
    }
    // Times a factor of a table, of which the lanes take one each (stride 1) or all the same (0). The result is below 2·p for
    // x below 4·p.
    EIGHTS_INLINE void times(Eight &x, const F *factor, u32 stride) {
        const u64 *at[8];
        for (u32 k = 0; k < 8; ++k) at[k] = factor[k * stride].v;
        Words8 words;
        Eight sixteen;
        load(words, at, 0);
        to_limbs_16(sixteen, words);
        multiply<M>(x, x, sixteen);
    }
    // x is below 4·p.
    EIGHTS_INLINE void give(F *first, u32 stride, Eight &x) {
        u64 *at[8];
        for (u32 k = 0; k < 8; ++k) at[k] = first[k * stride].v;
        reduce<M, 2>(x);
        reduce<M, 1>(x);
        store(at, 0, x);
    }

    // How eight lanes go through blocks of `block` elements, in which a layer has `width` factors.
    struct Lanes {
        u32 stride, turn, step, jump;
        Lanes(u32 block, u32 width) {
            const bool across = width < 8;
            stride = across ? block : 1, turn = across ? 0 : 1, step = across ? 1 : 8, jump = across ? 8 * block : block;
        }
    };

    EIGHTS_TARGET __attribute__((noinline)) void to_coset_by_eights(F *a) const {
        u32 h = n / 2;
        for (; h >= 2; h /= 4) {
            const u32 q = h / 2;
            const F *outer = inverses + h, *inner = inverses + q;
            const Lanes lanes(2 * h, q);
            for (u32 base = 0; base < n; base += lanes.jump)
                for (u32 j = 0; j < q; j += lanes.step) {
                    F *p = a + base + j;
                    Eight x0, x1, x2, x3, t0, t1, t2, t3, y;
                    take(x0, p, lanes.stride), take(x1, p + q, lanes.stride);
                    take(x2, p + 2 * q, lanes.stride), take(x3, p + 3 * q, lanes.stride);
                    add(t0, x0, x2), add(t1, x1, x3);
                    subtract<M, 1>(t2, x0, x2), times(t2, outer + j, lanes.turn);
                    subtract<M, 1>(t3, x1, x3), times(t3, outer + j + q, lanes.turn);
                    add(y, t0, t1), give(p, lanes.stride, y);
                    add(y, t2, t3), give(p + 2 * q, lanes.stride, y);
                    subtract<M, 2>(y, t0, t1), times(y, inner + j, lanes.turn), give(p + q, lanes.stride, y);
                    subtract<M, 2>(y, t2, t3), times(y, inner + j, lanes.turn), give(p + 3 * q, lanes.stride, y);
                }
        }
        if (h == 1) {
            for (u32 i = 0; i < n; i += 16) {
                Eight x0, x1, y;
                take(x0, a + i, 2), take(x1, a + i + 1, 2);
                add(y, x0, x1), give(a + i, 2, y);
                subtract<M, 1>(y, x0, x1), give(a + i + 1, 2, y);
            }
        }
        for (u32 i = 0; i < n; i += 8) {
            Eight x;
            take(x, a + i, 1), times(x, shift + i, 1), give(a + i, 1, x);
        }
        h = 1;
        for (; 2 * h < n; h *= 4) {
            const F *inner = roots + h, *outer = roots + 2 * h;
            const Lanes lanes(4 * h, h);
            for (u32 base = 0; base < n; base += lanes.jump)
                for (u32 j = 0; j < h; j += lanes.step) {
                    F *p = a + base + j;
                    Eight x0, x1, x2, x3, u0, u1, u2, u3, y;
                    take(x0, p, lanes.stride), take(x1, p + h, lanes.stride);
                    take(x2, p + 2 * h, lanes.stride), take(x3, p + 3 * h, lanes.stride);
                    times(x1, inner + j, lanes.turn), times(x3, inner + j, lanes.turn);
                    reduce<M, 1>(x1), reduce<M, 1>(x3);
                    add(u0, x0, x1), subtract<M, 1>(u1, x0, x1);
                    add(u2, x2, x3), times(u2, outer + j, lanes.turn);
                    subtract<M, 1>(u3, x2, x3), times(u3, outer + j + h, lanes.turn);
                    add(y, u0, u2), give(p, lanes.stride, y);
                    subtract<M, 2>(y, u0, u2), give(p + 2 * h, lanes.stride, y);
                    add(y, u1, u3), give(p + h, lanes.stride, y);
                    subtract<M, 2>(y, u1, u3), give(p + 3 * h, lanes.stride, y);
                }
        }
        if (h < n) {
            for (u32 j = 0; j < h; j += 8) {
                Eight x0, x1, y;
                take(x0, a + j, 1), take(x1, a + h + j, 1);
                times(x1, roots + h + j, 1);
                add(y, x0, x1), give(a + j, 1, y);
                subtract<M, 2>(y, x0, x1), give(a + h + j, 1, y);
            }
        }
    }
#endif
};
