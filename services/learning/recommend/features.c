/* services/learning/recommend/features.c -- see features.h. No state. */
#include "services/learning/recommend/features.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"

#define LONG_S 30
#define STEP 0.15 /* of the Elo rating */

static double cut(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

void features_of(const struct item_facts *item, double level, int hour, double ret_x[FEATURES])
{
    double harder = cut((item->level - level) / 2, -1, 1);
    bool is_long = item->seconds > LONG_S;

    memset(ret_x, 0, FEATURES * sizeof *ret_x);
    ret_x[FEATURE_ONE] = 1;
    ret_x[(uint64_t)FEATURE_CLASS + lp_hash(item->class) % FEATURE_CLASSES] = 1;
    ret_x[FEATURE_HARDER] = harder;
    ret_x[FEATURE_DISTANCE] = fabs(harder);
    ret_x[FEATURE_BUILDS] = item->builds;
    ret_x[FEATURE_CONFUSABLES] = cut(item->confusables / 3.0, 0, 1);
    ret_x[FEATURE_PLACE] = cut(item->place / 64.0, 0, 1);
    ret_x[FEATURE_LENGTH] = cut(log(item->seconds / 15.0) / 4, -1, 1);
    ret_x[FEATURE_LONG_EVENING] = is_long && (hour >= 18 || hour < 6);
    ret_x[FEATURE_LONG_MORNING] = is_long && hour >= 6 && hour < 12;
}

double features_reward(int rating)
{
    static const double worth[] = { 0.1, 0.7, 1, 0.3 };
    return worth[rating - 1];
}

double features_known(double level, int item)
{
    return 1 / (1 + exp(item - level));
}

double features_level(double level, int item, bool recalled)
{
    return cut(level + STEP * (recalled - features_known(level, item)), 0.5, 6.5);
}
