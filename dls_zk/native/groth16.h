// Proving keys in snarkjs's form, and proofs (Groth, EUROCRYPT 2016, section 3.2).
#pragma once
#include "msm.h"
#include "ntt.h"

// What the functions of the C interface answer; groth16/native.py has the same numbers.
enum Answer { DONE = 0, NO_MEMORY = 1, DAMAGED_KEY = 2, WRONG_WITNESS = 3, WRONG_SCALAR = 4, NO_PROOF = 5, NO_SUCH_PATH = 6 };

// --- reading ----------------------------------------------------------------------------------------------------------

static inline u32 read_u32(const u8 *at) {
    u32 value;
    memcpy(&value, at, 4);
    return value;
}

struct Section {
    const u8 *at = nullptr;
    u64 size = 0;
};

// The sections of a .zkey, in whatever order they are; false unless each is within the file and there once.
static inline bool read_sections(const u8 *file, u64 size, Section sections[11]) {
    if (size < 12 || memcmp(file, "zkey", 4) != 0 || read_u32(file + 4) != 1) return false;
    u32 count = read_u32(file + 8);
    u64 at = 12;
    for (u32 i = 0; i < count; ++i) {
        if (size - at < 12) return false;
        u32 number = read_u32(file + at);
        u64 length;
        memcpy(&length, file + at + 4, 8);
        at += 12;
        if (length > size - at || number < 1 || number > 10 || sections[number].at) return false;
        sections[number] = {file + at, length};
        at += length;
    }
    return at == size;
}

// `ok &= read(...)`, front to back.
struct Reader {
    const u8 *at;
    template <class T> bool take(T &value) {
        bool ok = value.read(at);
        at += sizeof(T);
        return ok;
    }
    template <class F> bool take(Affine<F> &point) { return take(point.x) & take(point.y); }
    u32 number() {
        at += 4;
        return read_u32(at - 4);
    }
};

// --- keys -------------------------------------------------------------------------------------------------------------

