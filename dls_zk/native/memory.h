// Memory that holds secrets: one block for a whole proof, kept out of core dumps and of child processes, wiped at its end.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

typedef uint8_t u8;
typedef int16_t i16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned __int128 u128;

// A memset that the compiler cannot leave out.
static inline void wipe(void *at, size_t size) {
    memset(at, 0, size);
    __asm__ volatile("" : : "r"(at) : "memory");
}

// Of the stack, what a call may have written: a proof takes half of that.
static const size_t WIPED_STACK = 1 << 16;

// Whether this process computes by eights (wide.h), in registers that older processors do not have.
static bool wide_registers_in_use = false;

#if defined(__x86_64__) && (defined(__clang__) || __GNUC__ >= 12)
__attribute__((target("avx512f"), noinline)) static void wipe_wide_registers() {
    __asm__ volatile("vzeroall\n"
                     "vpxorq %%zmm16, %%zmm16, %%zmm16; vpxorq %%zmm17, %%zmm17, %%zmm17; vpxorq %%zmm18, %%zmm18, %%zmm18\n"
                     "vpxorq %%zmm19, %%zmm19, %%zmm19; vpxorq %%zmm20, %%zmm20, %%zmm20; vpxorq %%zmm21, %%zmm21, %%zmm21\n"
                     "vpxorq %%zmm22, %%zmm22, %%zmm22; vpxorq %%zmm23, %%zmm23, %%zmm23; vpxorq %%zmm24, %%zmm24, %%zmm24\n"
                     "vpxorq %%zmm25, %%zmm25, %%zmm25; vpxorq %%zmm26, %%zmm26, %%zmm26; vpxorq %%zmm27, %%zmm27, %%zmm27\n"
                     "vpxorq %%zmm28, %%zmm28, %%zmm28; vpxorq %%zmm29, %%zmm29, %%zmm29; vpxorq %%zmm30, %%zmm30, %%zmm30\n"
                     "vpxorq %%zmm31, %%zmm31, %%zmm31"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
                       "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}
#else
static void wipe_wide_registers() {}
#endif

// Registers of vectors keep what was copied through them, until somebody writes them to memory: the loader when it looks up a
// function, or a signal.
static inline void wipe_registers() {
    if (wide_registers_in_use) wipe_wide_registers();
#if defined(__x86_64__)
    __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3;"
                     "pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5; pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7;"
                     "pxor %%xmm8, %%xmm8; pxor %%xmm9, %%xmm9; pxor %%xmm10, %%xmm10; pxor %%xmm11, %%xmm11;"
                     "pxor %%xmm12, %%xmm12; pxor %%xmm13, %%xmm13; pxor %%xmm14, %%xmm14; pxor %%xmm15, %%xmm15"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15");
#elif defined(__aarch64__)
    __asm__ volatile("movi v0.2d, #0\n movi v1.2d, #0\n movi v2.2d, #0\n movi v3.2d, #0\n movi v4.2d, #0\n movi v5.2d, #0\n "
                     "movi v6.2d, #0\n movi v7.2d, #0\n movi v16.2d, #0\n movi v17.2d, #0\n movi v18.2d, #0\n movi v19.2d, #0\n "
                     "movi v20.2d, #0\n movi v21.2d, #0\n movi v22.2d, #0\n movi v23.2d, #0\n movi v24.2d, #0\n movi v25.2d, #0\n "
                     "movi v26.2d, #0\n movi v27.2d, #0\n movi v28.2d, #0\n movi v29.2d, #0\n movi v30.2d, #0\n movi v31.2d, #0"
                     :
                     :
                     : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
                       "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
#endif
}

// Overwrites what the functions that have returned left in registers and on the stack.
__attribute__((noinline)) static void wipe_stack() {
    wipe_registers();
    u8 room[WIPED_STACK];
    wipe(room, sizeof room);
}

// Blocks are taken one after the other and given back together. Without memory `take` gives null, and `failed` stays set.
struct Arena {
    u8 *base = nullptr;
    size_t size = 0, used = 0, most = 0;
    bool failed = false;

    // secret: kept out of core dumps and child processes.
    bool open(size_t bytes, bool secret = true) {
        size = bytes;
        void *at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
        failed = at == MAP_FAILED;
        if (failed) return false;
        base = (u8 *)at;
#ifdef MADV_HUGEPAGE
        madvise(base, size, MADV_HUGEPAGE);  // points are read all over a block: fewer pages, fewer misses of their table
#endif
#ifdef MADV_DONTDUMP
        if (secret) madvise(base, size, MADV_DONTDUMP);
#endif
#ifdef MADV_DONTFORK
        if (secret) madvise(base, size, MADV_DONTFORK);
#endif
        return true;
    }

    // Room for `count` values; zero, if nothing was taken there before.
    template <class T> T *take(size_t count) {
        size_t bytes = room_for<T>(count);
        if (failed || bytes > size - used) {
            failed = true;
            return nullptr;
        }
        T *at = (T *)(base + used);
        used += bytes;
        if (used > most) most = used;
        return at;
    }

    // Lets all that was taken be taken again, with whatever is in it.
    void rewind() { used = 0; }

    // What `take` of as many uses.
    template <class T> static size_t room_for(size_t count) { return (count * sizeof(T) + 63) & ~(size_t)63; }

    void close() {
        if (!base) return;
        wipe(base, most);
        munmap(base, size);
        base = nullptr;
        size = used = most = 0;
    }
    ~Arena() { close(); }
};
