// The two prime fields of BN254, in Montgomery form: x is held as x·2^256 modulo p, in four words, the lowest first, always
// below p. The arithmetic is one of two, chosen when a program runs: `Adx` for x86-64 with mulx, adcx and adox, `Portable`
// for every machine. Both give the same words.
#pragma once
#include "memory.h"

// y² = x³ + 3 over this field; p = 21888242871839275222246405745257275088696311157297823662689037894645226208583
struct BaseField {
    static constexpr u64 P[4] = {0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029};
    static constexpr u64 ONE[4] = {0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c, 0x0e0a77c19a07df2f};
    static constexpr u64 SQUARE[4] = {0xf32cfc5b538afa89, 0xb5e71911d44501fb, 0x47ab1eff0a417ff6, 0x06d89f71cab8351f};
    static constexpr u64 INVERSE = 0x87d20782e4866389;  // −p⁻¹ modulo 2^64
};

// The order of the groups; r = 21888242871839275222246405745257275088548364400416034343698204186575808495617
struct ScalarField {
    static constexpr u64 P[4] = {0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029};
    static constexpr u64 ONE[4] = {0xac96341c4ffffffb, 0x36fc76959f60cd29, 0x666ea36f7879462e, 0x0e0a77c19a07df2f};
    static constexpr u64 SQUARE[4] = {0x1bb8e645ae216da7, 0x53fe3ab1e35c59e3, 0x8c49833d53bb8085, 0x0216d0b17f4e44a5};
    static constexpr u64 INVERSE = 0xc2e1f593efffffff;
};

static inline bool below(const u64 a[4], const u64 b[4]) {
    for (int i = 3; i >= 0; --i)
        if (a[i] != b[i]) return a[i] < b[i];
    return false;
}

struct Portable {
    static constexpr bool WIDE = false;  // whether the functions of wide.h may do a part of the work
    // Subtracts p once, if that leaves no borrow.
    static inline void reduce(u64 t[4], const u64 p[4]) {
        u64 s[4], borrow = 0;
        for (int i = 0; i < 4; ++i) {
            u128 d = (u128)t[i] - p[i] - borrow;
            s[i] = (u64)d;
            borrow = (u64)(d >> 64) & 1;
        }
        u64 keep = 0 - borrow;
        for (int i = 0; i < 4; ++i) t[i] = (t[i] & keep) | (s[i] & ~keep);
    }
    // a·b·2^-256; p has two spare bits, so that no word above the fourth is needed. Inlined, it would take the compiler seconds
    // and gain nothing.
    template <class M> static __attribute__((noinline)) void multiply(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t[4] = {0, 0, 0, 0};
        for (int i = 0; i < 4; ++i) {
            u128 high = (u128)a[0] * b[i] + t[0];
            u64 m = (u64)high * M::INVERSE;
            u128 low = (u128)m * M::P[0] + (u64)high;
            for (int j = 1; j < 4; ++j) {
                high = (u128)a[j] * b[i] + t[j] + (u64)(high >> 64);
                low = (u128)m * M::P[j] + (u64)high + (u64)(low >> 64);
                t[j - 1] = (u64)low;
            }
            t[3] = (u64)(high >> 64) + (u64)(low >> 64);
        }
        reduce(t, M::P);
        for (int i = 0; i < 4; ++i) out[i] = t[i];
    }
    template <class M> static inline __attribute__((always_inline)) void add(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t[4], carry = 0;
        for (int i = 0; i < 4; ++i) {
            u128 s = (u128)a[i] + b[i] + carry;
            t[i] = (u64)s;
            carry = (u64)(s >> 64);
        }
        reduce(t, M::P);
        for (int i = 0; i < 4; ++i) out[i] = t[i];
    }
    template <class M> static inline __attribute__((always_inline)) void subtract(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t[4], borrow = 0, carry = 0;
        for (int i = 0; i < 4; ++i) {
            u128 d = (u128)a[i] - b[i] - borrow;
            t[i] = (u64)d;
            borrow = (u64)(d >> 64) & 1;
        }
        u64 mask = 0 - borrow;
        for (int i = 0; i < 4; ++i) {
            u128 s = (u128)t[i] + (M::P[i] & mask) + carry;
            out[i] = (u64)s;
            carry = (u64)(s >> 64);
        }
    }
};