template <class A> struct Key {
    typedef Element<BaseField, A> Fp;
    typedef Element<ScalarField, A> Fr;
    typedef Quadratic<Fp> Fp2;

    // A coefficient of the matrix A or B, times 2^512 modulo r: its product with a plain integer is in Montgomery form.
    struct Term {
        u32 row, wire;
        Fr value;
    };

    const bool wide;  // whether a part of the work is done by eights
    Arena memory;
    u32 n_vars, n_public, n_terms[2];
    Term *terms[2];
    Domain<Fr> domain;
    Affine<Fp> alpha1, beta1, delta1;
    Affine<Fp2> beta2, gamma2, delta2;
    Affine<Fp> *a, *b1, *hc;  // hc: those of the quotient, then those of the private signals
    Affine<Fp2> *b2;
    Fp *a_images, *b1_images, *hc_images;
    Fp2 *b2_images;

    explicit Key(bool wide_) : wide(wide_) {}

    u32 n_private() const { return n_vars - n_public - 1; }

    // Every size is held against the file's before memory is taken, and every number against its field's order. Whether
    // points are on their curves is not looked at: a proof from a key that is damaged so does not verify.
    Answer open(const u8 *file, u64 size) {
        Section s[11];
        if (!read_sections(file, size, s)) return DAMAGED_KEY;
        if (s[1].size != 4 || read_u32(s[1].at) != 1) return DAMAGED_KEY;  // Groth16
        if (s[2].size != 2 * (4 + 32) + 3 * 4 + 3 * 64 + 3 * 128) return DAMAGED_KEY;
        Reader header = {s[2].at};
        if (header.number() != 32 || memcmp(header.at, BaseField::P, 32) != 0) return DAMAGED_KEY;
        header.at += 32;
        if (header.number() != 32 || memcmp(header.at, ScalarField::P, 32) != 0) return DAMAGED_KEY;
        header.at += 32;
        n_vars = header.number(), n_public = header.number();
        u32 size_of_domain = header.number();
        bool ok = header.take(alpha1) & header.take(beta1) & header.take(beta2) & header.take(gamma2);
        ok = ok & header.take(delta1) & header.take(delta2);
        int log = 0;
        while (log < 27 && 1u << log < size_of_domain) ++log;
        if (!ok || 1u << log != size_of_domain || n_public >= n_vars) return DAMAGED_KEY;
        u64 variables = n_vars;
        if (s[5].size != 64 * variables || s[6].size != 64 * variables || s[7].size != 128 * variables ||
            s[8].size != 64 * (u64)n_private() || s[9].size != 64 * (u64)size_of_domain || s[4].size < 4 ||
            s[4].size != 4 + 44 * (u64)read_u32(s[4].at))
            return DAMAGED_KEY;
        return load(s, log);
    }

    Answer load(const Section *s, int log) {
        const u32 n = 1u << log, count = read_u32(s[4].at), together = n + n_private();
        const u8 *const first_term = s[4].at + 4;
        n_terms[0] = n_terms[1] = 0;
        for (u32 i = 0; i < count; ++i) {
            u32 matrix = read_u32(first_term + 44 * (u64)i);
            if (matrix > 1) return DAMAGED_KEY;
            ++n_terms[matrix];
        }
        size_t room = Domain<Fr>::room(n) + Arena::room_for<Term>(n_terms[0]) + Arena::room_for<Term>(n_terms[1]) +
                      2 * (Arena::room_for<Affine<Fp>>(n_vars) + Arena::room_for<Fp>(n_vars)) +
                      Arena::room_for<Affine<Fp2>>(n_vars) + Arena::room_for<Fp2>(n_vars) +
                      Arena::room_for<Affine<Fp>>(together) + Arena::room_for<Fp>(together);
        if (!memory.open(room, false) || !domain.open(memory, log)) return NO_MEMORY;
        terms[0] = memory.take<Term>(n_terms[0]), terms[1] = memory.take<Term>(n_terms[1]);
        a = memory.take<Affine<Fp>>(n_vars), a_images = memory.take<Fp>(n_vars);
        b1 = memory.take<Affine<Fp>>(n_vars), b1_images = memory.take<Fp>(n_vars);
        b2 = memory.take<Affine<Fp2>>(n_vars), b2_images = memory.take<Fp2>(n_vars);
        hc = memory.take<Affine<Fp>>(together), hc_images = memory.take<Fp>(together);
        if (memory.failed) return NO_MEMORY;
        u32 filled[2] = {0, 0};
        for (u32 i = 0; i < count; ++i) {
            const u8 *at = first_term + 44 * (u64)i;
            u32 matrix = read_u32(at);
            Term &term = terms[matrix][filled[matrix]++];
            term.row = read_u32(at + 4), term.wire = read_u32(at + 8);
            if (!term.value.read(at + 12) || term.row >= n || term.wire >= n_vars) return DAMAGED_KEY;
        }
        bool ok = read_points(s[5].at, a, a_images, n_vars) && read_points(s[6].at, b1, b1_images, n_vars) &&
                  read_points(s[7].at, b2, b2_images, n_vars) && read_points(s[9].at, hc, hc_images, n) &&
                  read_points(s[8].at, hc + n, hc_images + n, n_private());
        return ok ? DONE : DAMAGED_KEY;
    }

    template <class F> static bool read_points(const u8 *at, Affine<F> *points, F *images, u32 count) {
        Reader reader = {at};
        for (u32 i = 0; i < count; ++i) {
            if (!reader.take(points[i])) return false;
            images[i] = beta_times(points[i].x);
        }
        return true;
    }
};

// --- proofs -----------------------------------------------------------------------------------------------------------

