/* Where and with what a run was made: the row `env` of the store. */
#pragma once

#include "results/store.h"

/* Strings live as long as the program. */
void environment_describe(struct store_env *out);