#if defined(__x86_64__)
struct Adx {
    static constexpr bool WIDE = true;
    static bool usable() {
        u32 a = 7, b, c = 0, d;
        u32 highest = 0, b0, c0, d0;
        __asm__("cpuid" : "+a"(highest), "=b"(b0), "=c"(c0), "=d"(d0));
        if (highest < 7) return false;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return (b >> 8 & 1) && (b >> 19 & 1);  // BMI2 and ADX
    }
// One of the four steps: t += a·b[i], and then t = (t + m·p) / 2^64 with the m that makes it whole.
#define DLS_ZK_REDUCE                                                                                                   \
    "movq %[inverse], %%rdx\n\timulq %[t0], %%rdx\n\txorl %%eax, %%eax\n\t"                                             \
    "mulxq 0(%[p]), %%rax, %[tmp]\n\tadcxq %[t0], %%rax\n\tmovq %[tmp], %[t0]\n\t"                                      \
    "adcxq %[t1], %[t0]\n\tmulxq 8(%[p]), %%rax, %[t1]\n\tadoxq %%rax, %[t0]\n\t"                                       \
    "adcxq %[t2], %[t1]\n\tmulxq 16(%[p]), %%rax, %[t2]\n\tadoxq %%rax, %[t1]\n\t"                                      \
    "adcxq %[t3], %[t2]\n\tmulxq 24(%[p]), %%rax, %[t3]\n\tadoxq %%rax, %[t2]\n\t"                                      \
    "movl $0, %%eax\n\tadcxq %%rax, %[t3]\n\tadoxq %[top], %[t3]\n\t"
#define DLS_ZK_STEP(i)                                                                                                  \
    "movq " #i "(%[b]), %%rdx\n\txorl %%eax, %%eax\n\t"                                                                 \
    "mulxq 0(%[a]), %%rax, %[top]\n\tadoxq %%rax, %[t0]\n\t"                                                            \
    "adcxq %[top], %[t1]\n\tmulxq 8(%[a]), %%rax, %[top]\n\tadoxq %%rax, %[t1]\n\t"                                     \
    "adcxq %[top], %[t2]\n\tmulxq 16(%[a]), %%rax, %[top]\n\tadoxq %%rax, %[t2]\n\t"                                    \
    "adcxq %[top], %[t3]\n\tmulxq 24(%[a]), %%rax, %[top]\n\tadoxq %%rax, %[t3]\n\t"                                    \
    "movl $0, %%eax\n\tadcxq %%rax, %[top]\n\tadoxq %%rax, %[top]\n\t" DLS_ZK_REDUCE
    template <class M> static inline __attribute__((always_inline)) void multiply(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t0, t1, t2, t3, top, tmp;
        __asm__("xorl %%eax, %%eax\n\tmovq 0(%[b]), %%rdx\n\t"
                "mulxq 0(%[a]), %[t0], %[t1]\n\t"
                "mulxq 8(%[a]), %%rax, %[t2]\n\tadoxq %%rax, %[t1]\n\t"
                "mulxq 16(%[a]), %%rax, %[t3]\n\tadoxq %%rax, %[t2]\n\t"
                "mulxq 24(%[a]), %%rax, %[top]\n\tadoxq %%rax, %[t3]\n\t"
                "movl $0, %%eax\n\tadoxq %%rax, %[top]\n\t" DLS_ZK_REDUCE DLS_ZK_STEP(8) DLS_ZK_STEP(16) DLS_ZK_STEP(24)
                // t − p if that leaves no borrow
                "movq %[t0], %[tmp]\n\tsubq 0(%[p]), %[tmp]\n\tmovq %[t1], %[top]\n\tsbbq 8(%[p]), %[top]\n\t"
                "movq %[t2], %%rax\n\tsbbq 16(%[p]), %%rax\n\tmovq %[t3], %%rdx\n\tsbbq 24(%[p]), %%rdx\n\t"
                "cmovncq %[tmp], %[t0]\n\tcmovncq %[top], %[t1]\n\tcmovncq %%rax, %[t2]\n\tcmovncq %%rdx, %[t3]\n\t"
                : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [top] "=&r"(top), [tmp] "=&r"(tmp)
                : [a] "r"(a), [b] "r"(b), [p] "r"(M::P), [inverse] "m"(M::INVERSE), "m"(*(const u64(*)[4])a),
                  "m"(*(const u64(*)[4])b), "m"(M::P)
                : "rax", "rdx", "cc");
        out[0] = t0, out[1] = t1, out[2] = t2, out[3] = t3;
    }
#undef DLS_ZK_REDUCE
#undef DLS_ZK_STEP
    template <class M> static inline __attribute__((always_inline)) void add(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], s0, s1, s2, s3;
        __asm__("addq %[b0], %[t0]\n\tadcq %[b1], %[t1]\n\tadcq %[b2], %[t2]\n\tadcq %[b3], %[t3]\n\t"
                "movq %[t0], %[s0]\n\tsubq 0(%[p]), %[s0]\n\tmovq %[t1], %[s1]\n\tsbbq 8(%[p]), %[s1]\n\t"
                "movq %[t2], %[s2]\n\tsbbq 16(%[p]), %[s2]\n\tmovq %[t3], %[s3]\n\tsbbq 24(%[p]), %[s3]\n\t"
                "cmovncq %[s0], %[t0]\n\tcmovncq %[s1], %[t1]\n\tcmovncq %[s2], %[t2]\n\tcmovncq %[s3], %[t3]\n\t"
                : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [s0] "=&r"(s0), [s1] "=&r"(s1),
                  [s2] "=&r"(s2), [s3] "=&r"(s3)
                : [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [p] "r"(M::P), "m"(M::P)
                : "cc");
        out[0] = t0, out[1] = t1, out[2] = t2, out[3] = t3;
    }
    template <class M> static inline __attribute__((always_inline)) void subtract(u64 out[4], const u64 a[4], const u64 b[4]) {
        u64 t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], s0, s1, s2, s3;
        __asm__("xorl %k[s0], %k[s0]\n\txorl %k[s1], %k[s1]\n\txorl %k[s2], %k[s2]\n\txorl %k[s3], %k[s3]\n\t"
                "subq %[b0], %[t0]\n\tsbbq %[b1], %[t1]\n\tsbbq %[b2], %[t2]\n\tsbbq %[b3], %[t3]\n\t"
                "cmovcq 0(%[p]), %[s0]\n\tcmovcq 8(%[p]), %[s1]\n\tcmovcq 16(%[p]), %[s2]\n\tcmovcq 24(%[p]), %[s3]\n\t"
                "addq %[s0], %[t0]\n\tadcq %[s1], %[t1]\n\tadcq %[s2], %[t2]\n\tadcq %[s3], %[t3]\n\t"
                : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [s0] "=&r"(s0), [s1] "=&r"(s1),
                  [s2] "=&r"(s2), [s3] "=&r"(s3)
                : [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [p] "r"(M::P), "m"(M::P)
                : "cc");
        out[0] = t0, out[1] = t1, out[2] = t2, out[3] = t3;
    }
};
#endif

