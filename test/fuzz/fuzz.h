/* test/fuzz/fuzz.h -- what every harness defines: libFuzzer's entry, which replay.c calls too. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Returns 0; ends the program where a promise is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
