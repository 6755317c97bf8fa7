/* test/unit/test_resident.c -- clean pages of files go, everything that was written stays. */
#include "base/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/check.h"

#define SIZE ((size_t)8 << 20)

/* A private mapping of a file of SIZE bytes, all 'a', not writable at its end. */
static char *map_file(void)
{
    char name[] = "/tmp/lp-resident-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'a', SIZE);
    assert_int_equal(write(fd, text, SIZE), (ssize_t)SIZE);
    free(text);
    char *map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    close(fd);
    return map;
}

static size_t resident(char *map)
{
    size_t pages = 0, page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned long long entry = 0;
    FILE *f = fopen("/proc/self/pagemap", "rb");
    assert_non_null(f);
    for (size_t at = 0; at < SIZE; at += page) {
        assert_int_equal(fseek(f, (long)(((size_t)map + at) / page * sizeof entry), SEEK_SET), 0);
        assert_int_equal(fread(&entry, sizeof entry, 1, f), 1);
        pages += entry >> 63;
    }
    fclose(f);
    return pages;
}

static size_t read_all(const char *map)
{
    size_t sum = 0;
    for (size_t i = 0; i < SIZE; i += 512)
        sum += (unsigned char)map[i];
    return sum;
}

static void pages_that_were_only_read_go_and_come_back(void **state)
{
    (void)state;
    char *map = map_file();
    size_t sum = read_all(map);
    assert_int_equal(resident(map), SIZE / (size_t)sysconf(_SC_PAGESIZE));
    assert_true(lp_resident_trim() >= SIZE / 2);
    assert_int_equal(resident(map), 0);
    assert_int_equal(read_all(map), sum);
    munmap(map, SIZE);
}

static void pages_that_were_written_to_stay(void **state)
{
    (void)state;
    char *map = map_file(), *other = map_file();
    assert_int_equal(mprotect(map, SIZE, PROT_READ | PROT_WRITE), 0);
    map[SIZE / 2] = 'b';
    assert_int_equal(mprotect(map, SIZE, PROT_READ), 0);
    assert_int_equal(read_all(map), read_all(other) + 1); /* both are resident now */
    assert_true(lp_resident_trim() >= SIZE / 2);
    assert_int_equal(map[SIZE / 2], 'b');
    assert_int_equal(resident(other), 0);
    munmap(map, SIZE);
    munmap(other, SIZE);
}

static void without_growth_nothing_is_done(void **state)
{
    (void)state;
    lp_resident_trim();
    lp_resident_trim();
    assert_int_equal(lp_resident_trim(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_were_only_read_go_and_come_back),
        cmocka_unit_test(pages_that_were_written_to_stay),
        cmocka_unit_test(without_growth_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
