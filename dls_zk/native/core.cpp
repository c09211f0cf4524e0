// The native core of the prover: its C interface, for ctypes. It keeps no state but the keys that are open, and it may be
// called by several threads at a time.
//
// path: the arithmetic, 0 for the portable one, 1 for Adx, 2 for Adx with sums and transforms by eights. Numbers are 32 bytes, little-endian.
#include <stdlib.h>

#include "groth16.h"
#include "pairing.h"
#include "selftest.h"

// Placement, as in the header <new>, which belongs to a library that the core does without.
inline void *operator new(size_t, void *at) noexcept { return at; }

#define PUBLIC extern "C" __attribute__((visibility("default")))

static const int PORTABLE = 0, ADX = 1, EIGHTS = 2;

static bool usable(int path) {
#if defined(__x86_64__)
    if (path == ADX) return Adx::usable();
#endif
#ifdef DLS_ZK_WIDE
    if (path == EIGHTS) return Adx::usable() && wide_usable();
#endif
    return path == PORTABLE;
}

// Calls `run` with the arithmetic of a path.
template <class Run> static int with_path(int path, const Run &run) {
    if (!usable(path)) return NO_SUCH_PATH;
    if (path == EIGHTS) wide_registers_in_use = true;
#if defined(__x86_64__)
    if (path != PORTABLE) return run(Adx());
#endif
    return run(Portable());
}

struct OpenKey {
    int path;
    void *key;
};

// The fastest path that this machine has.
PUBLIC int dls_zk_best_path(void) { return usable(EIGHTS) ? EIGHTS : usable(ADX) ? ADX : PORTABLE; }

// DONE if all that a proof rests on holds on this machine, by this path.
PUBLIC int dls_zk_self_test(int path) {
    return with_path(path, [&](auto arithmetic) { return self_test<decltype(arithmetic)>(path == EIGHTS) ? DONE : NO_PROOF; });
}

// Reads a proving key (.zkey) of `size` bytes, which need not stay. `*out`: to be given back to `dls_zk_close`.
PUBLIC int dls_zk_open(int path, const u8 *zkey, u64 size, OpenKey **out) {
    *out = nullptr;
    return with_path(path, [&](auto arithmetic) {
        typedef Key<decltype(arithmetic)> K;
        OpenKey *open = (OpenKey *)malloc(sizeof(OpenKey));
        void *room = malloc(sizeof(K));
        if (!open || !room) {
            free(open), free(room);
            return NO_MEMORY;
        }
        K *key = new (room) K(path == EIGHTS);
        Answer answer = key->open(zkey, size);
        if (answer != DONE) {
            key->~K();
            free(open), free(room);
            return answer;
        }
        *open = {path, key};
        *out = open;
        return DONE;
    });
}

PUBLIC void dls_zk_close(OpenKey *open) {
    with_path(open->path, [&](auto arithmetic) {
        typedef Key<decltype(arithmetic)> K;
        ((K *)open->key)->~K();
        return DONE;
    });
    free(open->key);
    free(open);
}

// In a frame of its own, which can be wiped when it has returned.
__attribute__((noinline)) static int prove(OpenKey *open, const u8 *witness, u64 count, const u8 *r, const u8 *s, int threads,
                                           u8 *out) {
    return with_path(open->path, [&](auto arithmetic) {
        typedef decltype(arithmetic) A;
        Proving<A> proving(*(const Key<A> *)open->key, threads);
        return proving.prove(witness, count, r, s, out);
    });
}

// A proof of a witness of `count` numbers: the eight coordinates of A, B and C, real parts first. r, s: the random numbers
// of the proof, below the order; whoever knows them can find the witness.
PUBLIC int dls_zk_prove(OpenKey *open, const u8 *witness, u64 count, const u8 *r, const u8 *s, int threads, u8 *out) {
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    int answer = prove(open, witness, count, r, s, threads, out);
    wipe_stack();
    return answer;
}

// --- verifying --------------------------------------------------------------------------------------------------------

// Points are in the form of key files: affine, coordinates times 2^256 modulo p, zeros for infinity.

