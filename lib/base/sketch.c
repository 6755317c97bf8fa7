/* lib/base/sketch.c -- see the header. No state; any thread. */
#include "base/sketch.h"

#include <math.h>

#include "base/hash.h"

#define INDEX_BITS 6
#define ALPHA 0.709 /* of 64 registers: Flajolet et al. 2007, figure 3 */
#define SMALL 2.5   /* times the registers: up to there linear counting is better */

/* FNV leaves the high bits of short texts close together; the finalizer of MurmurHash3 (public
 * domain, Appleby 2011) spreads them. */
static uint64_t spread(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

void sketch_place(const char *text, size_t n, unsigned *ret_register, unsigned *ret_least)
{
    uint64_t hash = spread(lp_hash_bytes(LP_HASH_START, text, n));
    uint64_t rest = hash >> INDEX_BITS;

    *ret_register = (unsigned)(hash & (SKETCH_REGISTERS - 1));
    *ret_least = rest == 0 ? SKETCH_MOST : 1 + (unsigned)__builtin_ctzll(rest);
}

void sketch_merge(uint8_t into[SKETCH_REGISTERS], const uint8_t other[SKETCH_REGISTERS])
{
    for (unsigned i = 0; i < SKETCH_REGISTERS; i++)
        if (other[i] > into[i])
            into[i] = other[i];
}

int64_t sketch_count(const uint8_t registers[SKETCH_REGISTERS])
{
    double sum = 0, m = SKETCH_REGISTERS;
    unsigned empty = 0;

    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        sum += ldexp(1, -(int)registers[i]);
        empty += registers[i] == 0;
    }
    double count = ALPHA * m * m / sum;
    if (count <= SMALL * m && empty > 0)
        count = m * log(m / empty);
    return count < (double)SKETCH_COUNT_MOST ? (int64_t)llround(count) : SKETCH_COUNT_MOST;
}
