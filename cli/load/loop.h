/* cli/load/loop.h -- libcurl's transfers on one epoll, with a timer of nanoseconds. One thread. */
#pragma once

#include <curl/curl.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"

/* Opaque: libcurl keeps its address. */
struct loop;

/* A transfer has ended; its handle is free again. It may add others. */
typedef void loop_ended(CURL *easy, CURLcode code, void *user);

/*
 * Of at most `transfers` at a time, each of which may have a connection: raises this process's
 * limit of open files as far as it may. `stop` (borrowed, NULL: none) ends waits. LP_E_INVALID: the
 * limit of open files is too low; LP_E_INTERNAL.
 */
LP_MUST_USE int loop_new(int64_t transfers, struct lp_stop *stop, loop_ended *ended, void *user,
                         struct loop **ret, struct lp_error *err);
void loop_free(struct loop *l);

/* From now on `ended` is called. */
void loop_on_ended(struct loop *l, loop_ended *ended);

void loop_add(struct loop *l, CURL *easy);
void loop_remove(struct loop *l, CURL *easy);

/* Works until something happened, or `until_ns` (lp_clock_ns) or the stop has come. */
void loop_wait(struct loop *l, int64_t until_ns);
