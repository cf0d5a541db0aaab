/*
 * Parameters of a noise, attack, metric or method: `eps=8/255 steps=20 norm=linf`.
 *
 * A family member lists what it takes in a table of struct param; a line of the command
 * or suite is read against that table, and every parameter not named takes its default,
 * so that the canonical JSON of a condition always holds all of them.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum param_kind { PARAM_REAL, PARAM_INT, PARAM_WORD, PARAM_PATH };

struct param {
    const char *name;
    enum param_kind kind;
    const char *fallback; /* default, as it would be typed: "8/255"; "" for no path */
    double min, max;      /* inclusive; both 0 means any */
    const char *words;    /* PARAM_WORD: the choices, "linf l2 l1" */
    const char *help;
};
/* A table ends with {0}. NULL stands for an empty table. */

struct params {
    const struct param *table;
    char *typed[16]; /* as typed or default, in the table's order */
    double number[16];
};

/* All defaults. The table has at most 16 entries (assert). */
void params_init(struct params *params, const struct param *table);
/* ERR_USAGE names the parameter, the range or the choices, and the nearest name. */
enum status params_set(struct params *params, const char *name, const char *value);
bool params_has(const struct params *params, const char *name);
bool params_is_default(const struct params *params, size_t index);
void params_copy(const struct params *in, struct params *out);
void params_clear(struct params *params);

/* By name; asking for one that is not in the table is our own mistake (assert). */
double params_real(const struct params *params, const char *name);
int params_int(const struct params *params, const char *name);
const char *params_word(const struct params *params, const char *name);
