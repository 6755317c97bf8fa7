/* bench/ai/train_parts.h -- what both trainers do alike. They end the program where a file fails.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Calls `each` with every line of a file, without its line end. */
void parts_read(const char *path, void (*each)(const char *line, size_t len, void *user),
                void *user);

/* A number of 31 bits, the same one for each state of *random. */
uint32_t parts_random(uint64_t *random);

/* Puts `n` items of `size` bytes, at most 64, into another order, the same one for each state of
 * *random. */
void parts_shuffle(void *list, size_t n, size_t size, uint64_t *random);

/* Writes `n` bytes to a file. */
void parts_write_bytes(const char *path, const unsigned char *bytes, size_t n);

/* Writes a table as tagging/linear.h reads it; weights are whole numbers from -127 to 127. */
void parts_write(const char *path, const int *thresholds, size_t n, const double *weights,
                 unsigned bits);