template <class A> struct Proving {
    typedef typename Key<A>::Fp Fp;
    typedef typename Key<A>::Fr Fr;
    typedef typename Key<A>::Fp2 Fp2;
    typedef u64 Words[4];

    const Key<A> &key;
    const int threads;
    Arena memory, digits[4], rooms[MAX_THREADS];
    Words *witness, r, s, rs;
    Fr *values[3];  // of A, B and C on the domain, then on the coset
    Msm<Fp> a, b1, hc;
    Msm<Fp2> b2;

    Proving(const Key<A> &key_, int threads_) : key(key_), threads(threads_) {
        static_assert(sizeof(Proving) <= WIPED_STACK / 2, "the stack below it has to be wiped, too");
    }
    ~Proving() {
        wipe(r, sizeof r);
        wipe(s, sizeof s);
        wipe(rs, sizeof rs);
    }

    // witness: n_vars integers of 32 bytes, little-endian. out: the coordinates of A, B and C as such integers.
    Answer prove(const u8 *given, u64 count, const u8 *given_r, const u8 *given_s, u8 *out) {
        const u32 n = key.domain.n, n_vars = key.n_vars;
        if (count != n_vars) return WRONG_WITNESS;
        memcpy(r, given_r, 32);
        memcpy(s, given_s, 32);
        if (!below(r, ScalarField::P) || !below(s, ScalarField::P)) return WRONG_SCALAR;
        size_t room = Arena::room_for<Words>(n_vars) + 3 * Arena::room_for<Fr>(n);
        if (!memory.open(room)) return NO_MEMORY;
        witness = memory.take<Words>(n_vars);
        for (Fr *&one : values) one = memory.take<Fr>(n);
        if (memory.failed) return NO_MEMORY;
        for (u32 i = 0; i < n_vars; ++i) {  // not at once: the library would use registers that we do not wipe
            memcpy(witness[i], given + 32 * (size_t)i, 32);
            if (!below(witness[i], ScalarField::P)) return WRONG_WITNESS;
        }
        if (!a.open(key.a, key.a_images, n_vars, key.wide) || !b1.open(key.b1, key.b1_images, n_vars, key.wide) ||
            !b2.open(key.b2, key.b2_images, n_vars, key.wide) || !hc.open(key.hc, key.hc_images, n + key.n_private(), key.wide))
            return NO_MEMORY;
        if (!sums_of_the_witness() || !sum_of_the_quotient()) return NO_MEMORY;
        return combine(out) ? DONE : NO_PROOF;
    }

    // The sums over A, B1 and B2, the part of C, and meanwhile the three transforms.
    bool sums_of_the_witness() {
        const u32 n_vars = key.n_vars, n = key.domain.n, first_private = key.n_public + 1;
        parallel(threads, 6, [&](int task, int) {
            switch (task) {
                case 0: case 1:
                    for (u32 i = 0; i < key.n_terms[task]; ++i) {
                        const auto &term = key.terms[task][i];
                        Fr w;
                        memcpy(w.v, witness[term.wire], 32);
                        if (!w.is_zero()) values[task][term.row] = values[task][term.row] + term.value * w;
                    }
                    break;
                case 2: b2.cut_scalars(witness, 0, n_vars); break;
                case 3: a.cut_scalars(witness, 0, n_vars); break;
                case 4: b1.cut_scalars(witness, 0, n_vars); break;
                default: hc.cut_scalars(witness + first_private, n, n + key.n_private());
            }
        });
        for (u32 i = 0; i < n; ++i) values[2][i] = values[0][i] * values[1][i];
        if (!a.choose_windows(digits[0]) || !b1.choose_windows(digits[1]) || !b2.choose_windows(digits[2])) return false;
        a.write_digits(0, n_vars), b1.write_digits(0, n_vars), b2.write_digits(0, n_vars);
        if (!open_rooms(largest(largest(Msm<Fp>::Room::size(n_vars, a.bits), Msm<Fp>::Room::size(n_vars, b1.bits)),
                                Msm<Fp2>::Room::size(n_vars, b2.bits))))
            return false;
        bool ok[3 + 3 * MAX_WINDOWS];
        const int tasks = 3 + b2.windows + a.windows + b1.windows;
        parallel(threads, tasks, [&](int task, int thread) {
            int window = task - 3;
            ok[task] = true;
            if (task < 3)
                key.domain.to_coset(values[task], key.wide);
            else if (window < b2.windows)
                ok[task] = b2.sum_window(window, rooms[thread]);
            else if ((window -= b2.windows) < a.windows)
                ok[task] = a.sum_window(window, rooms[thread]);
            else
                ok[task] = b1.sum_window(window - a.windows, rooms[thread]);
        });
        return all(ok, tasks);
    }

    // The quotient (A·B − C)/Z on the coset, where Z is a constant that the key's points have in them.
    bool sum_of_the_quotient() {
        const u32 n = key.domain.n, points = hc.n;
        const int parts = threads;
        auto start = [&](u32 of, int part) { return (u32)((u64)of * part / parts); };
        parallel(threads, parts, [&](int part, int) {
            for (u32 i = start(n, part); i < start(n, part + 1); ++i) {
                Fr value = (values[0][i] * values[1][i] - values[2][i]).from_montgomery();
                hc.cut_scalars(&value.v, i, i + 1);
            }
        });
        if (!hc.choose_windows(digits[3])) return false;
        parallel(threads, parts, [&](int part, int) { hc.write_digits(start(points, part), start(points, part + 1)); });
        if (!open_rooms(Msm<Fp>::Room::size(points, hc.bits))) return false;
        bool ok[MAX_WINDOWS];
        parallel(threads, hc.windows, [&](int window, int thread) { ok[window] = hc.sum_window(window, rooms[thread]); });
        return all(ok, hc.windows);
    }

    // A = α + Σ + r·δ;  B = β + Σ + s·δ;  C = Σ + s·A + r·B − r·s·δ
    bool combine(u8 *out) {
        Fr product = Fr{{r[0], r[1], r[2], r[3]}}.to_montgomery() * Fr{{s[0], s[1], s[2], s[3]}};
        memcpy(rs, product.v, 32);
        Jacobian<Fp> delta1 = Jacobian<Fp>::from(key.delta1), minus_delta1 = Jacobian<Fp>::from(-key.delta1);
        Jacobian<Fp> sum_a = a.result() + key.alpha1 + delta1.times(r), sum_b1 = b1.result() + key.beta1 + delta1.times(s);
        Jacobian<Fp2> sum_b2 = b2.result() + key.beta2 + Jacobian<Fp2>::from(key.delta2).times(s);
        Jacobian<Fp> sum_c = hc.result() + sum_a.times(s) + sum_b1.times(r) + minus_delta1.times(rs);
        Affine<Fp> pi_a = sum_a.to_affine(), pi_c = sum_c.to_affine();
        Affine<Fp2> pi_b = sum_b2.to_affine();
        wipe(&product, sizeof product);
        const Fp coordinates[8] = {pi_a.x, pi_a.y, pi_b.x.a, pi_b.x.b, pi_b.y.a, pi_b.y.b, pi_c.x, pi_c.y};
        for (int i = 0; i < 8; ++i) {
            Fp plain = coordinates[i].from_montgomery();
            memcpy(out + 32 * i, plain.v, 32);
        }
        return !pi_a.is_infinity() && !pi_b.is_infinity() && !pi_c.is_infinity();
    }

    bool open_rooms(size_t bytes) {
        for (int i = 0; i < threads; ++i) {
            rooms[i].close();
            if (!rooms[i].open(bytes)) return false;
        }
        return true;
    }
    static size_t largest(size_t a, size_t b) { return a > b ? a : b; }
    static bool all(const bool *ok, int count) {
        for (int i = 0; i < count; ++i)
            if (!ok[i]) return false;
        return true;
    }
};
