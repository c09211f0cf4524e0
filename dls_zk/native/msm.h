// Sums of many multiples of points, Σ kᵢ·Pᵢ: Pippenger's buckets with affine additions, on scalars cut in two.
//
// Cutting (Gallant, Lambert, Vanstone): both curves have a map φ(x, y) = (β·x, y) that multiplies by λ, a cube root of 1
// modulo r. Each scalar is k = k₁ + k₂·λ with |k₁|, |k₂| < 2^127, so k·P = k₁·P + k₂·φ(P), and there are half as many
// windows. The method is not constant-time: how long it takes, and which memory it touches, depends on the scalars. So it
// is with every prover in use.
#pragma once
#include "pairs.h"
#include "threads.h"

// --- cutting scalars --------------------------------------------------------------------------------------------------

// λ = 4407920970296243842393367215006156084916469457145843978461, and a basis of the lattice {(a, b): a + b·λ = 0 mod r}:
// (SHORT, −LONG1) and (LONG2, SHORT), with SHORT = 9931322734385697763, LONG1 = 147946756881789319000765030803803410728,
// LONG2 = 147946756881789319010696353538189108491.
static const u64 SHORT[1] = {0x89d3256894d213e3};
static const u64 LONG1[2] = {0x8211bbeb7d4f1128, 0x6f4d8248eeb859fc};
static const u64 LONG2[2] = {0x0be4e1541221250b, 0x6f4d8248eeb859fd};
// round(2^256·SHORT / r) and round(2^256·LONG1 / r)
static const u64 GUESS1[2] = {0xd91d232ec7e0b3d7, 0x0000000000000002};
static const u64 GUESS2[3] = {0x7a7bd9d4391eb18e, 0x4ccef014a773d2cf, 0x0000000000000002};

// A signed number: its magnitude in 127 bits, and the sign in the highest.
struct Half {
    u64 low, high;

    int bits() const {
        u64 top = high << 1 >> 1;
        return top ? 128 - __builtin_clzll(top) : low ? 64 - __builtin_clzll(low) : 0;
    }
};

// out = a·b modulo 2^256.
static inline void multiply_words(u64 out[4], const u64 *a, int na, const u64 *b, int nb) {
    for (int i = 0; i < 4; ++i) out[i] = 0;
    for (int i = 0; i < na; ++i) {
        u64 carry = 0;
        for (int j = 0; i + j < 4; ++j) {
            u128 t = (u128)a[i] * (j < nb ? b[j] : 0) + out[i + j] + carry;
            out[i + j] = (u64)t;
            carry = (u64)(t >> 64);
        }
    }
}

// round(k·guess / 2^256), for k of four words; the result has at most `n` words, n = 1 or 2.
static inline void quotient(u64 out[2], const u64 k[4], const u64 *guess, int words) {
    u64 t[8] = {0, 0, 0, 0x8000000000000000, 0, 0, 0, 0};
    for (int i = 0; i < 4; ++i) {
        u64 carry = 0;
        for (int j = 0; i + j < 8; ++j) {
            u128 s = (u128)k[i] * (j < words ? guess[j] : 0) + t[i + j] + carry;
            t[i + j] = (u64)s;
            carry = (u64)(s >> 64);
        }
    }
    out[0] = t[4], out[1] = t[5];
}

static inline void subtract_words(u64 a[4], const u64 b[4]) {
    u64 borrow = 0;
    for (int i = 0; i < 4; ++i) {
        u128 d = (u128)a[i] - b[i] - borrow;
        a[i] = (u64)d;
        borrow = (u64)(d >> 64) & 1;
    }
}

// A number of four words in two's complement, that is known to be small, as a Half.
static inline Half half_from(u64 t[4]) {
    u64 sign = t[3] & 0x8000000000000000;
    if (sign) {
        u64 zero[4] = {0, 0, 0, 0};
        subtract_words(zero, t);
        t[0] = zero[0], t[1] = zero[1];
    }
    return {t[0], t[1] | sign};
}

