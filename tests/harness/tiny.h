/*
 * A benchmark small enough to reason about: eight JPEGs of four colours and a network
 * that tells the colours apart by their means. Made by the tests, in a temporary folder.
 */
#pragma once

#include "tests/test.h"

/* Where it lies, one folder for each test program. */
extern char tiny_folder[];

/* Makes data/{blue,green,red,white}/{0,1}.jpg, tiny.onnx and tiny.yaml; for groups of tests.
 * The teardown removes the folder. */
int tiny_setup(void **state);
int tiny_teardown(void **state);

/* The same network under another name, its weights times `scale`. */
void tiny_network(const char *name, float scale);
void tiny_write(const char *name, const char *text);

/* A line for the shell, in the folder; the test fails where it fails. */
void tiny_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Runs "gauntlet ARGUMENTS" through the shell in the folder; its exit code. What it printed
 * on both outputs is kept for tiny_output(); tiny_says() wants some words in it. */
int tiny_run(const char *arguments, ...) __attribute__((format(printf, 1, 2)));
const char *tiny_output(void);
void tiny_says(const char *words);

/* All that a database says of results, as text: cells in a fixed order with counts,
 * predictions, ranks, margins, distances, flags and failures. The caller frees. */
char *tiny_dump(const char *db);

/* The first column of a query's rows, joined by spaces; a static buffer. */
const char *tiny_ask(const char *db, const char *sql);
