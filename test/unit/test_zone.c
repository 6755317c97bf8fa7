/* test/unit/test_zone.c -- time zones: the whole database as the C library reads it, rules
 * of every shape, the times that a change of the clock skips or shows twice, damaged files. */
#include "base/zone.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/zone_rule.h"
#include "unit/check.h"

static int64_t seconds_of(const char *time)
{
    return lp_clock_parse(time) / 1000;
}

static const struct zone *zone_named(const char *name)
{
    const struct zone *z = NULL;
    ok(zone_find(name, &z, &err));
    return z;
}

/* ---- the database ---- */

static unsigned compared_zones;

static void compare_at(const char *name, const struct zone *z, int64_t at)
{
    time_t t = (time_t)at;
    int64_t until;
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    int64_t offset = zone_offset(z, at, &until);
    if (offset != tm.tm_gmtoff)
        fail_msg("%s at %lld: %lld, and the C library has %ld", name, (long long)at,
                 (long long)offset, tm.tm_gmtoff);
    assert_true(until > at);
}

static int compare_zone(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    const char *name = path + sizeof ZONE_FOLDER;
    int64_t end = seconds_of("2110-01-01T00:00:00Z"), until;

    (void)st;
    (void)walk;
    if (type != FTW_F || strchr(name, '.') || strncmp(name, "right/", 6) == 0 ||
        strncmp(name, "posix/", 6) == 0 || strcmp(name, "leapseconds") == 0)
        return 0;
    const struct zone *z = zone_named(name);
    setenv("TZ", name, 1);
    tzset();
    for (int64_t at = seconds_of("1950-01-01T00:00:00Z"); at < end; at = until) {
        zone_offset(z, at, &until);
        compare_at(name, z, at);
        until = until < at + 97 * 86400 ? until : at + 97 * 86400;
        compare_at(name, z, until - 1);
    }
    compared_zones++;
    return 0;
}

static void every_zone_of_the_database_is_as_the_c_library_has_it(void **state)
{
    (void)state;
    assert_int_equal(nftw(ZONE_FOLDER, compare_zone, 16, FTW_PHYS), 0);
    print_message("%u zones\n", compared_zones);
    assert_true(compared_zones > 300);
}

/* ---- rules ---- */

static void a_rule_goes_on_for_ever(void **state)
{
    static const struct {
        const char *rule, *at, *until;
        int64_t offset;
    } cases[] = {
        { "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", 3600 },
        { "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", 7200 },
        { "CET-1CEST,M3.5.0,M10.5.0/3", "2026-12-31T23:30:00Z", "2027-03-28T01:00:00Z", 3600 },
        { "EST5EDT,M3.2.0,M11.1.0", "2101-07-01T00:00:00Z", "2101-11-06T06:00:00Z", -14400 },
        { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00:00Z", "2026-04-04T15:00:00Z",
          39600 },
        { "IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", "2026-10-24T23:00:00Z", 10800 },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z",
          -3600 },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", "2026-03-29T01:00:00Z", 0 },
        { "XXX3EDT4,0/0,J365/23", "2026-12-31T12:00:00Z", NULL, -14400 },
        { "AAA0BBB,J60/0,J61/0", "2024-03-01T12:00:00Z", "2024-03-01T23:00:00Z", 3600 },
        { "AAA0BBB,59/0,60/0", "2024-02-29T12:00:00Z", "2024-02-29T23:00:00Z", 3600 },
        { "WIB-7", "2026-01-01T00:00:00Z", "", 25200 },
        { "AAA-1:30:15", "2026-01-01T00:00:00Z", "", 5415 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct zone_rule rule;
        int64_t until = 0;
        print_message("%s at %s\n", cases[i].rule, cases[i].at);
        ok(zone_rule_parse(cases[i].rule, &rule, &err));
        assert_int_equal(zone_rule_offset(&rule, seconds_of(cases[i].at), &until), cases[i].offset);
        if (cases[i].until)
            assert_int_equal(until, *cases[i].until ? seconds_of(cases[i].until) : INT64_MAX);
    }
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "CET",
        "C-1",
        "<+01-1",
        "CET-25",
        "CET-1:60",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J365",
        "CET-1CEST,366,J365",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "CET-1CEST,M3.5.0,M10.5.0/99999999999",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct zone_rule rule;
        struct lp_error err;
        print_message("%s\n", cases[i]);
        assert_int_equal(zone_rule_parse(cases[i], &rule, &err), LP_E_INVALID);
    }
}

