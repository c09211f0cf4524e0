// Eight numbers at a time, for x86-64 with AVX-512 IFMA, whose multiplications are of 52 bits. Memory holds the same words as
// on the other paths; only the registers differ.
#pragma once
#include "field.h"

#if defined(__x86_64__) && (defined(__clang__) || __GNUC__ >= 12)
#define DLS_ZK_WIDE 1
// On a 64-bit processor the compiler knows the instructions only in the functions that are marked so.
#define EIGHTS_TARGET __attribute__((target("avx512f,avx512ifma,avx512vl,avx512dq")))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 5")
#endif
#define EIGHTS_INLINE EIGHTS_TARGET __attribute__((always_inline)) static inline

static bool wide_usable() {
    u32 a = 0, b, c = 0, d, low, high;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 7) return false;
    a = 1, c = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c >> 27 & 1)) return false;  // OSXSAVE
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 0xe6) != 0xe6) return false;  // the system keeps the registers
    a = 7, c = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (b >> 16 & 1) && (b >> 17 & 1) && (b >> 21 & 1) && (b >> 31 & 1);  // F, DQ, IFMA, VL
}

typedef u64 Vector __attribute__((vector_size(64)));
typedef long long SignedVector __attribute__((vector_size(64)));
typedef u64 HalfVector __attribute__((vector_size(32), aligned(8), may_alias));

static const u64 LIMB = ((u64)1 << 52) - 1;

// Limb i of factor·p.
template <class M> static constexpr u64 limb(u64 factor, int i) {
    u64 word[5] = {0, 0, 0, 0, 0};
    u128 carry = 0;
    for (int k = 0; k < 4; ++k) {
        carry += (u128)M::P[k] * factor;
        word[k] = (u64)carry;
        carry >>= 64;
    }
    word[4] = (u64)carry;
    int bit = 52 * i, at = bit / 64, shift = bit % 64;
    u64 value = word[at] >> shift;
    if (shift) value |= word[at + 1] << (64 - shift);
    return value & LIMB;
}
template <class M, u64 factor> struct Multiple {
    static constexpr u64 L[5] = {limb<M>(factor, 0), limb<M>(factor, 1), limb<M>(factor, 2), limb<M>(factor, 3), limb<M>(factor, 4)};
};

// Eight numbers in five limbs of 52 bits, the lowest first. Between two calls they may be some multiples of p too large.
struct Eight {
    Vector l[5];
};

EIGHTS_INLINE Vector all_of(u64 x) { return Vector{x, x, x, x, x, x, x, x}; }
EIGHTS_INLINE void add_low(Vector &t, const Vector &a, const Vector &b) {
    __asm__("vpmadd52luq %2, %1, %0" : "+v"(t) : "v"(a), "v"(b));
}
EIGHTS_INLINE void add_high(Vector &t, const Vector &a, const Vector &b) {
    __asm__("vpmadd52huq %2, %1, %0" : "+v"(t) : "v"(a), "v"(b));
}
// Bit i of the result: whether lane i is zero.
EIGHTS_INLINE u32 zero_lanes(const Vector &v) {
    u32 mask;
    __asm__("vptestnmq %1, %1, %%k1\n\tkmovw %%k1, %0" : "=r"(mask) : "v"(v) : "k1");
    return mask;
}

// Carries, also negative ones, so that each limb but the highest has 52 bits.
EIGHTS_INLINE void carry(Eight &x) {
    UNROLL
    for (int i = 0; i < 4; ++i) {
        x.l[i + 1] += (Vector)((SignedVector)x.l[i] >> 52);
        x.l[i] &= all_of(LIMB);
    }
}

