/* Adversarial examples as pictures: what --save-adversarial writes. */
#pragma once

#include "harness/plan.h"

/*
 * FOLDER/MODEL/CONDITION/KEY.png is the example rounded to 8 bits, KEY.x10.png ten times
 * the perturbation around grey. x and adversarial are [3][H][W] in [0,1].
 */
enum status examples_save(const char *folder, const struct plan *plan,
                          const struct cell *cell, const struct sample *sample,
                          const float *x, const float *adversarial);
