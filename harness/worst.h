/* Per-sample worst over a set of conditions: the worst decoder, WCAR. */
#pragma once

#include "harness/plan.h"

/* After the cells: for every `worst` of the suite and every network and dataset that has
 * all members, one cell of kind 'worst'. Nothing is computed but from stored predictions;
 * a set with a member that is not done is left out with a note. */
enum status worst_put(struct plan *plan, struct store *store, int64_t run_id);
