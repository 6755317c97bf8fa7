/* test/unit/test_sketch.c -- how many different ones there were. */
#include "base/sketch.h"

#include <stdio.h>
#include <string.h>

#include "unit/check.h"

/* Subjects as auth makes them: UUIDs. */
static void count_in(uint8_t registers[SKETCH_REGISTERS], unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        char text[40];
        unsigned i, least;
        snprintf(text, sizeof text, "0193b3c1-%04x-7000-8000-%012x", k & 0xffff, k * 2654435761U);
        sketch_place(text, strlen(text), &i, &least);
        if (registers[i] < least)
            registers[i] = (uint8_t)least;
    }
}

static void the_count_is_right_within_three_standard_errors(void **state)
{
    static const unsigned sizes[] = { 1, 10, 30, 100, 150, 500, 2000, 10000, 100000 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(sizes); i++) {
        uint8_t registers[SKETCH_REGISTERS] = { 0 };
        count_in(registers, 0, sizes[i]);
        double is = (double)sketch_count(registers);
        print_message("%u: %.0f\n", sizes[i], is);
        assert_true(is > sizes[i] * 0.61 && is < sizes[i] * 1.39 + 1);
    }
}

static void nobody_is_none_and_who_comes_twice_counts_once(void **state)
{
    uint8_t registers[SKETCH_REGISTERS] = { 0 }, again[SKETCH_REGISTERS];
    (void)state;
    assert_int_equal(sketch_count(registers), 0);
    count_in(registers, 0, 40);
    memcpy(again, registers, sizeof again);
    count_in(again, 0, 40);
    assert_memory_equal(again, registers, sizeof again);
}

static void two_together_count_those_of_both_once(void **state)
{
    uint8_t left[SKETCH_REGISTERS] = { 0 }, right[SKETCH_REGISTERS] = { 0 };
    uint8_t all[SKETCH_REGISTERS] = { 0 };
    (void)state;
    count_in(left, 0, 300);
    count_in(right, 200, 500);
    count_in(all, 0, 500);
    sketch_merge(left, right);
    assert_memory_equal(left, all, sizeof all);
}

static void registers_that_nobody_counts_into_give_a_great_number(void **state)
{
    uint8_t registers[SKETCH_REGISTERS];
    (void)state;
    memset(registers, SKETCH_MOST, sizeof registers);
    assert_int_equal(sketch_count(registers), SKETCH_COUNT_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_is_right_within_three_standard_errors),
        cmocka_unit_test(nobody_is_none_and_who_comes_twice_counts_once),
        cmocka_unit_test(two_together_count_those_of_both_once),
        cmocka_unit_test(registers_that_nobody_counts_into_give_a_great_number),
    };
    return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
