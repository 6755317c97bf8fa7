/* lib/base/sketch.h -- how many different ones there were, from 64 small numbers that several
 * processes can put together: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007), with linear
 * counting for small numbers. Standard error 13 %. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SKETCH_REGISTERS 64
#define SKETCH_MOST 59 /* that a register can hold */

/* In which register something counts, and what that holds at least: 1 to SKETCH_MOST. The same in
 * every process. */
void sketch_place(const char *text, size_t n, unsigned *ret_register, unsigned *ret_least);

/* Each register of `into` becomes the greater of the two: of both together. */
void sketch_merge(uint8_t into[SKETCH_REGISTERS], const uint8_t other[SKETCH_REGISTERS]);

/* How many different ones were counted, rounded, whatever the registers hold. */
#define SKETCH_COUNT_MOST INT64_C(1000000000000)
int64_t sketch_count(const uint8_t registers[SKETCH_REGISTERS]);
