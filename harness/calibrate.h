/* Pictures for precision=int8: ranges of activations are taken from a few of them. */
#pragma once

#include "harness/plan.h"

enum { CALIBRATION = 64 };

/* Whether this cell quantizes a network that is not quantized already. */
bool calibrate_needed(const struct plan *plan, const struct cell *cell);

/* The data a network is calibrated with: of the first dataset that it meets. */
const struct plan_dataset *calibrate_data(const struct plan *plan, size_t model);

/* Gives every network of a waiting int8 cell its pictures: the clean ones of the
 * calibration subset, CALIBRATION at most, those that do not decode left out. A network
 * that cannot be calibrated fails its own int8 cells. */
void calibrate_models(struct plan *plan);
