// Tries the native core where ctypes cannot: under sanitizers, and with a look at all memory afterwards.
//
//     core_memory wiped ZKEY WITNESS      after a proof there is no trace of r, s, their product or the witness
//     core_memory refused ZKEY WITNESS    after a refused witness there is none of the witness
//     core_memory damaged ZKEY WITNESS COUNT SEED    damaged keys and witnesses give an answer
#include <stdio.h>

#include "../../dls_zk/native/core.cpp"

static u8 *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    u8 *data = (u8 *)malloc(*size ? *size : 1);
    if (!data || fread(data, 1, *size, file) != *size) exit(2);
    fclose(file);
    return data;
}

typedef Element<ScalarField, Portable> Fr;

// A secret in the forms in which the core holds it; kept inverted, so that it is not found here.
struct Needle {
    u8 inverted[32];
    const char *name;
};
static Needle needles[1 << 12];
static int needle_count = 0;

static void look_for(const u64 words[4], const char *name) {
    Fr plain = {{words[0], words[1], words[2], words[3]}}, forms[2] = {plain, plain.to_montgomery()};
    for (const Fr &form : forms) {
        if (form.v[1] + (1ul << 40) < 1ul << 41) continue;  // near zero: found everywhere
        for (int i = 0; i < 32; ++i) needles[needle_count].inverted[i] = (u8) ~((const u8 *)form.v)[i];
        needles[needle_count++].name = name;
    }
    wipe(forms, sizeof forms);
    wipe(&plain, sizeof plain);
}

// Whether eight bytes in a row of a secret are anywhere in this process's writable memory.
static int traces() {
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w') continue;
        if (strstr(line, "[vvar]") || strstr(line, "[vsyscall]")) continue;
        for (unsigned long at = from; at + 32 <= to; at += 8) {
            const u8 *p = (const u8 *)at;
            if (p >= (const u8 *)needles && p < (const u8 *)(needles + needle_count)) continue;
            u64 first;
            memcpy(&first, p, 8);
            for (int i = 0; i < needle_count; ++i) {
                u64 inverted;
                memcpy(&inverted, needles[i].inverted + 8, 8);  // the second word: it is no small number
                if (~inverted == first && found++ < 5) fprintf(stderr, "%s is at %lx in %s", needles[i].name, at, line);
            }
        }
    }
    fclose(maps);
    return found;
}

static u64 r[4], s[4];

// Draws r and s and takes down what to look for. What it leaves on the stack is wiped by its caller.
__attribute__((noinline)) static void prepare(const u8 *witness, size_t count, bool refused) {
    u64 state = 77;
    example<ScalarField>(r, 999, state);
    example<ScalarField>(s, 999, state);
    if (!refused) {
        Fr product = Fr{{r[0], r[1], r[2], r[3]}}.to_montgomery() * Fr{{s[0], s[1], s[2], s[3]}};
        look_for(r, "r");
        look_for(s, "s");
        look_for(product.v, "r·s");
    }
    for (size_t i = 0; i < count && needle_count < 4000; ++i) {
        u64 words[4];
        memcpy(words, witness + 32 * i, 32);
        if (words[3] && words[1] >> 48) look_for(words, "a value of the witness");
    }
}

static int wiped(u8 *zkey, size_t zkey_size, u8 *witness, size_t witness_size, bool refused) {
    OpenKey *key;
    u8 proof[256];
    const size_t count = witness_size / 32;
    if (dls_zk_open(dls_zk_best_path(), zkey, zkey_size, &key) != DONE) return 2;
    prepare(witness, count, refused);
    wipe_stack();
    if (refused) memset(witness + witness_size - 32, 0xff, 32);
    int answer = dls_zk_prove(key, witness, count, (u8 *)r, (u8 *)s, 3, proof);
    dls_zk_close(key);
    wipe(r, sizeof r);
    wipe(s, sizeof s);
    wipe(witness, witness_size);
    wipe(zkey, zkey_size);  // a constant of the circuit may be in both
    wipe_stack();
    if (needle_count < 2 || (answer == DONE) == refused) return 2;
    return traces() ? 1 : 0;
}

static int damaged(const u8 *zkey, size_t size, const u8 *witness, size_t witness_size, int count, u64 state) {
    u8 *changed = (u8 *)malloc(size), proof[256];
    auto random = [&](u64 below) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    };
    for (int i = 0; i < count; ++i) {
        memcpy(changed, zkey, size);
        for (u64 k = 0; k <= random(3); ++k) changed[random(random(2) ? size : size < 400 ? size : 400)] ^= (u8)(1 << random(8));
        size_t length = random(4) ? size : random(size);
        OpenKey *key;
        u8 *exact = (u8 *)malloc(length ? length : 1);  // so that a sanitizer sees a read past its end
        memcpy(exact, changed, length);
        if (dls_zk_open(PORTABLE, exact, length, &key) == DONE) {
            dls_zk_prove(key, witness, witness_size / 32, (u8 *)r, (u8 *)s, 2, proof);
            dls_zk_close(key);
        }
        free(exact);
    }
    free(changed);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    size_t zkey_size, witness_size;
    u8 *zkey = read_file(arguments[2], &zkey_size), *witness = read_file(arguments[3], &witness_size);
    int result;
    if (strcmp(arguments[1], "damaged") == 0)
        result = damaged(zkey, zkey_size, witness, witness_size, atoi(arguments[4]), (u64)atoi(arguments[5]));
    else
        result = wiped(zkey, zkey_size, witness, witness_size, strcmp(arguments[1], "refused") == 0);
    free(zkey);
    free(witness);
    return result;
}
