// Looks at all memory that a process can write to, after a call of the native core, for what the call had to wipe.
//
//     core_memory KIND PATH ZKEY WITNESS
//
// KIND: proof; witness (one that is refused); scalar (an s that is refused); memory (too little, at every point where it can
// run out); signals (as of Ctrl-C, all through a proof). PATH: the arithmetic. Ends with 0 if there is no trace.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../dls_zk/native/core.cpp"

typedef Element<ScalarField, Portable> Scalar;

// Not by stdio, whose buffers would keep a part.
static u8 *read_file(const char *name, size_t *size) {
    struct stat status;
    int file = open(name, O_RDONLY);
    if (file < 0 || fstat(file, &status)) exit(3);
    *size = (size_t)status.st_size;
    u8 *data = (u8 *)mmap(nullptr, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (data == MAP_FAILED || read(file, data, *size) != (ssize_t)*size) exit(3);
    close(file);
    return data;
}

// Words of secrets, in the two forms in which the core holds them; inverted, so that they are not found here.
static u64 needles[1 << 13];
static const char *names[1 << 13];
static int needle_count = 0;

static void look_for(const u64 words[4], const char *name) {
    Scalar plain = {{words[0], words[1], words[2], words[3]}}, forms[2] = {plain, plain.to_montgomery()};
    for (const Scalar &form : forms) {
        names[needle_count] = name;
        needles[needle_count++] = ~form.v[1];
    }
}

static int traces() {
    int found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w') continue;
        for (const u64 *at = (const u64 *)from; at < (const u64 *)to; ++at)
            for (int i = 0; i < needle_count; ++i)
                if (~needles[i] == *at && found++ < 5) fprintf(stderr, "%s is at %p in %s", names[i], (const void *)at, line);
    }
    fclose(maps);
    return found;
}

static u64 r[4], s[4];

// What this leaves on the stack its caller wipes.
__attribute__((noinline)) static void prepare(const u8 *witness, size_t count, bool refused) {
    u64 state = (u64)getpid();
    example<ScalarField>(r, 999, state);
    example<ScalarField>(s, 999, state);
    if (!refused) {  // else they are not used
        Scalar product = Scalar{{r[0], r[1], r[2], r[3]}}.to_montgomery() * Scalar{{s[0], s[1], s[2], s[3]}};
        look_for(product.v, "r·s");
    }
    look_for(r, "r");
    look_for(s, "s");
    for (size_t i = 0; i < count && needle_count < 1000; ++i) {
        u64 words[4];
        memcpy(words, witness + 32 * i, 32);
        if (words[3] && words[1] >> 48) look_for(words, "a value of the witness");
    }
}

static void nothing(int) {}

static void send_signals(long every_us) {
    struct sigaction action = {};
    action.sa_handler = nothing;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    itimerval timer = {{0, every_us}, {0, every_us}};
    setitimer(ITIMER_REAL, &timer, nullptr);
}

// Whether the sixteen registers that only the path by eights has are zero. The library that moves memory may use some of them
// too, so nothing is called between a proof and this.
#ifdef DLS_ZK_WIDE
__attribute__((target("avx512f"), noinline)) static bool wide_registers_are_zero() {
    u64 kept[16][8];
    __asm__ volatile("vmovdqu64 %%zmm16, (%0); vmovdqu64 %%zmm17, 64(%0); vmovdqu64 %%zmm18, 128(%0); vmovdqu64 %%zmm19, 192(%0)\n"
                     "vmovdqu64 %%zmm20, 256(%0); vmovdqu64 %%zmm21, 320(%0); vmovdqu64 %%zmm22, 384(%0)\n"
                     "vmovdqu64 %%zmm23, 448(%0); vmovdqu64 %%zmm24, 512(%0); vmovdqu64 %%zmm25, 576(%0)\n"
                     "vmovdqu64 %%zmm26, 640(%0); vmovdqu64 %%zmm27, 704(%0); vmovdqu64 %%zmm28, 768(%0)\n"
                     "vmovdqu64 %%zmm29, 832(%0); vmovdqu64 %%zmm30, 896(%0); vmovdqu64 %%zmm31, 960(%0)"
                     :
                     : "r"(kept)
                     : "memory");
    u64 any = 0;
    for (auto &words : kept)
        for (u64 word : words) any |= word;
    return !any;
}
#else
static bool wide_registers_are_zero() { return true; }
#endif

static int prove_with(OpenKey *key, const u8 *witness, size_t count, size_t room) {
    u8 proof[256];
    if (room) {
        unsigned long pages = 0;
        FILE *size = fopen("/proc/self/statm", "r");
        if (fscanf(size, "%lu", &pages) != 1) exit(3);
        fclose(size);
        rlimit limit = {pages * (unsigned long)getpagesize() + room, RLIM_INFINITY};
        setrlimit(RLIMIT_AS, &limit);
    }
    int answer = dls_zk_prove(key, witness, count, (u8 *)r, (u8 *)s, 3, proof);
    if (wide_registers_in_use && !wide_registers_are_zero()) exit(8);
    rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &unlimited);
    return answer;
}

int main(int, char **arguments) {
    const char *kind = arguments[1];
    size_t zkey_size, witness_size;
    u8 *zkey = read_file(arguments[3], &zkey_size), *witness = read_file(arguments[4], &witness_size);
    const size_t count = witness_size / 32;
    OpenKey *key;
    if (dls_zk_open(atoi(arguments[2]), zkey, zkey_size, &key) != DONE) return 3;
    wipe(zkey, zkey_size);  // a constant of the circuit may be in key and witness
    const bool bad_witness = !strcmp(kind, "witness"), bad_scalar = !strcmp(kind, "scalar");
    prepare(witness, count, bad_witness || bad_scalar);
    wipe_stack();
    if (needle_count < 8) return 4;
    if (!strcmp(kind, "canary")) return traces() ? 0 : 5;  // that it finds what is there
    if (bad_witness) memset(witness + witness_size - 32, 0xff, 32);
    if (bad_scalar) s[3] |= 1ul << 63;
    int expected = bad_witness ? WRONG_WITNESS : bad_scalar ? WRONG_SCALAR : DONE;
    if (!strcmp(kind, "memory")) {
        int refused = 0, answer;
        size_t room = 1;
        while ((answer = prove_with(key, witness, count, room)) == NO_MEMORY) ++refused, room += 1 << 14;
        if (answer != DONE || refused < 10) return 6;
        if (prove_with(key, witness, count, room / 2) != NO_MEMORY) return 6;  // the last one is a refusal
    } else {
        if (!strcmp(kind, "signals")) send_signals(200);
        if (prove_with(key, witness, count, 0) != expected) return 7;
        itimerval none = {};
        setitimer(ITIMER_REAL, &none, nullptr);
    }
    dls_zk_close(key);
    wipe(r, sizeof r);
    wipe(s, sizeof s);
    wipe(witness, witness_size);
    return traces() ? 1 : 0;
}
