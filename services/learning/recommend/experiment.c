/* services/learning/recommend/experiment.c -- see experiment.h. No state. */
#include "services/learning/recommend/experiment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum policy policy_of(const char *name)
{
    int p = 0;
    while (p < POLICIES && strcmp(policy_names[p], name) != 0)
        p++;
    return (enum policy)p;
}

/* One "POLICY=PERCENT" of `n` bytes. */
static bool read_share(const char *at, size_t n, struct experiment *e)
{
    char share[40];
    if (n >= sizeof share)
        return false;
    snprintf(share, sizeof share, "%.*s", (int)n, at);
    char *equals = strchr(share, '='), *end = NULL;
    if (!equals)
        return false;
    *equals = '\0';
    enum policy p = policy_of(share);
    long percent = strtol(equals + 1, &end, 10);
    if (p == POLICIES || *end || end == equals + 1 || percent < 0 || percent > 100)
        return false;
    e->percent[p] += (int)percent;
    return true;
}

int experiment_read(const char *text, struct experiment *ret, struct lp_error *err)
{
    struct experiment e = { 0 };
    const char *colon = strchr(text, ':');
    bool good = colon && colon > text && (size_t)(colon - text) < sizeof e.name;
    int sum = 0;

    if (!*text) {
        *ret = (struct experiment){ .percent = { [POLICY_BANDIT] = 100 } };
        return 0;
    }
    if (good)
        snprintf(e.name, sizeof e.name, "%.*s", (int)(colon - text), text);
    for (const char *at = colon; good && *at; at += 1 + strcspn(at + 1, ","))
        good = read_share(at + 1, strcspn(at + 1, ","), &e);
    for (int p = 0; p < POLICIES; p++)
        sum += e.percent[p];
    if (!good || sum != 100)
        return lp_error_set(err, LP_E_INVALID,
                            "must be NAME:POLICY=PERCENT,... with a name of at most 32 bytes, "
                            "policies bandit, fsrs, lowest-average, random and percents that add "
                            "up to 100");
    *ret = e;
    return 0;
}

enum policy experiment_policy(const struct experiment *e, const char *learner)
{
    uint64_t hash = lp_hash_add(lp_hash_add(LP_HASH_START, e->name), learner);
    int at = (int)(bandit_random(&hash) % 100), p = 0; /* mixed: FNV's low digits are not */
    while (p < POLICIES - 1 && at >= e->percent[p])
        at -= e->percent[p++];
    return (enum policy)p;
}
