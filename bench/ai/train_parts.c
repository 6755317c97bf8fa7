/* bench/ai/train_parts.c -- see the header. No state. */
#include "bench/ai/train_parts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static FILE *open_or_end(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);

    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

void parts_read(const char *path, void (*each)(const char *line, size_t len, void *user),
                void *user)
{
    FILE *f = open_or_end(path, "re");
    lp_auto_free char *line = NULL;
    size_t size = 0;

    for (ssize_t n; (n = getline(&line, &size, f)) > 0;)
        each(line, (size_t)n - 1, user);
    fclose(f);
}

uint32_t parts_random(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33);
}

void parts_shuffle(void *list, size_t n, size_t size, uint64_t *random)
{
    char swap[64], *at = list;

    for (size_t i = n - 1; n > 0 && i > 0; i--) {
        size_t j = parts_random(random) % (i + 1);
        memcpy(swap, at + i * size, size);
        memmove(at + i * size, at + j * size, size);
        memcpy(at + j * size, swap, size);
    }
}

void parts_write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *f = open_or_end(path, "we");

    bool written = fwrite(bytes, 1, n, f) == n;
    if (fclose(f) != 0 || !written) {
        perror(path);
        exit(1);
    }
}

void parts_write(const char *path, const int *thresholds, size_t n, const double *weights,
                 unsigned bits)
{
    FILE *f = open_or_end(path, "we");

    for (size_t i = 0; i < 4 * n; i++)
        fputc((int)((uint32_t)thresholds[i / 4] >> (8 * (i % 4)) & 255), f);
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        fputc((int)weights[i] & 255, f);
    if (fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}
