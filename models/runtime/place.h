#pragma once

#include "models/runtime/plan.h"

/* Sets every slot's life and place in the arena, and plan->lane_bytes. */
void place_slots(struct plan *plan);
