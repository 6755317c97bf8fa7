/* test/unit/reconciler_fixture.h -- what a reconciler needs that a test has no opinion on. */
#pragma once

#include "operator/cache/cache.h"
#include "platform/scope.h"
#include "platform/plan.h"

#define WAIT_MS 30000
#define KEY "n/english"

#define END_OF_LIST                                                                                \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{" \
    "\"k8s.io/initial-events-end\":\"true\"}}}}\n"

static const struct plan_images images = { "r", "t", "Always", "p", "m", true, false, false };
static const struct scope everything = { 0 };

static void on_platform(const char *key, void *user)
{
    (void)key, (void)user;
}

static void on_child(const char *key, bool deleted, void *user)
{
    (void)key, (void)deleted, (void)user;
}

static void on_synced(struct informer_cache *cache, void *user)
{
    (void)cache, (void)user;
}

static const struct cache_handler deaf = { on_platform, on_child, on_synced, NULL };