/* ---- clocks that jump ---- */

static void a_skipped_time_is_the_jump_and_a_double_one_the_first(void **state)
{
    static const struct {
        const char *zone, *local, *utc;
    } cases[] = {
        { "Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z" },
        { "Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z" },
        { "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z" },
        { "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z" },
        { "Europe/Berlin", "2026-03-29T03:00:01Z", "2026-03-29T01:00:01Z" },
        { "Europe/Berlin", "2026-10-25T01:59:59Z", "2026-10-24T23:59:59Z" },
        { "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z" },
        { "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z" },
        { "America/New_York", "2026-03-08T02:15:00Z", "2026-03-08T07:00:00Z" },
        { "America/New_York", "2060-11-07T01:30:00Z", "2060-11-07T05:30:00Z" },
        { "Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z" },
        { "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z" }, /* a day left out */
        { "Asia/Jakarta", "2026-11-21T02:00:00Z", "2026-11-20T19:00:00Z" },
        { "Etc/UTC", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        print_message("%s in %s\n", cases[i].local, cases[i].zone);
        assert_int_equal(zone_first(zone_named(cases[i].zone), seconds_of(cases[i].local)),
                         seconds_of(cases[i].utc));
    }
}

/* ---- files ---- */

/* An empty block for 32-bit times and one of 64-bit times: two changes, two types, a rule. */
struct file {
    unsigned char bytes[256];
    size_t n;
};

static void add(struct file *f, const void *bytes, size_t n)
{
    memcpy(f->bytes + f->n, bytes, n);
    f->n += n;
}

static void add_big_endian(struct file *f, int64_t value, int bytes)
{
    while (bytes-- > 0)
        f->bytes[f->n++] = (unsigned char)((uint64_t)value >> (8 * bytes));
}

static void add_header(struct file *f, const int counts[6])
{
    add(f, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    for (int i = 0; i < 6; i++)
        add_big_endian(f, counts[i], 4);
}

#define LEAPS 2               /* among the counts */
#define TIMES 44 + 6 + 1 + 44 /* where the times of the file below begin */

static struct file two_changes(const char *footer, int leaps)
{
    struct file f = { .n = 0 };

    add_header(&f, (const int[]){ 0, 0, 0, 0, 1, 1 });
    add(&f, "\0\0\0\0\0\0", 7);
    add_header(&f, (const int[]){ 0, 0, leaps, 2, 2, 4 });
    add_big_endian(&f, 1000, 8);
    add_big_endian(&f, 2000, 8);
    add(&f, "\1\0", 2); /* the types of the changes */
    add_big_endian(&f, 3600, 4);
    add(&f, "\0\0", 2);
    add_big_endian(&f, -7200, 4);
    add(&f, "\1\0", 2);
    add(&f, "CET", 4);
    for (int i = 0; i < leaps; i++)
        add(&f, "\0\0\0\0\0\0\0\0\0\0\0\1", 12);
    add(&f, footer, strlen(footer));
    return f;
}

static void a_file_has_changes_and_then_a_rule(void **state)
{
    static const struct {
        int64_t at, offset, until;
    } cases[] = {
        { -5, 3600, 1000 },
        { 999, 3600, 1000 },
        { 1000, -7200, 2000 },
        { 1999, -7200, 2000 },
        { 2000, 3600, 7516800 + 3600 }, /* the last Sunday of March 1970, 01:00Z */
    };
    struct file f = two_changes("\nCET-1CEST,M3.5.0,M10.5.0/3\n", 0);
    struct zone *z = NULL;

    (void)state;
    ok(zone_parse(f.bytes, f.n, &z, &err));
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        int64_t until = 0;
        assert_int_equal(zone_offset(z, cases[i].at, &until), cases[i].offset);
        assert_int_equal(until, cases[i].until);
    }
    zone_free(z);
}

static void without_a_rule_the_last_change_stays(void **state)
{
    struct file f = two_changes("\n\n", 0);
    struct zone *z = NULL;
    int64_t until = 0;

    (void)state;
    ok(zone_parse(f.bytes, f.n, &z, &err));
    assert_int_equal(zone_offset(z, seconds_of("2026-07-01T00:00:00Z"), &until), 3600);
    assert_int_equal(until, INT64_MAX);
    zone_free(z);
}

static void refuse(const struct file *f, const char *why)
{
    struct zone *z = NULL;
    struct lp_error err;
    assert_int_equal(zone_parse(f->bytes, f->n, &z, &err), LP_E_INVALID);
    assert_null(z);
    if (!strstr(err.msg, why))
        fail_msg("\"%s\" instead of \"%s\"", err.msg, why);
}

static void a_damaged_file_is_refused(void **state)
{
    static const char footer[] = "\nCET-1\n";
    struct file f = two_changes(footer, 0);
    struct zone *z = NULL;

    (void)state;
    for (f.n--; f.n > 0; f.n--)
        refuse(&f, "");
    f = two_changes(footer, 0);
    f.bytes[TIMES + 7]++; /* 1000 becomes 1001: still before 2000 */
    ok(zone_parse(f.bytes, f.n, &z, &err));
    zone_free(z);
    f.bytes[TIMES + 6] = 0xff; /* after 2000 */
    refuse(&f, "has damaged times");
    f = two_changes(footer, 0);
    f.bytes[TIMES + 16] = 2; /* there are types 0 and 1 */
    refuse(&f, "has damaged times");
    f = two_changes(footer, 0);
    f.bytes[TIMES + 18] = 0x7f; /* an offset of 68 years */
    refuse(&f, "has damaged times");
    f = two_changes(footer, 0);
    memset(f.bytes + TIMES - 24, 0xff, 24); /* counts */
    refuse(&f, "is no file of a time zone");
    f = two_changes(footer, 0);
    f.bytes[4] = '\0';
    refuse(&f, "version 2");
    f = two_changes(footer, 1);
    refuse(&f, "counts leap seconds");
    f = two_changes("\nnonsense\n", 0);
    refuse(&f, "is no rule of a time zone at byte 8: \"nonsense\"");
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    struct file f = two_changes("\nCET-1\n", 0);
    lp_auto_free unsigned char *bytes = lp_alloc(ZONE_FILE_MAX + 1);
    struct zone *z = NULL;
    struct lp_error err;

    (void)state;
    memcpy(bytes, f.bytes, f.n);
    assert_int_equal(zone_parse(bytes, ZONE_FILE_MAX + 1, &z, &err), LP_E_INVALID);
    assert_int_equal(zone_parse(bytes, ZONE_FILE_MAX, &z, &err), 0); /* what follows is not read */
    zone_free(z);
}

static void a_name_that_is_no_zone_is_told(void **state)
{
    static const char *const names[] = {
        "Mars/Olympus",
        "",
        "/etc/localtime",
        "../zoneinfo/UTC",
        "Europe",
        "Europe/",
        "zone.tab",
        "Europe//Berlin",
        "a_name_that_is_longer_than_the_sixty_four_bytes_that_there_is_room_for",
    };
    const struct zone *z = NULL;
    struct lp_error err;

    (void)state;
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        print_message("%s\n", names[i]);
        assert_int_equal(zone_find(names[i], &z, &err), LP_E_INVALID);
        assert_null(z);
        lp_auto_free char *seen = lp_sprintf("is \"%.64s\"", names[i]);
        assert_non_null(strstr(err.msg, seen));
    }
    assert_int_equal(zone_find("Mars/Olympus", &z, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "must be a zone of the IANA time zone database such as "
                                 "Europe/Berlin, is \"Mars/Olympus\"");
    assert_ptr_equal(zone_named("Europe/Berlin"), zone_named("Europe/Berlin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zone_of_the_database_is_as_the_c_library_has_it),
        cmocka_unit_test(a_rule_goes_on_for_ever),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(a_skipped_time_is_the_jump_and_a_double_one_the_first),
        cmocka_unit_test(a_file_has_changes_and_then_a_rule),
        cmocka_unit_test(without_a_rule_the_last_change_stays),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(a_file_that_is_too_long_is_refused),
        cmocka_unit_test(a_name_that_is_no_zone_is_told),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