// k = k₁ + k₂·λ modulo r, for k < r as an integer.
static inline void cut(const u64 k[4], Half &k1, Half &k2) {
    if ((k[1] | k[2] | k[3]) == 0) {  // most of a witness
        k1 = {k[0], 0};
        k2 = {0, 0};
        return;
    }
    u64 c1[2], c2[2], t[4], product[4], second[4];
    quotient(c1, k, GUESS1, 2);
    quotient(c2, k, GUESS2, 3);
    for (int i = 0; i < 4; ++i) t[i] = k[i];
    multiply_words(product, c1, 2, SHORT, 1);
    subtract_words(t, product);
    multiply_words(product, c2, 2, LONG2, 2);
    subtract_words(t, product);
    k1 = half_from(t);
    multiply_words(second, c1, 2, LONG1, 2);
    multiply_words(product, c2, 2, SHORT, 1);
    subtract_words(second, product);
    k2 = half_from(second);
}

// β·x, with the cube root of 1 for which φ multiplies by λ: on each curve its own.
template <class A> static inline Element<BaseField, A> beta_times(const Element<BaseField, A> &x) {
    const Element<BaseField, A> beta = {{0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943}};
    return x * beta;
}
template <class A> static inline Quadratic<Element<BaseField, A>> beta_times(const Quadratic<Element<BaseField, A>> &x) {
    const Element<BaseField, A> beta = {{0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a, 0x2682e617020217e0}};
    return x.scaled(beta);
}

// --- a sum ------------------------------------------------------------------------------------------------------------

static const int MIN_WINDOW_BITS = 3, MAX_WINDOW_BITS = 14, MAX_WINDOWS = (127 + MIN_WINDOW_BITS) / MIN_WINDOW_BITS;
static const u32 MAX_SEGMENTS = 256;

