/* services/learning/calibration.h -- metrics of reviews: how many, and whether what was predicted
 * came true. */
#pragma once

#include "services/learning/model/fsrs.h"

/* Announces the families with all their series. Once. */
void calibration_init(void);
/* A review that was logged; `predicted` recall before it, negative: none. Any thread. */
void calibration_observe(enum fsrs_rating rating, double predicted);
