#include "base/document.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* What libcyaml logs about one failure: the reason, then a backtrace whose first entry is
 * the innermost and carries a line. */
struct complaint {
    char reason[256];
    int line;
};

static void collect(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct complaint *complaint = context;
    char line[512];
    (void)level;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = 0;

    const char *text = line;
    if (!strncmp(text, "Load: ", 6))
        text += 6;
    const char *where = strstr(text, "(line: ");
    if (where && !complaint->line)
        complaint->line = atoi(where + 7);
    else if (!where && !complaint->reason[0] && strcmp(text, "Backtrace:"))
        snprintf(complaint->reason, sizeof complaint->reason, "%.255s", text);
}

static const cyaml_config_t *config_with(struct complaint *complaint,
                                         cyaml_config_t *config)
{
    *config = (cyaml_config_t){
        .log_fn = collect,
        .log_ctx = complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
    };
    return config;
}

/* The line on which `key` stands, at or after `line`: libcyaml knows only where the value
 * before it was. */
static int find_key(const char *bytes, size_t size, const char *key, int line)
{
    int number = 1;
    for (const char *at = bytes, *end = bytes + size; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *word = at;
        while (word < stop && strchr(" -{,\"'", *word))
            word++;
        size_t length = strlen(key);
        if (number >= line && (size_t)(stop - word) > length &&
            !memcmp(word, key, length) && strchr(":\"' ", word[length]))
            return number;
        at = stop + 1;
    }
    return line;
}

enum { MAX_KEYS = 128 };

static void gather_keys(const cyaml_schema_value_t *value, const char **keys,
                        size_t *count)
{
    if (value->type == CYAML_SEQUENCE || value->type == CYAML_SEQUENCE_FIXED)
        gather_keys(value->sequence.entry, keys, count);
    if (value->type != CYAML_MAPPING)
        return;
    for (const cyaml_schema_field_t *field = value->mapping.fields; field->key; field++) {
        if (*count < MAX_KEYS)
            keys[(*count)++] = field->key;
        gather_keys(&field->value, keys, count);
    }
}

static enum status unknown_key(const char *name, int line, const char *key,
                               const cyaml_schema_value_t *schema)
{
    const char *keys[MAX_KEYS];
    size_t count = 0;
    gather_keys(schema, keys, &count);
    const char *near = text_nearest(key, keys, count);
    if (near)
        return status_fail(ERR_FORMAT, "%s:%d: unknown key '%s': did you mean '%s'?",
                           name, line, key, near);

    struct text list = {0};
    for (size_t i = 0; i < count; i++)
        text_addf(&list, "%s%s", i ? ", " : "", keys[i]);
    enum status st = status_fail(ERR_FORMAT, "%s:%d: unknown key '%s' (there are: %s)",
                                 name, line, key, list.data ? list.data : "none");
    text_clear(&list);
    return st;
}

/* A syntax error, from libyaml itself, which knows the line best. */
static enum status syntax_error(const void *bytes, size_t size, const char *name)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return status_fail(ERR_NOMEM, "%s: no memory for a YAML parser", name);
    yaml_parser_set_input_string(&parser, bytes, size);

    yaml_event_t event;
    bool more = true;
    while (more && yaml_parser_parse(&parser, &event)) {
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    enum status st =
        status_fail(ERR_FORMAT, "%s:%zu: %s", name, parser.problem_mark.line + 1,
                    parser.problem ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
    return st;
}

static enum status explain(const struct complaint *complaint, const void *bytes,
                           size_t size, const char *name,
                           const cyaml_schema_value_t *schema)
{
    static const char unexpected[] = "Unexpected key: ",
                      missing[] = "Missing required mapping field: ",
                      repeated[] = "Mapping field already seen: ";
    const char *reason = complaint->reason;
    int line = complaint->line ? complaint->line : 1;

    if (!strncmp(reason, "libyaml:", 8))
        return syntax_error(bytes, size, name);
    if (!strncmp(reason, unexpected, sizeof unexpected - 1)) {
        const char *key = reason + sizeof unexpected - 1;
        return unknown_key(name, find_key(bytes, size, key, line), key, schema);
    }
    if (!strncmp(reason, missing, sizeof missing - 1))
        return status_fail(ERR_FORMAT, "%s:%d: '%s' is missing", name, line,
                           reason + sizeof missing - 1);
    if (!strncmp(reason, repeated, sizeof repeated - 1)) {
        const char *key = reason + sizeof repeated - 1;
        return status_fail(ERR_FORMAT, "%s:%d: '%s' is there twice", name,
                           find_key(bytes, size, key, line + 1), key);
    }
    return status_fail(ERR_FORMAT, "%s:%d: %s", name, line,
                       reason[0] ? reason : "not valid");
}

enum status document_parse(const void *bytes, size_t size, const char *name,
                           const cyaml_schema_value_t *schema, void **out)
{
    struct complaint complaint = {0};
    cyaml_config_t config;
    *out = NULL;
    if (!size)
        return status_fail(ERR_FORMAT, "%s: empty", name);
    cyaml_err_t error = cyaml_load_data(bytes, size, config_with(&complaint, &config),
                                        schema, (cyaml_data_t **)out, NULL);
    if (error)
        return explain(&complaint, bytes, size, name, schema);
    if (!*out)
        return status_fail(ERR_FORMAT, "%s: empty", name);
    return OK;
}

enum status document_load(const char *path, const cyaml_schema_value_t *schema,
                          void **out)
{
    struct mapping file;
    *out = NULL;
    enum status st = file_map(path, &file);
    if (st)
        return st;
    st = document_parse(file.data, file.size, path, schema, out);
    file_unmap(&file);
    return st;
}

void document_free(const cyaml_schema_value_t *schema, void *data)
{
    struct complaint complaint = {0};
    cyaml_config_t config;
    if (data)
        cyaml_free(config_with(&complaint, &config), schema, data, 0);
}