// (a·b [+ c·d])·2^-260. With factors below α·p, β·p [γ·p, δ·p] it is below (1 + (α·β [+ γ·δ])/80)·p.
template <class M, bool two>
EIGHTS_INLINE void products(Eight &out, const Eight &a, const Eight &b, const Eight &c, const Eight &d) {
    const Vector zero = all_of(0), inverse = all_of(M::INVERSE & LIMB);
    Vector t[6] = {zero, zero, zero, zero, zero, zero};
    UNROLL
    for (int i = 0; i < 5; ++i) {
        UNROLL
        for (int j = 0; j < 5; ++j) add_low(t[j], a.l[i], b.l[j]);
        if (two) {
            UNROLL
            for (int j = 0; j < 5; ++j) add_low(t[j], c.l[i], d.l[j]);
        }
        Vector m = zero;
        add_low(m, t[0], inverse);
        UNROLL
        for (int j = 0; j < 5; ++j) add_high(t[j + 1], a.l[i], b.l[j]);
        if (two) {
            UNROLL
            for (int j = 0; j < 5; ++j) add_high(t[j + 1], c.l[i], d.l[j]);
        }
        UNROLL
        for (int j = 0; j < 5; ++j) add_low(t[j], m, all_of(Multiple<M, 1>::L[j]));
        UNROLL
        for (int j = 0; j < 5; ++j) add_high(t[j + 1], m, all_of(Multiple<M, 1>::L[j]));
        t[0] = t[1] + (t[0] >> 52);
        UNROLL
        for (int j = 1; j < 5; ++j) t[j] = t[j + 1];
        t[5] = zero;
    }
    UNROLL
    for (int i = 0; i < 5; ++i) out.l[i] = t[i];
    carry(out);
}
template <class M> EIGHTS_INLINE void multiply(Eight &out, const Eight &a, const Eight &b) { products<M, false>(out, a, b, a, b); }

EIGHTS_INLINE void add(Eight &out, const Eight &a, const Eight &b) {
    UNROLL
    for (int i = 0; i < 5; ++i) out.l[i] = a.l[i] + b.l[i];
    carry(out);
}
// (a − b + factor·p)·2^shift, for b of at most factor·p.
template <class M, u64 factor, int shift = 0> EIGHTS_INLINE void subtract(Eight &out, const Eight &a, const Eight &b) {
    UNROLL
    for (int i = 0; i < 5; ++i) out.l[i] = (a.l[i] - b.l[i] + all_of(Multiple<M, factor>::L[i])) << shift;
    carry(out);
}
// Subtracts factor·p, if that is not more than x.
template <class M, u64 factor> EIGHTS_INLINE void reduce(Eight &x) {
    Eight less;
    UNROLL
    for (int i = 0; i < 5; ++i) less.l[i] = x.l[i] - all_of(Multiple<M, factor>::L[i]);
    carry(less);
    const SignedVector keep = (SignedVector)less.l[4] >> 63;
    UNROLL
    for (int i = 0; i < 5; ++i) x.l[i] = (x.l[i] & (Vector)keep) | (less.l[i] & ~(Vector)keep);
}