// An element of the field of modulus M.
template <class M, class Arithmetic> struct Element {
    typedef Arithmetic Path;
    typedef M Modulus;
    static constexpr int PARTS = 1;
    u64 v[4];

    static Element zero() { return {{0, 0, 0, 0}}; }
    static Element one() { return {{M::ONE[0], M::ONE[1], M::ONE[2], M::ONE[3]}}; }
    // From 32 bytes in the form of the file, little-endian; false if they are not below p.
    bool read(const u8 *at) {
        memcpy(v, at, 32);
        return below(v, M::P);
    }
    Element to_montgomery() const {
        Element square = {{M::SQUARE[0], M::SQUARE[1], M::SQUARE[2], M::SQUARE[3]}};
        return *this * square;
    }
    Element from_montgomery() const { return *this * Element{{1, 0, 0, 0}}; }

    bool is_zero() const { return (v[0] | v[1] | v[2] | v[3]) == 0; }
    bool operator==(const Element &o) const {
        return ((v[0] ^ o.v[0]) | (v[1] ^ o.v[1]) | (v[2] ^ o.v[2]) | (v[3] ^ o.v[3])) == 0;
    }
    __attribute__((always_inline)) Element operator*(const Element &o) const {
        Element out;
        Arithmetic::template multiply<M>(out.v, v, o.v);
        return out;
    }
    __attribute__((always_inline)) Element operator+(const Element &o) const {
        Element out;
        Arithmetic::template add<M>(out.v, v, o.v);
        return out;
    }
    __attribute__((always_inline)) Element operator-(const Element &o) const {
        Element out;
        Arithmetic::template subtract<M>(out.v, v, o.v);
        return out;
    }
    Element operator-() const { return zero() - *this; }
    Element square() const { return *this * *this; }
    Element twice() const { return *this + *this; }

    // this^exponent, for an exponent of `words` words that need not be secret.
    Element power(const u64 *exponent, int words) const {
        Element table[16];
        table[0] = one();
        for (int i = 1; i < 16; ++i) table[i] = table[i - 1] * *this;
        Element out = one();
        for (int i = 16 * words - 1; i >= 0; --i) {
            out = out.square().square().square().square();
            u64 digit = exponent[i / 16] >> (4 * (i % 16)) & 15;
            if (digit) out = out * table[digit];
        }
        wipe(table, sizeof table);
        return out;
    }
    // By Fermat, the same steps for every value; 0 for 0.
    Element inverse() const {
        u64 exponent[4] = {M::P[0] - 2, M::P[1], M::P[2], M::P[3]};
        return power(exponent, 4);
    }
};

