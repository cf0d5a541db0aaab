/* How the plan's files share the work; others use plan.h. plan_open() calls these in this
 * order; what they opened belongs to the plan, whatever they return. */
#pragma once

#include "harness/plan.h"

/* One bad model costs its own cells only: it is told and left out. */
enum status plan_open_models(const struct suite *suite, const struct plan_options *options,
                             struct plan *plan);
/* ERR_USAGE: `only` cannot be read, or a condition; see sources_add(). */
enum status plan_open_conditions(const struct suite *suite, const char *only,
                                 struct plan *plan);
enum status plan_open_datasets(const struct suite *suite,
                               const struct plan_options *options, struct plan *plan);
