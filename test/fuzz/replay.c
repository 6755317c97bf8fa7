/* test/fuzz/replay.c -- feeds a harness every file of a folder, each cut short at every byte and
 * with single bytes flipped. Fails where the folder holds no file, so that a lost corpus is
 * noticed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAX_FILE 65536
#define MAX_FLIPS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap copy of exactly `size` bytes, so that the sanitizer sees a read past the end. */
static void feed(const uint8_t *bytes, size_t size)
{
    lp_auto_free uint8_t *copy = lp_alloc(size);
    if (size > 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
}

static void feed_variants(uint8_t *bytes, size_t size)
{
    size_t step = size / MAX_FLIPS + 1;

    feed(bytes, size);
    for (size_t n = 0; n < size; n += step)
        feed(bytes, n);
    for (size_t i = 0; i < size; i += step) {
        uint8_t kept = bytes[i];
        static const uint8_t swaps[] = { 0x00, 0xff, '"', '\n', '{' };
        bytes[i] = swaps[i % sizeof swaps];
        feed(bytes, size);
        bytes[i] = kept;
    }
}

static int replay_file(const char *folder, const char *name)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", folder, name);
    lp_auto_free uint8_t *bytes = lp_alloc(MAX_FILE);
    FILE *f = fopen(path, "rb");

    if (!f) {
        fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    size_t n = fread(bytes, 1, MAX_FILE, f);
    fclose(f);
    feed_variants(bytes, n);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int files = 0, failed = 0;

    if (!folder) {
        fprintf(stderr, "usage: replay FOLDER (which must be there)\n");
        return 1;
    }
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] == '.')
            continue;
        files++;
        failed |= replay_file(argv[1], e->d_name) < 0;
    }
    closedir(folder);
    printf("%d files replayed\n", files);
    return files == 0 || failed;
}