// Word w of eight elements in four words each.
struct Words8 {
    Vector w[4];
};
EIGHTS_INLINE Vector halves(const u64 *low, const u64 *high) {
    return __builtin_shufflevector(*(const HalfVector *)low, *(const HalfVector *)high, 0, 1, 2, 3, 4, 5, 6, 7);
}
// Four rows of two elements to four columns of words, and back.
EIGHTS_INLINE void transpose(Vector w[4]) {
    Vector a = __builtin_shufflevector(w[0], w[1], 0, 8, 2, 10, 4, 12, 6, 14), b = __builtin_shufflevector(w[0], w[1], 1, 9, 3, 11, 5, 13, 7, 15);
    Vector c = __builtin_shufflevector(w[2], w[3], 0, 8, 2, 10, 4, 12, 6, 14), d = __builtin_shufflevector(w[2], w[3], 1, 9, 3, 11, 5, 13, 7, 15);
    w[0] = __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13), w[2] = __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
    w[1] = __builtin_shufflevector(b, d, 0, 1, 8, 9, 4, 5, 12, 13), w[3] = __builtin_shufflevector(b, d, 2, 3, 10, 11, 6, 7, 14, 15);
}
// The words at at[i] + offset.
EIGHTS_INLINE void load(Words8 &out, const u64 *const at[8], int offset) {
    UNROLL
    for (int i = 0; i < 4; ++i) out.w[i] = halves(at[i] + offset, at[i + 4] + offset);
    transpose(out.w);
}
EIGHTS_INLINE void to_limbs(Eight &out, const Words8 &from) {
    const Vector limb = all_of(LIMB), *w = from.w;
    out.l[0] = w[0] & limb;
    out.l[1] = (w[0] >> 52 | w[1] << 12) & limb;
    out.l[2] = (w[1] >> 40 | w[2] << 24) & limb;
    out.l[3] = (w[2] >> 28 | w[3] << 36) & limb;
    out.l[4] = w[3] >> 16;
}
// Times 16: a product with it is a·b·2^-256.
EIGHTS_INLINE void to_limbs_16(Eight &out, const Words8 &from) {
    const Vector limb = all_of(LIMB), *w = from.w;
    out.l[0] = w[0] << 4 & limb;
    out.l[1] = (w[0] >> 48 | w[1] << 16) & limb;
    out.l[2] = (w[1] >> 36 | w[2] << 28) & limb;
    out.l[3] = (w[2] >> 24 | w[3] << 40) & limb;
    out.l[4] = w[3] >> 12;
}
EIGHTS_INLINE void load(Eight &out, const u64 *const at[8], int offset) {
    Words8 words;
    load(words, at, offset);
    to_limbs(out, words);
}
EIGHTS_INLINE void store(u64 *const at[8], int offset, const Eight &x) {
    Vector w[4] = {x.l[0] | x.l[1] << 52, x.l[1] >> 12 | x.l[2] << 40, x.l[2] >> 24 | x.l[3] << 28, x.l[3] >> 36 | x.l[4] << 16};
    transpose(w);
    UNROLL
    for (int i = 0; i < 4; ++i) {
        *(HalfVector *)(at[i] + offset) = __builtin_shufflevector(w[i], w[i], 0, 1, 2, 3);
        *(HalfVector *)(at[i + 4] + offset) = __builtin_shufflevector(w[i], w[i], 4, 5, 6, 7);
    }
}

// Arithmetic as that of `Adx`, by eights: for tests. What the lanes do not agree on is all ones.
struct ByEights {
    enum { MULTIPLY, ADD, SUBTRACT };
    template <class M> static void multiply(u64 out[4], const u64 a[4], const u64 b[4]) { run<M, MULTIPLY>(out, a, b); }
    template <class M> static void add(u64 out[4], const u64 a[4], const u64 b[4]) { run<M, ADD>(out, a, b); }
    template <class M> static void subtract(u64 out[4], const u64 a[4], const u64 b[4]) { run<M, SUBTRACT>(out, a, b); }

    template <class M, int operation>
    EIGHTS_TARGET __attribute__((noinline)) static void run(u64 out[4], const u64 a[4], const u64 b[4]) {
        const u64 *first[8], *second[8];
        u64 lanes[8][4], *to[8];
        for (int k = 0; k < 8; ++k) first[k] = a, second[k] = b, to[k] = lanes[k];
        Words8 words;
        Eight x, y;
        load(x, first, 0);
        load(words, second, 0);
        if (operation == MULTIPLY)
            to_limbs_16(y, words), ::multiply<M>(x, x, y);
        else if (operation == ADD)
            to_limbs(y, words), ::add(x, x, y);
        else
            to_limbs(y, words), ::subtract<M, 1>(x, x, y);
        reduce<M, 1>(x);
        store(to, 0, x);
        memcpy(out, lanes[0], 32);
        for (int k = 1; k < 8; ++k)
            if (memcmp(lanes[k], out, 32) != 0) memset(out, 0xff, 32);
    }
};
#endif