template <class F> static int sum_of(bool wide, const u8 *points, const u8 *scalars, u32 count, int threads, u8 *out) {
    const size_t size = sizeof(Affine<F>);
    Arena memory, digits, rooms[MAX_THREADS];
    Msm<F> msm;
    bool ok[MAX_WINDOWS];
    if (!memory.open(Arena::room_for<Affine<F>>(count) + Arena::room_for<F>(count) + Arena::room_for<u64[4]>(count) + 64))
        return NO_MEMORY;
    Affine<F> *read = memory.take<Affine<F>>(count);
    F *images = memory.take<F>(count);
    u64(*numbers)[4] = memory.take<u64[4]>(count);
    if (memory.failed || !msm.open(read, images, count, wide)) return NO_MEMORY;
    for (u32 i = 0; i < count; ++i) {
        Reader reader = {points + size * i};
        memcpy(numbers[i], scalars + 32 * (size_t)i, 32);
        if (!reader.take(read[i]) || !below(numbers[i], ScalarField::P)) return WRONG_SCALAR;
        images[i] = beta_times(read[i].x);
    }
    msm.cut_scalars(numbers, 0, count);
    if (!msm.choose_windows(digits)) return NO_MEMORY;
    msm.write_digits(0, count);
    for (int i = 0; i < threads; ++i)
        if (!rooms[i].open(Msm<F>::Room::size(count, msm.bits))) return NO_MEMORY;
    parallel(threads, msm.windows, [&](int window, int thread) { ok[window] = msm.sum_window(window, rooms[thread]); });
    for (int w = 0; w < msm.windows; ++w)
        if (!ok[w]) return NO_MEMORY;
    Affine<F> result = msm.result().to_affine();
    memcpy(out, &result, size);
    return DONE;
}

// Σ kᵢ·Pᵢ in G1 (group 1) or G2 (2); coordinates in Montgomery form, as in a key file.
PUBLIC int dls_zk_sum(int path, int group, const u8 *points, const u8 *scalars, u32 count, int threads, u8 *out) {
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    return with_path(path, [&](auto arithmetic) {
        typedef Element<BaseField, decltype(arithmetic)> Fp;
        return group == 1 ? sum_of<Fp>(path == EIGHTS, points, scalars, count, threads, out)
                          : sum_of<Quadratic<Fp>>(path == EIGHTS, points, scalars, count, threads, out);
    });
}

// DONE if the product of the pairings of `count` pairs is 1, and NO_PROOF if not. WRONG_SCALAR for a coordinate that is not
// below p, for a point off its curve and for one of G2 outside the subgroup. Infinity is in both groups.
PUBLIC int dls_zk_pairings(int path, const u8 *left, const u8 *right, u32 count) {
    return with_path(path, [&](auto arithmetic) {
        typedef Pairing<decltype(arithmetic)> P;
        typedef typename P::Fp Fp;
        typedef typename P::Fp2 Fp2;
        const P pairing;
        Arena memory;
        if (!memory.open(Arena::room_for<Affine<Fp>>(count) + Arena::room_for<Affine<Fp2>>(count) + 64)) return NO_MEMORY;
        Affine<Fp> *p = memory.take<Affine<Fp>>(count);
        Affine<Fp2> *q = memory.take<Affine<Fp2>>(count);
        Reader lefts = {left}, rights = {right};
        for (u32 i = 0; i < count; ++i) {
            if (!lefts.take(p[i]) || !rights.take(q[i])) return WRONG_SCALAR;
            if (!p[i].is_infinity() && !P::on_curve(p[i])) return WRONG_SCALAR;
            if (!q[i].is_infinity() && !pairing.in_subgroup(q[i])) return WRONG_SCALAR;
        }
        return pairing.product_is_one(p, q, count) ? DONE : NO_PROOF;
    });
}

// --- for tests --------------------------------------------------------------------------------------------------------

// The words of a·b·2^-256 (operation 0), a + b (1), a − b (2) or, of a alone, a⁻¹ (3); field: 0 base, 1 scalar.
PUBLIC int dls_zk_field(int path, int field, int operation, const u8 *a, const u8 *b, u8 *out) {
    return with_path(path, [&](auto arithmetic) {
        typedef decltype(arithmetic) A;
        auto run = [&](auto x, auto y) {
            typedef typename decltype(x)::Modulus M;
            if (!x.read(a) || !y.read(b)) return WRONG_SCALAR;
#ifdef DLS_ZK_WIDE
            if (path == EIGHTS && operation < 3) {
                auto eights = operation == 0 ? ByEights::multiply<M> : operation == 1 ? ByEights::add<M> : ByEights::subtract<M>;
                eights((u64 *)x.v, x.v, y.v);
                memcpy(out, x.v, 32);
                return DONE;
            }
#endif
            auto z = operation == 0 ? x * y : operation == 1 ? x + y : operation == 2 ? x - y : x.inverse();
            memcpy(out, z.v, 32);
            return DONE;
        };
        if (field == 0) return run(Element<BaseField, A>(), Element<BaseField, A>());
        return run(Element<ScalarField, A>(), Element<ScalarField, A>());
    });
}
