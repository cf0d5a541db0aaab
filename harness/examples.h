/* Adversarial examples as pictures: what --save-adversarial writes. */
#pragma once

#include "harness/plan.h"

/*
 * FOLDER/MODEL/CONDITION/KEY.png is the example rounded to 8 bits inside its ball, read
 * again and compared; KEY.float_only.png where that does not fool any more. KEY.x10.png is
 * ten times the perturbation around grey. x and adversarial are [3][H][W] in [0,1].
 */
enum status examples_save(const char *folder, const struct plan *plan,
                          const struct cell *cell, const struct sample *sample,
                          const float *x, const float *adversarial, bool broken_8bit);
