#include "base/json.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void append(const cJSON *value, struct text *out);

static int by_name(const void *a, const void *b)
{
    const cJSON *const *left = a, *const *right = b;
    return strcmp((*left)->string, (*right)->string);
}

static void append_children(const cJSON *value, struct text *out, bool named)
{
    size_t count = (size_t)cJSON_GetArraySize(value), i = 0;
    const cJSON **children = mem_array(count, sizeof *children);
    for (const cJSON *child = value->child; child; child = child->next)
        children[i++] = child;
    if (named)
        qsort(children, count, sizeof *children, by_name);

    text_add(out, named ? "{" : "[");
    for (i = 0; i < count; i++) {
        if (i)
            text_add(out, ",");
        if (named) {
            json_string(out, children[i]->string);
            text_add(out, ":");
        }
        append(children[i], out);
    }
    text_add(out, named ? "}" : "]");
    free(children);
}

static void append(const cJSON *value, struct text *out)
{
    char number[32];
    if (cJSON_IsObject(value) || cJSON_IsArray(value))
        append_children(value, out, cJSON_IsObject(value));
    else if (cJSON_IsString(value))
        json_string(out, value->valuestring);
    else if (cJSON_IsNumber(value))
        text_add(out, text_number(value->valuedouble, number));
    else
        text_add(out, cJSON_IsTrue(value)    ? "true"
                      : cJSON_IsFalse(value) ? "false"
                                             : "null");
}

void json_canonical(const cJSON *value, struct text *out)
{
    append(value, out);
}

void json_string(struct text *out, const char *string)
{
    if (!string) {
        text_add(out, "null");
        return;
    }
    text_add(out, "\"");
    for (const char *c = string; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            text_addf(out, "\\%c", byte);
        else if (byte < 0x20)
            text_addf(out, "\\u%04x", byte);
        else if (byte == '/' && c != string && c[-1] == '<')
            text_add(out, "\\/");
        else
            text_add_bytes(out, c, 1);
    }
    text_add(out, "\"");
}