// b where the mask is all ones, a where it is zero.
template <class M, class A> static inline Element<M, A> choose(const Element<M, A> &a, const Element<M, A> &b, u64 mask) {
    Element<M, A> out;
    for (int i = 0; i < 4; ++i) out.v[i] = a.v[i] ^ ((a.v[i] ^ b.v[i]) & mask);
    return out;
}

// a + b·i with i² = −1, over the base field.
template <class F> struct Quadratic {
    typedef typename F::Path Path;
    typedef typename F::Modulus Modulus;
    static constexpr int PARTS = 2;
    F a, b;

    static Quadratic zero() { return {F::zero(), F::zero()}; }
    static Quadratic one() { return {F::one(), F::zero()}; }
    bool read(const u8 *at) { return a.read(at) & b.read(at + 32); }
    bool is_zero() const { return a.is_zero() && b.is_zero(); }
    bool operator==(const Quadratic &o) const { return a == o.a && b == o.b; }
    Quadratic operator+(const Quadratic &o) const { return {a + o.a, b + o.b}; }
    Quadratic operator-(const Quadratic &o) const { return {a - o.a, b - o.b}; }
    Quadratic operator-() const { return {-a, -b}; }
    __attribute__((noinline)) Quadratic operator*(const Quadratic &o) const {
        F real = a * o.a, imaginary = b * o.b, mixed = (a + b) * (o.a + o.b);
        return {real - imaginary, mixed - real - imaginary};
    }
    Quadratic scaled(const F &factor) const { return {a * factor, b * factor}; }
    __attribute__((noinline)) Quadratic square() const { return {(a + b) * (a - b), (a * b).twice()}; }
    Quadratic twice() const { return *this + *this; }
    Quadratic conjugate() const { return {a, -b}; }
    Quadratic inverse() const {
        F norm = (a.square() + b.square()).inverse();
        return {a * norm, -b * norm};
    }
};

template <class F> static inline Quadratic<F> choose(const Quadratic<F> &a, const Quadratic<F> &b, u64 mask) {
    return {choose(a.a, b.a, mask), choose(a.b, b.b, mask)};
}