// Σ kᵢ·Pᵢ. First `cut_scalars` for every scalar, in any number of parts; then `choose_windows` once; then `write_digits`, in
// parts; then `sum_window` for each window, in any order, each with a room of its own; at last `result`.
template <class F> struct Msm {
    const Affine<F> *points;
    const F *images;  // β·x of each point
    u32 n;
    int bits, windows;
    bool wide;
    Arena memory;
    Half *halves;  // two for each point
    i16 *digits;   // those of all halves for one window, then those for the next
    Jacobian<F> sums[MAX_WINDOWS];

    ~Msm() { wipe(sums, sizeof sums); }

    bool open(const Affine<F> *points_, const F *images_, u32 count, bool wide_) {
        points = points_, images = images_, n = count, wide = wide_;
        digits = nullptr;
        bits = windows = 0;
        if (!memory.open(Arena::room_for<Half>(2 * (size_t)n) + 64)) return false;
        halves = memory.take<Half>(2 * (size_t)n);
        return true;
    }

    // scalars: integers below r, of points first..last−1.
    void cut_scalars(const u64 (*scalars)[4], u32 first, u32 last) {
        for (u32 i = first; i < last; ++i) {
            const u64 *k = scalars[i - first];
            if ((k[0] | k[1] | k[2] | k[3]) == 0 || points[i].is_infinity()) continue;
            cut(k, halves[2 * i], halves[2 * i + 1]);
        }
    }

    // Additions, about, for windows of this many bits: one for each digit, two for each bucket.
    static double cost(const u32 *lengths, int c, int longest) {
        double total = 0;
        for (int length = 1; length <= longest; ++length) total += (double)lengths[length] * ((length + c - 1) / c);
        return total + (double)((longest + c) / c) * (double)(2u << (c - 1));
    }
    bool choose_windows(Arena &digit_memory) {
        u32 lengths[128] = {0};
        int longest = 1;
        for (size_t e = 0; e < 2 * (size_t)n; ++e) ++lengths[halves[e].bits()];
        for (int length = 2; length < 128; ++length)
            if (lengths[length]) longest = length;
        bits = MIN_WINDOW_BITS;
        for (int c = bits + 1; c <= MAX_WINDOW_BITS; ++c)
            if (cost(lengths, c, longest) < cost(lengths, bits, longest)) bits = c;
        windows = (longest + bits) / bits;
        wipe(lengths, sizeof lengths);
        size_t count = 2 * (size_t)n * windows;
        if (!digit_memory.open(Arena::room_for<i16>(count) + 64)) return false;
        digits = digit_memory.take<i16>(count);
        return true;
    }

    // Signed digits −2^(bits−1) < d ≤ 2^(bits−1) of the halves of points first..last−1.
    void write_digits(u32 first, u32 last) {
        const size_t stride = 2 * (size_t)n;
        for (size_t e = 2 * (size_t)first; e < 2 * (size_t)last; ++e) {
            Half half = halves[e];
            bool negative = half.high >> 63;
            u64 low = half.low, high = half.high << 1 >> 1, carry = 0;
            for (int w = 0; low | high | carry; ++w) {
                i16 digit = (i16)((low & ((1u << bits) - 1)) + carry);
                carry = digit > 1 << (bits - 1);
                if (carry) digit = (i16)(digit - (1 << bits));
                digits[w * stride + e] = negative ? (i16)-digit : digit;
                low = low >> bits | high << (64 - bits);
                high >>= bits;
            }
        }
    }

    // What a thread needs for a window; `carve` says how much that is if it is given no memory.
    struct Room {
        u32 *entries, *starts, *sizes, *active;
        Affine<F> *sums[2], *points;  // points: twice the running sums and totals of the segments, then the buckets
        Pair *pairs;
        PairRoom<F> *pair_room;

        static size_t size(u32 n, int bits) {
            size_t entries = 2 * (size_t)n, buckets = (size_t)1 << (bits - 1);
            return Arena::room_for<u32>(entries) + 3 * Arena::room_for<u32>(buckets) +
                   Arena::room_for<Affine<F>>(entries * 2 / 3 + 2) + Arena::room_for<Affine<F>>(entries * 4 / 9 + 2) +
                   Arena::room_for<Affine<F>>(4 * MAX_SEGMENTS + buckets) +
                   Arena::room_for<Pair>(PairRoom<F>::SIZE) + Arena::room_for<PairRoom<F>>(1);
        }
        bool carve(Arena &arena, u32 n, int bits) {
            size_t count = 2 * (size_t)n, buckets = (size_t)1 << (bits - 1);
            entries = arena.take<u32>(count);
            starts = arena.take<u32>(buckets), sizes = arena.take<u32>(buckets), active = arena.take<u32>(buckets);
            sums[0] = arena.take<Affine<F>>(count * 2 / 3 + 2), sums[1] = arena.take<Affine<F>>(count * 4 / 9 + 2);
            points = arena.take<Affine<F>>(4 * MAX_SEGMENTS + buckets);
            pairs = arena.take<Pair>(PairRoom<F>::SIZE);
            pair_room = arena.take<PairRoom<F>>(1);
            return !arena.failed;
        }
    };

    // The points of entries: P or its image, with the sign of the digit. No branch hangs on the entry, whose bits are random.
    struct Table {
        static constexpr bool SIGNED = true;
        const Affine<F> *points;
        const F *images;
        const u32 *entries;

        const F *place_of_x(u32 entry) const {
            uintptr_t plain = (uintptr_t)&points[entry >> 2].x, image = (uintptr_t)&images[entry >> 2];
            return (const F *)(plain ^ ((plain ^ image) & (0 - (uintptr_t)(entry >> 1 & 1))));
        }
        const F &x(u32 i) const { return *place_of_x(entries[i]); }
        const F &unsigned_y(u32 i) const { return points[entries[i] >> 2].y; }
        u64 minus(u32 i) const { return 0 - (u64)(entries[i] & 1); }
        F y(u32 i) const {
            const F &y = unsigned_y(i);
            return choose(y, -y, minus(i));
        }
        void fetch(u32 i) const {
            u32 entry = entries[i];
            __builtin_prefetch(place_of_x(entry));
            __builtin_prefetch(&points[entry >> 2].y);
        }
    };

    bool sum_window(int w, Arena &arena) {
        Room room;
        arena.rewind();
        if (!room.carve(arena, n, bits)) return false;
        const u32 buckets = 1u << (bits - 1);
        const i16 *window = digits + w * 2 * (size_t)n;
        u32 segments = buckets / 8 < 1 ? 1 : buckets / 8 > MAX_SEGMENTS ? MAX_SEGMENTS : buckets / 8;
        Affine<F> *bucket = room.points + 4 * segments;

        // Entries by bucket: the number of the half, and whether its digit is negative.
        memset(room.sizes, 0, buckets * sizeof(u32));
        for (u32 e = 0; e < 2 * n; ++e)
            if (int d = window[e]) ++room.sizes[(d < 0 ? -d : d) - 1];
        u32 at = 0;
        for (u32 b = 0; b < buckets; ++b) {
            room.starts[b] = at;
            at += room.sizes[b];
        }
        for (u32 e = 0; e < 2 * n; ++e)
            if (int d = window[e]) room.entries[room.starts[(d < 0 ? -d : d) - 1]++] = e << 1 | (d < 0);
        for (u32 b = 0; b < buckets; ++b) room.starts[b] -= room.sizes[b];

        fill_buckets(room, buckets, bucket);
        sums[w] = weigh_buckets(room, buckets, segments);
        return true;
    }

    // Halves the number of points in each bucket, round by round, until one is left or none.
    void fill_buckets(Room &room, u32 buckets, Affine<F> *bucket) {
        const u32 FINAL = 1u << 31;
        const Table first = {points, images, room.entries};
        u32 actives = 0;
        for (u32 b = 0; b < buckets; ++b) {
            bucket[b] = Affine<F>::infinity();
            if (room.sizes[b] == 1) bucket[b] = {first.x(room.starts[b]), first.y(room.starts[b])};
            if (room.sizes[b] > 1) room.active[actives++] = b;
        }
        for (int round = 0; actives; ++round) {
            Affine<F> *const sums = room.sums[round & 1];
            const InArray<F> later = {room.sums[~round & 1]};
            auto place = [&](u32 out) -> Affine<F> & { return out & FINAL ? bucket[out & ~FINAL] : sums[out]; };
            int count = 0, copies = 0;  // pairs from the front of the room, what has no second from its end
            u32 next = 0, left = 0;
            auto flush = [&](const auto &from) {
                add_pairs<F>(wide, from, place, room.pairs, count, *room.pair_room);
                const Pair *copy = room.pairs + PairRoom<F>::SIZE - copies;
                for (int i = 0; i < copies; ++i) place(copy[i].out) = {from.x(copy[i].first), from.y(copy[i].first)};
                count = copies = 0;
            };
            auto flush_round = [&]() { round ? flush(later) : flush(first); };
            for (u32 k = 0; k < actives; ++k) {
                u32 b = room.active[k], start = room.starts[b], size = room.sizes[b], half = (size + 1) / 2;
                for (u32 i = 0; i < half; ++i) {
                    const u32 out = half == 1 ? FINAL | b : next + i, one = start + 2 * i;
                    if (2 * i + 1 < size)
                        room.pairs[count++] = {one, one + 1, out};
                    else
                        room.pairs[PairRoom<F>::SIZE - ++copies] = {one, one, out};
                    if (count + copies == PairRoom<F>::SIZE - 8) flush_round();
                }
                if (half > 1) {
                    room.active[left++] = b;
                    room.starts[b] = next;
                    room.sizes[b] = half;
                    next += half;
                }
            }
            flush_round();
            actives = left;
        }
    }

    // Σ (b + 1)·bucket[b]. The buckets are cut into segments, whose running sums go down in step.
    Jacobian<F> weigh_buckets(Room &room, u32 buckets, u32 segments) {
        Affine<F> *points = room.points;
        const u32 length = buckets / segments;
        const InArray<F> from = {points};
        auto place = [&](u32 out) -> Affine<F> & { return points[out]; };
        u32 now = 0, then = 2 * segments;  // where the running sums are, the totals behind them, and where they go
        auto add = [&](u32 count) {
            add_pairs<F>(wide, from, place, room.pairs, (int)count, *room.pair_room);
            const u32 before = now;
            now = then, then = before;
        };
        for (u32 s = 0; s < 2 * segments; ++s) points[s] = Affine<F>::infinity();
        for (u32 step = length; step-- > 0;) {
            for (u32 s = 0; s < segments; ++s) {
                room.pairs[s] = {now + segments + s, now + s, then + segments + s};
                room.pairs[segments + s] = {now + s, 4 * segments + s * length + step, then + s};
            }
            add(2 * segments);
        }
        const Affine<F> *const running = points + now, *const totals = points + then + segments;
        for (u32 s = 0; s < segments; ++s) room.pairs[s] = {now + segments + s, now + s, then + segments + s};
        add(segments);
        Jacobian<F> suffix = Jacobian<F>::infinity(), weighted = suffix;
        for (u32 s = segments; s-- > 1;) {
            suffix = suffix + running[s];
            weighted = weighted + suffix;
        }
        for (u32 power = 1; power < length; power *= 2) weighted = weighted.doubled();
        for (u32 s = 0; s < segments; ++s) weighted = weighted + totals[s];
        return weighted;
    }

    Jacobian<F> result() const {
        Jacobian<F> out = Jacobian<F>::infinity();
        for (int w = windows - 1; w >= 0; --w) {
            for (int i = 0; i < bits; ++i) out = out.doubled();
            out = out + sums[w];
        }
        return out;
    }
};
