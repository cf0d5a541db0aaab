/*
 * A benchmark small enough to reason about: eight JPEGs of four colours and a network
 * that tells the colours apart by their means. Made by the tests, in a temporary folder.
 */
#pragma once

#include "tests/test.h"

/* FOLDER/data/{blue,green,red,white}/{0,1}.jpg, FOLDER/tiny.onnx and FOLDER/tiny.yaml. */
void tiny_make(const char *folder);
/* The same network under another name, its weights times `scale`. */
void tiny_network(const char *folder, const char *name, float scale);
void tiny_remove(const char *folder);

/* Runs "gauntlet ARGUMENTS" through the shell in FOLDER; its exit code. What it printed on
 * both outputs is kept for tiny_output(). */
int tiny_run(const char *folder, const char *arguments, ...)
    __attribute__((format(printf, 2, 3)));
const char *tiny_output(void);

/* All that a database says of results, as text: cells in a fixed order with counts,
 * predictions, ranks, margins, distances, flags and failures. The caller frees. */
char *tiny_dump(const char *folder, const char *db);

/* The first column of a query's rows, joined by spaces; a static buffer. */
const char *tiny_ask(const char *folder, const char *db, const char *sql);
