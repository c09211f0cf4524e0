// Gives damaged keys to the native core, to be run under sanitizers: driver ZKEY WITNESS COUNT SEED
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

static u64 r[4] = {1}, s[4] = {2};

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
    if (count < 5) return 2;
    size_t zkey_size, witness_size;
    u8 *zkey = read_file(arguments[1], &zkey_size), *witness = read_file(arguments[2], &witness_size);
    int result = damaged(zkey, zkey_size, witness, witness_size, atoi(arguments[3]), (u64)atoi(arguments[4]));
    free(zkey);
    free(witness);
    return result;
}
