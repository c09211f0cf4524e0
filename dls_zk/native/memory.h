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

// Overwrites what the functions that have returned left on the stack.
__attribute__((noinline)) static void wipe_stack() {
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
