/* services/ai-feedback/level.c -- what fits a beginner is less than what fits who is fluent. */
#include "services/ai-feedback/level.h"

#include <stdint.h>
#include <strings.h>

#include "base/alloc.h"

static const struct {
    const char *name;
    size_t edits, advice;
} levels[] = {
    [LEVEL_NONE] = { "", SIZE_MAX, 3 }, [LEVEL_A1] = { "A1", 2, 1 },
    [LEVEL_A2] = { "A2", 3, 1 },        [LEVEL_B1] = { "B1", 4, 2 },
    [LEVEL_B2] = { "B2", 6, 2 },        [LEVEL_C1] = { "C1", SIZE_MAX, 3 },
    [LEVEL_C2] = { "C2", SIZE_MAX, 3 },
};

int level_read(const char *text, enum level *ret_level, struct lp_error *err)
{
    for (size_t i = LEVEL_A1; i < LP_COUNT(levels); i++) {
        if (strcasecmp(text, levels[i].name) == 0) {
            *ret_level = (enum level)i;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID,
                        "level is \"%.40s\": it must be A1, A2, B1, B2, C1 or C2", text);
}

const char *level_name(enum level level)
{
    return levels[level].name;
}

size_t level_edits(enum level level)
{
    return levels[level].edits;
}

size_t level_advice(enum level level)
{
    return levels[level].advice;
}
