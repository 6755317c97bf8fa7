/* lib/service/trace.h -- what follows a request from program to program: its id, its trace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LP_REQUEST_ID_MAX 128
#define LP_TRACE_ID 33     /* 32 hex digits and a NUL */
#define LP_TRACE_PARENT 56 /* "00-" 32 "-" 16 "-01" and a NUL */

/* 1 to LP_REQUEST_ID_MAX letters, digits and `._-+/=:`: nothing that could break a log line, a
 * header or a shell of whoever searches for it. */
bool lp_trace_is_request_id(const char *s, size_t n);

/*
 * A sound `traceparent` (W3C Trace Context, 3.2): version, trace, parent, flags in lower-case hex,
 * neither id all zeros. One that is not sound is left out, and a new trace begins here. The trace's
 * id is at s + 3.
 */
bool lp_trace_is_parent(const char *s, size_t n);

/* One that is sampled, of 32 and 16 hex digits. */
void lp_trace_parent(const char *trace_id, const char *parent_id, char ret[LP_TRACE_PARENT]);
