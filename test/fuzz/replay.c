/* test/fuzz/replay.c -- runs a harness over the files of its corpus (the folders in argv), where
 * there is no libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz/fuzz.h"

#define INPUT_BYTES (1 << 20)

static int replay_file(const char *path)
{
    lp_auto_free uint8_t *bytes = lp_alloc(INPUT_BYTES);
    FILE *f = fopen(path, "re");

    if (!f)
        return -1;
    size_t n = fread(bytes, 1, INPUT_BYTES, f);
    fclose(f);
    lp_auto_free uint8_t *exact = lp_alloc(n); /* so that a sanitizer sees a read past the end */
    memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    return 0;
}

static int replay_folder(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    if (!d)
        return 0;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        lp_auto_free char *file = lp_sprintf("%s/%s", path, e->d_name);
        if (e->d_name[0] != '.' && replay_file(file) == 0)
            n++;
    }
    closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++)
        n += replay_folder(argv[i]);
    printf("%d inputs\n", n);
    return n > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
