/* Tables on the terminal, through libsmartcols. */
#pragma once

#include "results/store.h"

#include <stdio.h>

struct libscols_table;

/* A table whose columns are headed by `titles`; those named in `right` are flush right. */
struct libscols_table *table_new(const char *const *titles, const char *right);
void table_row(struct libscols_table *table, const char *const *values);
void table_print(struct libscols_table *table, FILE *out); /* and frees it */

/* What a run is made of: one row per cell, computed now or found finished. */
enum status table_of_run(struct store *store, int64_t run_id, FILE *out);

/* The first pictures that a run could not read, a line each, and how many more there are. */
enum status table_of_unread(struct store *store, int64_t run_id, FILE *out);
