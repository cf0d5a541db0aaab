/*
 * source=: the network that lends an attack its gradients. It is written as
 *
 *     source=NAME    a network of the run, or a file or catalogue name, which is then
 *                    opened to lend gradients and gets no cells of its own
 *     source=*       every network of the run in turn: a transfer matrix
 *     source=twin    the other one of a pair: a compressed network takes its
 *                    full-precision original, the original each of its compressed ones
 */
#pragma once

#include "harness/plan.h"

/* conditions_add() of a line whose source= is made a network's name. One that cannot be
 * opened stays as it is written: its cells then say so. Opens lenders; plan->models moves. */
enum status sources_add(struct plan *plan, const char *line, struct conditions *out);

/* The index of a network among those of the run and its lenders, or -1. */
int sources_find(const struct plan *plan, const char *name);

/* Does the model meet the condition at all? Not where `*` and `twin` do not mean it. */
bool sources_meet(const struct plan *plan, const struct condition *condition, size_t model);

/* ERR_USAGE when the cell's source is missing or sees other pictures than its model. */
enum status sources_check(const struct plan *plan, const struct cell *cell);
