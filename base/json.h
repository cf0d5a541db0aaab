/*
 * JSON goes through cJSON; these are the two things it lacks: the canonical form that
 * identities are hashed from (sorted keys, no spaces, shortest round-trip numbers), and
 * appending an escaped string to a text.
 */
#pragma once

#include "base/text.h"

#include <cjson/cJSON.h>

/* Appends the canonical form of `value`. */
void json_canonical(const cJSON *value, struct text *out);

/* Appends "string" with quotes and escapes; also escapes "</" so that it is safe inside
 * an HTML script element. NULL gives null. */
void json_string(struct text *out, const char *string);
