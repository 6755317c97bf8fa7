/* services/ai-feedback/jobs/bytea.h -- bytes as PostgreSQL writes and reads them in text. */
#pragma once

#include <stddef.h>

/* \x and two digits a byte; NULL for NULL. Owned by the caller. */
char *bytea_text(const void *bytes, size_t len);

/* The bytes of what PostgreSQL wrote; NULL for NULL. Owned by the caller. */
unsigned char *bytea_bytes(const char *text, size_t *ret_len);
